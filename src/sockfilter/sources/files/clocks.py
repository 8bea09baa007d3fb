"""The clocks of a capture file: which clock stamped each packet, and one time line for all of them.

In most files one clock stamped all packets, and a packet's time is its stamp. But stamps may be missing, interfaces or
the directions of a connection may have their own clocks, and a clock may be set back. Reassembly and idle timers
still need a time that does not run backwards. So a packet that was not stamped by the first clock gets a time that
fits its place in the file. A time has 64 bits. The highest bits tell its kind:

    0 | time, in 63 bits
    1 | 0 | time, in 62 bits, of a packet without a stamp
    1 | 1 | number of a clock, in 7 bits | nanoseconds since that clock appeared, in 55 bits
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.moment import Moment

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_CLOCK = 1 << 63
OTHER_CLOCK = NO_CLOCK | 1 << 62
NO_CLOCK_MAX = (1 << 62) - 1  # the year 2116
CLOCK_BIT = 55
SINCE_MAX = (1 << CLOCK_BIT) - 1  # more than a year
# clocks in one file; the stamps of further clocks are ignored
CLOCKS_MAX = 128
# the time of a first packet without a stamp; 0 would mean that there is no time
NO_BEGIN_NS = 1 << 40
# nanoseconds by which packets of one interface, stamped by one clock, may be out of order
DISORDER_NS = 10_000_000
# nanoseconds; a stamp farther from the newest packet probably comes from another clock
APART_NS = 60_000_000_000


class Clocks:
    """Assigns times to packets, in the order of the file."""

    def __init__(self) -> None:
        self._newest_ns = 0  # of the packets so far
        self._begun: list[int] = []  # for each clock, a time before all of its packets
        self._offsets: list[int] = []  # for each clock, what to add to its stamps to get times
        self._used: dict[int, list[int]] = {}  # the clocks of each interface; the clock of its last packet comes first
        self._last: dict[int, int] = {}  # the time of each interface's last packet
        self._plain: set[int] = set()  # interfaces that have been seen, as long as there is only one clock

    def time(self, stamp_ns: int | None, interface: int) -> int:
        """Returns the time of the next packet, marked unless the first clock stamped it.

        Args:
            stamp_ns: nanoseconds since 1970; None if there is no stamp.
            interface: the number of the packet's interface.
        """
        if interface in self._plain and stamp_ns is not None and stamp_ns >= self._newest_ns:
            # the fast path, which fits nearly all packets of nearly all files
            self._last[interface] = self._newest_ns = stamp_ns
            return stamp_ns
        if not self._offsets:
            # the first packet's stamp, if it has one, comes from the first clock
            self._newest_ns = NO_BEGIN_NS if stamp_ns is None else stamp_ns
            self._add_clock(0)
        clock = None if stamp_ns is None else self._clock_of(stamp_ns, interface)
        if stamp_ns is None or clock is None:
            return self._without_clock()
        time_ns = stamp_ns + self._offsets[clock]
        if time_ns <= 0:
            return self._without_clock()
        self._last[interface] = time_ns
        self._newest_ns = max(self._newest_ns, time_ns)
        if not clock:
            if len(self._offsets) == 1:
                self._plain.add(interface)
            return time_ns
        since_ns = time_ns - self._begun[clock]
        return OTHER_CLOCK | clock << CLOCK_BIT | since_ns if since_ns <= SINCE_MAX else self._without_clock()

    def moment(self, time_ns: int) -> int:
        """Converts a result of time(): returns a Moment if it is marked, or else the time itself."""
        if time_ns < NO_CLOCK:
            return time_ns
        if time_ns < OTHER_CLOCK:
            return Moment(time_ns & NO_CLOCK_MAX, None, None)
        clock = time_ns >> CLOCK_BIT & CLOCKS_MAX - 1
        number = self._begun[clock] + (time_ns & SINCE_MAX)
        return Moment(number, clock, number - self._offsets[clock])

    def _add_clock(self, offset_ns: int) -> None:
        self._plain.clear()
        self._offsets.append(offset_ns)
        # earlier than any packet that comes out of order
        self._begun.append(self._newest_ns - APART_NS - DISORDER_NS)

    def _without_clock(self) -> int:
        """Returns the time for a packet without a stamp: later than all earlier times, so that it is unique."""
        self._newest_ns = min(self._newest_ns + 1, NO_CLOCK_MAX)
        return NO_CLOCK | self._newest_ns

    def _clock_of(self, stamp_ns: int, interface: int) -> int | None:
        """Returns the clock that stamped a packet; None if there are too many clocks."""
        used = self._used.setdefault(interface, [])
        # the earliest possible time: packets of different interfaces may be out of order by at most APART_NS
        least_ns = max(self._newest_ns - APART_NS, self._last.get(interface, 0) - DISORDER_NS)
        clock = self._nearest(stamp_ns, used, least_ns, used[:1])
        if clock is None:
            clock = self._nearest(stamp_ns, range(len(self._offsets)), least_ns)
        if clock is None and len(self._offsets) < CLOCKS_MAX:
            clock = len(self._offsets)
            self._add_clock(self._newest_ns - stamp_ns)
        if clock is not None and used[:1] != [clock]:
            self._used[interface] = [clock, *(other for other in used if other != clock)]
        return clock

    def _nearest(self, stamp_ns: int, clocks: Iterable[int], least_ns: int, patient: Iterable[int] = ()) -> int | None:
        """Returns the clock that puts a packet nearest to the newest one and not before least_ns; None if none does.

        patient: clocks that may put it any time after the newest packet.
        """
        fitting = []
        for clock in clocks:
            time_ns = stamp_ns + self._offsets[clock]
            # if two clocks put the packet within DISORDER_NS, the older clock wins
            apart_ns = max(abs(time_ns - self._newest_ns), DISORDER_NS)
            if time_ns >= least_ns and (apart_ns <= APART_NS or clock in patient):
                fitting.append((apart_ns, clock))
        return min(fitting)[1] if fitting else None
