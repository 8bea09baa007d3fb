"""sockfilter tcp --top: who sends and receives how many bytes, in each interval."""

from __future__ import annotations

import os
import select
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.captures.connections import Connections, ports_of
from sockfilter.cli import privileges
from sockfilter.cli.descriptors import STDOUT, say
from sockfilter.cli.statistics import screen
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.values import JSONL
from sockfilter.forms.columns import shortened
from sockfilter.forms.connection_line import end_of
from sockfilter.forms.processes import name_of
from sockfilter.forms.sizes import size_text
from sockfilter.forms.times import clock
from sockfilter.observers.tcp.following import Asked
from sockfilter.observers.tcp.traffic import TcpTraffic
from sockfilter.statistics.output import CLEAR, UP

if TYPE_CHECKING:
    import argparse

    from sockfilter.captures.tcp_selection import TcpSelection
    from sockfilter.cli.signals import Signals
    from sockfilter.model import Process
    from sockfilter.observers.tcp.traffic import Carried

OK = 0
CONNECTION = "connection"
UNKNOWN = "?"
# lines of an interval if the output is no terminal
LINES_MAX = 20
TITLE = f"{'sent/s':>12} {'received/s':>12} {'connections':>11}  "


class TopLine:
    """The bytes of a process or a connection in an interval."""

    __slots__ = ("count", "received", "sent")

    def __init__(self) -> None:
        self.count = self.sent = self.received = 0


def show(options: argparse.Namespace, selection: TcpSelection, signals: Signals) -> int:
    """Shows who sends and receives until a signal ends it. Returns the exit status. Raises SockfilterError, OSError."""
    sink = StandardOutput(signals)
    with ExitStack() as stack:
        traffic = stack.enter_context(TcpTraffic(options.netns))
        live = stack.enter_context(Connections(selection, Asked(netns=options.netns, ports=ports_of(selection))))
        top = TopTable(options, selection, live, sink)
        privileges.give_up(privileges.choice(None, []), lambda: None)
        if not options.quiet:
            where = "" if options.netns is None else f" of network namespace {options.netns}"
            limited = f"; processes of new connections are not known: {live.limited}" if live.limited else ""
            say(f"bytes of TCP{where}, each {options.top:g} s; Ctrl-C ends{limited}")
        end_s = None if options.duration is None else time.monotonic() + options.duration
        count = 0
        while count != options.count and not signals.end_asked:
            due_s = time.monotonic() + options.top
            if end_s is not None and due_s > end_s + options.top / 2:
                break
            _wait(live, signals, due_s)
            if signals.end_asked:
                break
            top.show(list(traffic.read()), traffic.seconds)
            sink.check_reader()
            count += 1
        if traffic.lost and not options.quiet:
            say(f"the kernel had no room for some ended sockets {traffic.lost} times: their last bytes are missing")
    return OK


def _wait(live: Connections, signals: Signals, due_s: float) -> None:
    """Follows connections until the interval ends."""
    poll = select.poll()
    poll.register(signals.fd, select.POLLIN)
    while not signals.end_asked:
        for _ in live.read():
            pass
        left_s = due_s - time.monotonic()
        if left_s <= 0:
            return
        # short enough for the kernel's ring to have room
        poll.poll(min(left_s, 0.1) * 1000)
        signals.drain()


class TopTable:
    """Writes the table of each interval.

    Args:
        options: the options given.
        selection: which connections are wanted.
        live: knows the processes.
        sink: receives the lines.
    """

    def __init__(
        self, options: argparse.Namespace, selection: TcpSelection, live: Connections, sink: StandardOutput
    ) -> None:
        self._by_connection = options.by == CONNECTION
        self._is_json = options.format == JSONL
        self._selection = selection
        self._live = live
        self._sink = sink
        self._is_screen = os.isatty(STDOUT) and os.environ.get("TERM") != "dumb" and not self._is_json
        self._shown_lines = 0
        self._tell = clock()
        if self._is_json:
            from sockfilter.forms.json_dict import time_text
            from sockfilter.forms.json_values import ENCODE

            self._encode, self._time_text = ENCODE, time_text

    def show(self, carried: list[Carried], seconds: float) -> None:
        """Writes the table of an interval. Raises OSError and SockfilterError."""
        lines: dict[str, TopLine] = {}
        for one in carried:
            process = self._live.process_at(one.here, one.there)
            if not self._selection.has_ends(one.here, one.there):
                continue
            if self._selection.needs_processes and not self._live.has_process(one.here, one.there):
                continue
            name = self._name(one, process)
            line = lines.setdefault(name, TopLine())
            line.count += 1
            line.sent += one.sent
            line.received += one.received
        ordered = sorted(lines.items(), key=lambda each: (-each[1].sent - each[1].received, each[0]))
        self._sink.write(self._text(ordered, seconds).encode(errors="surrogateescape"))

    def _name(self, one: Carried, process: Process | None) -> str:
        if self._by_connection:
            return f"{end_of(one.here, process)} - {one.there}"
        return UNKNOWN if process is None else name_of(process)

    def _text(self, ordered: list[tuple[str, TopLine]], seconds: float) -> str:
        now_ns = time.time_ns()
        if self._is_json:
            return "".join(
                self._encode(
                    {
                        "kind": "top",
                        "time": self._time_text(now_ns),
                        "seconds": seconds,
                        "connection" if self._by_connection else "process": name,
                        "sent": line.sent,
                        "received": line.received,
                        "connections": line.count,
                    }
                )
                + "\n"
                for name, line in ordered
            )
        columns, rows = screen() if self._is_screen else (None, LINES_MAX)
        made = [f"{TITLE}{CONNECTION if self._by_connection else 'process'} at {self._tell(now_ns)}"]
        for name, line in ordered[: rows - 2]:
            rates = [f"{size_text(round(size / seconds)):>12}" for size in (line.sent, line.received)]
            made.append(f"{' '.join(rates)} {line.count:>11}  {name}")
        if len(ordered) > rows - 2:
            made.append(f"... {len(ordered) - rows + 2} more")
        before = UP.format(self._shown_lines) + CLEAR if self._shown_lines else ""
        self._shown_lines = len(made) if self._is_screen else 0
        end = "\n" if self._is_screen else "\n\n"
        return before + "\n".join(made if columns is None else [shortened(each, columns) for each in made]) + end
