"""Makes connections of what happens to sockets: finds both ends of each, who holds them, and how it ended."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, TypeVar

from sockfilter.model.tcp_connection import TcpConnection, TcpPeer
from sockfilter.model.tcp_state import TcpState
from sockfilter.observers.tcp.half import CLIENT, SERVER, TcpHalf, ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.model import Endpoint, Process
    from sockfilter.model.tcp_figures import TcpFigures

# states that a socket leaves for CLOSE only with a reset, an error or an end of its time
RESETTABLE = frozenset({TcpState.ESTABLISHED, TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1})
K = TypeVar("K")
V = TypeVar("V")
# Sockets that are followed, of open connections: about 60 MB. The one that was seen first makes room for a new one.
HALVES_MAX = 65536
# Nanoseconds for which an ended connection waits: a client's for the server's socket, which another CPU may make after
# the client's end; one that ended with a reset for the kernel's reason, which is told after the reset was delivered.
LATE_NS = 20_000_000
# Resets without a socket, dropped SYNs, and processes of closed ends that are kept for a moment.
KEPT_MAX = 4096
# The states that a socket on its way to be accepted has before it is established.
UNBORN = frozenset({TcpState.LISTEN, TcpState.SYN_RECV})


class Lives:
    """The connections of a machine.

    Args:
        offset_ns: what makes a time of CLOCK_MONOTONIC one since 1970, in nanoseconds.
        holder: finds the process that holds the listener at an end, for connections that nobody received from.

    Attributes:
        counts: sockets: those seen to begin or to be open; ends: those seen to end; joined: connections of which both
            sockets are here; forgotten: sockets for which there was no room.
    """

    def __init__(self, offset_ns: int, holder: Callable[[Endpoint, int], Process | None] | None = None) -> None:
        self._offset_ns = offset_ns
        self._holder = holder
        self._halves: dict[int, TcpHalf] = {}
        self._ends: dict[tuple[Endpoint, Endpoint], list[TcpHalf]] = {}
        self._late: deque[TcpHalf] = deque()
        self._lingering: dict[int, TcpHalf] = {}
        self._resets: dict[tuple[Endpoint, Endpoint], str] = {}
        self._syn_drops: dict[tuple[Endpoint, Endpoint], tuple[Callable[[], str], int]] = {}
        # errors of ICMP messages that answered a SYN: the port of its socket is not known yet
        self._icmp_errors: dict[tuple[Endpoint, Endpoint], int] = {}
        # ends that were open at the start: whether it is the server's, and the process
        self._at_start_by_ends: dict[tuple[Endpoint, Endpoint], Process] = {}
        # processes of ends that have just closed
        self._recent: dict[tuple[Endpoint, Endpoint], Process] = {}
        self._at_start: dict[tuple[tuple[Endpoint, Endpoint], int], tuple[str, Process | None]] = {}
        self._number = 0
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._halves)

    @property
    def has_late(self) -> bool:
        """Whether settle() is to be called again soon."""
        return bool(self._late)

    def half(self, socket: int) -> TcpHalf | None:
        """Returns the end of a socket, if it is known."""
        return self._halves.get(socket)

    def half_of(self, here: Endpoint, there: Endpoint, netns: int) -> TcpHalf | None:
        """Returns a known end by its addresses; the namespace decides if there are several, if it can."""
        found = self._ends.get((here, there), [])
        return next((half for half in found if half.netns == netns), found[-1] if found else None)

    def process_at(self, here: Endpoint, there: Endpoint) -> Process | None:
        """Returns the process at an end of a connection that is open, or was open at the start or a moment ago."""
        half = self.half_of(here, there, 0)
        if half is not None:
            return half.process or half.closer
        found = self._at_start_by_ends.get((here, there))
        return found if found is not None else self._recent.get((here, there))

    def note_open(self, ends: tuple[Endpoint, Endpoint], netns: int, role: str, process: Process | None) -> None:
        """Notes an end that is open at the start: whether it is the server's, and who holds it."""
        if len(self._at_start) < HALVES_MAX:
            self._at_start[ends, netns] = role, process
            if process is not None:
                self._at_start_by_ends[ends] = process

    def _opened(self, socket: int, ends: tuple[Endpoint, Endpoint], netns: int) -> TcpHalf:
        """Returns the new end of a socket whose beginning was not seen."""
        half = self._made(socket, ends, netns)
        half.role, half.process = self._at_start.pop((ends, netns), ("", None))
        other_role, _ = self._at_start.get((ends[::-1], netns), ("", None))
        if other_role == SERVER and not half.role:
            half.role = CLIENT
        self._join(half)
        if half.partner is None and (ends[::-1], netns) in self._at_start:
            # the other end will close too: its socket is not known yet
            half.expects = True
        return half

    def change(
        self,
        time_ns: int,
        socket: int,
        ends: tuple[Endpoint, Endpoint],
        netns: int,
        moved: tuple[TcpState, TcpState],
        figures: TcpFigures | None,
        seqs: tuple[int, int],
        error: int,
        process: Process | None,
    ) -> TcpHalf | None:
        """Takes a change of a socket's state. Returns the end; None: of a socket on its way to be accepted.

        Args:
            time_ns: when, in nanoseconds of CLOCK_MONOTONIC.
            socket: identifies the socket while it lives.
            ends: its ends. netns: its network namespace.
            moved: its states before and afterwards.
            figures: what it knows; None: not asked for. seqs: its snd_una and rcv_nxt, when it is established.
            error: the number of its error.
            process: who changed the state. None: a packet or a timer did.
        """
        before, state = moved
        half = self._halves.get(socket)
        if state is TcpState.SYN_SENT or (before is TcpState.SYN_RECV and state is TcpState.ESTABLISHED and not half):
            if half is not None:  # its end was lost
                self._forget(half)
            half = self._made(socket, ends, netns)
            half.role = CLIENT if state is TcpState.SYN_SENT else SERVER
            half.begun_ns = time_ns
            half.process = process if state is TcpState.SYN_SENT else None
        elif half is None:
            if before in UNBORN or before is TcpState.CLOSE:
                return None
            half = self._opened(socket, ends, netns)
        elif half.here != ends[0] and ends[0].port:
            self._move_end(half, ends)  # the kernel has chosen the port, or the address
        if figures is not None:
            half.figures = figures
        if state is TcpState.ESTABLISHED:
            half.first_seq, half.peer_seq = seqs
            half.move(time_ns, before, state)
            self._join(half)
            return half
        if process is not None and state in (TcpState.FIN_WAIT1, TcpState.LAST_ACK):
            half.closer = process
        if state is TcpState.CLOSE:
            half.error = error
        half.move(time_ns, before, state)
        return half

    def receive(
        self, socket: int, ends: tuple[Endpoint, Endpoint], netns: int, process: Process, queued_ns: int
    ) -> TcpHalf:
        """Takes the first receive of a socket, in the process that received. Returns the end."""
        half = self._halves.get(socket)
        if half is None:
            half = self._opened(socket, ends, netns)
        if half.role != CLIENT or half.process is None:
            half.process = process
        half.queued_ns = queued_ns or None
        return half

    def reset(
        self, socket: int, ends: tuple[Endpoint, Endpoint], netns: int, reason: str, *, is_sent: bool
    ) -> TcpHalf | None:
        """Takes a reset that a socket sent or received. Returns its end, if there is one."""
        half = self._halves.get(socket) or self._lingering.get(socket) if socket else self.half_of(*ends, netns)
        if half is None:
            if is_sent:
                _put(self._resets, ends, reason)
                return self.half_of(ends[1], ends[0], netns)
            return None
        if not is_sent:
            half.reset_received = reason or ""
        elif half.reset_sent is None:
            half.reset_sent = reason or ""
        return half

    def refuse(self, sender: Endpoint, receiver: Endpoint, error: int) -> None:
        """Takes the error of an ICMP message that answered a SYN."""
        _put(self._icmp_errors, (sender, receiver), error)

    def drop(self, sender: Endpoint, receiver: Endpoint, netns: int, words: Callable[[], str] | None) -> TcpHalf | None:
        """Takes a dropped segment. Returns an end of its connection, if it is known.

        Args:
            sender, receiver: the ends of the segment. netns: the namespace in which it was dropped.
            words: returns the reason and the place. None: nothing was lost by it.
        """
        half = self.half_of(sender, receiver, netns) or self.half_of(receiver, sender, netns)
        if words is None:
            return half
        if half is not None:
            half.drops += 1
            if half.established_ns is None:
                half.dropped = words
        else:  # of a SYN: the port of its socket is not known yet
            _, count = self._syn_drops.get((sender, receiver), (words, 0))
            _put(self._syn_drops, (sender, receiver), (words, count + 1))
        return half

    def ended(self, half: TcpHalf) -> Iterator[TcpConnection]:
        """Yields the connection of an end that has closed, if the connection has ended."""
        self.counts["ends"] += 1
        self._halves.pop(half.socket, None)
        partner = half.partner
        if partner is not None and partner.ended_ns is None:
            self._linger(half)
        elif _is_alone_yet(half) or _may_have_reset(half) or (partner is not None and _may_have_reset(partner)):
            self._linger(half, is_late=True)
        else:
            yield self._finished(half, partner)

    def settle(self, now_ns: int) -> Iterator[TcpConnection]:
        """Yields ended connections that have waited for more to come. now_ns: of CLOCK_MONOTONIC."""
        while self._late and (self._late[0].ended_ns or 0) + LATE_NS <= now_ns:
            half = self._late.popleft()
            partner = half.partner
            if half.is_told or (partner is not None and partner.ended_ns is None):
                continue  # the other end's end tells of it
            yield self._finished(half, partner)

    def _linger(self, half: TcpHalf, *, is_late: bool = False) -> None:
        """Keeps an ended end, because the kernel may tell of a reset after it."""
        if len(self._lingering) >= HALVES_MAX:
            self._lingering.pop(next(iter(self._lingering)))
        self._lingering[half.socket] = half
        if is_late:
            self._late.append(half)

    def connection(self, half: TcpHalf) -> TcpConnection:
        """Returns the connection of an end as it is now."""
        return self._connection(half, half.partner)

    def _made(self, socket: int, ends: tuple[Endpoint, Endpoint], netns: int) -> TcpHalf:
        if len(self._halves) >= HALVES_MAX:
            self.counts["forgotten"] += 1
            self._forget(next(iter(self._halves.values())))
        self._number += 1
        self.counts["sockets"] += 1
        half = self._halves[socket] = TcpHalf(socket, *ends, netns, self._number)
        self._ends.setdefault(ends, []).append(half)
        return half

    def _move_end(self, half: TcpHalf, ends: tuple[Endpoint, Endpoint]) -> None:
        self._drop_end(half)
        half.here, half.there = ends
        self._ends.setdefault(ends, []).append(half)

    def _join(self, half: TcpHalf) -> None:
        """Finds the other end of a connection by its addresses, and by the numbers of both SYNs if they are known."""
        found = self._ends.get((half.there, half.here), [])
        found = [other for other in found if other is not half and other.partner is None and _fits(half, other)]
        if not found:
            return
        partner = next((other for other in found if other.netns == half.netns), found[-1])
        half.partner, partner.partner = partner, half
        half.number = partner.number = min(half.number, partner.number)
        self.counts["joined"] += 1

    def _forget(self, half: TcpHalf) -> None:
        self._halves.pop(half.socket, None)
        self._drop_end(half)
        if half.partner is not None:
            half.partner.partner = None

    def _drop_end(self, half: TcpHalf) -> None:
        ends = half.here, half.there
        others = self._ends.get(ends)
        if others is not None:
            if half in others:
                others.remove(half)
            if not others:
                del self._ends[ends]

    def _finished(self, half: TcpHalf, partner: TcpHalf | None) -> TcpConnection:
        made = self._connection(half, partner)
        for each in (half, partner):
            if each is not None:
                each.is_told = True
                self._drop_end(each)
                process = each.process or each.closer
                if process is not None:
                    _put(self._recent, (each.here, each.there), process)
                if self._lingering.get(each.socket) is each:
                    del self._lingering[each.socket]
                each.partner = None  # a circle would wait for the garbage collector
        return made

    def _connection(self, half: TcpHalf, partner: TcpHalf | None) -> TcpConnection:
        client, server = (partner, half) if half.role == SERVER else (half, partner)
        if partner is not None and half.role == partner.role == CLIENT:  # both connected at once
            client, server = sorted((half, partner), key=lambda each: each.begun_ns or 0)
        halves = [each for each in (client, server) if each is not None]
        for each in halves:
            if each.role == SERVER and each.process is None and each.closer is None and self._holder is not None:
                each.process = self._holder(each.here, each.netns)
        begun = [each.begun_ns for each in halves if each.begun_ns is not None]
        ends = [each.ended_ns for each in halves if each.ended_ns is not None]
        if half.established_ns is None and half.begun_ns is not None:
            half.reset_received = self._resets.pop((half.there, half.here), half.reset_received)
            half.error = half.error or self._icmp_errors.pop((half.here, half.there), 0)
            dropped = self._syn_drops.pop((half.here, half.there), None)
            if dropped is not None:
                half.dropped, half.drops = dropped[0], half.drops + dropped[1]
        is_over = len(ends) == len(halves)
        return TcpConnection(
            number=half.number,
            client=self._peer(client, server),
            server=self._peer(server, client),
            ends_known=any(each.role for each in halves) and not (len(halves) == 2 and client.role == server.role),  # type: ignore[union-attr]
            opened_ns=min(begun) + self._offset_ns if begun else None,
            ended_ns=max(ends) + self._offset_ns if is_over and ends else None,
            connect_ns=None if client is None else client.connect_ns,
            end=ending(client, server) if is_over else None,
            drops=sum(each.drops for each in halves),
        )

    def _peer(self, half: TcpHalf | None, other: TcpHalf | None) -> TcpPeer:
        if half is not None:
            return half.peer()
        assert other is not None  # one of both is there
        return other.other_peer()


def _is_alone_yet(half: TcpHalf) -> bool:
    """Whether the other end's socket may be here and has not been seen yet."""
    return half.partner is None and (half.expects or (half.role == CLIENT and half.established_ns is not None))


def _may_have_reset(half: TcpHalf) -> bool:
    """Whether a socket ended in a state in which a reset is sent, and no reason of a reset is known yet."""
    return half.state in RESETTABLE and half.reset_sent is None


def _put(kept: dict[K, V], key: K, value: V) -> None:
    """Keeps a value. The oldest makes room."""
    if len(kept) >= KEPT_MAX and key not in kept:
        kept.pop(next(iter(kept)))
    kept[key] = value


def _fits(one: TcpHalf, other: TcpHalf) -> bool:
    """Whether the numbers of both SYNs are the same at both ends, as far as they are known."""
    if one.begun_ns is None or other.begun_ns is None or None in (one.first_seq, other.first_seq):
        return (one.begun_ns is None) == (other.begun_ns is None)
    return one.first_seq == other.peer_seq and one.peer_seq == other.first_seq
