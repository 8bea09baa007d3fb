"""The connection to a collector: OTLP over HTTP, one request at a time (OTLP 1.5, "OTLP/HTTP")."""

from __future__ import annotations

import errno
import gzip
import http.client
import os
import socket
import ssl
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.traces.address import GRPC_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sockfilter.traces.address import CollectorAddress

    Ends = tuple[tuple[str, int], tuple[str, int]]

# answers after which a request may be sent again (OTLP, "Failures")
RETRYABLE = frozenset((429, 502, 503, 504))
# bytes of an answer that are read: a few numbers, or a sentence
ANSWER_MAX = 1 << 16
# seconds of Retry-After that are obeyed: a collector that asks for more is asked sooner
RETRY_AFTER_MAX_S = 60.0
# a text is compressed quickly: higher levels take twice the time for a tenth of the bytes
GZIP_LEVEL = 1


class Fate(Enum):
    """What became of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # and it would be again
    UNREACHED = "unreached"  # it may be sent again


class CollectorAnswer(NamedTuple):
    """What a collector answered.

    Attributes:
        fate: what became of the request.
        reason: why it was not accepted, or what the collector says of the spans that it rejected.
        rejected: how many spans it rejected of a request that it accepted.
        retry_s: seconds after which the collector asks to be tried again; None if it does not say.
    """

    fate: Fate
    reason: str = ""
    rejected: int = 0
    retry_s: float | None = None


class CollectorLink:
    """Sends requests to a collector.

    Args:
        at: where it is.
        headers: fields of each request.
        tls: how to open TLS, if its address begins with https.
        timeout_s: seconds that a request may take at each step.
        compresses: whether to compress requests.
        opening: is called with both ends of each connection before it is opened.
    """

    def __init__(
        self,
        at: CollectorAddress,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None,
        timeout_s: float,
        *,
        compresses: bool,
        opening: Callable[[Ends], None],
    ) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

        self._response = ExportTraceServiceResponse
        self._at = at
        self._tls = tls
        self._timeout_s = timeout_s
        self._compresses = compresses
        self._opening = opening
        self._headers = {"User-Agent": "sockfilter", **headers, "Content-Type": "application/x-protobuf"}
        if compresses:
            self._headers["Content-Encoding"] = "gzip"
        self._link: http.client.HTTPConnection | None = None

    def post(self, request: bytes, timeout_s: float | None = None) -> CollectorAnswer:
        """Sends a request. Returns what became of it, whatever happens.

        Args:
            request: the request in the form of OTLP.
            timeout_s: seconds that it may take at each step. None: the usual.
        """
        body = gzip.compress(request, GZIP_LEVEL) if self._compresses else request
        seconds = self._timeout_s if timeout_s is None else max(0.01, min(timeout_s, self._timeout_s))
        is_old = self._link is not None
        try:
            try:
                return self._exchange(body, seconds)
            except (ConnectionError, http.client.BadStatusLine):
                self.close()
                if not is_old:
                    raise
                # the collector had closed a connection that was kept: that is no failure
                return self._exchange(body, seconds)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return CollectorAnswer(Fate.UNREACHED, self._why(error))

    def close(self) -> None:
        """Closes the connection, if there is one."""
        link, self._link = self._link, None
        if link is not None:
            with suppress(OSError):
                link.close()

    def _exchange(self, body: bytes, seconds: float) -> CollectorAnswer:
        if self._link is None:
            self._link = http.client.HTTPConnection(self._at.host, self._at.port)
            self._link.sock = self._opened(seconds)
        link = self._link
        link.sock.settimeout(seconds)
        link.request("POST", self._at.path, body, self._headers)
        response = link.getresponse()
        content = response.read(ANSWER_MAX)
        if response.will_close or not response.isclosed():
            self.close()
        status = response.status
        if 200 <= status < 300:
            return self._accepted(content)
        reason = f"{status} {response.reason}".strip()
        if status in RETRYABLE:
            return CollectorAnswer(Fate.UNREACHED, reason, retry_s=_seconds(response.headers.get("Retry-After")))
        return CollectorAnswer(Fate.REFUSED, reason)

    def _accepted(self, content: bytes) -> CollectorAnswer:
        """Reads a partial success, if the answer is one."""
        try:
            partial = self._response.FromString(content).partial_success
        except Exception:  # DecodeError of a package that is not imported here: the answer may be of any form
            return CollectorAnswer(Fate.ACCEPTED)
        reason = " ".join(partial.error_message.split())  # it may have several lines
        return CollectorAnswer(Fate.ACCEPTED, reason, max(0, partial.rejected_spans))

    def _opened(self, seconds: float) -> socket.socket:
        """Opens a connection to the first address that answers. Raises OSError."""
        at, failure = self._at, OSError(errno.EADDRNOTAVAIL, "it has no address")
        for family, kind, protocol, _, place in socket.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM):
            link = socket.socket(family, kind, protocol)
            try:
                link.settimeout(seconds)
                # its ends are known before its first packet passes
                link.bind(_local_place(family, place))
                here, there = link.getsockname(), place
                self._opening(((str(here[0]), int(here[1])), (str(there[0]), int(there[1]))))
                link.connect(place)
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return link if self._tls is None else self._tls.wrap_socket(link, server_hostname=at.host)
            except ssl.SSLCertVerificationError:
                link.close()
                raise
            except OSError as error:
                link.close()
                failure = error
        raise failure

    def _why(self, error: Exception) -> str:
        """Says why there was no answer."""
        if isinstance(error, ssl.SSLCertVerificationError):
            advice = "OTEL_EXPORTER_OTLP_CERTIFICATE=FILE names the authority that signed it"
            return f"its certificate is not accepted: {error.verify_message.rstrip('.')}; {advice}"
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {error.reason or error}"
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(error, http.client.RemoteDisconnected):
            return "it closed the connection without an answer"
        if isinstance(error, http.client.HTTPException):
            grpc = f"; port {GRPC_PORT} is usually for gRPC, and 4318 for HTTP" if self._at.port == GRPC_PORT else ""
            return f"its answer is not HTTP{grpc}"
        if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno is not None:
            return os.strerror(error.errno)
        return str(getattr(error, "strerror", None) or error)


def _local_place(family: int, place: tuple[object, ...]) -> tuple[object, ...]:
    """Returns the local address from which a connection to a place will go, with port 0: any that is free."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(place)  # sends nothing
        here = probe.getsockname()
    return (here[0], 0, *here[2:])


def _seconds(value: str | None) -> float | None:
    """Seconds of a Retry-After; None: it has none, or a date."""
    digits = (value or "").strip()
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < 10
    return min(float(digits), RETRY_AFTER_MAX_S) if is_number else None
