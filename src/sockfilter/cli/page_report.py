"""sockfilter report: the exchanges of a capture as one HTML file."""

from __future__ import annotations

import argparse
from functools import cached_property
from typing import TYPE_CHECKING

from sockfilter.cli import arguments, page, settings, subcommand
from sockfilter.cli.capture_words import divided, refuse
from sockfilter.cli.descriptors import say
from sockfilter.cli.ending import OK
from sockfilter.cli.run import Run
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument
from sockfilter.forms.sizes import count_text

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.shown import Shown
    from sockfilter.cli.signals import Signals
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.outputs.fan import Member

DESCRIPTION = """\
Writes the exchanges of a capture file, or of a live capture until it ends, into one HTML file: the page that --web
shows, with everything in it. It loads nothing from anywhere, so it can be sent, archived and opened without a network.
Secrets are masked unless --show-secrets is given.
"""
EPILOG = """\
The options of a capture work too: sockfilter -h lists them.

examples:
  sockfilter report -r web.pcapng -o report.html
  sockfilter report -r web.pcapng -Y 'status >= 500' --body 1000000 -o errors.html
  sudo sockfilter report -i lo --duration 10s -o now.html

exit status: 0 the report was written; 1 something cannot be read or written; 2 the command line is invalid.
"""
STANDARD_OUTPUT = "-"
# options of a capture that say what to print, or where else to write
REFUSED = {"format": "--format", "stats": "--stats", "web": "--web"}


def get_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options that a capture does not have."""
    parser = subcommand.parser("report", DESCRIPTION, EPILOG)
    parser.usage = "%(prog)s [options of a capture] -o FILE"
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report to this file; - is standard output")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Writes a report. Returns the exit status. Raises SockfilterError and OSError."""
    parsed = divided(get_parser(), words)
    if isinstance(parsed, int):
        return parsed
    given, rest, command = parsed
    if not given.output:
        raise InvalidArgument("a report needs a file: -o report.html")
    options = arguments.parse(rest + command, settings.values)
    refuse(options, REFUSED, "sockfilter report, which writes an HTML file alone")
    if given.output == options.write == STANDARD_OUTPUT:
        raise InvalidArgument("-w - and -o - both write to standard output; use a file name for one of them")
    return ReportRun(options, signals, StandardOutput(signals), given.output).run()


class ReportRun(Run):
    """A capture that is written as a report, and not shown.

    Args:
        options, signals, sink: as for Run.
        path: the file of the report.
    """

    def __init__(self, options: Options, signals: Signals, sink: StandardOutput, path: str) -> None:
        super().__init__(options, signals, sink)
        self._path = path

    def run(self) -> int:
        """Captures and writes. Returns the exit status."""
        status = super().run()
        if status == OK and not self._options.quiet and self._path != STANDARD_OUTPUT:
            count = self._exchanges.count
            about = count_text(count, "exchange") if count else "no exchanges"
            say(f"{self._path} has {about}; open it in a browser")
        return status

    @property
    def _has_page(self) -> bool:
        """The report is a page."""
        return True

    def _members(self) -> list[Member]:
        from sockfilter.page.report import ReportFile

        options = self._options
        report = ReportFile(
            self._sink if self._path == STANDARD_OUTPUT else self._path,
            page.about(options),
            self._owner,
            options.count,
            bodies=options.body != 0,
            show_secrets=options.show_secrets,
            messages=options.messages,
        )
        return [*super()._members(), report]

    @cached_property
    def _exchanges(self) -> Shown:
        from sockfilter.cli.shown import Shown

        return Shown(None, self._options.count, self._report.note, messages=False)

    @property
    def _policy(self) -> BodyPolicy:
        """What to keep of bodies: what the page shows, and what a filter reads."""
        from sockfilter.cli import selecting

        policy = page.policy(self._options)
        return policy if self._selection is None else selecting.policy(self._selection, policy, self._options)
