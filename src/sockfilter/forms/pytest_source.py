"""An exchange as a test that makes the same request, and expects the same response."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from sockfilter.errors import NotSeen
from sockfilter.escape import printable
from sockfilter.forms.curl import asked, fields_to_send, is_chunked, is_framed

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Request, Response

# seconds that the generated test waits for a response
TIMEOUT_S = 10
# characters for method and path in the name of the test function
NAME_MAX = 60
# bytes of a body in one line of the generated test
LINE_BYTES = 80
# modules that tests may need
MODULES = ("gzip", "http.client", "json", "socket", "ssl")


def as_pytest(exchange: Exchange) -> str:
    """The source of a test that makes the same request, its secrets included, and asserts the same response.

    The test needs only the standard library. It sends the head byte for byte, except for the fields about the body. A
    body that was decoded is sent decoded. A chunked body has one chunk and no trailers. The test does not wait for
    100 Continue. It asserts the status, the Content-Type, and the body if that was kept whole; JSON is compared parsed.

    Args:
        exchange: the exchange to repeat.

    Raises:
        NotSeen: a half of it was not seen, or a test of this kind cannot repeat it.
        BodyError: the request's body was not kept whole.
    """
    request, response = _halves(exchange)
    checks, modules = _checks(response)
    if exchange.tls is not None:
        modules.append("ssl")
    imports = "".join(f"import {name}\n" for name in sorted({"http.client", "socket", *modules}))
    title = _quotable(f"{request.method} {request.path}")
    test = _function(exchange, request, checks, _name(request))
    return f'''"""{title}, as it was seen on the wire."""\n\n{imports}\n\n{test}'''


def module_start() -> str:
    """The beginning of a module of tests: what all of them import."""
    imports = "".join(f"import {name}\n" for name in MODULES)
    return f'''"""Exchanges as they were seen on the wire, one test for each."""\n\n{imports}'''


def module_test(exchange: Exchange) -> str:
    """The test of an exchange in a module of many, named by its number. Errors are as for as_pytest()."""
    request, response = _halves(exchange)
    name = _name(request).replace("test_", f"test_{exchange.id}_", 1)
    return f"\n\n{_function(exchange, request, _checks(response)[0], name)}"


def _halves(exchange: Exchange) -> tuple[Request, Response]:
    request, response = asked(exchange), exchange.response
    if not request.version.startswith("1."):
        raise NotSeen(f"repeating {exchange!r}: it is HTTP/{request.version}, and the test would speak HTTP/1.1")
    if response is None:
        raise NotSeen(f"expecting {exchange!r}: its response was not seen")
    if not response.status:
        raise NotSeen(f"expecting {exchange!r}: a response of HTTP/0.9 has no status to assert")
    return request, response


def _function(exchange: Exchange, request: Request, checks: str, name: str) -> str:
    sent = "".join(f"            {literal}\n" for literal in _sent(request))
    opened = f"socket.create_connection(({exchange.server.ip!r}, {exchange.server.port}), timeout={TIMEOUT_S})"
    opening = f"    with {opened} as connection:"
    if exchange.tls is not None:
        opening = f"    with {opened} as plain, ssl.create_default_context().wrap_socket(\n"
        opening += f"        plain, server_hostname={(exchange.tls.sni or exchange.server.ip)!r}\n    ) as connection:"
    return f"""def {name}():
{opening}
        connection.sendall(
{sent}        )
        response = http.client.HTTPResponse(connection, method={request.method!r})
        response.begin()
        content = response.read()
{checks}"""


def _quotable(text: str) -> str:
    shown = printable(text).encode("ascii", "backslashreplace").decode()
    return shown.replace("\\", "\\\\").replace('"', "'")


def _name(request: Request) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", f"{request.method} {request.path}".lower()).strip("_")
    return f"test_{words[:NAME_MAX].rstrip('_')}"


def _sent(request: Request) -> list[str]:
    """The literals of the bytes to send, one per line."""
    body = bytes(request.body)
    fields = [f"{name}: {value}" for name, value in fields_to_send(request)]
    if is_chunked(request):
        fields.append("Transfer-Encoding: chunked")
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    elif is_framed(request):
        fields.append(f"Content-Length: {len(body)}")
    head = [f"{request.method} {request.target} HTTP/{request.version}", *fields, ""]
    pieces = [f"{line}\r\n".encode("utf-8", "surrogateescape") for line in head]
    pieces += [body[start : start + LINE_BYTES] for start in range(0, len(body), LINE_BYTES)]
    return [repr(piece) for piece in pieces]


def _checks(response: Response) -> tuple[str, list[str]]:
    """The assertions, and the modules that they need."""
    lines = [f"assert response.status == {response.status}"]
    kind = response.headers.get("content-type")
    if kind is not None and kind.isascii():
        lines.append(f"assert response.headers['Content-Type'] == {kind!r}")
    coding = ", ".join(response.headers.get_all("content-encoding")).strip().lower() or "identity"
    content, modules = "content", []
    if coding == "gzip" and response.body:
        content, modules = "gzip.decompress(content)", ["gzip"]
    if not response.complete or response.body.is_cut or (coding not in ("gzip", "identity") and response.body):
        lines.append("# the body was not kept whole, or has a coding that the standard library does not know")
        return _indented(lines), []
    meaning = _json(response)
    if meaning is not None:
        lines.append(f"assert json.loads({content}) == {meaning}")
        modules.append("json")
    else:
        lines.append(f"assert {content} == {bytes(response.body)!r}")
    return _indented(lines), modules


def _indented(lines: list[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)


def _json(response: Response) -> str | None:
    """The parsed JSON of the body as a literal of Python; None if it is not JSON, or has no such literal."""
    if "json" not in response.headers.get("content-type", "").lower():
        return None
    try:
        meaning = ascii(json.loads(response.body, parse_constant=_refuse, parse_float=_finite))
        compile(meaning, "", "eval")  # Python's parser allows fewer levels than json
    except (ValueError, RecursionError, SyntaxError, MemoryError):
        return None
    return meaning


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)
