"""Statistics on standard output: --stats."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.cli.descriptors import STDOUT
from sockfilter.cli.values import JSONL

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.statistics.output import StatisticsOutput

# of a terminal that does not know its size (terminfo's vt100)
USUAL_SCREEN = 80, 24


def output(options: Options, sink: StandardOutput) -> StatisticsOutput:
    """Returns the output of statistics."""
    from sockfilter.statistics.collector import Collector
    from sockfilter.statistics.keys import ROUTE, names_of
    from sockfilter.statistics.output import StatisticsOutput

    collector = Collector(names_of(options.by or ROUTE), options.routes)
    if options.format == JSONL:
        from sockfilter.statistics.as_dict import statistics_line

        return StatisticsOutput(sink, collector, final=statistics_line)
    is_live = os.isatty(STDOUT) and os.environ.get("TERM") != "dumb"
    return StatisticsOutput(sink, collector, screen=screen if is_live else None)


def needs_processes(options: Options) -> bool:
    """Returns whether the statistics are by something that a process has."""
    if not options.by:
        return False
    from sockfilter.statistics.keys import OF_PROCESSES, names_of

    return not OF_PROCESSES.isdisjoint(names_of(options.by))


def screen() -> tuple[int, int]:
    """Returns the columns and the lines of the terminal."""
    try:
        size = os.get_terminal_size(STDOUT)
    except OSError:
        return USUAL_SCREEN
    return size.columns or USUAL_SCREEN[0], size.lines or USUAL_SCREEN[1]
