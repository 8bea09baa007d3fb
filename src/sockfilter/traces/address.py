"""Where a collector is."""

from __future__ import annotations

from typing import NamedTuple

from sockfilter.errors import InvalidArgument

PATH = "/v1/traces"
PORTS = {"http": 80, "https": 443}
# the usual port of OTLP over gRPC
GRPC_PORT = 4317


class CollectorAddress(NamedTuple):
    """The address of a collector.

    Attributes:
        scheme: "http" or "https".
        host: its name or address, without brackets.
        port: its port.
        path: the path for traces, with the query if there is one.
    """

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path.partition('?')[0]}"


def address_of(url: str, *, is_whole: bool = False) -> CollectorAddress:
    """Returns the address that a URL names.

    Args:
        url: the URL of the collector.
        is_whole: whether the URL has the path for traces; otherwise it is added unless the URL ends with it.

    Raises:
        InvalidArgument: it is not a URL of HTTP.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidArgument(f"{url!r}: {error}") from None
    if parts.scheme not in PORTS or not parts.hostname or not url.isascii() or any(c <= " " for c in url):
        raise InvalidArgument(f"{url!r}: use the URL of a collector, such as http://localhost:4318")
    if parts.username is not None or parts.password is not None:
        raise InvalidArgument(
            "a URL with a user and a password is shown in lists of processes: use OTEL_EXPORTER_OTLP_HEADERS"
        )
    path = parts.path.rstrip("/")
    path = parts.path or "/" if is_whole else path if path.endswith(PATH) else path + PATH
    query = f"?{parts.query}" if parts.query else ""
    return CollectorAddress(parts.scheme, parts.hostname, PORTS[parts.scheme] if port is None else port, path + query)
