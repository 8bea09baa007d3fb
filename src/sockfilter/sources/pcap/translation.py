"""Translates classic BPF, which libpcap makes, to eBPF, which runs in front of sockfilter's own program.

The translated program is a gate: a frame that the filter accepts goes on to the next program by a tail call; any other
is counted as seen and filtered. Loads go through a helper, and not through the instructions that eBPF has for them:
these would end the program where a frame is too short, before it is counted. Independent of the kernel and of files.

Registers: r6 has the context, r7 the accumulator, r8 the index register. Memory words are on the stack.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.sources.pcap.compiling import Instruction

# struct bpf_insn of include/uapi/linux/bpf.h: code, registers, offset, immediate
ENCODED = Struct("=BBhi")
R0, R1, R2, R3, R4, R5, CONTEXT, A, X, _R9, FRAME = range(11)
# classes and sizes, which both dialects have
LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)
RET, MISC = JMP32, ALU64
WORD, HALF, BYTE, DOUBLE = 0x00, 0x08, 0x10, 0x18
SIZES = {WORD: 4, HALF: 2, BYTE: 1}
IMM, ABS, IND, MEM, LEN, MSH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
SOURCE_X = 0x08
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, MOV, END = (number << 4 for number in (*range(12), 13))
JA, JEQ, JGT, JGE, JSET, JNE, CALL, EXIT = 0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x80, 0x90
RET_A = 0x10
TXA = 0x80
TO_BIG_ENDIAN = 0x08
PSEUDO_MAP_FD = 1
# enum bpf_func_id
MAP_LOOKUP, CPU_NUMBER, TAIL_CALL, LOAD_BYTES, LOAD_RELATIVE = 1, 8, 12, 26, 68
START_NET = 1
SKB_LEN_AT = 0
INT_MAX = (1 << 31) - 1
SHIFT_MAX = 31
# places on the stack, from its end: what was loaded; a map's key; two copies of a frame's start; sixteen memory words
LOADED_AT, KEY_AT, FRAME_AT, NET_AT, MEMORY_AT = -8, -12, -32, -48, -112
START_BYTES = 16
REJECT, ACCEPT, RAW_PART = "reject", "accept", "raw"


class NotTranslatable(Exception):
    """The program has an instruction that libpcap does not make for packets. Internal to the source."""


class Gate(NamedTuple):
    """What a gate needs of the kernel's objects.

    Attributes:
        programs_fd: the map with the program to go on with, at its first place.
        counters_fd: the map of counters.
        seen, filtered: the counters of frames that are rejected.
        row: counters for each CPU.
    """

    programs_fd: int
    counters_fd: int
    seen: int
    filtered: int
    row: int


class Assembler:
    """Collects instructions of eBPF, whose jumps have names as targets."""

    def __init__(self) -> None:
        self._made: list[tuple[int, int, int, int, str]] = []
        self._places: dict[str, int] = {}

    def put(self, code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0, target: str = "") -> None:
        """Adds an instruction. target: the name of the place that it jumps to."""
        self._made.append((code, source << 4 | to, offset, value, target))

    def place(self, name: str) -> None:
        """Names the next instruction."""
        self._places[name] = len(self._made)

    def leads_to(self, name: str) -> bool:
        """Returns whether an instruction so far jumps to a place: the kernel refuses what nothing leads to."""
        return any(target == name for *_, target in self._made)

    def move(self, to: int, source: int) -> None:
        """Copies a register."""
        self.put(ALU64 | MOV | SOURCE_X, to, source)

    def set(self, to: int, value: int) -> None:
        """Sets a register to a number of 32 bits."""
        self.put(ALU | MOV, to, value=_signed(value))

    def address(self, to: int, at: int) -> None:
        """Sets a register to a place on the stack."""
        self.move(to, FRAME)
        self.put(ALU64 | ADD, to, value=at)

    def map(self, to: int, fd: int) -> None:
        """Sets a register to a map."""
        self.put(LD | IMM | DOUBLE, to, PSEUDO_MAP_FD, value=fd)
        self.put(0)

    def call(self, function: int) -> None:
        """Calls a helper."""
        self.put(JMP | CALL, value=function)

    def encoded(self) -> bytes:
        """Returns the program."""
        made = []
        for at, (code, registers, offset, value, target) in enumerate(self._made):
            distance = self._places[target] - at - 1 if target else offset
            made.append(ENCODED.pack(code, registers, distance, value))
        return b"".join(made)


def translated(ethernet: Sequence[Instruction] | None, raw: Sequence[Instruction] | None, gate: Gate | None) -> bytes:
    """Returns a program of eBPF.

    Args:
        ethernet: the filter for frames with an Ethernet header. None: there are none.
        raw: the filter for frames that begin with IP. None: there are none. With both, the program tells them apart.
        gate: where it leads. None: the program returns 1 for a frame that is accepted and 0 for any other, for tests.
    """
    made = Assembler()
    made.move(CONTEXT, R1)
    if ethernet is not None and raw is not None:
        _tell_apart(made)
    for name, program in (("", ethernet), (RAW_PART, raw)):
        if program is not None:
            if name:
                made.place(name)
            _Translation(made, name, program).run()
    if gate is None:
        _answer(made)
    else:
        _lead(made, gate)
    return made.encoded()


def _tell_apart(made: Assembler) -> None:
    """Goes on at RAW_PART where the frame begins with the network header, as link_bytes() of packet.bpf.h does."""
    for place, relative in ((FRAME_AT, False), (NET_AT, True)):
        made.move(R1, CONTEXT)
        made.set(R2, 0)
        made.address(R3, place)
        made.set(R4, START_BYTES)
        made.set(R5, START_NET)
        made.call(LOAD_RELATIVE if relative else LOAD_BYTES)
        made.put(JMP | JNE, R0, target="ethernet")
    for half in (0, START_BYTES // 2):
        made.put(LDX | MEM | DOUBLE, R1, FRAME, FRAME_AT + half)
        made.put(LDX | MEM | DOUBLE, R2, FRAME, NET_AT + half)
        made.put(JMP | JNE | SOURCE_X, R1, R2, target="ethernet")
    made.put(JMP | JA, target=RAW_PART)
    made.place("ethernet")


def _answer(made: Assembler) -> None:
    for name, answer in ((ACCEPT, 1), (REJECT, 0)):
        if made.leads_to(name):
            made.place(name)
            made.set(R0, answer)
            made.put(JMP | EXIT)


def _lead(made: Assembler, gate: Gate) -> None:
    if made.leads_to(ACCEPT):
        made.place(ACCEPT)
        made.move(R1, CONTEXT)
        made.map(R2, gate.programs_fd)
        made.set(R3, 0)
        made.call(TAIL_CALL)
        # not reached: there is a program at that place as long as the gate is attached
        made.set(R0, 0)
        made.put(JMP | EXIT)
    if made.leads_to(REJECT):
        made.place(REJECT)
        # seen first, and the outcome last, as in counters.bpf.h
        for counter in (gate.seen, gate.filtered):
            _count(made, gate, counter)
        made.set(R0, 0)
        made.put(JMP | EXIT)


def _count(made: Assembler, gate: Gate, counter: int) -> None:
    made.call(CPU_NUMBER)
    made.put(ALU | MUL, R0, value=gate.row)
    made.put(ALU | ADD, R0, value=counter)
    made.put(STX | MEM | WORD, FRAME, R0, KEY_AT)
    made.map(R1, gate.counters_fd)
    made.address(R2, KEY_AT)
    made.call(MAP_LOOKUP)
    made.put(JMP | JEQ, R0, target=f"counted {counter}")
    made.put(LDX | MEM | DOUBLE, R1, R0)
    made.put(ALU64 | ADD, R1, value=1)
    made.put(STX | MEM | DOUBLE, R0, R1)
    made.place(f"counted {counter}")


class _Translation:
    """One program of classic BPF.

    Args:
        made: takes the instructions.
        name: distinguishes its places from those of another program.
        program: the instructions of classic BPF.
    """

    def __init__(self, made: Assembler, name: str, program: Sequence[Instruction]) -> None:
        self._made = made
        self._name = name
        self._program = program

    def run(self) -> None:
        made = self._made
        made.set(A, 0)
        made.set(X, 0)
        # the verifier wants each word to be written before it is read; libpcap's programs do that, but cannot prove it
        for slot in sorted({one.k for one in self._program if _uses_memory(one)}):
            made.put(ST | MEM | WORD, FRAME, offset=_slot(slot))
        for at, one in enumerate(self._program):
            made.place(self._at(at))
            self._step(at, one)

    def _at(self, at: int) -> str:
        return f"{self._name}{at}"

    def _step(self, at: int, one: Instruction) -> None:
        kind = one.code & 7
        if kind in (LD, LDX):
            self._load(one)
        elif kind in (ST, STX):
            self._made.put(STX | MEM | WORD, FRAME, A if kind == ST else X, _slot(one.k))
        elif kind == ALU:
            self._compute(one)
        elif kind == JMP:
            self._jump(at, one)
        elif kind == RET:
            self._return(one)
        else:
            to, source = (A, X) if one.code & 0xF8 == TXA else (X, A)
            self._made.move(to, source)

    def _load(self, one: Instruction) -> None:
        made, mode, to = self._made, one.code & 0xE0, A if one.code & 7 == LD else X
        if mode == IMM:
            made.set(to, one.k)
        elif mode == MEM:
            made.put(LDX | MEM | WORD, to, FRAME, _slot(one.k))
        elif mode == LEN:
            made.put(LDX | MEM | WORD, to, CONTEXT, SKB_LEN_AT)
        elif mode == MSH:
            self._load_bytes(1, one.k, indexed=False)
            made.put(LDX | MEM | BYTE, X, FRAME, LOADED_AT)
            made.put(ALU | AND, X, value=0xF)
            made.put(ALU | LSH, X, value=2)
        else:
            size = one.code & 0x18
            self._load_bytes(SIZES[size], one.k, indexed=mode == IND)
            made.put(LDX | MEM | size, A, FRAME, LOADED_AT)
            if size != BYTE:
                made.put(ALU | END | TO_BIG_ENDIAN, A, value=SIZES[size] * 8)

    def _load_bytes(self, size: int, k: int, *, indexed: bool) -> None:
        """Loads bytes of the frame to the stack. A frame that does not have them is rejected (bpf_filter() too)."""
        if k > INT_MAX:
            raise NotTranslatable(f"a load at {k}")
        made = self._made
        if indexed:
            made.move(R2, X)
            made.put(ALU64 | ADD, R2, value=k)
            made.put(JMP | JGT, R2, value=INT_MAX, target=REJECT)
        else:
            made.set(R2, k)
        made.move(R1, CONTEXT)
        made.address(R3, LOADED_AT)
        made.set(R4, size)
        made.call(LOAD_BYTES)
        made.put(JMP | JNE, R0, target=REJECT)

    def _compute(self, one: Instruction) -> None:
        made, operation, by_x = self._made, one.code & 0xF0, bool(one.code & SOURCE_X)
        if operation == NEG:
            made.put(ALU | NEG, A)
            return
        if operation in (DIV, MOD) and by_x:
            made.put(JMP32 | JEQ, X, target=REJECT)
        if operation in (LSH, RSH):
            self._shift(operation, one.k, by_x=by_x)
        elif by_x:
            made.put(ALU | operation | SOURCE_X, A, X)
        else:
            made.put(ALU | operation, A, value=_signed(one.k))

    def _shift(self, operation: int, k: int, *, by_x: bool) -> None:
        """Shifts by more bits than there are give 0, as in libpcap; eBPF takes the count modulo 32."""
        made = self._made
        if not by_x:
            made.put(ALU | operation, A, value=k) if k <= SHIFT_MAX else made.set(A, 0)
            return
        made.put(JMP32 | JGT, X, offset=2, value=SHIFT_MAX)
        made.put(ALU | operation | SOURCE_X, A, X)
        made.put(JMP | JA, offset=1)
        made.set(A, 0)

    def _jump(self, at: int, one: Instruction) -> None:
        made, operation = self._made, one.code & 0xF0
        if operation == JA:
            made.put(JMP | JA, target=self._at(at + 1 + one.k))
            return
        yes, no = self._at(at + 1 + one.jt), self._at(at + 1 + one.jf)
        if one.code & SOURCE_X:
            made.put(JMP32 | operation | SOURCE_X, A, X, target=yes)
        else:
            made.put(JMP32 | operation, A, value=_signed(one.k), target=yes)
        if one.jf:
            made.put(JMP | JA, target=no)

    def _return(self, one: Instruction) -> None:
        made = self._made
        if one.code & 0x18 == RET_A:
            made.put(JMP32 | JEQ, A, target=REJECT)
            made.put(JMP | JA, target=ACCEPT)
        else:
            made.put(JMP | JA, target=ACCEPT if one.k else REJECT)


def _uses_memory(one: Instruction) -> bool:
    kind = one.code & 7
    return kind in (ST, STX) or (kind in (LD, LDX) and one.code & 0xE0 == MEM)


def _slot(k: int) -> int:
    return MEMORY_AT + 4 * k


def _signed(value: int) -> int:
    return value - (1 << 32) if value > INT_MAX else value
