"""What made an exchange slow: one word, decided by evidence alone. Not known is an answer.

The time of an exchange has parts, one after the other. The part that took most of it is looked at; it has a culprit
only if what the packets and the kernel's TCP show leaves one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.tcp import ExchangeTcp, TcpEnd

if TYPE_CHECKING:
    from sockfilter.model.exchange import Timing

# A faster exchange has no culprit: in less, scheduling decides what took long.
SLOW_S = 0.002
# the share of the whole time that the culprit's part must have taken, and of a part that its evidence must fill
SHARE = 0.5
# upstream exchanges must fill more of the time in which the server thought, because others might be beside it
UPSTREAM_SHARE = 0.8

CONNECT, CLIENT, NETWORK, ACCEPT = "connect", "client", "network", "accept"
QUEUED, SERVER, RECEIVER, UPSTREAM = "queued", "server", "receiver", "upstream"
WORDS = (CONNECT, CLIENT, NETWORK, ACCEPT, QUEUED, SERVER, RECEIVER, UPSTREAM)


class Culprit(NamedTuple):
    """What made an exchange slow.

    Attributes:
        word: "connect" (connecting), "client" (slow to send the request), "network" (loss, round trips or the window),
            "accept" (the server's accept queue), "queued" (in the server's socket), "server" (thinking, or slow to send
            the response), "receiver" (the client is slow to read), or "upstream" (a server that the server asked).
        evidence: what shows it.
        seconds: how long the culprit's part took.
    """

    word: str
    evidence: str
    seconds: float

    def __str__(self) -> str:
        return self.word


def culprit_of(timing: Timing, tcp: ExchangeTcp | None, body_bytes: int = 0) -> Culprit | None:
    """Returns what made an exchange slow; None: it was not slow, or it is not known.

    Args:
        timing: how long its parts took.
        tcp: what the kernel's TCP knows of it.
        body_bytes: bytes of the response, as sent.
    """
    if timing.total is None:
        return None
    whole = timing.total + (timing.connect or 0.0)
    if whole < SLOW_S:
        return None
    known = tcp or ExchangeTcp()
    least = SHARE * whole
    if timing.connect is not None and timing.connect >= least:
        return Culprit(CONNECT, f"connecting took {_ms(timing.connect)}", timing.connect)
    if timing.send is not None and timing.send >= least:
        return _sending(timing.send, known)
    if timing.wait is not None and timing.wait >= least:
        return _waiting(timing.wait, whole, known)
    if timing.receive is not None and timing.receive >= least:
        return _receiving(timing.receive, known, body_bytes)
    return None


def _sending(seconds: float, tcp: ExchangeTcp) -> Culprit | None:
    """The request took long from its first byte to its last."""
    client = tcp.client
    if loss := _loss(tcp, client, "client"):
        return Culprit(NETWORK, loss, seconds)
    if client is None:
        return None
    if _fills(client.zero_window, seconds):
        return Culprit(QUEUED, f"the server did not read: its window was closed for {_ms(client.zero_window)}", seconds)
    if client.busy is None or client.busy > SHARE * seconds:
        return None
    return Culprit(CLIENT, f"the client took {_ms(seconds)} to send the request", seconds)


def _waiting(seconds: float, whole: float, tcp: ExchangeTcp) -> Culprit | None:
    """The response took long to begin."""
    if tcp.queued is None or tcp.think is None:
        return None
    if tcp.think >= SHARE * whole:
        if tcp.upstream is not None:
            if tcp.upstream.is_ambiguous:
                return None
            if tcp.upstream.seconds >= UPSTREAM_SHARE * tcp.think:
                words = f"the server waited {_ms(tcp.upstream.seconds)} for {tcp.upstream.server}"
                return Culprit(UPSTREAM, words, tcp.upstream.seconds)
        return Culprit(SERVER, f"the server had the request for {_ms(tcp.think)} before it answered", tcp.think)
    if loss := _loss(tcp, tcp.client, "client"):
        return Culprit(NETWORK, loss, seconds) if seconds >= SHARE * whole else None
    if tcp.accept is not None and tcp.accept >= SHARE * whole:
        return Culprit(ACCEPT, f"the connection waited {_ms(tcp.accept)} to be accepted", tcp.accept)
    # where accept is not known, the bytes may have waited for it
    waited = tcp.queued - (tcp.accept or 0.0)
    if waited >= SHARE * whole and not tcp.may_be_unaccepted:
        return Culprit(QUEUED, f"the request lay {_ms(waited)} in the server's socket", waited)
    return None


def _receiving(seconds: float, tcp: ExchangeTcp, body_bytes: int) -> Culprit | None:
    """The response took long from its first byte to its last."""
    client, server = tcp.client, tcp.server
    if loss := _loss(tcp, server, "server"):
        return Culprit(NETWORK, loss, seconds)
    if server is not None and _fills(server.zero_window, seconds):
        return Culprit(
            RECEIVER, f"the client did not read: its window was closed for {_ms(server.zero_window)}", seconds
        )
    if client is not None and _fills(client.lag, seconds):
        return Culprit(RECEIVER, f"the response lay {_ms(client.lag)} in the client's socket, unread", seconds)
    if server is None or server.busy is None:
        return None
    if server.busy <= SHARE * seconds:
        return Culprit(SERVER, f"the server had nothing to send for {_ms(seconds - server.busy)}", seconds)
    if server.rtt is not None and server.cwnd and server.rtt >= SHARE * seconds / max(1, _rounds(server, body_bytes)):
        return Culprit(NETWORK, f"a round trip took {_ms(server.rtt)}", seconds)
    return None


def _loss(tcp: ExchangeTcp, sender: TcpEnd | None, name: str) -> str:
    """Returns what shows that the network lost segments of one end; empty: nothing does."""
    dropped = [drop for drop in tcp.drops if drop.sender == name]
    if dropped:
        return f"{sum(drop.bytes for drop in dropped)} bytes were dropped at {dropped[0].where}"
    if sender is not None and sender.retransmitted:
        timeouts = f", {sender.timeouts} after a timeout" if sender.timeouts else ""
        return f"{sender.retransmitted} segments were sent again{timeouts}"
    return ""


def _rounds(server: TcpEnd, body_bytes: int) -> int:
    """Returns about how many round trips a response takes, as the window doubles."""
    segments, sent, rounds = body_bytes // SEGMENT_BYTES + 1, 0, 0
    window = INITIAL_WINDOW
    while sent < segments:
        sent, window, rounds = sent + window, window * 2, rounds + 1
    return rounds


# bytes of a segment on Ethernet, and segments of the first flight (RFC 6928)
SEGMENT_BYTES, INITIAL_WINDOW = 1448, 10


def _fills(part: float | None, seconds: float) -> bool:
    return part is not None and part >= SHARE * seconds


def _ms(seconds: float | None) -> str:
    return f"{(seconds or 0.0) * 1e3:.3g} ms"
