"""Compiles filters in the language of pcap-filter(7) by libpcap, which is loaded only for that."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from sockfilter.errors import InvalidArgument

# Debian's name for the ABI that other systems call 1.
LIBRARIES = ("libpcap.so.0.8", "libpcap.so.1")
MISSING = (
    "loading libpcap, which compiles such filters: it is not installed; apt install libpcap0.8, or dnf install libpcap"
)
# LINKTYPE_ETHERNET
ETHERNET = 1
# The link types of the LINKTYPE registry that a filter for capture files is compiled for: Ethernet, BSD loopback, PPP,
# raw IP, 802.11, OpenBSD loopback, Linux cooked, 802.11 with radiotap, IPv4, IPv6, Linux cooked v2.
LINK_TYPES = (ETHERNET, 0, 9, 101, 105, 108, 113, 127, 228, 229, 276)
SNAP_BYTES = 262144
NETMASK_UNKNOWN = 0xFFFFFFFF
# Instructions of a filter. Each becomes at most sixteen instructions of eBPF, whose jumps reach 32 767 instructions.
INSTRUCTIONS_MAX = 2000
# The numbers of the LINKTYPE registry for which DLT_ of libpcap has another number.
DLT = {101: 12}
INDENT = "    "


class LibpcapMissing(InvalidArgument):
    """libpcap is not installed."""


class Instruction(NamedTuple):
    """An instruction of classic BPF: struct bpf_insn of libpcap."""

    code: int
    jt: int
    jf: int
    k: int


class Compiler:
    """Compiles one filter for any link type.

    Args:
        text: the filter.

    Raises:
        LibpcapMissing: libpcap is not installed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._pcap = _library()

    def program(self, link_type: int) -> list[Instruction]:
        """Returns the filter for frames of a link type. Its places in the frame count from the first byte.

        Args:
            link_type: a number of the LINKTYPE registry.

        Raises:
            InvalidArgument: libpcap refuses the filter. The message has its words.
        """
        made = self._compiled(self.text, link_type)
        if isinstance(made, str):
            raise InvalidArgument(self._refusal(made, link_type))
        if len(made) > INSTRUCTIONS_MAX:
            raise InvalidArgument(
                f"the filter {self.text!r} has {len(made)} instructions; at most {INSTRUCTIONS_MAX} are possible"
            )
        return made

    def programs(self) -> dict[int, list[Instruction]]:
        """Returns the filter for each of LINK_TYPES for which libpcap can compile it.

        Raises:
            InvalidArgument: it can be compiled for none of them.
        """
        found = {}
        refusals = []
        for link_type in LINK_TYPES:
            try:
                found[link_type] = self.program(link_type)
            except InvalidArgument as error:
                refusals.append(error)
        if not found:
            raise refusals[0]
        return found

    def _refusal(self, words: str, link_type: int) -> str:
        """Returns the message for a refused filter. It shows the place: what follows the longest filter before it."""
        ends = [found.start() for found in re.finditer(r"\s+|$", self.text)][:-1]
        good = (end for end in reversed(ends) if not isinstance(self._compiled(self.text[:end], link_type), str))
        start = next(good, 0)
        start += len(self.text[start:]) - len(self.text[start:].lstrip())
        quoted = re.search(r"'([^']+)'", words)
        if quoted and quoted[1] in self.text:
            start, end = self.text.index(quoted[1]), self.text.index(quoted[1]) + len(quoted[1])
        else:
            end = len(self.text)
        mark = " " * start + "^" * max(1, end - start)
        return f"libpcap refuses the filter: {words}\n{INDENT}{self.text}\n{INDENT}{mark}"

    def _compiled(self, text: str, link_type: int) -> list[Instruction] | str:
        """Returns the program, or libpcap's words about why there is none."""
        import ctypes

        pcap = self._pcap
        handle = pcap.pcap_open_dead(DLT.get(link_type, link_type), SNAP_BYTES)
        if not handle:
            raise MemoryError
        kind = _program_type()
        found = kind()
        try:
            if pcap.pcap_compile(handle, ctypes.byref(found), text.encode("utf-8", "replace"), 1, NETMASK_UNKNOWN):
                return str(pcap.pcap_geterr(handle).decode(errors="replace"))
            made = [Instruction(one.code, one.jt, one.jf, one.k) for one in found.instructions[: found.length]]
            pcap.pcap_freecode(ctypes.byref(found))
            return made
        finally:
            pcap.pcap_close(handle)


@cache
def _program_type() -> Any:
    """Returns struct bpf_program of libpcap as a type of ctypes, which is slow to import."""
    import ctypes

    class BpfInstruction(ctypes.Structure):
        _fields_ = (
            ("code", ctypes.c_ushort),
            ("jt", ctypes.c_ubyte),
            ("jf", ctypes.c_ubyte),
            ("k", ctypes.c_uint32),
        )

    class BpfProgram(ctypes.Structure):
        _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(BpfInstruction)))

    return BpfProgram


@cache
def _library() -> Any:
    """Returns libpcap. Raises LibpcapMissing."""
    import ctypes

    for name in LIBRARIES:
        try:
            pcap = ctypes.CDLL(name)
        except OSError:
            continue
        pcap.pcap_open_dead.restype = ctypes.c_void_p
        pcap.pcap_geterr.restype = ctypes.c_char_p
        program = ctypes.POINTER(_program_type())
        pcap.pcap_compile.argtypes = (ctypes.c_void_p, program, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32)
        pcap.pcap_geterr.argtypes = pcap.pcap_close.argtypes = (ctypes.c_void_p,)
        pcap.pcap_freecode.argtypes = (program,)
        return pcap
    raise LibpcapMissing(MISSING)
