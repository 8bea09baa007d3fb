"""How much stack the functions of an object take, as the verifier adds it up along each chain of calls.

Linux 5.10, kernel/bpf/verifier.c, check_max_stack_depth(). A kernel may count less, because it leaves out code that it
proves unreachable.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from struct import iter_unpack, unpack_from
from typing import NamedTuple

# include/linux/filter.h
STACK_BYTES_MAX = 512
# include/linux/bpf_verifier.h, MAX_CALL_FRAMES
FRAMES_MAX = 8
# bytes that a frame is rounded up to a multiple of
ROUNDED_TO = 32

# include/uapi/linux/bpf.h, bpf_common.h
FRAME_REGISTER = 10
MOVE_64, ADD_64, LOAD_IMM_64, CALL = 0xBF, 0x07, 0x18, 0x85
CALL_OF_FUNCTION = 1
CLASS_LD, CLASS_LDX, CLASS_ST, CLASS_STX, CLASS_ALU, CLASS_ALU64 = 0, 1, 2, 3, 4, 7
# elf.h
SYMBOL_TABLE, RELOCATIONS, CODE_SECTION, FUNCTION = 2, 9, 0x4, 2


class Chain(NamedTuple):
    """Functions that call one another, the outermost first, each with its bytes of stack."""

    frames: tuple[tuple[str, int], ...]

    @property
    def bytes(self) -> int:
        return sum(-(-max(size, 1) // ROUNDED_TO) * ROUNDED_TO for _, size in self.frames)


class _Function(NamedTuple):
    name: str
    code: bytes
    called: tuple[tuple[int, int], ...]  # section, offset


def chains(path: Path) -> list[Chain]:
    """The deepest chain from each function of an object."""
    functions = _functions(path.read_bytes())

    @cache
    def deepest(place: tuple[int, int]) -> Chain:
        function = functions[place]
        inner = max((deepest(called) for called in function.called), key=lambda chain: chain.bytes, default=Chain(()))
        return Chain(((function.name, stack_bytes(function.code)), *inner.frames))

    return [deepest(place) for place in functions]


def longest(path: Path) -> int:
    """How many frames there are at the same time, at most."""
    functions = _functions(path.read_bytes())

    @cache
    def frames(place: tuple[int, int]) -> int:
        return 1 + max((frames(called) for called in functions[place].called), default=0)

    return max(frames(place) for place in functions)


def stack_bytes(code: bytes) -> int:
    """How far below the frame's end a function's code reaches."""
    lowest, offsets = 0, {FRAME_REGISTER: 0}
    for operation, registers, offset, value in iter_unpack("<BBhi", code):
        to, source, kind = registers & 0xF, registers >> 4, operation & 7
        if kind == CLASS_LDX:
            lowest = min(lowest, offsets[source] + offset if source in offsets else 0)
            offsets.pop(to, None)
        elif kind in (CLASS_ST, CLASS_STX):
            lowest = min(lowest, offsets[to] + offset if to in offsets else 0)
        elif operation == MOVE_64 and source in offsets:
            offsets[to] = offsets[source]
        elif operation == ADD_64 and to in offsets:
            offsets[to] += value
            lowest = min(lowest, offsets[to])
        elif kind in (CLASS_ALU, CLASS_ALU64) or operation == LOAD_IMM_64:
            offsets.pop(to, None)
        elif operation == CALL:
            offsets = {register: at for register, at in offsets.items() if register > 5}
    return -lowest


def _functions(elf: bytes) -> dict[tuple[int, int], _Function]:
    """The functions of an object by section and offset."""
    (table,) = unpack_from("<Q", elf, 0x28)
    size, number, _ = unpack_from("<HHH", elf, 0x3A)
    sections = [unpack_from("<IIQQQQIIQQ", elf, table + i * size) for i in range(number)]
    contents = [elf[at : at + length] for _, _, _, _, at, length, *_ in sections]
    symbols_at = next(i for i, section in enumerate(sections) if section[1] == SYMBOL_TABLE)
    symbols = list(iter_unpack("<IBBHQQ", contents[symbols_at]))
    names = contents[sections[symbols_at][6]]
    targets: dict[tuple[int, int], tuple[int, int]] = {}
    for index, section in enumerate(sections):
        if section[1] == RELOCATIONS:
            for offset, information in iter_unpack("<QQ", contents[index]):
                symbol = symbols[information >> 32]
                targets[section[7], offset] = symbol[3], symbol[4]
    found = {}
    for name, information, _, section, at, length in symbols:
        if information & 0xF == FUNCTION and sections[section][2] & CODE_SECTION:
            code = contents[section][at : at + length]
            text = names[name : names.index(b"\0", name)].decode()
            found[section, at] = _Function(text, code, _called(code, section, at, targets))
    return found


def _called(
    code: bytes, section: int, at: int, targets: dict[tuple[int, int], tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """The functions that code calls. Calls within a section may have no relocation: their distance is final."""
    called = []
    for index, (operation, registers, _, value) in enumerate(iter_unpack("<BBhi", code)):
        if operation == CALL and registers >> 4 == CALL_OF_FUNCTION:
            here = at + index * 8
            place = targets.get((section, here))
            called.append((place[0], place[1] + (value + 1) * 8) if place else (section, here + (value + 1) * 8))
    return tuple(dict.fromkeys(called))
