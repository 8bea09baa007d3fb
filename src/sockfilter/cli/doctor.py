"""sockfilter doctor: checks whether sockfilter can capture on this machine, and says how to fix what prevents it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.cli import stdout, subcommand
from sockfilter.cli.ending import said_of
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import SockfilterError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from sockfilter.cli.checks import Finding
    from sockfilter.cli.signals import Signals

FINE, NOT_FINE = 0, 1

DESCRIPTION = """\
Checks whether sockfilter can capture here: the kernel, the rights, whether the program loads, and whether it sees one
exchange on lo. Prints a line for each check, and what to do if something is missing.
"""
EPILOG = """\
exit status: 0 sockfilter can capture; 1 it cannot.
"""
RESET = "\x1b[0m"
COLOURS = {"ok": "\x1b[32m", "note": "\x1b[33m", "bad": "\x1b[31m", "unknown": "\x1b[33m"}
NAME_WIDTH = 26


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("doctor", DESCRIPTION, EPILOG)
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Runs all checks. Returns the exit status."""
    from sockfilter.cli.checks import BAD, CHECKS

    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    sink = StandardOutput()
    has_colour = stdout.wants_colour("auto")
    findings: list[Finding] = []
    for check in CHECKS:
        if signals.end_asked:
            return NOT_FINE
        if any(finding.state == BAD and finding.name == "libbpf" for finding in findings):
            break  # all later checks need it
        findings.append(_finding(check))
        if not options.json:
            sink.write(_line(findings[-1], has_colour).encode())
    is_fine = all(finding.state != BAD for finding in findings)
    if options.json:
        import json

        made = {"can_capture": is_fine, "checks": [finding._asdict() for finding in findings]}
        sink.write(json.dumps(made, indent=1).encode() + b"\n")
    return FINE if is_fine else NOT_FINE


def _finding(check: Callable[[], Finding]) -> Finding:
    from sockfilter.cli.checks import BAD, Finding

    try:
        return check()
    except (SockfilterError, OSError) as error:
        # Something that all checks need, such as /proc, is missing.
        return Finding(check.__name__.replace("_", " "), BAD, said_of(error))


def _line(finding: Finding, has_colour: bool) -> str:
    state = f"{finding.state:<7}"
    if has_colour:
        state = f"{COLOURS[finding.state]}{state}{RESET}"
    line = f"{state} {finding.name:<{NAME_WIDTH}} {finding.found}\n"
    return f"{line}{'':>{NAME_WIDTH + 9}}-> {finding.remedy}\n" if finding.remedy else line
