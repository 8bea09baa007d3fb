"""A filter of pcap-filter(7) in the kernel, in front of the program that sends records."""

from __future__ import annotations

import re

from sockfilter.closing import Closing
from sockfilter.errors import InvalidArgument
from sockfilter.libbpf import binding
from sockfilter.libbpf.gates import Gates
from sockfilter.sources.pcap.compiling import ETHERNET, Compiler, Instruction
from sockfilter.sources.pcap.translation import Gate, translated

# LINKTYPE_RAW
RAW = 101
REJECT_ALL = Instruction(0x06, 0, 0, 0)
VLAN = re.compile(r"\bvlan\b")


class PcapGates(Closing):
    """The programs that run a filter before the program that sends records: one for each kind of interface.

    Args:
        text: the filter.
        program_fd: the program that gets the frames that the filter accepts.
        counters_fd: the map of its counters.

    Raises:
        InvalidArgument: libpcap is not installed, or refuses the filter.
        SockfilterError: the kernel refuses it.
    """

    def __init__(self, text: str, program_fd: int, counters_fd: int) -> None:
        if VLAN.search(text):
            raise InvalidArgument(
                "the filter asks for vlan: the kernel removes tags before a filter sees a frame, so that nothing would"
                " match; capture without it, and apply it to the file: -w FILE, then -r FILE"
            )
        self._compiler = Compiler(text)
        _, lib = binding.load()
        self._gates = Gates(program_fd)
        self._gate = Gate(self._gates.map_fd, counters_fd, lib.SF_SEEN, lib.SF_FILTERED, lib.SF_COUNTER_ROW)
        self._loaded: dict[bool | None, int] = {}

    def program_fd(self, has_header: bool | None) -> int:
        """Returns the program for an interface. Raises SockfilterError.

        Args:
            has_header: whether its frames have an Ethernet header. None: it differs between frames.
        """
        if has_header not in self._loaded:
            self._loaded[has_header] = self._gates.load(translated(*self._programs(has_header), self._gate))
        return self._loaded[has_header]

    def close(self) -> None:
        """Closes the programs."""
        self._gates.close()

    def _programs(self, has_header: bool | None) -> tuple[list[Instruction] | None, list[Instruction] | None]:
        ethernet = None if has_header is False else self._compiler.program(ETHERNET)
        if has_header is True:
            return ethernet, None
        try:
            return ethernet, self._compiler.program(RAW)
        except InvalidArgument:
            if ethernet is None:
                raise
            # of all interfaces, those without Ethernet cannot meet a filter that looks at its header
            return ethernet, [REJECT_ALL]
