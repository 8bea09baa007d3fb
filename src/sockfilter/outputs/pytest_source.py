"""An exchange as a test that makes the same request, and expects the same answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sockfilter.errors import NotSeen
from sockfilter.outputs.curl import asked, fields_to_send

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Request, Response

# seconds that the made test waits for an answer
TIMEOUT_S = 10
# characters of a function's name that say what is asked
NAME_MAX = 60
WIDTH = 100


def as_pytest(exchange: Exchange) -> str:
    """The source of a test that makes the same request, its secrets included, and asserts the same answer.

    It takes nothing but the standard library. Status, Content-Type and body are asserted; the body where it was kept
    whole, as JSON where it is that.

    Args:
        exchange: what is wanted again.

    Raises:
        NotSeen: a half of it was not seen.
        BodyError: the request's body was not kept whole.
    """
    request, response = asked(exchange), exchange.response
    if response is None:
        raise NotSeen(f"expecting {exchange!r} again: its response was not seen")
    checks, modules = _checks(response)
    imports = "".join(f"import {name}\n" for name in sorted({"http.client", *modules}))
    title = f"{request.method} {request.path}".encode("ascii", "backslashreplace").decode()
    return f'''"""{_quotable(title)}, as it was seen on the wire."""

{imports}

def {_name(request)}():
    connection = http.client.HTTPConnection({exchange.server.ip!r}, {exchange.server.port}, timeout={TIMEOUT_S})
{_asking(request)}
    response = connection.getresponse()
    content = response.read()
    connection.close()
{checks}'''


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'")


def _name(request: Request) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", f"{request.method} {request.path}".lower()).strip("_")
    return f"test_{words[:NAME_MAX].rstrip('_')}"


def _asking(request: Request) -> str:
    target = quote(request.target.encode("utf-8", "surrogateescape"), safe="/?:@!$&'()*+,;=%~#[]-._|^`{}\"\\<>")
    lines = [
        f"connection.putrequest({request.method!r}, {target!r}, skip_host=True, skip_accept_encoding=True)",
        *(f"connection.putheader({name!r}, {_bytes(value)})" for name, value in fields_to_send(request)),
    ]
    body = bytes(request.body)
    if body or "content-length" in request.headers or "transfer-encoding" in request.headers:
        lines.append(f'connection.putheader("Content-Length", "{len(body)}")')
    lines.append(f"connection.endheaders({body!r})" if body else "connection.endheaders()")
    return "\n".join(f"    {line}" for line in lines)


def _bytes(value: str) -> str:
    """Text where it is plain, else the bytes that were sent."""
    return repr(value) if value.isascii() else repr(value.encode("utf-8", "surrogateescape"))


def _checks(response: Response) -> tuple[str, list[str]]:
    """The assertions, and the modules that they take."""
    lines = [f"assert response.status == {response.status}"]
    kind = response.headers.get("content-type")
    if kind is not None and kind.isascii():
        lines.append(f"assert response.headers['Content-Type'] == {kind!r}")
    coding = response.headers.get("content-encoding", "identity").strip().lower()
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
    """The body's meaning as Python writes it; None: it is no JSON."""
    if "json" not in response.headers.get("content-type", "").lower():
        return None

    def refuse(name: str) -> Any:
        raise ValueError(name)  # NaN and the infinities are not equal to themselves, or have no literal

    try:
        return repr(json.loads(response.body, parse_constant=refuse))
    except ValueError:
        return None
