"""An exchange as a curl command that makes the same request."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from sockfilter.errors import BodyError, NotSeen
from sockfilter.model import Problem

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Request

CODING = "content-encoding"
# fields that a client makes itself from the body
FRAMING = {"content-length", "transfer-encoding", CODING, "trailer", "expect"}
# a target that curl sends unchanged if it is in a URL: nothing that curl removes, decodes, or expands
PLAIN_TARGET = re.compile(r"/(?!\.)(?:[\w!$%&'()*+,;=:@~.?-]|/(?!\.))*(?<!\?)", re.ASCII)
# bytes that a quoted argument of a shell can contain: printable ASCII, line feeds, tabs
PLAIN = {*range(0x20, 0x7F), 0x0A, 0x09}
# bytes without a special meaning in a format of printf in single quotes, at any place
PRINTF = {*range(0x20, 0x7F)} - set(b"\\%'-")
# bytes of an argument; the limit of Linux is 128 KiB (MAX_ARG_STRLEN)
ARGUMENT_BYTES_MAX = 120_000
# bytes of a body from which curl sends Expect: 100-continue; 1 MiB since curl 7.84
EXPECT_BYTES = 1024
PORTS = {"http": 80, "https": 443}
# white space to curl, and not to HTTP: without other characters, curl takes the value for empty
BLANKS = "\v\f\r"
# Options by version. HTTP/2 that was seen as plain text is sent as plain text, without an upgrade.
VERSIONS = {"1.0": "--http1.0", "2": "--http2-prior-knowledge"}
# with TLS, ALPN chooses HTTP/2
TLS_VERSIONS = {"1.0": "--http1.0", "2": "--http2"}


def asked(exchange: Exchange) -> Request:
    """The request, if it can be repeated.

    Raises:
        NotSeen: it was not seen, or not wholly, or it needs a special connection, such as a tunnel.
        BodyError: its body was not kept whole.
    """
    request = exchange.request
    if request is None:
        raise NotSeen(f"repeating {exchange!r}: its request was not seen")
    if request.method == "CONNECT" or request.version == "0.9":
        raise NotSeen(f"repeating {exchange!r}: it needs a special connection")
    if request.head.lost:
        raise NotSeen(f"repeating {exchange!r}: some of its fields are not known, because bytes were missed")
    if not request.complete:
        raise BodyError(f"repeating {exchange!r}: its request is incomplete")
    if request.body.is_cut and not is_as_sent(request):
        raise BodyError(
            f"repeating {exchange!r}: only {len(request.body)} bytes of its body were kept; body=None keeps all"
        )
    return request


def is_as_sent(request: Request) -> bool:
    """Whether the body was kept whole and as sent, with a content coding that was not decoded."""
    body = request.body
    return body.length is None and len(body) == body.wire_len and Problem.BAD_CODING not in request.problems


def is_chunked(request: Request) -> bool:
    """Whether chunked is the only transfer coding."""
    return [value.lower() for value in request.headers.get_all("transfer-encoding")] == ["chunked"]


def is_framed(request: Request) -> bool:
    """Whether the request has a body, or says that its body is empty."""
    return bool(request.body) or "content-length" in request.headers or is_chunked(request)


def fields_to_send(request: Request) -> list[tuple[str, str]]:
    """The fields without those that frame the body, and without Content-Encoding if the body was decoded."""
    left_out = FRAMING - {CODING} if is_as_sent(request) else FRAMING
    return [(name, value) for name, value in request.headers if name.lower() not in left_out]


def as_curl(exchange: Exchange) -> str:
    """The command line of curl that makes the same request, its secrets included; for gRPC, that of grpcurl.

    The command is for a POSIX shell. The request differs from the original in some respects. curl puts Host, once, and
    the length of the body at its own place. A body that was decoded is sent decoded. A chunked body has one chunk and
    no trailers. curl does not wait for 100 Continue.

    Args:
        exchange: the exchange with the request.

    Raises:
        NotSeen: the request was not seen, or curl cannot make it.
        BodyError: the body of the request was not kept whole.
    """
    request = asked(exchange)
    call = exchange.grpc
    if call is not None and not call.web:
        from sockfilter.forms.grpcurl import as_grpcurl  # imported late: most captures have no gRPC

        return as_grpcurl(exchange, request)
    _check(exchange, request)
    before, data = _data(request)
    words = [
        "curl",
        (VERSIONS if exchange.tls is None else TLS_VERSIONS).get(request.version, "--http1.1"),
        *_method(request, bool(data)),
        *_fields(exchange, request, bool(data)),
        *data,
        *_place(exchange, request.target),
    ]
    return before + " ".join(words)


def _check(exchange: Exchange, request: Request) -> None:
    """Raises NotSeen if curl cannot make the request."""
    words = (request.method, request.target, *(word for field in request.headers for word in field))
    if b"\0" in request.raw or any("\0" in word for word in words):
        raise NotSeen(f"repeating {exchange!r}: its head has a NUL, which no argument of a command can have")
    for name, value in request.headers:
        if not name or name.startswith("@") or (not value and ";" in name):
            raise NotSeen(f"repeating {exchange!r}: curl sends no field of the name {name!r}; as_pytest() does")
        if value and not value.strip(BLANKS):
            raise NotSeen(f"repeating {exchange!r}: curl sends no field whose value is {value!r}; as_pytest() does")
    if request.method == "HEAD" and request.body:
        raise NotSeen(f"repeating {exchange!r}: curl sends no body with HEAD; as_pytest() does")


def _method(request: Request, has_data: bool) -> list[str]:
    if request.method == "HEAD":
        return ["--head"]
    implied = "POST" if has_data else "GET"
    return [] if request.method == implied else ["-X", _word(request.method)]


def _fields(exchange: Exchange, request: Request, has_data: bool) -> list[str]:
    fields = fields_to_send(request)
    scheme, server = _origin(exchange)
    implied = ("Host", server.removesuffix(f":{PORTS[scheme]}"))
    if not request.head.has_text and request.authority and "host" not in request.headers:
        fields.insert(0, ("Host", request.authority))  # curl sends it as :authority
    if implied in fields:
        fields.remove(implied)
    if is_chunked(request) and has_data:
        fields.append(("Transfer-Encoding", "chunked"))
    # fields that curl would add itself
    added = ["Host", "User-Agent", "Accept", *(["Content-Type"] if has_data else [])]
    if not request.head.has_text:
        added.remove("Host")
    absent = [name for name in added if name not in request.headers]
    if len(request.body) >= EXPECT_BYTES:
        absent.append("Expect")
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in fields] + [f"{name}:" for name in absent]
    return [word for line in lines for word in ("-H", _word(line))]


def _data(request: Request) -> tuple[str, list[str]]:
    """The text before the command, and the options of curl for the body."""
    body = request.body
    if not is_framed(request) or request.method == "HEAD":
        return "", []
    if PLAIN.issuperset(body) and len(body) <= ARGUMENT_BYTES_MAX:
        return "", ["--data-raw", shlex.quote(body.decode())]
    return f"printf {_octal(body)} | ", ["--data-binary", "@-"]


def _origin(exchange: Exchange) -> tuple[str, str]:
    """The scheme and the server of the URL. With TLS, the server has the name that the client asked for."""
    tls, server = exchange.tls, exchange.server
    if tls is None:
        return "http", str(server)
    return "https", str(server) if tls.sni is None else f"{tls.sni}:{server.port}"


def _place(exchange: Exchange, target: str) -> list[str]:
    scheme, server = _origin(exchange)
    # the address is the one that was seen, whatever the name resolves to
    there = [] if server == str(exchange.server) else ["--connect-to", shlex.quote(f"::{exchange.server}")]
    if PLAIN_TARGET.fullmatch(target):
        return [*there, shlex.quote(f"{scheme}://{server}{target}")]
    return [*there, "--request-target", _word(target), shlex.quote(f"{scheme}://{server}/")]


def _word(text: str) -> str:
    """A word for a shell: quoted if it is printable, else made by printf."""
    if text.replace("\t", " ").isprintable():
        return shlex.quote(text)
    return f'"$(printf {_octal(text.encode("utf-8", "surrogateescape"))})"'


def _octal(content: bytes) -> str:
    """The format with which printf writes these bytes."""
    return "'" + "".join(chr(byte) if byte in PRINTF else f"\\{byte:03o}" for byte in content) + "'"
