"""What the kernel's TCP knows of one end of a connection."""

from __future__ import annotations

from typing import NamedTuple


class TcpFigures(NamedTuple):
    """Figures of a socket, as struct tcp_info has them. None: not known.

    Attributes:
        rtt_us, rtt_min_us: the smoothed and the least round-trip time, in microseconds.
        retransmitted, retransmitted_bytes: segments and bytes that were sent again.
        bytes_sent: payload bytes that were sent, with those that were sent again.
        bytes_acked: bytes that the peer has acknowledged; a SYN and a FIN count one each.
        bytes_received: bytes that were received; a FIN counts one.
        cwnd: the congestion window in segments.
        idle_ms: milliseconds since payload was last sent or received, or since the connection was established.
    """

    rtt_us: int | None = None
    rtt_min_us: int | None = None
    retransmitted: int | None = None
    retransmitted_bytes: int | None = None
    bytes_sent: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    cwnd: int | None = None
    idle_ms: int | None = None

    @property
    def payload_sent(self) -> int | None:
        """Payload bytes that were sent, each counted once."""
        if self.bytes_sent is None:
            return None
        return self.bytes_sent - (self.retransmitted_bytes or 0)
