"""A TCP connection, and what happened to one, as a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable
from sockfilter.forms.processes import name_of
from sockfilter.forms.sizes import count_text, duration_text, size_text
from sockfilter.model.tcp_connection import ICMP, How

if TYPE_CHECKING:
    from sockfilter.model import Endpoint, Process
    from sockfilter.model.tcp_connection import (
        Listener,
        QueueFull,
        TcpChange,
        TcpConnection,
        TcpDrop,
        TcpEnding,
        TcpPeer,
        TcpReset,
    )

# between client and server; between ends of which it is not known who connected
ARROW, NO_ARROW = " > ", " - "
# columns of client and server, beyond which a line grows
ROUTE_WIDTH = 62
# processes that the line of a listener names
NAMED_MAX = 4
# reasons of refused connections, in words; the first one is the kernel's
WHY_REFUSED = {"NO_SOCKET": "nobody listens", ICMP: "an ICMP message says so"}


def connection_line(connection: TcpConnection, time: str) -> str:
    """Returns a line for a connection that has ended."""
    said = [route_of(connection)]
    end = connection.end
    if connection.failed and end is not None:
        said.append(_failure(end, connection.age_ns))
    else:
        said += [*_figures(connection), _ending(end)]
    if connection.drops:
        said.append(f"{connection.drops} dropped")
    return _joined(time, *said)


def route_of(connection: TcpConnection) -> str:
    """Returns client and server, with their processes where these are known."""
    arrow = ARROW if connection.ends_known else NO_ARROW
    return f"{_peer(connection.client)}{arrow}{_peer(connection.server)}"


def end_of(endpoint: Endpoint, process: Process | None) -> str:
    """Returns an end with its process: curl[1234] 127.0.0.1:34552."""
    text = printable(str(endpoint))
    return text if process is None else f"{name_of(process)} {text}"


def sent_text(connection: TcpConnection) -> str:
    """Returns the bytes that client and server sent: 80 B > 194 B."""
    client, server = connection.client.sent, connection.server.sent
    if client is None and server is None:
        return ""
    return f"{'?' if client is None else size_text(client)} > {'?' if server is None else size_text(server)}"


def change_line(change: TcpChange, time: str) -> str:
    """Returns a line for a change of a socket's state."""
    route = f"{end_of(change.here, change.process)}{NO_ARROW}{printable(str(change.there))}"
    lasted = "" if change.lasted_ns is None else f"after {duration_text(change.lasted_ns)}"
    return _joined(time, route, f"{change.before.word} -> {change.state.word}", lasted)


def drop_line(drop: TcpDrop, time: str) -> str:
    """Returns a line for a dropped segment, and lines for the kernel's stack if it is there."""
    route = f"{printable(str(drop.sender))}{ARROW}{printable(str(drop.receiver))}"
    where = "" if drop.interface is None else f"on {printable(drop.interface)}"
    of = f"connection {drop.number}" if drop.number else ""
    line = _joined(
        time,
        route,
        f"dropped {drop.flags} seq {drop.seq} len {drop.size}",
        drop_words(drop.reason, drop.place),
        where,
        of,
    )
    return "\n".join([line, *(f"    {printable(frame)}" for frame in drop.stack)])


def drop_words(reason: str | None, place: str) -> str:
    """Returns why and where something was dropped: NETFILTER_DROP at nft_do_chain."""
    return f"{reason} at {place}" if reason else f"at {place}"


def reset_line(reset: TcpReset, time: str) -> str:
    """Returns a line for a reset."""
    route = f"{end_of(reset.here, reset.process)}{NO_ARROW}{printable(str(reset.there))}"
    verb = "sent a reset" if reset.is_sent else "received a reset"
    state = "no socket" if reset.state is None else f"in {reset.state.word}"
    return _joined(time, route, verb, state, reset.reason or "")


def listener_line(listener: Listener, since: str) -> str:
    """Returns a line for a listener. since: the time since which it listens, as text."""
    names = [name_of(process) for process in listener.processes[:NAMED_MAX]]
    more = len(listener.processes) - len(names)
    who = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    dropped = f"turned away {listener.dropped}" if listener.dropped else ""
    full = "full" if listener.is_full else ""
    queue = f"{listener.waiting} of {listener.most} waiting"
    return "  ".join(filter(None, (f"{printable(str(listener.here)):<24}", who or "?", queue, full, dropped, since)))


def queue_line(full: QueueFull, time: str) -> str:
    """Returns a line for a listener whose queue is full."""
    listener = full.listener
    who = end_of(listener.here, listener.processes[0] if listener.processes else None)
    turned_away = f": {count_text(full.turned_away, 'connection')} turned away" if full.turned_away else ""
    return _joined(time, who, f"accept queue full{turned_away} ({listener.waiting} of {listener.most} waiting)")


def _peer(peer: TcpPeer) -> str:
    return end_of(peer.endpoint, peer.process)


def _joined(time: str, route: str, *said: str) -> str:
    return "  ".join(filter(None, (time, f"{route:<{ROUTE_WIDTH}}", *said))).rstrip()


def _figures(connection: TcpConnection) -> list[str]:
    made = []
    if connection.connect_ns is not None:
        made.append(f"connect {duration_text(connection.connect_ns)}")
    if connection.age_ns is not None:
        made.append(f"open {duration_text(connection.age_ns)}")
    made.append(sent_text(connection))
    if connection.rtt_us is not None:
        made.append(f"rtt {duration_text(connection.rtt_us * 1000)}")
    if connection.retransmitted:
        made.append(f"{connection.retransmitted} retransmitted")
    return made


def _failure(end: TcpEnding, age_ns: int | None) -> str:
    after = "" if age_ns is None else f" after {duration_text(age_ns)}"
    times = f", SYN sent {end.syns} {'time' if end.syns == 1 else 'times'}" if end.syns else ""
    dropped = f"; dropped {end.dropped}" if end.dropped else ""
    if end.how is How.REFUSED:
        why = WHY_REFUSED.get(end.reason, end.reason) if end.reason else ""
        return f"refused{after}{why and f': {why}'}{dropped}"
    if end.how is How.NO_ANSWER:
        return f"no answer{after}{times}{dropped}"
    if end.how is How.UNREACHABLE:
        return f"unreachable{after}: {end.reason}{dropped}"
    return f"given up by the client{after}{times}{dropped}"


def _ending(end: TcpEnding | None) -> str:
    if end is None:
        return ""
    if end.how is How.CLOSED:
        return "closed by both at once" if end.by == "both" else f"closed by {end.by}"
    if end.how is How.RESET:
        by = f" by {end.by}" if end.by else ""
        return f"reset{by}{f': {end.reason}' if end.reason else ''}"
    if end.how is How.TIMED_OUT:
        return f"timed out{f': no answer from the {end.by}' if end.by else ''}"
    return f"ended{f': {end.reason}' if end.reason else ''}"
