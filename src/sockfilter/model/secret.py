"""A secret of a TLS handshake, as a key log names it."""

from __future__ import annotations

from typing import NamedTuple

KEYLOG, FILE, PROBE, SNAPSHOT = "keylog", "file", "probe", "snapshot"
# Labels of the secrets that open records (NSS key log format; draft-ietf-tls-keylogfile). All others are not used.
CLIENT_RANDOM = "CLIENT_RANDOM"
CLIENT_EARLY = "CLIENT_EARLY_TRAFFIC_SECRET"
CLIENT_HANDSHAKE = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
SERVER_HANDSHAKE = "SERVER_HANDSHAKE_TRAFFIC_SECRET"
CLIENT_TRAFFIC = "CLIENT_TRAFFIC_SECRET_0"
SERVER_TRAFFIC = "SERVER_TRAFFIC_SECRET_0"
LABELS = frozenset((CLIENT_RANDOM, CLIENT_EARLY, CLIENT_HANDSHAKE, SERVER_HANDSHAKE, CLIENT_TRAFFIC, SERVER_TRAFFIC))
# bytes of a client random (RFC 8446, 4.1.2)
RANDOM_BYTES = 32
# bytes of a secret: the master secret has 48, a traffic secret as many as its hash
SECRET_BYTES_MAX = 64


class Secret(NamedTuple):
    """A secret of a TLS handshake.

    Attributes:
        label: its name in a key log.
        secret: its bytes.
        client_random: the random bytes of the ClientHello; empty if the source does not know them.
        origin: "keylog", "file" (the capture file carries it) or "probe".
        process: the process that reported it; 0 if not known.
        owner: the address of the TLS object in the process; groups the secrets of one handshake. 0 if not known.
        time_ns: when it was reported, in the source's clock; 0 if not known.
    """

    label: str
    secret: bytes
    client_random: bytes = b""
    origin: str = KEYLOG
    process: int = 0
    owner: int = 0
    time_ns: int = 0

    @property
    def line(self) -> bytes:
        """Its line in a key log."""
        return f"{self.label} {self.client_random.hex()} {self.secret.hex()}\n".encode()

    def __repr__(self) -> str:
        """Shows what it is, and never its bytes."""
        return f"<Secret {self.label}, {len(self.secret)} bytes, by {self.origin}>"
