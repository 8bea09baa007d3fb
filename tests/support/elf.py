"""Small ELF files: code that calls functions with labels of a key log, and Go's function tables."""

from __future__ import annotations

import struct
from typing import NamedTuple

X86_64, ARM64 = 62, 183
EXECUTABLE, SHARED = 2, 3
# the addresses of code and constants; their places in the file differ from them
CODE_AT, DATA_AT, TABLE_AT = 0x401000, 0x402000, 0x403000
CODE_OFFSET, DATA_OFFSET, TABLE_OFFSET = 0x200, 0x1200, 0x1600
LABELS = (
    *("CLIENT_RANDOM", "CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
    *("SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"),
    *("EXPORTER_SECRET", "EARLY_EXPORTER_SECRET"),
)
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")


class Section(NamedTuple):
    name: str
    kind: int
    content: bytes
    address: int = 0
    link: int = 0


def elf(
    code: bytes,
    data: bytes,
    *,
    machine: int = X86_64,
    kind: int = SHARED,
    table: bytes = b"",
    sections: tuple[Section, ...] = (),
) -> bytes:
    """A file with a segment of code, one of constants, and one that is written to, which may be a Go table's."""
    segments = [
        SEGMENT.pack(1, 5, CODE_OFFSET, CODE_AT, CODE_AT, len(code), len(code), 0x1000),
        SEGMENT.pack(1, 4, DATA_OFFSET, DATA_AT, DATA_AT, len(data), len(data), 0x1000),
        SEGMENT.pack(1, 4, TABLE_OFFSET, TABLE_AT, TABLE_AT, len(table), len(table), 0x1000),
    ]
    made = bytearray(TABLE_OFFSET + len(table))
    made[CODE_OFFSET : CODE_OFFSET + len(code)] = code
    made[DATA_OFFSET : DATA_OFFSET + len(data)] = data
    made[TABLE_OFFSET:] = table
    names, headers = b"\0", [bytes(SECTION.size)]
    for section in sections:
        place, offset = len(names), len(made)
        if section.content:
            made += section.content
        names += section.name.encode() + b"\0"
        size = len(section.content) or (len(code) if section.name == ".text" else len(table))
        if not section.content:
            offset = CODE_OFFSET if section.name == ".text" else TABLE_OFFSET
        headers.append(SECTION.pack(place, section.kind, 2, section.address, offset, size, section.link, 0, 8, 24))
    if sections:
        headers.append(SECTION.pack(0, 3, 0, 0, len(made), len(names), 0, 0, 1, 0))
        made += names
    at = len(made)
    made += b"".join(headers) if sections else b""
    count = len(headers) if sections else 0
    made[: HEADER.size] = HEADER.pack(
        *(b"\x7fELF\x02\x01\x01", kind, machine, 1, CODE_AT, HEADER.size, at if count else 0, 0),
        *(HEADER.size, SEGMENT.size, len(segments), SECTION.size, count, max(0, count - 1)),
    )
    made[HEADER.size : HEADER.size + 3 * SEGMENT.size] = b"".join(segments)
    return bytes(made)


def constants(labels: tuple[str, ...] = LABELS) -> tuple[bytes, dict[str, int]]:
    """The texts of labels, and the address of each."""
    data, places = bytearray(b"something else\0"), {}
    for label in labels:
        places[label] = DATA_AT + len(data)
        data += label.encode() + b"\0"
    return bytes(data), places


class Code:
    """Code that is put together."""

    def __init__(self, machine: int = X86_64) -> None:
        self.machine = machine
        self.content = bytearray()

    @property
    def here(self) -> int:
        return CODE_AT + len(self.content)

    def function(self, content: bytes = b"") -> int:
        """Begins a function. Returns its address."""
        while len(self.content) % 16:
            self.content += b"\x90" if self.machine == X86_64 else struct.pack("<I", 0xD503201F)
        at = self.here
        self.content += content or (b"\xc3" * 16 if self.machine == X86_64 else struct.pack("<I", 0xD65F03C0) * 4)
        return at

    def caller(self) -> None:
        """Begins a function that is far from what the one before calls."""
        for _ in range(4):
            self.function()

    def load(self, address: int) -> None:
        """Loads an address into the register of the second argument."""
        if self.machine == X86_64:
            self.content += b"\x48\x8d\x35" + struct.pack("<i", address - self.here - 7)
            return
        pages = (address >> 12) - (self.here >> 12)
        self.content += struct.pack("<I", 0x90000001 | (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5)
        self.content += struct.pack("<I", 0xAA0203E2)  # mov x2, x2
        self.content += struct.pack("<I", 0x91000021 | (address & 0xFFF) << 10)

    def load_absolute(self, address: int) -> None:
        self.content += b"\xbe" + struct.pack("<I", address)

    def call(self, address: int, *, jump: bool = False) -> None:
        """Calls a function, or jumps to it."""
        if self.machine == X86_64:
            self.content += (b"\xe9" if jump else b"\xe8") + struct.pack("<i", address - self.here - 5)
            return
        distance = (address - self.here) // 4 & 0x3FFFFFF
        self.content += struct.pack("<I", (0x14000000 if jump else 0x94000000) | distance)


def symbols(names: dict[str, int]) -> tuple[Section, ...]:
    """The sections of a symbol table."""
    texts, entries = bytearray(b"\0"), bytearray(SYMBOL.size)
    for name, address in names.items():
        entries += SYMBOL.pack(len(texts), 2, 0, 1, address, 16)
        texts += name.encode() + b"\0"
    return Section(".symtab", 2, bytes(entries), 0, 2), Section(".strtab", 3, bytes(texts))


def without_sections(content: bytes) -> bytes:
    """The file without section headers, and so without symbols."""
    made = bytearray(content)
    made[40:48] = bytes(8)
    made[60:64] = bytes(4)
    return bytes(made)


def go_table(functions: dict[str, int], *, magic: int, text: int = CODE_AT) -> bytes:
    """A function table of Go 1.16 and 1.17 (0xfffffffa), 1.18 and 1.19 (0xfffffff0), or of 1.20 and newer."""
    is_old = magic == 0xFFFFFFFA
    word = "Q" if is_old else "I"
    names, places = bytearray(), []
    for name in functions:
        places.append(len(names))
        names += name.encode() + b"\0"
    size = struct.calcsize(word)
    pairs, described = bytearray(), bytearray()
    start = (2 * len(functions) + 1) * size
    for (_, address), place in zip(functions.items(), places, strict=True):
        entry = address if is_old else address - text
        pairs += struct.pack(f"<2{word}", entry, start + len(described))
        described += struct.pack(f"<{word}I", entry, place) + bytes(36)
    pairs += struct.pack(f"<{word}", 0)
    words = 7 if is_old else 8
    names_at = 8 + words * 8
    functions_at = names_at + len(names)
    header = [len(functions), 0, *([] if is_old else [text]), names_at, 0, 0, 0, functions_at]
    return struct.pack(f"<IBBBB{words}Q", magic, 0, 0, 1, 8, *header) + bytes(names + pairs + described)


WRITE_KEY_LOG = "crypto/tls.(*Config).writeKeyLog"
# cmp rsp, [r14 + 16]; jbe
PROLOGUE = b"\x49\x3b\x66\x10\x76\x20" + b"\x90" * 26
OLD_PROLOGUE = b"\x64\x48\x8b\x0c\x25\xf8\xff\xff\xff\x48\x3b\x61\x10" + b"\x90" * 19
FUNCTIONS = {"main.main": CODE_AT, WRITE_KEY_LOG: CODE_AT + 16}


def library(machine: int = X86_64, labels: tuple[str, ...] = LABELS) -> tuple[Code, int, bytes, dict[str, int]]:
    """Code of which one function is called with all labels, and another one near two of them."""
    data, places = constants(labels)
    code = Code(machine)
    log, derive = code.function(), code.function()
    for label in labels:
        code.caller()
        code.load(places[label])
        if "HANDSHAKE" in label:
            code.call(derive)
        code.call(log, jump=label == "CLIENT_RANDOM")
    return code, log, data, places


def go_program(table: bytes, prologue: bytes = PROLOGUE, machine: int = X86_64, *, sections: bool = True) -> bytes:
    code = Code(machine)
    code.function()
    code.function(prologue)
    named = (
        Section(".text", 1, b"", CODE_AT),
        Section(".gopclntab", 1, b"", TABLE_AT),
        Section(".go.buildinfo", 1, b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x08go1.21.3"),
    )
    if not sections:
        named = named[2:]
    return elf(bytes(code.content), b"-", machine=machine, kind=EXECUTABLE, table=table, sections=named)


def programs() -> list[bytes]:
    """A program of each kind in which the function is found."""
    code, _, data, _ = library()
    on_arm64 = library(ARM64)
    return [
        elf(bytes(code.content), data, sections=symbols({"ssl_log_secret": CODE_AT})),
        elf(bytes(code.content), data),
        elf(bytes(on_arm64[0].content), on_arm64[2], machine=ARM64),
        go_program(go_table(FUNCTIONS, magic=0xFFFFFFF1)),
        go_program(go_table(FUNCTIONS, magic=0xFFFFFFFA), sections=False),
    ]
