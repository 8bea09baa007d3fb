"""Reads the BTF of an object file: the layout of its structs (Documentation/bpf/btf.rst in the kernel)."""

from __future__ import annotations

from pathlib import Path
from struct import Struct, unpack_from
from typing import NamedTuple

KIND_INT, KIND_PTR, KIND_ARRAY, KIND_STRUCT, KIND_UNION, KIND_ENUM, KIND_FWD, KIND_TYPEDEF = range(1, 9)
KIND_VOLATILE, KIND_CONST, KIND_RESTRICT, KIND_FUNC, KIND_FUNC_PROTO, KIND_VAR, KIND_DATASEC = range(9, 16)
MODIFIERS = (KIND_TYPEDEF, KIND_VOLATILE, KIND_CONST, KIND_RESTRICT)
# bytes that follow each type: for each of its members, or once
PER_MEMBER = {KIND_STRUCT: 12, KIND_UNION: 12, KIND_ENUM: 8, KIND_FUNC_PROTO: 8, KIND_DATASEC: 12}
ONCE = {KIND_INT: 4, KIND_ARRAY: 12, KIND_VAR: 4, 17: 4}
TYPE = Struct("<III")


class Type(NamedTuple):
    name: str
    kind: int
    size: int  # or the type it refers to
    members: list[tuple[str, int, int]]  # name, type, offset in bits; of a data section: type, offset, size


def section(elf: bytes, wanted: str) -> bytes:
    """A section of an ELF file of 64 bits, little-endian."""
    (table,) = unpack_from("<Q", elf, 0x28)
    size, number, names = unpack_from("<HHH", elf, 0x3A)
    headers = [unpack_from("<IIQQQQ", elf, table + i * size) for i in range(number)]
    names_at = headers[names][4]
    for name, _, _, _, offset, length in headers:
        start = names_at + name
        if elf[start : elf.index(b"\0", start)].decode() == wanted:
            return elf[offset : offset + length]
    raise KeyError(wanted)


class Btf:
    """The types of an object file."""

    def __init__(self, path: Path | str) -> None:
        data = section(Path(path).read_bytes(), ".BTF")
        header, types_at, types_len, strings_at = unpack_from("<IIII", data, 4)
        self.strings = data[header + strings_at :]
        self.types: list[Type] = [Type("void", 0, 0, [])]
        at, end = header + types_at, header + types_at + types_len
        while at < end:
            name, info, size = TYPE.unpack_from(data, at)
            kind, count = info >> 24 & 0x1F, info & 0xFFFF
            at += TYPE.size
            members = []
            if kind in (KIND_STRUCT, KIND_UNION):
                raw = [unpack_from("<III", data, at + i * 12) for i in range(count)]
                members = [(self._string(member), of, offset) for member, of, offset in raw]
            elif kind == KIND_DATASEC:
                members = [("", *unpack_from("<II", data, at + i * 12)) for i in range(count)]
            elif kind == KIND_ARRAY:
                members = [("", *unpack_from("<I4xI", data, at))]
            at += PER_MEMBER.get(kind, 0) * count + ONCE.get(kind, 0)
            self.types.append(Type(self._string(name), kind, size, members))

    def _string(self, offset: int) -> str:
        return self.strings[offset : self.strings.index(b"\0", offset)].decode()

    def size(self, number: int) -> int:
        found = self.types[number]
        if found.kind in (*MODIFIERS, KIND_VAR):
            return self.size(found.size)
        if found.kind == KIND_ARRAY:
            _, element, count = found.members[0]
            return self.size(element) * count
        return 8 if found.kind == KIND_PTR else found.size

    def struct(self, name: str) -> dict[str, tuple[int, int]]:
        """Field -> offset and size in bytes; under "" the whole."""
        found = next(t for t in self.types if t.kind == KIND_STRUCT and t.name == name)
        fields = {member: (offset // 8, self.size(of)) for member, of, offset in found.members}
        return {"": (0, found.size), **fields}

    def variables(self, section_name: str) -> dict[str, int]:
        """Variable -> offset in a data section."""
        found = next(t for t in self.types if t.kind == KIND_DATASEC and t.name == section_name)
        return {self.types[of].name: offset for _, of, offset in found.members}
