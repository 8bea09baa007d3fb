"""The forms of the time at which an exchange began."""

from __future__ import annotations

import time
from collections.abc import Callable

SECOND_NS = 1_000_000_000
# columns of a number of seconds with microseconds; as wide as the form CLOCK
SECONDS_WIDTH = 12

Teller = Callable[[int], str]


def clock() -> Teller:
    """The local time: 09:12:20.867."""
    say = _of_the_second("%H:%M:%S")
    return lambda ns: "%s.%03d" % (say(ns // SECOND_NS), ns % SECOND_NS // 1_000_000)


def date() -> Teller:
    """The local date and time: 2026-11-20 09:12:20.867123."""
    say = _of_the_second("%Y-%m-%d %H:%M:%S")
    return lambda ns: "%s.%06d" % (say(ns // SECOND_NS), ns % SECOND_NS // 1000)


def iso() -> Teller:
    """Date and time in UTC, by ISO 8601 and RFC 3339: 2026-11-20T08:12:20.867123Z."""
    say = _of_the_second("%Y-%m-%dT%H:%M:%S", time.gmtime)
    return lambda ns: "%s.%06dZ" % (say(ns // SECOND_NS), ns % SECOND_NS // 1000)


def epoch() -> Teller:
    """Seconds since 1970: 1795162340.867123."""
    return lambda ns: "%d.%06d" % (ns // SECOND_NS, ns % SECOND_NS // 1000)


def delta() -> Teller:
    """Seconds since the exchange of the previous line; negative if that began later."""
    before: list[int] = []

    def tell(ns: int) -> str:
        since = before.pop() if before else ns
        before.append(ns)
        return _seconds(ns - since)

    return tell


def relative() -> Teller:
    """Seconds since the exchange of the first line."""
    first: list[int] = []

    def tell(ns: int) -> str:
        if not first:
            first.append(ns)
        return _seconds(ns - first[0])

    return tell


def nothing() -> Teller:
    """No time."""
    return lambda ns: ""


def _seconds(ns: int) -> str:
    return f"{ns / SECOND_NS:{SECONDS_WIDTH}.6f}"


def _of_the_second(form: str, parts: Callable[[float], time.struct_time] = time.localtime) -> Callable[[int], str]:
    """The result of strftime() for a second; it is called once for all lines of the same second."""
    last, said = -1, ""

    def say(second: int) -> str:
        nonlocal last, said
        if second != last:
            last, said = second, time.strftime(form, parts(second))
        return said

    return say


CLOCK = "clock"
# by the values of --time
FORMS: dict[str, Callable[[], Teller]] = {
    CLOCK: clock,
    "date": date,
    "iso": iso,
    "epoch": epoch,
    "delta": delta,
    "relative": relative,
    "none": nothing,
}
# shown for packets of capture files without a time
NOT_KNOWN = {
    CLOCK: "--:--:--.---",
    "date": "---------- --:--:--.------",
    "iso": "----------T--:--:--.------Z",
    "epoch": "----------.------",
    "delta": "-".rjust(SECONDS_WIDTH),
    "relative": "-".rjust(SECONDS_WIDTH),
    "none": "",
}
