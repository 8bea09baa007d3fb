"""sockfilter diff: what differs between two captures."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from sockfilter.cli import privileges, subcommand, values
from sockfilter.cli.ending import CHECK_FAILED, OK
from sockfilter.cli.parser import Added
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from sockfilter.captures.file import Reading
    from sockfilter.cli.signals import Signals
    from sockfilter.comparison.result import Result
    from sockfilter.model import Exchange

DESCRIPTION = """\
Compares the exchanges of two captures: pcap, pcapng or HAR files. Exchanges are matched by method and target, else by
route, in the order in which they began. Shows what is gone, what was added, and what has changed: status, fields,
problems, JSON bodies by path, other bodies. Fields that differ between any two runs, such as Date, are not compared.
"""
EPILOG = """\
examples:
  sockfilter diff before.pcapng after.pcapng
  sockfilter diff a.har b.har --ignore 'json.**.updated_at' --ignore header.x-version --slower 20%

exit status: 0 nothing differs; 4 something differs; 1 a file cannot be read; 2 the command line is invalid.
"""
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%?")
# Bytes to keep of each body: most bodies of an API are smaller. A body of which less was kept is compared so far.
BODY_BYTES = 1 << 20
# Exchanges of each file: all are in memory at once, with their bodies, some gigabytes in the worst case.
EXCHANGES_MAX = 100_000
# routes of each file that are named if there is no common one
ROUTES_NAMED = 3


def _share(text: str) -> float:
    """Parses the value of --slower as a share."""
    found = PERCENT.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: use a percentage, such as 20%")
    return float(found[1]) / 100


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("diff", DESCRIPTION, EPILOG)
    parser.add_argument("before", metavar="A", help="the first capture")
    parser.add_argument("after", metavar="B", help="the second capture")
    parser.add_argument(
        "--ignore",
        action=Added,
        type=lambda text: (text,),
        default=(),
        metavar="WHAT",
        help="do not compare this: status, problems, body, header.NAME, response.header.NAME, json.PATH; * is any part",
    )
    parser.add_argument(
        "--slower", type=_share, metavar="PERCENT", help="also show routes whose median duration has grown by more"
    )
    parser.add_argument(
        "--routes",
        action=Added,
        type=values.routes,
        default=(),
        metavar="ROUTE[,ROUTE]",
        help="names of routes, as for --stats: /users/{id}/orders",
    )
    parser.add_argument(
        "-Y",
        "--filter",
        dest="filters",
        action=Added,
        type=values.where,
        default=(),
        metavar="FILTER",
        help="compare only exchanges that meet this filter",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="print lines, or one JSON object")
    parser.add_argument("--show-secrets", action="store_true", help="do not mask credentials, cookies and keys")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Compares two files. Returns the exit status. Raises SockfilterError and OSError."""
    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    from sockfilter.captures.file import read
    from sockfilter.comparison.compare import compare
    from sockfilter.comparison.ignoring import Ignoring
    from sockfilter.filters.where import Where
    from sockfilter.forms.json_values import ENCODE
    from sockfilter.statistics.routes import router

    sink, ignoring, route = StandardOutput(signals), Ignoring(options.ignore), router(options.routes)
    where = Where(*options.filters) if options.filters else None
    paths = (options.before, options.after)
    readings = [read(path, body=BODY_BYTES, where=where) for path in paths]
    for reading in readings:
        _ = reading.ledger  # opens the file, before the right to read it is given up
    _give_up()
    before, after = (_all(reading, path) for reading, path in zip(readings, paths, strict=True))
    result = compare(before, after, route, ignoring, slower_by=options.slower, show_secrets=options.show_secrets)
    if options.format == "json":
        sink.write(f"{ENCODE(result.as_dict())}\n".encode())
    else:
        sink.write((_apart(result, paths) or result.text()).encode("utf-8", "backslashreplace"))
    return OK if result.is_same else CHECK_FAILED


def _give_up() -> None:
    """Gives up all rights before the files are read."""
    from sockfilter.cli import preloading, sandbox

    choice = privileges.choice(None, [])
    if choice.hides_code:
        preloading.import_all(hints=False)
    privileges.give_up(choice, lambda: None)
    sandbox.enter([], has_command=False, reads_code=not choice.hides_code, hints=False)


def _all(reading: Reading, path: str) -> list[Exchange]:
    found: list[Exchange] = []
    for exchange in reading:
        if len(found) == EXCHANGES_MAX:
            raise InvalidArgument(f"{path!r} has more than {EXCHANGES_MAX} exchanges; select some of them with -Y")
        found.append(exchange)
    return found


def _apart(result: Result, paths: tuple[str, str]) -> str:
    """Returns a line for two captures that have nothing in common. Empty: they have."""
    from sockfilter.escape import printable

    sides = result.matched.gone, result.matched.added
    if result.matched.pairs or not any(sides):
        return ""
    said = []
    for path, exchanges in zip(paths, sides, strict=True):
        routes = list(dict.fromkeys(route for route, _ in exchanges))
        named = ", ".join(map(printable, routes[:ROUTES_NAMED])) + (", ..." if len(routes) > ROUTES_NAMED else "")
        said.append(f"{path!r} has {named or 'no exchanges'}")
    return f"nothing in common: {'; '.join(said)}\n"
