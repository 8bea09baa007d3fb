"""Adds to exchanges what the kernel's TCP knows of them."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sockfilter.closing import Closing
from sockfilter.libbpf import binding
from sockfilter.model.sequence import distance
from sockfilter.model.tcp import Drop, ExchangeTcp, TcpEnd
from sockfilter.observers.interface import ObservedCapture
from sockfilter.observers.tcp.program import TcpProgram, TcpWants, unpacked
from sockfilter.observers.tcp.ranges import request_end, span_of
from sockfilter.observers.tcp.segments import Key, LossSegment, Segments
from sockfilter.observers.tcp.symbols import Symbols
from sockfilter.observers.tcp.upstream import Period, Upstreams
from sockfilter.system import namespace
from sockfilter.system.drop_reasons import HARMLESS, HARMLESS_PLACES, DropReasons
from sockfilter.system.sock_diag import Asking, Sending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.model import Connection, Exchange

ANYWHERE = ObservedCapture()
# include/net/tcp.h: enum tcp_ca_state, and icsk_pending when the timer has expired
CA_LOSS, EXPIRED = 4, 0
# nanoseconds within which the time of accept() must be known: two looks of the program's timer, and some delay
ACCEPT_ERROR_NS = 10_000_000
# a response that took less is not worth a question to the kernel, which takes 30 us
SLOW_RESPONSE_NS = 5_000_000
# include/uapi/linux/time.h; its resolution is a jiffy, in which TCP measures how long it was stopped
CLOCK_MONOTONIC_COARSE = 6
TICK_S = time.clock_getres(CLOCK_MONOTONIC_COARSE)


class ConnectionTcp:
    """What is known of a connection at its last exchange: the sums of its ends, which an exchange has a part of.

    Attributes:
        ends: the client and the server, as the program's slots are found.
        key: both ends in order.
        lag_ns: for how long bytes had lain in each end's socket.
        sending: for how long each end had been stopped or busy when its last exchange had ended; None: not known.
    """

    __slots__ = ("ends", "key", "lag_ns", "sending")

    def __init__(self, ends: tuple[Any, Any], key: Key) -> None:
        self.ends = ends
        self.key = key
        self.lag_ns = [0, 0]
        self.sending: list[Sending | None] = [None, None]


class TcpObserver(Closing):
    """TCP's own view of exchanges, from construction on.

    Args:
        place: the capture to observe.

    Raises:
        MissingCapability: CAP_BPF or CAP_PERFMON is missing.
        KernelUnsupported: the kernel has no BTF, or lacks a tracepoint.
        ObjectError: the object is missing or damaged.
    """

    def __init__(self, place: ObservedCapture = ANYWHERE) -> None:
        self._ffi, self._lib = binding.load()
        self._is_calls = place.is_everywhere
        self._segments = Segments()
        self._upstreams = Upstreams()
        self._counts: dict[str, int] = {}
        self._exchanges = self._known = 0
        self._is_open = True
        kinds = self._lib.SF_TCP_WANT_RETRANSMITS | self._lib.SF_TCP_WANT_DROPS | self._lib.SF_TCP_WANT_ACCEPTS
        if place.stacks:
            kinds |= self._lib.SF_TCP_WANT_STACKS
        with ExitStack() as stack:
            self._program = stack.enter_context(TcpProgram(TcpWants(kinds, ports=place.ports), place.meanwhile))
            self._symbols = stack.enter_context(Symbols())
            with namespace.entered(place.netns):
                self._asking = Asking()
                stack.callback(self._asking.close)
            self._reasons = DropReasons()
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Closes the programs. Exchanges keep what is known of them."""
        if self._is_open:
            self._is_open = False
            with self._stack:  # also if the rest cannot be read
                self._read()
                self._counts = self._now()

    @property
    def counts(self) -> Mapping[str, int]:
        """What became of segments that were sent again or dropped, by the names of the ledger."""
        if self._is_open:
            self._read()
            return self._now()
        return self._counts

    def check(self) -> None:
        """Does nothing: everything is read from memory."""

    def keep_up(self) -> None:
        """Reads the records so far: they may belong to exchanges that have ended."""
        if self._is_open:
            self._read()

    def annotate(self, exchange: Exchange, last_ns: int) -> None:
        """Adds what TCP knows of an exchange that has ended.

        Args:
            exchange: the exchange.
            last_ns: the time of the last packet of its connection, in nanoseconds.
        """
        connection = exchange.connection
        if not connection.client.port:  # Unix sockets have no TCP
            return
        self._exchanges += 1
        if self._program.has_records():
            self._read()
        known = connection.watched
        if known is None:
            known = connection.watched = self._begin(connection)
        client, client_slot = self._end(connection, known, 0, exchange)
        server, slot = self._end(connection, known, 1, exchange)
        if client is not None or server is not None:
            self._known += 1
            exchange.tcp = self._view(exchange, client, server, slot)
        self._note(exchange, client_slot, slot)
        self._segments.end(known.key, exchange, span_of(exchange, last_ns))

    def _view(self, exchange: Exchange, client: TcpEnd | None, server: TcpEnd | None, slot: Any) -> ExchangeTcp:
        received_ns = self._received_ns(exchange, slot)
        request, response = exchange.request, exchange.response
        if not received_ns or request is None or request.end_ns is None:
            return ExchangeTcp(client, server)
        queued = max(0, received_ns - request.end_ns) / 1e9
        think = upstream = accept = None
        if response is not None and response.start_ns >= received_ns:
            think = (response.start_ns - received_ns) / 1e9
            upstream = self._upstreams.during(slot.tid, received_ns, response.start_ns)
        unaccepted: tuple[float, float] | None = (0.0, 0.0)
        if exchange.conn_seq == 1:
            unaccepted, accepted = None, _accepted(exchange, slot)
            if accepted is not None:
                least, most = (min(queued, max(0, at - request.end_ns) / 1e9) for at in accepted)
                unaccepted = least, most
                if accepted[1] - accepted[0] <= ACCEPT_ERROR_NS:
                    accept = (accepted[0] - slot.begun_ns) / 1e9
        return ExchangeTcp(client, server, (), queued, think, accept, unaccepted, upstream)

    def _note(self, exchange: Exchange, client_slot: Any, slot: Any) -> None:
        """Notes the exchange for those during which it took place."""
        response = exchange.response
        if response is None or response.end_ns is None:
            return
        period = Period(exchange.began_ns, response.end_ns, str(exchange.server))
        if client_slot is not None and client_slot.tid:
            self._upstreams.asked(client_slot.tid, period)
        if slot is not None and slot.tid:
            self._upstreams.served(slot.tid, period)

    def _begin(self, connection: Connection) -> ConnectionTcp:
        client, server = connection.client, connection.server
        ends = self._program.end(client, server), self._program.end(server, client)
        return ConnectionTcp(ends, _key(tuple(client), tuple(server)))

    def _end(self, connection: Connection, known: ConnectionTcp, which: int, exchange: Exchange) -> tuple[Any, Any]:
        """Returns an end's figures and its slot; which: 0 for the client, 1 for the server."""
        slot = self._slot(connection, known.ends[which], which, exchange)
        if slot is None:
            return None, None
        figures = slot.figures
        lag_ns = slot.lag_ns
        new_lag_ns, known.lag_ns[which] = max(0, lag_ns - known.lag_ns[which]), lag_ns
        sending = self._sending(connection, known, which, exchange, slot)
        end = TcpEnd(
            rtt=figures.srtt_us / 1e6 if figures.srtt_us else None,
            rtt_min=figures.rtt_min_us / 1e6 if figures.rtt_min_us else None,
            cwnd=figures.cwnd or None,
            zero_window=None if sending is None else sending.window_limited,
            busy=None if sending is None else sending.busy,
            lag=new_lag_ns / 1e9,
        )
        return end, slot

    def _sending(
        self, connection: Connection, known: ConnectionTcp, which: int, exchange: Exchange, slot: Any
    ) -> Sending | None:
        """Returns for how long an end was stopped or busy during an exchange.

        A slot has the sums of when the end last received or changed its state. For a client, that was with the
        response; for a server, with the request, unless it has closed the connection: so a slow response is worth a
        question.
        """
        figures = slot.figures
        noted = Sending(figures.window_limited_ticks * TICK_S, figures.busy_ticks * TICK_S)
        before = known.sending[which] or (Sending(0.0, 0.0) if exchange.conn_seq == 1 and slot.begun_ns else None)
        now: Sending | None = noted
        if which:
            is_closing = not slot.socket
            response = exchange.response
            receive_ns = 0 if response is None or response.end_ns is None else response.end_ns - response.start_ns
            if not is_closing:
                now = None
                if receive_ns >= SLOW_RESPONSE_NS:
                    now = self._asking.sending(connection.server, connection.client)
                    before = noted
        known.sending[which] = now
        if now is None or before is None:
            return None
        return Sending(max(0.0, now.window_limited - before.window_limited), max(0.0, now.busy - before.busy))

    def _slot(self, connection: Connection, end: Any, which: int, exchange: Exchange) -> Any:
        """Finds the slot of an end: of several namespaces, the one with these sequence numbers."""
        slots = self._program.slots_of(end)
        if connection.netns:
            slots = [slot for slot in slots if slot.end.netns == connection.netns] or slots
        if len(slots) < 2:
            return slots[0] if slots else None
        # what this end receives, in the numbers of its peer
        message = exchange.request if which else exchange.response
        if message is None:
            return None
        return min(slots, key=lambda slot: abs(distance(message.seq, slot.figures.copied_seq)))

    def _received_ns(self, exchange: Exchange, slot: Any) -> int:
        """Returns when the server read the end of the request; 0: that is not known."""
        request = exchange.request
        if slot is None or request is None or request.end_ns is None or self._is_calls:
            return 0
        seq = request_end(exchange)
        return int(self._lib.sf_tcp_received(slot, seq or 0, request.end_ns, seq is None))

    def _read(self) -> None:
        records = self._program.records()
        for record in records:
            if record.kind == self._lib.SF_TCP_RETRANSMIT:
                self._segments.take(self._sent_again(record))
            elif record.kind == self._lib.SF_TCP_DROP:
                segment = self._dropped(record)
                if segment is not None:
                    self._segments.take(segment)

    def _sent_again(self, record: Any) -> LossSegment:
        here, there = self._ends(record)
        is_timeout = record.ca_state == CA_LOSS and record.pending == EXPIRED
        return LossSegment(
            *(_key(here, there), here, record.seq, record.end_seq, record.time_ns, record.segments, is_timeout)
        )

    def _dropped(self, record: Any) -> LossSegment | None:
        """Returns a dropped segment; None: it had no bytes, or none that are missing now."""
        if record.seq == record.end_seq:
            return None
        reason = self._reasons.name(record.reason)
        place = self._symbols.name(record.location)
        if reason in HARMLESS or place in HARMLESS_PLACES:
            self._segments.counts["drops_harmless"] += 1
            return None
        here, there = self._ends(record)
        addresses = self._program.stack_of(record)
        self._symbols.learn(addresses)
        interface = self._ffi.string(record.interface).decode("ascii", "replace") or None
        drop = Drop(
            *(0, "", reason, place, interface),
            stack=tuple(self._symbols.name(address) for address in addresses),
            time_ns=record.time_ns,
            seq=record.seq,
        )
        return LossSegment(_key(here, there), here, record.seq, record.end_seq, record.time_ns, drop=drop)

    def _ends(self, record: Any) -> tuple[tuple[str, int], tuple[str, int]]:
        end, buffer = record.end, self._ffi.buffer
        return (unpacked(buffer(end.local_addr)[:]), end.local_port), (
            unpacked(buffer(end.peer_addr)[:]),
            end.peer_port,
        )

    def _now(self) -> dict[str, int]:
        counts, shared = self._segments.counts, self._program.shared
        return {
            "exchanges": self._exchanges,
            "known": self._known,
            "retransmissions": counts["retransmissions"],
            "retransmissions_on_exchanges": counts["retransmissions_on_exchanges"],
            "drops": counts["drops"],
            "drops_on_exchanges": counts["drops_on_exchanges"],
            "drops_harmless": counts["drops_harmless"],
            "packets_dropped": sum(self._program.places().values()) + shared.uncounted,
            "records_lost": shared.lost,
            "runs_skipped": self._program.skipped,
        }


def _accepted(exchange: Exchange, slot: Any) -> tuple[int, int] | None:
    """Returns the times between which a first exchange's connection was accepted; None: that is not known."""
    if slot is None or not slot.is_passive:
        return None
    return max(slot.begun_ns, slot.unaccepted_ns), slot.accepted_ns or slot.first_ns


def _key(one: tuple[Any, ...], other: tuple[Any, ...]) -> Key:
    return (one, other) if one <= other else (other, one)
