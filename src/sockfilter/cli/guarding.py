"""A run of sockfilter guard: lines about what is refused, and the sums at the end."""

from __future__ import annotations

import json
import select
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.cli.descriptors import say
from sockfilter.cli.values import JSONL
from sockfilter.errors import SockfilterError
from sockfilter.escape import printable
from sockfilter.forms.sizes import count_text
from sockfilter.forms.times import clock
from sockfilter.guarding.guard import Guard
from sockfilter.guarding.joining import Joining
from sockfilter.guarding.listeners import ListeningProcesses
from sockfilter.guarding.refused import RefusedBy
from sockfilter.sources.packets import interfaces
from sockfilter.system import devices
from sockfilter.system.namespace import entered

if TYPE_CHECKING:
    import argparse

    from sockfilter.captures.capture import Capture
    from sockfilter.cli.signals import Signals
    from sockfilter.cli.stdout import StandardOutput
    from sockfilter.guarding.refused import RefusedOpening
    from sockfilter.guarding.rules import Rules
    from sockfilter.model import Exchange

OK, GONE = 0, 1
# seconds between two looks at what was refused, and at whether the interface is still there
LOOK_S, DEVICE_S = 0.1, 1.0
# lines about refused openings in a second of text: a flood would fill the terminal
LINES_A_SECOND = 20


class Guarding:
    """Runs a guard until it is asked to end.

    Args:
        options: the command line.
        rules: the rules.
        signals: what asks it to end.
        sink: where lines go.
    """

    def __init__(self, options: argparse.Namespace, rules: Rules, signals: Signals, sink: StandardOutput) -> None:
        self._options = options
        self._rules = rules
        self._signals = signals
        self._sink = sink
        self._is_json = options.format == JSONL
        self._clock = clock()
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._joining = Joining()
        self._listeners = ListeningProcesses(options.netns)
        self._second = 0
        self._lines = self._left_out = 0

    def run(self) -> int:
        """Guards. Returns the exit status. Raises SockfilterError."""
        options = self._options
        with ExitStack() as stack:
            with entered(options.netns):
                link = stack.enter_context(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
                found = None if options.interface is None else interfaces.find(options.interface)
                capture = self._capture(stack)
                guard = stack.enter_context(
                    Guard(self._rules, options.interface, options.cgroup, enforce=options.enforce)
                )
            if not options.quiet:
                say(_greeting(options, guard.name))
            began = time.monotonic()
            status = self._loop(guard, capture, devices.Describing(link), 0 if found is None else found.index)
            seconds = time.monotonic() - began
            if capture is not None:
                capture.flush()
            guard.close()
            self._show(guard, capture)
            self._end(guard, seconds, capture is not None)
        return status

    def _capture(self, stack: ExitStack) -> Capture | None:
        """Opens a capture for a dry run, which says which exchanges would not have been."""
        if self._options.enforce or self._options.no_exchanges or self._options.interface is None:
            return None
        from sockfilter.captures.capture import capture

        try:
            return stack.enter_context(capture(self._options.interface, body=0, emit=self._joining.add_exchange))
        except SockfilterError as error:
            say(f"{error}: exchanges that would not have been are not shown")
            return None

    def _loop(self, guard: Guard, capture: Capture | None, asking: devices.Describing, index: int) -> int:
        lasts_s = self._options.lasts
        began = looked = time.monotonic()
        while not self._signals.end_asked:
            now = time.monotonic()
            if lasts_s is not None and now >= began + lasts_s:
                return OK
            if index and now >= looked + DEVICE_S:
                looked = now
                if asking.describe(index) is None:
                    say(f"guarding {guard.name}: it has gone")
                    return GONE
            left = LOOK_S if lasts_s is None else min(LOOK_S, began + lasts_s - now)
            select.select([self._signals.fd], [], [], left)
            self._signals.drain()
            self._show(guard, capture)
            self._sink.check_reader()
        return OK

    def _show(self, guard: Guard, capture: Capture | None) -> None:
        """Shows what was refused since, and the exchanges of what was refused."""
        while capture is not None and capture.pump():
            pass
        # after the exchanges: each follows the opening of its connection, which is there by now
        for refused in guard.take():
            self._joining.add_refused(refused)
            self._show_refused(refused)
        for exchange in self._joining.take():
            self._show_exchange(exchange)

    def _show_refused(self, refused: RefusedOpening) -> None:
        if self._is_json:
            self._write_json("refused", _as_dict(refused), refused.time_ns)
            return
        second = refused.time_ns // 1_000_000_000
        if second != self._second:
            self._say_left_out()
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LINES_A_SECOND:
            self._left_out += 1
            return
        process = self._listeners.of(refused.protocol, refused.target.port)
        serves = f"  ({printable(process.comm)}[{process.pid}] serves it)" if process is not None else ""
        self._line(refused.time_ns, self._word, f"{_ends(refused)}  {self._reason(refused)}{serves}")

    def _show_exchange(self, exchange: Exchange) -> None:
        from sockfilter.forms.masked import masked

        request, response = masked(exchange).request, exchange.response
        what = f"{request.method} {request.target}" if request is not None else "a response"
        status = f" {response.status}" if response is not None else ""
        client, server = exchange.connection.client, exchange.connection.server
        time_ns = (exchange.start_ns or time.time_ns()) - self._offset_ns
        if self._is_json:
            made = {"client": _end(client), "server": _end(server), "exchange": exchange.id, "what": what + status}
            self._write_json("not-been", made, time_ns)
        elif self._lines <= LINES_A_SECOND:
            self._line(time_ns, "would not be", f"{client} > {server}  {printable(what)}{status}")

    @property
    def _word(self) -> str:
        return "refused     " if self._options.enforce else "would refuse"

    def _reason(self, refused: RefusedOpening) -> str:
        if refused.rule is RefusedBy.RATE:
            return f"more than {self._rules.rate} of one source"
        return "port not allowed" if self._rules.allow is not None else "port denied"

    def _line(self, time_ns: int, word: str, text: str) -> None:
        self._sink.write(f"{self._clock(time_ns + self._offset_ns)}  {word}  {text}\n".encode())

    def _say_left_out(self) -> None:
        if self._left_out:
            self._sink.write(f"              ... and {self._left_out} more in this second\n".encode())
        self._left_out = 0

    def _write_json(self, kind: str, made: dict[str, Any], time_ns: int) -> None:
        line = {"kind": kind, "time": (time_ns + self._offset_ns) / 1e9, "enforced": self._options.enforce, **made}
        self._sink.write(json.dumps(line).encode() + b"\n")

    def _end(self, guard: Guard, seconds: float, has_exchanges: bool) -> None:
        self._say_left_out()
        counts = guard.counts
        joined = self._joining
        if self._is_json:
            made = {"seconds": round(seconds, 3), **counts._asdict(), "sources_refused": joined.sources}
            if has_exchanges:
                made["exchanges"] = joined.exchanges
            self._write_json("guard-total", made, time.monotonic_ns())
        if self._options.quiet:
            return
        did = "refused" if self._options.enforce else "would have refused"
        text = f"in {seconds:.1f} s {count_text(counts.openings, 'opening')} of {count_text(counts.seen, 'packet')};"
        text += f" {did} {counts.refused}"
        if counts.refused:
            text += f" of {count_text(joined.sources, 'source')}"
        if has_exchanges:
            text += f"; {count_text(joined.exchanges, 'exchange')} would not have been"
        say(text)
        for number, words in (
            (counts.unreported, "refused openings were too many to be shown"),
            (counts.forgotten, "sources made room for others, and began anew"),
            (counts.no_room, "openings were allowed because their source found no room in the table"),
            (counts.unread, "packets were passed because their headers could not be read"),
        ):
            if number:
                say(f"{number} {words}")


def _greeting(options: argparse.Namespace, name: str) -> str:
    """Returns the first line."""
    if not options.enforce:
        return f"dry run on {name}: nothing is dropped, --enforce drops; Ctrl-C ends"
    until = "a signal ends it" if options.until_stopped else f"for {options.lasts:g} s"
    return f"guarding {name}, {until}: what is refused is dropped; Ctrl-C ends"


def _ends(refused: RefusedOpening) -> str:
    return f"{refused.source} > {refused.target}{' (UDP)' if refused.protocol == 'udp' else ''}"


def _end(end: Any) -> dict[str, Any]:
    return {"ip": end.ip, "port": end.port}


def _as_dict(refused: RefusedOpening) -> dict[str, Any]:
    return {
        "source": _end(refused.source),
        "target": _end(refused.target),
        "protocol": refused.protocol,
        "rule": refused.rule.value,
    }
