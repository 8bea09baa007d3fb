"""Valid messages of any shape, for properties: what is sent, and what it means."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.support.talk import CLIENT, SERVER, Said

TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!#$%&'*+^`|"
FRAMING = {"content-length", "transfer-encoding", "content-encoding", "connection", "upgrade", "host", "expect"}
METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "SEARCH"]

names = st.text(TOKEN, min_size=1, max_size=12).filter(lambda name: name.lower() not in FRAMING)
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
values = st.lists(visible, max_size=3).map(" ".join).map(str.strip)
fields = st.lists(st.tuples(names, values), max_size=4)
targets = visible.map(lambda text: "/" + text)
bodies = st.binary(max_size=60)


@dataclass(frozen=True)
class Sent:
    """A message: its bytes, and what they say. wire: as sent; the rest: what they mean."""

    raw: bytes
    start: tuple[str, ...]
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """A request, the informational responses to it, and the final one."""

    request: Sent
    informational: list[Sent]
    response: Sent


def lines(start: bytes, headers: list[tuple[str, str]]) -> bytes:
    return b"\r\n".join([start, *(f"{name}: {value}".encode() for name, value in headers), b"", b""])


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> tuple[bytes, list[tuple[str, str]]]:
    """A body in chunks, and its trailers."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(body))), max_size=4)) & set(range(len(body))))
    made = b""
    for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True):
        if a < b:
            extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b c"']))
            size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % (b - a)
            made += size + extension + b"\r\n" + body[a:b] + b"\r\n"
    trailers = draw(st.lists(st.tuples(names, values), max_size=2))
    return made + lines(b"0", trailers), trailers


@st.composite
def message(draw: st.DrawFn, start: tuple[str, ...], line: str, *, has_body: bool, until_close: bool = False) -> Sent:
    headers = draw(fields)
    kinds = ["length", "chunked"] + ["none"] * (line.startswith("HTTP") is False) + ["close"] * until_close
    kind = draw(st.sampled_from(kinds)) if has_body else "none"
    body = draw(bodies) if kind != "none" else b""
    content, trailers = body, []
    if kind == "length":
        headers = [*headers, ("Content-Length", str(len(body)))]
    elif kind == "chunked":
        headers = [*headers, ("Transfer-Encoding", "chunked")]
        content, trailers = draw(chunked(body))
    headers = draw(st.permutations(headers))
    return Sent(lines(line.encode(), headers) + content, start, headers, body, trailers)


@st.composite
def turn(draw: st.DrawFn, *, methods: list[str] = METHODS, until_close: bool = False) -> Turn:
    method, target = draw(st.sampled_from(methods)), draw(targets)
    asked = draw(message((method, target, "1.1"), f"{method} {target} HTTP/1.1", has_body=True))
    before = [
        draw(message((str(status), ""), f"HTTP/1.1 {status} ", has_body=False))
        for status in draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2))
    ]
    status, reason = draw(st.sampled_from([200, 201, 204, 304, 404, 500])), draw(values)
    has_body = status not in (204, 304) and method != "HEAD"
    said = draw(
        message((str(status), reason), f"HTTP/1.1 {status} {reason}", has_body=has_body, until_close=until_close)
    )
    return Turn(asked, before, said)


def turns(**more: object) -> st.SearchStrategy[list[Turn]]:
    return st.lists(turn(**more), min_size=1, max_size=4)  # type: ignore[arg-type]  # passed on


def said_in_turns(dialogue: list[Turn]) -> list[Said]:
    said: list[Said] = []
    for one in dialogue:
        said.append((CLIENT, one.request.raw))
        said += [(SERVER, sent.raw) for sent in (*one.informational, one.response)]
    return said


def said_together(dialogue: list[Turn]) -> list[Said]:
    """All requests in one segment, all responses in another."""
    asked = b"".join(one.request.raw for one in dialogue)
    answers = b"".join(sent.raw for one in dialogue for sent in (*one.informational, one.response))
    return [(CLIENT, asked), (SERVER, answers)]
