"""Times of packets that were stamped by another clock than the source's, or by none."""

from __future__ import annotations


class Moment(int):
    """A time in the source's clock, for a packet that was stamped by another clock or by none.

    The number only gives the packet's place among the others. Whether durations are known depends on the clock.

    Args:
        time_ns: the number, in nanoseconds.
        clock: the number of the clock that stamped the packet, in the order in which clocks appeared; None if no clock
            did.
        wall_ns: the time stamp, in nanoseconds since 1970; None if there is none.
    """

    clock: int | None
    wall_ns: int | None

    def __new__(cls, time_ns: int, clock: int | None, wall_ns: int | None) -> Moment:
        """Stores the clock and the time stamp with the number."""
        self = int.__new__(cls, time_ns)
        self.clock, self.wall_ns = clock, wall_ns
        return self


def wall_ns(time_ns: int, offset_ns: int) -> int | None:
    """Nanoseconds since 1970; None if not known.

    Args:
        time_ns: a time in the source's clock.
        offset_ns: nanoseconds to add to the source's clock for the wall clock.
    """
    return time_ns.wall_ns if isinstance(time_ns, Moment) else time_ns + offset_ns


def elapsed_ns(start_ns: int | None, end_ns: int | None) -> int | None:
    """Nanoseconds from one time to another; None if either is unknown, or they are of two clocks or out of order."""
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    if type(start_ns) is type(end_ns) is int:
        return end_ns - start_ns
    if isinstance(start_ns, Moment) or isinstance(end_ns, Moment):
        clock = _clock_of(start_ns)
        if clock is None or clock != _clock_of(end_ns):
            return None
    return int(end_ns) - int(start_ns)


def contradict(earlier_ns: int | None, later_ns: int | None) -> bool:
    """Whether the times of two packets show that two clocks are in use.

    They do if the first packet has the later time, or if an older clock stamped the second packet. A clock that is set
    counts as a new clock, so an older clock never comes back.
    """
    if earlier_ns is None or later_ns is None:
        return False
    if type(earlier_ns) is type(later_ns) is int:
        return later_ns < earlier_ns
    before, after = _clock_of(earlier_ns), _clock_of(later_ns)
    if before is None or after is None:
        return False
    return after < before or (after == before and later_ns < earlier_ns)


def _clock_of(time_ns: int) -> int | None:
    return time_ns.clock if isinstance(time_ns, Moment) else 0
