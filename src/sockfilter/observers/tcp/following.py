"""Follows TCP connections by the kernel's records: their lives, and what happens on the way."""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import ExitStack, suppress
from enum import Flag, auto
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sockfilter.closing import Closing
from sockfilter.errors import ObjectError
from sockfilter.libbpf import binding, tracepoints
from sockfilter.model.connection import Endpoint
from sockfilter.model.process import Process
from sockfilter.model.tcp_connection import TcpChange, TcpConnection, TcpDrop, TcpReset
from sockfilter.model.tcp_figures import TcpFigures
from sockfilter.model.tcp_state import TcpState
from sockfilter.observers.tcp.half import SERVER
from sockfilter.observers.tcp.lives import LATE_NS, Lives
from sockfilter.observers.tcp.program import TcpProgram, TcpWants, unpacked
from sockfilter.observers.tcp.symbols import Symbols
from sockfilter.system import icmp
from sockfilter.system.drop_reasons import HARMLESS, HARMLESS_PLACES, NOT_SPECIFIED, DropReasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.observers.tcp.listeners import Listeners
    from sockfilter.observers.tcp.open_sockets import OpenSockets

Happening: TypeAlias = "TcpConnection | TcpChange | TcpDrop | TcpReset"

# bytes of the ring: 30 000 records, which are 3 000 connections, or a third of a second of as many as a machine makes
RING_BYTES = 8 << 20
# addresses and ports whose objects are kept: those of connections that are open at the same time
ENDS_MAX = 4096
# bytes of struct sf_tcp_end before its namespace
END_BYTES = 36
STACKS_PER_S, SYN_DROPS_PER_S = 20, 200
FLAGS = "FSRPAUEC"
# the enumeration of the kernel's reasons for resets, and the prefix of its names
RESET_REASONS, RESET_PREFIX = "sk_rst_reason", "SK_RST_REASON_"
# the reason of a segment that nobody waits for: its sender gets a reset
NO_SOCKET = "NO_SOCKET"
# flags of the TCP header (RFC 9293, 3.1)
FIN, SYN, ACK = 0x01, 0x02, 0x10
NO_SEQS = 0, 0
# processes whose objects are kept, by number and name
PROCESSES_MAX = 4096
STATES = {state.value: state for state in TcpState}


class Show(Flag):
    """What is wanted beside connections that end."""

    STATES = auto()
    DROPS = auto()
    STACKS = auto()
    RESETS = auto()
    QUEUED = auto()  # how long the first bytes lay in a socket


class Asked(NamedTuple):
    """What to follow.

    Attributes:
        show: what is wanted beside connections.
        netns: a network namespace, as for namespace.entered(). None: all.
        ports: only connections with one of these ports. None: all.
        reasons: only drops with these reasons. Empty: all.
    """

    show: Show = Show(0)
    netns: str | None = None
    ports: Iterable[int] | None = None
    reasons: frozenset[str] = frozenset()


class Following(Closing):
    """The connections of this machine, from construction on.

    Args:
        asked: what to follow.
        listeners: tells who listens, for servers that nobody was seen to receive in.

    Attributes:
        lives: the connections that are open.
        has_symbols: whether addresses of the kernel's code have names.

    Raises MissingCapability, KernelUnsupported, ObjectError and NamespaceError.
    """

    def __init__(self, asked: Asked, listeners: Listeners) -> None:
        self._asked = asked
        self._listeners = listeners
        offset_ns = time.time_ns() - time.monotonic_ns()
        self.lives = Lives(offset_ns, listeners.holder)
        self._offset_ns = offset_ns
        self._known_places: set[int] = set()
        self._processes: dict[tuple[int, bytes], Process] = {}
        self._ends: dict[bytes, tuple[Endpoint, Endpoint]] = {}
        self._reasons: DropReasons | None = None
        self._resets: dict[int, str] | None = None
        self.counts: Counter[str] = Counter()
        ffi, lib = binding.load()
        self._buffer, self._string = ffi.buffer, ffi.string
        self._end_at = ffi.offsetof("struct sf_tcp_event", "end")
        kinds = lib.SF_TCP_WANT_STATES | lib.SF_TCP_WANT_FIRST | lib.SF_TCP_WANT_LISTENERS | lib.SF_TCP_WANT_RESETS
        kinds |= lib.SF_TCP_WANT_SYN_DROPS
        for kind, wanted in (
            (Show.DROPS, lib.SF_TCP_WANT_DROPS),
            (Show.STACKS, lib.SF_TCP_WANT_STACKS),
            (Show.QUEUED, lib.SF_TCP_WANT_ARRIVALS),
        ):
            if kind in asked.show:
                kinds |= wanted
        if not asked.show & (Show.STATES | Show.DROPS):
            kinds |= lib.SF_TCP_WANT_LIVES
        self._takers = {
            lib.SF_TCP_STATE: self._take_state,
            lib.SF_TCP_RECEIVE: self._take_receive,
            lib.SF_TCP_DROP: self._take_drop,
            lib.SF_TCP_RESET_SENT: self._take_reset_sent,
            lib.SF_TCP_RESET_RECEIVED: self._take_reset_received,
            lib.SF_TCP_ICMP: self._take_icmp,
        }
        with ExitStack() as stack:
            self._symbols = stack.enter_context(Symbols())
            self.has_symbols = not self._symbols.are_hidden
            wants = TcpWants(
                kinds,
                netns=0 if asked.netns is None else listeners.netns,
                ports=asked.ports,
                stacks_per_s=STACKS_PER_S,
                syn_drops_per_s=SYN_DROPS_PER_S,
                ring_bytes=RING_BYTES,
            )
            self._program = stack.enter_context(TcpProgram(wants))
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Detaches the programs."""
        self._stack.close()

    def fileno(self) -> int:
        """Returns the descriptor that is readable after ask_to_be_woken()."""
        return self._program.fd

    def ask_to_be_woken(self) -> bool:
        """Requests that the next record make the descriptor readable. Returns False if a record is there already."""
        return self._program.ask_to_be_woken()

    @property
    def ledger(self) -> dict[str, int]:
        """What was recorded, read and lost, and what became of it."""
        shared = self._program.shared
        counts = self.lives.counts
        return {
            "records": int(shared.sent),
            "records_lost": int(shared.lost),
            "runs_skipped": self._program.skipped,
            **{name: self.counts[name] for name in ("read", "states", "receives", "drops", "resets")},
            **{name: counts[name] for name in ("sockets", "ends", "joined", "forgotten")},
            "open": len(self.lives),
        }

    def note_open(self, start: OpenSockets) -> None:
        """Notes the connections that are open at the start. Their sockets are known by their ends alone."""
        for found in start.sockets:
            holders = start.processes_of(found)
            if found.state is not TcpState.LISTEN and found.inode:
                role = SERVER if start.is_server(found.here) else ""
                process = holders[0] if len(holders) == 1 else None
                self.lives.note_open((found.here, found.there), start.netns, role, process)

    def read(self, most: int) -> Iterator[Happening]:
        """Yields what has happened since the last call. most: records after which no other batch is read."""
        takers, counts = self._takers, self.counts
        for record in self._program.records(most):
            counts["read"] += 1
            taker = takers.get(record.kind)
            if taker is not None:
                yield from taker(record)
        if self.lives.has_late:
            yield from self._ended(self.lives.settle(time.monotonic_ns()))

    def rest(self) -> Iterator[TcpConnection]:
        """Yields ended connections of which the kernel might have told more."""
        yield from self._ended(self.lives.settle(time.monotonic_ns() + LATE_NS))

    def _take_state(self, record: Any) -> Iterator[Happening]:
        self.counts["states"] += 1
        before, state = STATES[record.before], STATES[record.state]
        ends = self._ends_of(record)
        process = self._process(record)
        if TcpState.LISTEN in (before, state):
            if state is TcpState.LISTEN and process is not None:
                self._listeners.note(ends[0], process, record.end.netns)
            if state is TcpState.LISTEN or (before is TcpState.LISTEN and state is TcpState.CLOSE):
                yield from self._changed(record, 0, ends, (before, state), process, None)
                return
        figures = record.figures
        since_ns = None
        if self._asked.show:
            known = self.lives.half(record.socket)
            since_ns = None if known is None else known.since_ns
        half = self.lives.change(
            record.time_ns,
            record.socket,
            ends,
            record.end.netns,
            (before, state),
            _figures(figures) if state is TcpState.CLOSE else None,
            (figures.snd_una, figures.rcv_nxt) if state is TcpState.ESTABLISHED else NO_SEQS,
            record.error,
            process,
        )
        if half is not None and process is not None:
            half.cgroup = record.cgroup
        if self._asked.show:
            yield from self._changed(record, half.number if half else 0, ends, (before, state), process, since_ns)
        if half is not None and state is TcpState.CLOSE:
            yield from self._ended(self.lives.ended(half))

    def _ended(self, found: Iterable[TcpConnection]) -> Iterator[TcpConnection]:
        for connection in found:
            self.counts["connections"] += 1
            yield connection

    def _changed(
        self,
        record: Any,
        number: int,
        ends: tuple[Endpoint, Endpoint],
        moved: tuple[TcpState, TcpState],
        process: Process | None,
        since_ns: int | None,
    ) -> Iterator[TcpChange]:
        if Show.STATES in self._asked.show:
            lasted_ns = None if since_ns is None else record.time_ns - since_ns
            yield TcpChange(record.time_ns + self._offset_ns, number, *ends, *moved, process, lasted_ns)

    def _take_receive(self, record: Any) -> Iterator[Happening]:
        self.counts["receives"] += 1
        process = self._process(record)
        if process is not None and record.is_first:
            ends = self._ends_of(record)
            self.lives.receive(record.socket, ends, record.end.netns, process, record.queued_ns).cgroup = record.cgroup
        return iter(())

    def _take_drop(self, record: Any) -> Iterator[Happening]:
        self.counts["drops"] += 1
        sender, receiver = self._ends_of(record)
        if self._reasons is None:
            self._reasons = DropReasons()
        reason = self._reasons.name(record.reason)
        flags, size = record.tcp_flags, _payload(record)
        is_harmless = reason in HARMLESS
        is_lost = not is_harmless and reason != NO_SOCKET and (size > 0 or flags & (SYN | ACK) == SYN)
        # functions are named only where they are shown: reading all names takes a third of a second
        words = partial(self._words, reason, record.location) if is_lost else None
        half = self.lives.drop(sender, receiver, record.end.netns, words)
        reasons = self._asked.reasons
        if Show.DROPS not in self._asked.show or (reason not in reasons if reasons else is_harmless):
            return
        if half is None and self._asked.netns is not None and record.end.netns != self._listeners.netns:
            return
        stack = self._program.stack_of(record)
        self._learn(record.location, stack)
        place = self._symbols.name(record.location)
        if place in HARMLESS_PLACES and not reasons:
            return
        interface = os.fsdecode(self._string(record.interface))
        yield TcpDrop(
            record.time_ns + self._offset_ns,
            half.number if half is not None else 0,
            sender,
            receiver,
            reason,
            place,
            interface or None,
            record.seq,
            size,
            "".join(flag for bit, flag in enumerate(FLAGS) if flags >> bit & 1),
            tuple(map(self._symbols.name, stack)),
            record.end.netns,
        )

    def _learn(self, location: int, stack: list[int]) -> None:
        """Names the functions of a drop. The first time also those of all other drops so far."""
        known = self._known_places
        if location not in known:
            with suppress(ObjectError):
                known.update(place.location for place in self._program.places())
            known.add(location)
            stack = [*stack, *known]
        self._symbols.learn(stack)

    def _words(self, reason: str | None, location: int) -> str:
        place = self._symbols.name(location)
        return f"at {place}" if reason in (None, NOT_SPECIFIED) else f"by {reason} at {place}"

    def _take_reset_sent(self, record: Any) -> Iterator[Happening]:
        return self._take_reset(record, is_sent=True)

    def _take_reset_received(self, record: Any) -> Iterator[Happening]:
        return self._take_reset(record, is_sent=False)

    def _take_reset(self, record: Any, *, is_sent: bool) -> Iterator[Happening]:
        self.counts["resets"] += 1
        ends = self._ends_of(record)
        if self._resets is None:
            names = tracepoints.enumeration(RESET_REASONS)
            self._resets = {value: name.removeprefix(RESET_PREFIX) for value, name in names.items()}
        # before Linux 6.10 there are no reasons
        reason = self._resets.get(record.reason) if is_sent else None
        half = self.lives.reset(record.socket, ends, record.end.netns, reason or "", is_sent=is_sent)
        if Show.RESETS in self._asked.show:
            process = (half.process or half.closer) if half is not None and half.here == ends[0] else None
            state = STATES.get(record.state) if record.socket else None
            number = half.number if half is not None else 0
            yield TcpReset(record.time_ns + self._offset_ns, number, *ends, is_sent, reason, process, state)

    def _take_icmp(self, record: Any) -> Iterator[Happening]:
        error = icmp.error_of(record.error, record.reason)
        if error is not None:
            self.lives.refuse(*self._ends_of(record), error)
        return iter(())

    def _ends_of(self, record: Any) -> tuple[Endpoint, Endpoint]:
        """Returns both ends. An end is asked for ten times in the life of a connection."""
        key = self._buffer(record)[self._end_at : self._end_at + END_BYTES]
        found = self._ends.get(key)
        if found is None:
            if len(self._ends) >= ENDS_MAX:
                self._ends.clear()
            end = record.end
            here = Endpoint(unpacked(key[:16]), end.local_port)
            found = self._ends[key] = here, Endpoint(unpacked(key[16:32]), end.peer_port)
        return found

    def _process(self, record: Any) -> Process | None:
        if not record.pid:
            return None
        key = record.pid, self._string(record.comm)
        found = self._processes.get(key)
        if found is None:
            if len(self._processes) >= PROCESSES_MAX:
                self._processes.clear()
            found = self._processes[key] = Process(record.pid, record.pid, os.fsdecode(key[1]))
        return found


def _payload(record: Any) -> int:
    """The bytes of a dropped segment, without SYN and FIN, which count one each."""
    size: int = record.end_seq - record.seq & 0xFFFFFFFF
    return size - bool(record.tcp_flags & SYN) - bool(record.tcp_flags & FIN)


def _figures(figures: Any) -> TcpFigures:
    return TcpFigures(
        figures.srtt_us or None,
        figures.rtt_min_us or None,
        figures.retransmits,
        figures.bytes_retransmitted,
        figures.bytes_sent,
        figures.bytes_acked,
        figures.bytes_received,
        figures.cwnd or None,
    )
