"""Filters of pcap-filter(7), frames to try them on, and what others make of them."""

from __future__ import annotations

import ctypes
import random
from struct import pack
from typing import TYPE_CHECKING

from sockfilter.libbpf import binding
from sockfilter.sources.pcap.compiling import Instruction, LibpcapMissing, _library, _program_type
from tests.support.frames import IPV4, IPV6, Talk, ethernet, ipv4, ipv6, tcp, udp
from tests.support.skips import Skip, skip

if TYPE_CHECKING:
    from collections.abc import Sequence

FILTERS = [
    "tcp port 80",
    "tcp port 8000 and host 10.0.0.7",
    "src port 80 or dst port 40000",
    "not port 22",
    "ip6 and tcp",
    "net 10.0.0.0/8 or net fd00::/8",
    "tcp[tcpflags] & tcp-push != 0 and port 80",
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
    "greater 100",
    "len % 3 == 1 or len / 7 > 9",
    "ip[6:2] & 0x1fff = 0 and portrange 79-81",
    "(src host 10.0.0.1 and dst port 80) or (dst host 10.0.0.1 and src port 80)",
    "ip[2:2] - ((ip[0] & 0xf) << 2) >= 60",
    "tcp[0:2] << 3 > 100 or tcp[2:2] >> tcp[13] == 1",
    "less 54 or tcp[60:4] & 0xff00ff00 = 0x48005400",
]
# memory words of random programs
SLOTS = 3


def need_libpcap() -> None:
    try:
        _library()
    except LibpcapMissing as error:
        skip(Skip.TOOL, str(error))


def frames(count: int, seed: int = 1) -> list[bytes]:
    """Frames of HTTP, their neighbours, and nonsense, cut at any place."""
    chance = random.Random(seed)
    whole = [*Talk().whole(), ethernet(IPV4, ipv4(udp(b"x" * 30, 53), protocol=17)), b"", bytes(14), b"\xff" * 60]
    for ports in ((40000, 80), (22, 40000), (8000, 50000), (79, 81)):
        segment = tcp(b"GET / HTTP/1.1\r\n\r\n", ports=ports)
        whole += [ethernet(IPV4, ipv4(segment, options=bytes(4 * chance.randrange(3)))), ethernet(IPV6, ipv6(segment))]
        whole.append(ethernet(IPV4, ipv4(segment, fragment=chance.choice([0, 1, 0x2000]))))
    found = []
    for _ in range(count):
        frame = bytearray(chance.choice(whole))
        for _ in range(chance.choice([0, 0, 1, 5])):
            if frame:
                frame[chance.randrange(len(frame))] = chance.randrange(256)
        cut = chance.choice([len(frame), len(frame), chance.randrange(len(frame) + 1)])
        found.append(bytes(frame[:cut]))
    return found


def programs(count: int, seed: int = 1) -> list[list[Instruction]]:
    """Valid programs of classic BPF with every operation: libpcap makes only some of them."""
    chance = random.Random(seed)
    return [_program(chance) for _ in range(count)]


def _program(chance: random.Random) -> list[Instruction]:
    size = chance.randrange(1, 24)
    steps = [_step(chance, size - at - 1) for at in range(size)]
    # memory is read only where it was written; every jump has both ways, so that everything is reached
    written = [Instruction(0x02, 0, 0, slot) for slot in range(SLOTS)]
    return [*written, *steps, Instruction(chance.choice([0x06, 0x16]), 0, 0, chance.choice([0, 1, 65535]))]


def _step(chance: random.Random, ahead: int) -> Instruction:
    k = chance.choice([0, 1, 2, 12, 13, 14, 23, 31, 32, 40, 255, 0x0800, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
    at, slot = chance.choice([0, 1, 12, 13, 14, 20, 23, 30, 47, 60, 100, 0x7FFFFFFF]), chance.randrange(SLOTS)
    loads = [Instruction(mode | width, 0, 0, at) for mode in (0x20, 0x40) for width in (0x00, 0x08, 0x10)]
    loads += [Instruction(0xB1, 0, 0, at), Instruction(0x80, 0, 0, 0), Instruction(0x81, 0, 0, 0)]
    loads += [Instruction(0x00, 0, 0, k), Instruction(0x01, 0, 0, k)]
    memory = [Instruction(code, 0, 0, slot) for code in (0x60, 0x61, 0x02, 0x03)]
    moves = [Instruction(0x07, 0, 0, 0), Instruction(0x87, 0, 0, 0)]
    counts = [Instruction(code | 0x04, 0, 0, max(k, 1)) for code in (0x30, 0x90)]
    shifts = [Instruction(code | 0x04, 0, 0, k % 32) for code in (0x60, 0x70)]
    sums = [Instruction(code | 0x04, 0, 0, k) for code in (0x00, 0x10, 0x20, 0x40, 0x50, 0xA0)]
    by_x = [Instruction(code | 0x0C, 0, 0, 0) for code in (*range(0, 0x80, 0x10), 0x90, 0xA0)]
    jumps = [
        Instruction(code | source | 0x05, chance.randrange(min(ahead, 255) + 1), 0, k)
        for code in (0x10, 0x20, 0x30, 0x40)
        for source in (0, 0x08)
    ]
    kinds = [loads, memory, moves, counts, shifts, sums, by_x, [Instruction(0x84, 0, 0, 0)], jumps, jumps]
    return chance.choice(chance.choice(kinds))


def accepted(program: Sequence[Instruction], frame: bytes, wire_len: int | None = None) -> bool:
    """What sockfilter's interpreter says."""
    ffi, lib = binding.load()
    content = ffi.from_buffer("struct sf_cbpf[]", b"".join(pack("=HBBI", *one) for one in program))
    kept = ffi.from_buffer(frame or b"\0")
    return bool(lib.sf_cbpf_accepts(content, len(program), kept, len(frame), wire_len or len(frame)))


def accepted_by_libpcap(program: Sequence[Instruction], frame: bytes, wire_len: int | None = None) -> bool:
    """What libpcap's interpreter says."""
    content = ctypes.create_string_buffer(b"".join(pack("=HBBI", *one) for one in program))
    kept = ctypes.create_string_buffer(frame, len(frame) or 1)
    run = _library().bpf_filter
    run.restype = ctypes.c_uint
    kinds = _program_type().__dict__["_fields_"][1][1]
    return bool(
        run(ctypes.cast(content, kinds), kept, ctypes.c_uint(wire_len or len(frame)), ctypes.c_uint(len(frame)))
    )
