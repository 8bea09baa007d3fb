"""sockfilter services: who serves what on this machine, by the exchanges that pass."""

from __future__ import annotations

import gc
import os
from functools import cached_property
from typing import TYPE_CHECKING

from sockfilter.cli import arguments, settings, subcommand, values
from sockfilter.cli.command import COLLECTOR
from sockfilter.cli.descriptors import STDOUT
from sockfilter.cli.parser import Added, Joined
from sockfilter.cli.run import Run
from sockfilter.cli.statistics import screen
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import JSONL
from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    import argparse

    from sockfilter.cli.shown import Shown
    from sockfilter.cli.signals import Signals

DESCRIPTION = """\
Shows who serves what: for each process that answers, its port and protocol, how many exchanges, their rate, errors and
durations (p50, p95, p99), who calls it, and its routes. On a terminal the table is live; otherwise it is printed at the
end.
"""
EPILOG = """\
examples:
  sudo sockfilter services                      all services of this machine, until Ctrl-C
  sudo sockfilter services --duration 30s       the same for 30 seconds
  sockfilter services -r web.pcapng             the services in a capture file
  sudo sockfilter services --format jsonl --duration 10s    a line of JSON for each service

exit status: 0 success, also after Ctrl-C; 1 it could not start or continue; 2 the command line is invalid.
"""


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser. Each option is one of the sniffer's, which parses it again."""
    parser = subcommand.parser("services", DESCRIPTION, EPILOG)
    parser.add_argument(
        "-i", "--interface", action=Joined, metavar="NAME[,NAME]", help="listen on these interfaces (any)"
    )
    parser.add_argument("-r", "--read", metavar="FILE", help="read a capture file")
    parser.add_argument("--netns", metavar="NAME|PID", help="listen in this network namespace")
    parser.add_argument("--ports", action=Joined, metavar="LIST", help="only these ports, at either end")
    parser.add_argument("--host", action=Joined, metavar="LIST", help="only these hosts, at either end")
    parser.add_argument("--protocols", action=Joined, metavar="LIST", help="protocols to read beside HTTP, or all")
    parser.add_argument("--tls", action="store_true", help="open TLS with the secrets of all processes")
    parser.add_argument("--keylog", metavar="FILE", help="open TLS with the secrets in this key log")
    parser.add_argument("-Y", "--filter", action=Added, type=values.where, metavar="FILTER", help="only such exchanges")
    parser.add_argument("--routes", action=Added, type=values.routes, metavar="ROUTE[,ROUTE]", help="names of routes")
    parser.add_argument("-c", "--count", type=values.count, metavar="N", help="exit after N exchanges")
    parser.add_argument("--duration", type=values.duration, metavar="TIME", help="exit after this time: 500ms, 10s, 5m")
    parser.add_argument(
        "--format", type=values.form, choices=("text", JSONL), help="a table, or a line of JSON for each service"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print neither the first line nor the summary")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Shows services. Returns the exit status. Raises SockfilterError and OSError."""
    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    if options.read is not None and options.interface is not None:
        raise InvalidArgument("-i is for live captures, and -r reads a file: use one of them")
    if options.read is None and options.interface is None:
        words = [*words, "-i", arguments.ANY]
    gc.set_threshold(*COLLECTOR)
    # --stats: bodies and lines are not needed
    found = arguments.parse([*words, "--stats"], settings.values)
    return ServicesRun(found, signals, StandardOutput(signals)).run()


class ServicesRun(Run):
    """A capture whose output is the table of services."""

    @cached_property
    def _exchanges(self) -> Shown:
        from sockfilter.cli.shown import Shown
        from sockfilter.statistics.services import ServiceCollector
        from sockfilter.statistics.services_output import ServicesOutput

        options = self._options
        is_json = options.format == JSONL
        is_live = os.isatty(STDOUT) and os.environ.get("TERM") != "dumb"
        output = ServicesOutput(
            self._sink, ServiceCollector(options.routes), is_json=is_json, screen=screen if is_live else None
        )
        return Shown(output, options.count, self._report.note, messages=options.messages)

    @property
    def _processes(self) -> bool | None:
        """Whether to name processes: if this process has the rights."""
        return None
