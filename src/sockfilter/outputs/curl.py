"""An exchange as a command that asks the same again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sockfilter.errors import BodyError, NotSeen

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Request

# what a client makes itself of the body that it is given
FRAMING = {"content-length", "transfer-encoding", "content-encoding", "trailer", "expect"}
# bytes of a word that a shell can take: printable ASCII and line feeds
PLAIN = {*range(0x20, 0x7F), 0x0A, 0x09}


def asked(exchange: Exchange) -> Request:
    """The request, if it can be made again.

    Raises:
        NotSeen: it is not there, or opens a tunnel.
        BodyError: its body was not kept whole.
    """
    request = exchange.request
    if request is None:
        raise NotSeen(f"asking {exchange!r} again: its request was not seen")
    if request.method == "CONNECT" or request.version == "0.9":
        raise NotSeen(f"asking {exchange!r} again: that takes a connection of its own kind")
    if request.body.is_cut or not request.complete:
        raise BodyError(
            f"asking {exchange!r} again: {len(request.body)} bytes of its body were kept; body=None keeps all"
        )
    return request


def fields_to_send(request: Request) -> list[tuple[str, str]]:
    """The fields without those that say how the body was framed and coded."""
    return [(name, value) for name, value in request.headers if name.lower() not in FRAMING]


def as_curl(exchange: Exchange) -> str:
    """The command line of curl that makes the same request, its secrets included.

    Args:
        exchange: whose request is wanted.

    Raises:
        NotSeen: the request was not seen.
        BodyError: its body was not kept whole.
    """
    request = asked(exchange)
    server = str(exchange.server)
    words = ["curl", "--http1.0" if request.version == "1.0" else "--http1.1", *_method(request)]
    names = {name.lower() for name, _ in request.headers}
    # what curl would add by itself
    absent = [name for name in ("User-Agent", "Accept") if name.lower() not in names]
    if request.body and "content-type" not in names:
        absent.append("Content-Type")
    fields = [field for field in fields_to_send(request) if field != ("Host", server)]
    for line in [*(f"{name}: {value}" if value else f"{name};" for name, value in fields), *(f"{n}:" for n in absent)]:
        words += ["-H", shlex.quote(line)]
    before, data = _data(request)
    words += data
    words += _place(request.target, server)
    return before + " ".join(words)


def _method(request: Request) -> list[str]:
    if request.method == "HEAD":
        return ["--head"]
    implied = "POST" if request.body else "GET"
    return [] if request.method == implied else ["-X", shlex.quote(request.method)]


def _data(request: Request) -> tuple[str, list[str]]:
    """What comes before the command, and its words about the body."""
    body = request.body
    if not body:
        return "", []
    if PLAIN.issuperset(body):
        return "", ["--data-raw", shlex.quote(body.decode())]
    octal = "".join(chr(byte) if 0x30 <= byte <= 0x7A and byte != 0x5C else f"\\{byte:03o}" for byte in body)
    return f"printf '{octal}' | ", ["--data-binary", "@-"]


def _place(target: str, server: str) -> list[str]:
    if target.startswith("/"):
        # as it is: no globs, no dots removed
        marks = (["-g"] if set("[]{}") & set(target) else []) + (["--path-as-is"] if "/." in target else [])
        return [*marks, shlex.quote(f"http://{server}{target}")]
    if "://" in target:  # it went to a proxy
        return ["--proxy", shlex.quote(f"http://{server}"), shlex.quote(target)]
    return ["--request-target", shlex.quote(target), shlex.quote(f"http://{server}/")]
