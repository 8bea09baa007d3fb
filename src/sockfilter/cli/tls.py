"""sockfilter tls: which processes use which TLS library, and whether --tls opens their connections."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.cli import subcommand, values
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import InvalidArgument, KernelUnsupported, MissingCapability

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from sockfilter.cli.signals import Signals
    from sockfilter.sources.secrets.prober import Looked, Prober

OK, NONE = 0, 1
TEXT, JSONL = "text", "jsonl"
# processes that a line of text names
NAMED_MAX = 6

DESCRIPTION = """\
Lists the TLS libraries that processes use, and whether --tls opens their connections: by which function, or why not and
what to do instead. It attaches nothing.
"""
EPILOG = """\
examples:
  sudo sockfilter tls                     all processes
  sudo sockfilter tls --pid 812           one process
  sockfilter tls /usr/bin/node            a program or a library, whether it runs or not

exit status: 0 all libraries can be opened; 1 some cannot, or none was found; 2 the command line is invalid.
"""


class LibraryRow(NamedTuple):
    """A TLS library: its path, whether it can be opened, how or why not, what to do, its offsets, and who uses it."""

    path: str
    opens: bool
    found: str
    remedy: str
    offsets: tuple[int, ...]
    build_id: str
    processes: tuple[tuple[int, str], ...]


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("tls", DESCRIPTION, EPILOG)
    parser.add_argument("file", nargs="?", metavar="FILE", help="a program or a library")
    parser.add_argument("--pid", type=values.pids, metavar="PID", help="one process, or several: 1,2 (all)")
    parser.add_argument("--format", choices=(TEXT, JSONL), default=TEXT, help="a line for each library, or JSON lines")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Lists the libraries. Returns the exit status. Raises InvalidArgument."""
    from sockfilter.sources.secrets.cache import Cache
    from sockfilter.sources.secrets.prober import Prober

    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    if options.file is not None and options.pid is not None:
        raise InvalidArgument("sockfilter tls: name a file or --pid, not both")
    prober = Prober(None, Cache())
    hidden = 0
    if options.file is not None:
        rows = [_of_file(prober, options.file)]
    else:
        rows, hidden = _of_processes(prober, options.pid)
    prober.save()
    sink = StandardOutput()
    lines = [_json(row) if options.format == JSONL else _text(row) for row in rows]
    if options.format == TEXT:
        lines += _afterwards(rows, hidden, options.file is None)
    sink.write("".join(f"{line}\n" for line in lines).encode())
    return OK if rows and all(row.opens for row in rows) else NONE


def _of_file(prober: Prober, path: str) -> LibraryRow:
    looked = prober.look_at(path)
    if looked.found is None:
        raise InvalidArgument(f"reading {path}: {looked.error}")
    return _row(looked, ())


def _of_processes(prober: Prober, pids: Iterable[int] | None) -> tuple[list[LibraryRow], int]:
    """Returns the libraries of processes, and how many processes could not be looked at. Raises InvalidArgument."""
    from sockfilter.sources.secrets import mappings

    users: dict[Looked, list[tuple[int, str]]] = {}
    hidden = 0
    for pid in mappings.processes() if pids is None else pids:
        try:
            mapped = mappings.of(pid)
        except OSError as error:
            if pids is not None:
                raise InvalidArgument(_no_process(pid, error)) from error
            hidden += isinstance(error, PermissionError)
            continue
        for mapping in mapped:
            looked = prober.look_at_mapping(mapping)
            if looked is not None and looked.is_relevant:
                users.setdefault(looked, []).append((pid, _name(pid)))
    rows = [_row(looked, tuple(who)) for looked, who in users.items()]
    return sorted(rows, key=lambda row: (not row.opens, row.path)), hidden


def _no_process(pid: int, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"process {pid} belongs to somebody else; use sudo"
    return f"there is no process {pid}"


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _row(looked: Looked, processes: tuple[tuple[int, str], ...]) -> LibraryRow:
    from sockfilter.sources.secrets.reasons import reason

    if looked.found is None:
        remedy = "use sudo" if os.geteuid() else ""
        return LibraryRow(looked.path, False, f"it cannot be read: {looked.error}", remedy, (), "", processes)
    words, remedy = reason(looked.path, looked.found.how)
    offsets = tuple(function.offset for function in looked.found.functions)
    if looked.found.go_version:
        words = f"{words} ({looked.found.go_version})"
    return LibraryRow(looked.path, bool(offsets), words, remedy, offsets, looked.found.build_id, processes)


def _text(row: LibraryRow) -> str:
    from sockfilter.escape import printable

    places = ", ".join(f"{offset:#x}" for offset in row.offsets)
    line = f"{'yes' if row.opens else 'no':<4}{printable(row.path)}: {row.found}{f' at {places}' if places else ''}"
    if row.processes:
        who = [f"{printable(name)}[{pid}]" for pid, name in row.processes[:NAMED_MAX]]
        more = len(row.processes) - len(who)
        line += f"\n    used by {', '.join(who)}{f' and {more} more' if more > 0 else ''}"
    return f"{line}\n    -> {row.remedy}" if row.remedy else line


def _json(row: LibraryRow) -> str:
    made = row._asdict() | {"processes": [{"pid": pid, "comm": name} for pid, name in row.processes]}
    made["remedy"] = row.remedy or None
    made["build_id"] = row.build_id or None
    return json.dumps(made)


def _afterwards(rows: list[LibraryRow], hidden: int, is_of_processes: bool) -> list[str]:
    """Returns what is to be said after the rows."""
    from sockfilter.sources.secrets.probes import check

    lines: list[str] = []
    if not rows and is_of_processes:
        lines.append("no process uses a TLS library")
    if hidden:
        noun = "process" if hidden == 1 else "processes"
        remedy = "; use sudo" if os.geteuid() else ""
        lines.append(f"{hidden} {noun} could not be looked at{remedy}")
    try:
        check()
    except (MissingCapability, KernelUnsupported) as error:
        lines.append(f"--tls is not possible here: {error}")
    return lines
