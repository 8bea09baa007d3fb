"""sockfilter tcp --now: what is open, or who listens, at this moment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sockfilter.cli.descriptors import say
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import JSONL
from sockfilter.observers.tcp.open_sockets import OpenSockets
from sockfilter.system import namespace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from sockfilter.captures.tcp_selection import TcpSelection
    from sockfilter.model.tcp_connection import Listener

OK = 0
# bytes of lines that are written at once
AT_ONCE_BYTES = 1 << 16


def show(options: argparse.Namespace, selection: TcpSelection) -> int:
    """Lists connections or listeners. Returns the exit status. Raises SockfilterError."""
    sink = StandardOutput()
    with namespace.entered(options.netns):
        found = OpenSockets()
    lines = _listeners(found, options, selection) if options.listening else _connections(found, options, selection)
    count, waiting = 0, bytearray()
    for line in lines:
        count += 1
        waiting += f"{line}\n".encode(errors="surrogateescape")
        if len(waiting) > AT_ONCE_BYTES:
            sink.write(bytes(waiting))
            waiting.clear()
        if count == options.count:
            break
    sink.write(bytes(waiting))
    if not options.quiet and options.format != JSONL:
        noun = "listener" if options.listening else "open connection"
        who = "" if os.geteuid() == 0 else "; processes of other users are not named: use sudo"
        say(f"{count} {noun}{'' if count == 1 else 's'}{who}")
    return OK


def _connections(found: OpenSockets, options: argparse.Namespace, selection: TcpSelection) -> Iterator[str]:
    from sockfilter.forms.open_line import open_dict, open_line

    for opened in found.connections():
        client, server = opened.connection.client, opened.connection.server
        if not selection.has_ends(client.endpoint, server.endpoint):
            continue
        if not selection.has_process((client.process, server.process)):
            continue
        yield _json(open_dict(opened)) if options.format == JSONL else open_line(opened)


def _listeners(found: OpenSockets, options: argparse.Namespace, selection: TcpSelection) -> Iterator[str]:
    from sockfilter.forms.connection_dict import listener_dict

    for listener in found.listeners():
        if selection.has_ends(listener.here) and selection.has_process(listener.processes):
            yield _json(listener_dict(listener)) if options.format == JSONL else listener_text(listener)


def listener_text(listener: Listener) -> str:
    """Returns the line of a listener."""
    from sockfilter.forms.connection_line import listener_line
    from sockfilter.forms.times import date

    tell = date()
    since = ""
    if listener.since_ns is not None:
        since = f"since {tell(listener.since_ns)[:19]}"
    elif listener.started_ns is not None:
        since = f"its process runs since {tell(listener.started_ns)[:19]}"
    return listener_line(listener, since)


def _json(made: dict[str, Any]) -> str:
    from sockfilter.forms.json_values import ENCODE

    return ENCODE(made)
