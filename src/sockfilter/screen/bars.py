"""Bars of time: the phases of an exchange, in as many columns as there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from sockfilter.forms.sizes import duration_text
from sockfilter.recent.phases import PHASES, phases, span
from sockfilter.screen.looks import DIM, OF_PHASE, PLAIN

if TYPE_CHECKING:
    from rich.style import Style

    from sockfilter.model import Exchange
    from sockfilter.recent.phases import TimeSpan

BAR_MIN, BAR_MAX = 10, 40
# columns of the name and the duration of a phase, and those from which on what it is has room too
LABEL_COLUMNS = 20
WORDS_FROM = 140


def waterfall(exchange: Exchange, window: TimeSpan | None, columns: int) -> list[Segment]:
    """Returns the bar of an exchange among others.

    Args:
        exchange: the exchange.
        window: the time that all columns stand for. None: no time is known.
        columns: how many there are.
    """
    place = span(exchange)
    if window is None or place is None or columns <= 0:
        return [Segment(" " * max(0, columns), PLAIN)]
    total_ns = max(1, window.length_ns or 0)
    offset_ns = place.start_ns - window.start_ns
    cells: list[tuple[str, Style]] = [(" ", PLAIN)] * columns
    found = phases(exchange)
    for phase in found:
        first = _column(offset_ns + phase.start_ns, total_ns, columns)
        last = _column(offset_ns + phase.start_ns + phase.length_ns, total_ns, columns)
        for at in range(first, last + 1):
            cells[at] = OF_PHASE[phase.name]
    if not found:
        cells[_column(offset_ns, total_ns, columns)] = ("?", DIM)
    return _joined(cells)


def _column(ns: int, total_ns: int, columns: int) -> int:
    return max(0, min(columns - 1, ns * columns // total_ns))


def _joined(cells: list[tuple[str, Style]]) -> list[Segment]:
    made: list[Segment] = []
    start = 0
    for at in range(1, len(cells) + 1):
        if at == len(cells) or cells[at][1] is not cells[start][1]:
            made.append(Segment("".join(character for character, _ in cells[start:at]), cells[start][1]))
            start = at
    return made


def timing_lines(exchange: Exchange, room: int) -> list[list[Segment]]:
    """Returns a line for each phase: its name, how long it took, its bar, and what it is, if there is room for it.

    Args:
        exchange: the exchange.
        room: the columns of a line.
    """
    found = phases(exchange)
    if not found:
        return [[Segment("no times are known", DIM)]]
    total_ns = max(1, *(phase.start_ns + phase.length_ns for phase in found))
    words = {phase.name: phase.words for phase in PHASES}
    has_words = room >= WORDS_FROM
    columns = max(BAR_MIN, min(BAR_MAX, room - LABEL_COLUMNS))
    made = []
    for phase in found:
        character, style = OF_PHASE[phase.name]
        first = _column(phase.start_ns, total_ns, columns)
        last = _column(phase.start_ns + phase.length_ns, total_ns, columns)
        bar = (" " * first + character * (last - first + 1)).ljust(columns)
        made.append(
            [
                Segment(f"{phase.name:<8}{duration_text(phase.length_ns):>9}  ", PLAIN),
                Segment(bar, style),
                Segment(f"  {words[phase.name]}" if has_words else "", DIM),
            ]
        )
    duration_ns = exchange.duration_ns
    if duration_ns is not None:
        made.append([Segment(f"{'total':<8}{duration_text(duration_ns):>9}  without connect", PLAIN)])
    return made
