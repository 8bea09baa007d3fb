"""sockfilter check: whether the exchanges of a capture are those that are expected; for CI."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sockfilter.cli import arguments, settings, subcommand, values
from sockfilter.cli.capture_words import divided, refuse
from sockfilter.cli.ending import CHECK_FAILED
from sockfilter.cli.run import Run
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.cli.ending import Reason
    from sockfilter.cli.shown import Shown
    from sockfilter.cli.signals import Signals
    from sockfilter.errors import ExpectationFailed
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.outputs.fan import Member
    from sockfilter.testing.checks import Wanted

DESCRIPTION = """\
Checks whether the exchanges of a capture are those that are expected. Captures as sockfilter does, live, of a command,
or from a file, and takes the same options. Prints a line for each check, and for one that fails, what came nearest.
"""
EPILOG = """\
examples:
  sudo sockfilter check --once 'method == POST and path == "/charge"' --never 'status >= 500' -- ./checkout
  sockfilter check -r web.pcapng --all 'duration < 300ms' --at-most 3 'status == 404' --junit results.xml

exit status: 0 all checks hold; 4 a check failed; otherwise as that of a capture (sockfilter -h). With a command, its
status, if all checks hold.
"""
# Options of a capture that have no meaning here, by their names in Options.
REFUSED = {"format": "--format", "stats": "--stats", "by": "--by", "routes": "--routes", "list_interfaces": "-D"}
OK_WORD, FAILED_WORD = "ok", "FAILED"
# How GitHub recognises an annotation, and what it has in place of some characters
# (docs.github.com, Workflow commands for GitHub Actions).
ANNOTATION = "::error title=sockfilter check::{}\n"
ANNOTATION_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}


class _Check(argparse.Action):
    """Collects the checks in the order in which they are given."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, given: Any, option: str | None = None
    ) -> None:
        """Implements argparse.Action."""
        number, text = given if isinstance(given, list) else ("", given)
        if self.nargs == 2:
            try:
                values.number(number, 0, "the number of exchanges")
            except argparse.ArgumentTypeError as error:
                raise argparse.ArgumentError(self, str(error)) from None
        namespace.checks = [*getattr(namespace, "checks", ()), (self.dest, number, text)]


def get_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options that a capture does not have."""
    parser = subcommand.parser("check", DESCRIPTION, EPILOG)
    parser.usage = "%(prog)s [options of a capture] CHECK ... [-- COMMAND [ARGUMENT ...]]"
    once = "exactly one exchange meets this filter, which is one as for -Y"
    parser.add_argument("--once", action=_Check, metavar="FILTER", help=once)
    parser.add_argument("--never", action=_Check, metavar="FILTER", help="no exchange meets this filter")
    parser.add_argument("--all", action=_Check, metavar="FILTER", help="every exchange meets this filter")
    for name, words in (("times", "exactly"), ("at-least", "at least"), ("at-most", "at most")):
        parser.add_argument(
            f"--{name}", action=_Check, nargs=2, metavar=("N", "FILTER"), help=f"{words} N exchanges meet this filter"
        )
    parser.add_argument("--junit", metavar="FILE", help="also write the results to this file as JUnit XML")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Captures and checks. Returns the exit status. Raises SockfilterError and OSError."""
    parsed = divided(get_parser(), words)
    if isinstance(parsed, int):
        return parsed
    given, rest, command = parsed
    wanted = [_wanted(*check) for check in getattr(given, "checks", ())]
    if not wanted:
        raise InvalidArgument(
            "nothing to check: add --once FILTER, --never FILTER, --all FILTER, or others; -h has all"
        )
    options = arguments.parse(rest + command, settings.values)
    refuse(options, REFUSED, "sockfilter check, which prints the results of its checks")
    if options.write == "-":
        raise InvalidArgument("-w -: sockfilter check prints its results on standard output; use a file name")
    return CheckRun(options, signals, StandardOutput(signals), wanted, given.junit).run()


def _wanted(kind: str, number: str, text: str) -> Wanted:
    from sockfilter.filters.where import Where
    from sockfilter.testing.checks import Wanted

    name = kind.replace("_", "-")
    option = " ".join(filter(None, (f"--{name}", number, shlex.quote(text))))
    try:
        where = Where.parse(text)
    except InvalidArgument as error:
        raise InvalidArgument(f"--{name}: {error}") from error
    if kind == "all":
        return Wanted(option, where, is_all=True)
    count = {"once": 1, "never": 0}.get(kind, int(number or 0))
    least, most = (0 if kind == "at_most" else count), (None if kind == "at_least" else count)
    words = {"at_most": "at most ", "at_least": "at least "}.get(kind, "")
    return Wanted(option, where, least, most, words + {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times"))


class CheckRun(Run):
    """A capture whose exchanges are checked, and not shown.

    Args:
        options, signals, sink: as for Run.
        wanted: the checks.
        junit: the file for JUnit XML. None: none.
    """

    def __init__(
        self, options: Options, signals: Signals, sink: StandardOutput, wanted: list[Wanted], junit: str | None
    ) -> None:
        super().__init__(options, signals, sink)
        self._wanted = wanted
        self._junit = junit
        self._began_s = time.monotonic()

    def _members(self) -> list[Member]:
        from sockfilter.testing.check_file import ResultsFile
        from sockfilter.testing.checks import Checks

        import_module("sockfilter.views.clauses")  # now, because the code may not be readable when a check has failed
        self._checks = Checks(self._wanted, self._options.count)
        members = [*super()._members(), self._checks]
        if self._junit is not None:
            from sockfilter.testing.junit import NOT_WRITTEN, junit

            def document() -> bytes:
                return junit(self._results, time.monotonic() - self._began_s).encode()

            # opened now, because the user that root becomes may not write there
            members.append(ResultsFile(self._junit, self._owner, document, NOT_WRITTEN.encode()))
        return members

    @cached_property
    def _results(self) -> list[tuple[Wanted, ExpectationFailed | None]]:
        return self._checks.results()

    @cached_property
    def _exchanges(self) -> Shown:
        from sockfilter.cli.shown import Shown

        return Shown(None, self._options.count, self._report.note, messages=False)

    @property
    def _policy(self) -> BodyPolicy:
        """What to keep of bodies: what the filters of the checks read."""
        from sockfilter.captures.selection import Selection
        from sockfilter.cli import selecting

        policy = super()._policy
        for wanted in self._wanted:
            policy = selecting.policy(Selection(wanted.where), policy, self._options)
        return policy

    def _status(self, reason: Reason, about: dict[str, Any]) -> int:
        status = super()._status(reason, about)
        failed = self._tell()
        about["checks"] = {"failed": failed, "held": len(self._results) - failed}
        return CHECK_FAILED if failed else status

    def _tell(self) -> int:
        """Writes the results. Returns the number of checks that failed."""
        lines, annotations = [], []
        for wanted, error in self._results:
            lines.append(f"{OK_WORD if error is None else FAILED_WORD:<{len(FAILED_WORD)}}  {wanted.option}")
            if error is not None:
                lines += [f"        {line}" for line in str(error).split("\n")]
                annotations.append(_annotation(f"{wanted.option}\n{error}"))
        failed = len(annotations)
        total = self._checks.total
        lines.append(
            f"{len(self._results) - failed} of {len(self._results)} checks hold of {total}"
            f" exchange{'' if total == 1 else 's'}"
        )
        if os.environ.get("GITHUB_ACTIONS") != "true":
            annotations.clear()
        self._sink.write("".join([*(f"{line}\n" for line in lines), *annotations]).encode("utf-8", "backslashreplace"))
        return failed


def _annotation(text: str) -> str:
    for character, escaped in ANNOTATION_ESCAPES.items():
        text = text.replace(character, escaped)
    return ANNOTATION.format(text)
