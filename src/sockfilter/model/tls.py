"""How TLS protected a connection."""

from __future__ import annotations

from typing import NamedTuple


class Tls(NamedTuple):
    """What the handshake of a connection agreed on, and who knew its secrets.

    Attributes:
        version: "1.3", "1.2", "1.1" or "1.0"; None if not known.
        suite: the cipher suite by its name in IANA's registry.
        alpn: the protocol that the server chose (RFC 7301); None if it chose none, or if that was not seen.
        sni: the host name that the client asked for (RFC 6066); None if it asked for none, or if that was not seen.
        resumed: whether an earlier session was resumed; None if not known.
        opened: whose secrets opened it: "probe", "keylog", "file" for the capture file itself, or "snapshot" for
            the memory of a program whose connection was open before. "har": those of the program that wrote the HAR
            file, which was one end, as a browser is.
    """

    version: str | None
    suite: str | None
    alpn: str | None
    sni: str | None
    resumed: bool | None
    opened: str
