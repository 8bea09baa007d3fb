"""sockfilter tcp: connections as they end, and what happens to them, until it is stopped."""

from __future__ import annotations

import gc
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.captures.connections import Connections, ports_of
from sockfilter.cli import preloading, privileges, tcp_now
from sockfilter.cli.command import COLLECTOR
from sockfilter.cli.descriptors import STDOUT, say
from sockfilter.cli.stdout import Stalled, StandardOutput
from sockfilter.cli.values import JSONL
from sockfilter.errors import InvalidArgument
from sockfilter.forms import connection_line
from sockfilter.forms.sizes import count_text
from sockfilter.forms.times import clock
from sockfilter.model.tcp_connection import Listener, QueueFull, TcpChange, TcpConnection, TcpDrop, TcpReset
from sockfilter.observers.tcp.following import Asked, Show
from sockfilter.system.drop_reasons import DropReasons

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from sockfilter.captures.connections import Seen
    from sockfilter.captures.tcp_selection import TcpSelection
    from sockfilter.cli.signals import Signals
    from sockfilter.cli.tcp_http import Beneath
    from sockfilter.model import Exchange

OK = 0
# seconds between two reads of packets
HTTP_S = 0.1
# bytes of lines that are written at once
AT_ONCE_BYTES = 1 << 16


def show(options: argparse.Namespace, selection: TcpSelection, signals: Signals) -> int:
    """Shows connections until a signal, a count or a duration ends it. Returns the exit status.

    Raises SockfilterError and OSError.
    """
    gc.set_threshold(*COLLECTOR)
    sink = StandardOutput(signals)
    asked = Asked(_show(options), options.netns, ports_of(selection), _reasons(options))
    needs_rights = bool(options.states or options.drops is not None or options.resets or options.slow)
    with ExitStack() as stack:
        # the packets first, so that no connection that is shown lacks its exchanges
        beneath = stack.enter_context(_beneath(options)) if options.http else None
        live = stack.enter_context(Connections(selection, asked, needs_rights=needs_rights))
        shown = Shower(options, sink, live, beneath)
        chosen = privileges.choice(None, [])
        if beneath is not None:
            if chosen.hides_code:
                preloading.import_all(hints=False)
            beneath.source.also_wake_for(signals.fd)
        privileges.give_up(chosen, beneath.check if beneath is not None else lambda: None)
        live.also_wake_for(signals.fd)
        if sink.is_pipe:
            live.also_wake_for(STDOUT)
        shown.begin()
        end_s = None if options.duration is None else time.monotonic() + options.duration
        while True:
            is_full = shown.take(live.read())
            shown.flush()
            left_s = None if end_s is None else end_s - time.monotonic()
            if is_full or signals.end_asked or (left_s is not None and left_s <= 0):
                break
            # the packets of --http have a ring of their own
            live.wait(left_s if beneath is None else min(left_s or HTTP_S, HTTP_S))
            signals.drain()
            sink.check_reader()
        if not is_full:
            shown.take(live.rest())
        try:
            shown.flush()
        except Stalled as error:
            say(str(error))
        shown.end()
    return OK


class Shower:
    """Writes lines for what is seen, and counts it.

    Args:
        options: the options given.
        sink: receives the lines.
        live: what is seen.
        beneath: has the exchanges of connections. None: they are not shown.
    """

    def __init__(
        self, options: argparse.Namespace, sink: StandardOutput, live: Connections, beneath: Beneath | None = None
    ) -> None:
        self._options = options
        self._sink = sink
        self._live = live
        self._beneath = beneath
        self._waiting = bytearray()
        self._counts: Counter[str] = Counter()
        self._lines = 0
        self._tell = clock()
        self._form = _encoder() if options.format == JSONL else self._text
        self._exchange = _exchange_form(options)
        self._kinds = _kinds(options)
        self._slow_ns = None if options.slow is None else int(options.slow * 1e9)

    def begin(self) -> None:
        """Says what is shown, and lists the listeners if they are asked for."""
        options, live = self._options, self._live
        if not options.quiet:
            where = "of this machine" if options.netns is None else f"of network namespace {options.netns}"
            if live.limited:
                say(f"only the ends of connections, without reasons, connect times and states: {live.limited}")
            else:
                what = "listeners" if options.listening and not self._counts else "connections"
                say(f"following the {what} {where}; Ctrl-C ends")
            if options.stacks and not live.has_symbols:
                say("the kernel hides its addresses, so stacks are numbers: use sudo, or grant CAP_SYSLOG too")
        if options.listening:
            for listener in live.listeners.list():
                self._write(listener)
            self.flush()

    def take(self, seen: Any) -> bool:
        """Writes what was seen. Returns whether as many lines have been written as were asked for."""
        if self._beneath is not None:
            seen = list(seen)
            self._beneath.read()  # packets pass before their connection ends
        for one in seen:
            self._count(one)
            if type(one) in self._kinds and self._is_slow(one):
                self._write(one)
                if self._lines == self._options.count:
                    return True
        return False

    def flush(self) -> None:
        """Writes the lines to the output. Raises OSError and SockfilterError."""
        if self._waiting:
            data = bytes(self._waiting)
            self._waiting.clear()
            self._sink.write(data)

    def end(self) -> None:
        """Says what was seen and lost."""
        ledger = self._live.ledger
        lost = ledger.get("records_lost", 0) + ledger.get("lost", 0) + ledger.get("forgotten", 0)
        if not self._options.quiet:
            counts = self._counts
            parts = [count_text(counts["connections"], "connection")]
            parts += [
                f"{counts[name]} {word}" for name, word in (("failed", "failed"), ("reset", "reset")) if counts[name]
            ]
            if counts["retransmitted"]:
                parts.append(count_text(counts["retransmitted"], "retransmission"))
            if counts["drops"]:
                parts.append(count_text(counts["drops"], "drop"))
            if ledger.get("overflows"):
                parts.append(f"{count_text(ledger['overflows'], 'connection')} turned away by full queues")
            say(", ".join(parts))
        if lost:
            say(
                f"{count_text(lost, 'record')} of the kernel had no room: connections are missing,"
                " or lack what these told"
            )

    def _write(self, one: Seen) -> None:
        self._lines += 1
        self._put(self._form(one))
        if self._beneath is not None and isinstance(one, TcpConnection):
            exchanges, more = self._beneath.of(one)
            for exchange in exchanges:
                self._put(self._exchange(exchange, one))
            if more and self._options.format != JSONL:
                self._put(f"    ... {count_text(more, 'more exchange')}")
        if len(self._waiting) >= AT_ONCE_BYTES:
            self.flush()

    def _put(self, line: str) -> None:
        self._waiting += f"{line}\n".encode(errors="surrogateescape")

    def _text(self, one: Seen) -> str:
        if isinstance(one, TcpConnection):
            time_ns = one.opened_ns or one.ended_ns or 0
            return connection_line.connection_line(one, self._tell(time_ns))
        if isinstance(one, Listener):
            return tcp_now.listener_text(one)
        return TEXTS[type(one)](one, self._tell(one.time_ns))

    def _count(self, one: Seen) -> None:
        if isinstance(one, TcpConnection):
            self._counts["connections"] += 1
            self._counts["failed"] += one.failed
            self._counts["reset"] += one.end is not None and one.end.how == "reset"
            self._counts["retransmitted"] += one.retransmitted
            self._counts["drops"] += one.drops

    def _is_slow(self, one: Seen) -> bool:
        if self._slow_ns is None or not isinstance(one, TcpConnection):
            return True
        queued = [peer.queued_ns or 0 for peer in (one.client, one.server)]
        connect_ns = one.age_ns if one.failed else one.connect_ns
        return max(connect_ns or 0, (one.rtt_us or 0) * 1000, *queued) >= self._slow_ns


TEXTS: dict[type, Callable[[Any, str], str]] = {
    TcpChange: connection_line.change_line,
    TcpDrop: connection_line.drop_line,
    TcpReset: connection_line.reset_line,
    QueueFull: connection_line.queue_line,
}


def _beneath(options: argparse.Namespace) -> Beneath:
    from sockfilter.cli.tcp_http import Beneath

    return Beneath(options)


def _exchange_form(options: argparse.Namespace) -> Callable[[Exchange, TcpConnection], str]:
    """Returns what makes a line of an exchange."""
    if not options.http:
        return lambda exchange, connection: ""
    from sockfilter.cli.tcp_http import exchange_fields, exchange_text

    if options.format != JSONL:
        return lambda exchange, connection: exchange_text(exchange)
    from sockfilter.forms.json_values import ENCODE

    return lambda exchange, connection: ENCODE(exchange_fields(exchange, connection.number))


def _encoder() -> Callable[[Seen], str]:
    """Returns what makes a line of JSON. It is imported before root becomes a user who cannot read the code."""
    from sockfilter.forms import connection_dict
    from sockfilter.forms.json_values import ENCODE

    dicts: dict[type, Callable[[Any], dict[str, Any]]] = {
        TcpConnection: connection_dict.connection_dict,
        TcpChange: connection_dict.change_dict,
        TcpDrop: connection_dict.drop_dict,
        TcpReset: connection_dict.reset_dict,
        Listener: connection_dict.listener_dict,
        QueueFull: connection_dict.queue_dict,
    }
    return lambda one: ENCODE(dicts[type(one)](one))


def _kinds(options: argparse.Namespace) -> set[type]:
    """Returns which kinds get lines."""
    chosen: set[type] = set()
    if options.states:
        chosen.add(TcpChange)
    if options.drops is not None:
        chosen.add(TcpDrop)
    if options.resets:
        chosen.add(TcpReset)
    if options.listening:
        chosen |= {Listener, QueueFull}
    return chosen or {TcpConnection, QueueFull}


def _show(options: argparse.Namespace) -> Show:
    found = Show(0)
    for is_asked, kind in (
        (options.states, Show.STATES),
        (options.drops is not None, Show.DROPS),
        (options.stacks, Show.STACKS),
        (options.resets, Show.RESETS),
        (options.slow is not None, Show.QUEUED),
    ):
        if is_asked:
            found |= kind
    return found


def _reasons(options: argparse.Namespace) -> frozenset[str]:
    """Returns the reasons that --drops names. Raises InvalidArgument if the kernel does not have one."""
    if not options.drops:
        return frozenset()
    asked = [word.strip().upper().removeprefix("SKB_DROP_REASON_") for word in options.drops.split(",")]
    known = DropReasons().names
    if not known:
        raise InvalidArgument("--drops: this kernel has no reasons for drops (Linux 5.17): use --drops alone")
    for word in asked:
        if word not in known:
            raise InvalidArgument(f"--drops={word}: this kernel has no such reason; it has {', '.join(known)}")
    return frozenset(asked)
