"""The counts of TCP connections, and what counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.metrics.registry import SHORT_SECONDS, Metric, MetricKind
from sockfilter.model.tcp_connection import QueueFull, TcpConnection, TcpDrop, TcpPeer, TcpReset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sockfilter.metrics.registry import Registry

CONNECTIONS = Metric("sockfilter_tcp_connections_total", MetricKind.COUNTER, "Connections that ended.", ("end",))
CONNECT = Metric("sockfilter_tcp_connect_seconds", MetricKind.HISTOGRAM, "From SYN to established.", (), SHORT_SECONDS)
RTT = Metric("sockfilter_tcp_rtt_seconds", MetricKind.HISTOGRAM, "The last round-trip time.", (), SHORT_SECONDS)
QUEUED = Metric(
    "sockfilter_tcp_queued_seconds",
    MetricKind.HISTOGRAM,
    "How long first bytes lay in a socket.",
    ("end",),
    SHORT_SECONDS,
)
SENT = Metric("sockfilter_tcp_sent_bytes_total", MetricKind.COUNTER, "Payload that was sent, once each.", ("end",))
RETRANSMITTED = Metric(
    "sockfilter_tcp_retransmitted_bytes_total", MetricKind.COUNTER, "Payload that was sent again.", ("end",)
)
DROPS = Metric("sockfilter_drops_total", MetricKind.COUNTER, "Segments that the kernel dropped.", ("reason", "station"))
RESETS = Metric("sockfilter_tcp_resets_total", MetricKind.COUNTER, "Resets that were sent.", ("reason",))
QUEUE_FULL = Metric(
    "sockfilter_accept_queue_full_total", MetricKind.COUNTER, "Connections turned away by a full queue.", ("server",)
)
LOST = Metric("sockfilter_lost_total", MetricKind.COUNTER, "Records of the kernel that are missing.", ("reason",))
ALL = (CONNECTIONS, CONNECT, RTT, QUEUED, SENT, RETRANSMITTED, DROPS, RESETS, QUEUE_FULL, LOST)
NOT_KNOWN = "not-known"
# counts of the ledger that are losses
LOSSES = ("records_lost", "lost", "forgotten")


class ConnectionCounts:
    """Counts what is seen of connections in a registry. Its sums are those of the lines and of the ledger.

    Args:
        registry: receives the counts.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        for metric in ALL:
            registry.declare(metric)

    def count(self, seen: object) -> None:
        """Counts a connection that ended, a drop, a reset, or a full queue. Anything else is left out."""
        if isinstance(seen, TcpConnection):
            self._count_connection(seen)
        elif isinstance(seen, TcpDrop):
            self._registry.add(DROPS, 1, seen.reason or NOT_KNOWN, seen.place)
        elif isinstance(seen, TcpReset) and seen.is_sent:
            self._registry.add(RESETS, 1, seen.reason or NOT_KNOWN)
        elif isinstance(seen, QueueFull) and seen.turned_away:
            processes = seen.listener.processes
            name = f"{processes[0].comm if processes else ''}:{seen.listener.here.port}"
            self._registry.add(QUEUE_FULL, seen.turned_away, name)

    def note_losses(self, ledger: Mapping[str, int]) -> None:
        """Takes the losses of a ledger, which counts them itself."""
        for name in LOSSES:
            if name in ledger:
                self._registry.set(LOST, ledger[name], name)

    def _count_connection(self, connection: TcpConnection) -> None:
        registry = self._registry
        registry.add(CONNECTIONS, 1, NOT_KNOWN if connection.end is None else str(connection.end.how))
        if connection.connect is not None:
            registry.observe(CONNECT, connection.connect)
        if connection.rtt_us is not None:
            registry.observe(RTT, connection.rtt_us / 1e6)
        for end, peer in (("client", connection.client), ("server", connection.server)):
            self._count_peer(end, peer)

    def _count_peer(self, end: str, peer: TcpPeer) -> None:
        if peer.sent:
            self._registry.add(SENT, peer.sent, end)
        if peer.figures is not None and peer.figures.retransmitted_bytes:
            self._registry.add(RETRANSMITTED, peer.figures.retransmitted_bytes, end)
        if peer.queued_ns is not None:
            self._registry.observe(QUEUED, peer.queued_ns / 1e9, end)
