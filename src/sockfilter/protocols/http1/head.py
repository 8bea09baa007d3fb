"""Heads: where one ends, what its start line says, and how its body is framed."""

from __future__ import annotations

import re

from sockfilter.model.head import Head
from sockfilter.model.headers import text
from sockfilter.model.problem import Problem

# bytes; servers refuse heads of 8 to 64 KiB, and what is longer is cut, not waited for
HEAD_BYTES_MAX = 256 << 10
# digits of a Content-Length that is believed: 10 to the 18th bytes are enough
LENGTH_DIGITS_MAX = 18

# The methods of the IANA registry (RFC 9110, 16.1.1), and those of UPnP, caches and Icecast, as bytes and as text.
# The kernel matches the same ones: begins_request() in bpf/lib/http.bpf.h.
METHODS = {
    name.encode(): name
    for name in (
        "ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE"
        " MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE M-SEARCH NOTIFY OPTIONS ORDERPATCH"
        " PATCH POST PRI PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE"
        " UNBIND UNCHECKOUT UNLINK UNLOCK UNSUBSCRIBE UPDATE UPDATEREDIRECTREF VERSION-CONTROL"
    ).split()
}
VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}
STATUSES = {str(code).encode(): code for code in range(100, 1000)}
RESPONSE_STARTS = (b"HTTP/1.", b"HTTP/0.")
RESPONSE_START_BYTES = 7
# RFC 9113, 3.4: the client connection preface begins with it
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"

# A method may be any token (RFC 9110, 5.6.2); a longer one than this is taken for something else.
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}"
METHOD = re.compile(TOKEN)
SPACE = (b" ", b"\t", b"")  # behind a method, or the end of what is there
REQUEST_LINE = re.compile(rb"(%s)[ \t]+([^ \t](?:.*[^ \t])?)[ \t]+(?:HTTP|http)/([01]\.\d)[ \t]*" % TOKEN, re.DOTALL)
STATUS_LINE = re.compile(rb"(?:HTTP|http)/([01]\.\d)[ \t]+([1-9]\d\d)(?:[ \t].*)?", re.DOTALL)
# HTTP/0.9 has no version, no fields, and GET alone (RFC 1945, 5.1)
SIMPLE_REQUEST = re.compile(rb"GET[ \t]+((?:/|http://)[^ \t\r\n]*)[ \t]*\r?\n")
SIMPLE_VERSION = "0.9"
# what a first line that is not quite one may say of the version
LOOSE_VERSION = re.compile(rb"HTTP/(\d{1,3}(?:\.\d{1,3})?)", re.IGNORECASE)
# a line that begins with white space goes on with the value before it (RFC 9112, 5.2)
FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")
# a blank line after a line, with or without carriage returns (RFC 9112, 2.2)
HEAD_END = re.compile(rb"\n\r?\n")


# how a body is framed (RFC 9112, 6.3)
NO_BODY, BY_LENGTH, CHUNKED, UNTIL_CLOSE = range(4)

# heads that are kept read, and the longest of them: clients that repeat themselves send the same one
# over and over, and a server's change once a second; 1 MiB at most
KEPT_HEADS = 512
KEPT_HEAD_BYTES = 2048


class HttpHead(Head):
    """A head, and what it says of the body.

    Attributes:
        framing: NO_BODY, BY_LENGTH, CHUNKED or UNTIL_CLOSE; for a response, as an answer to GET.
        length: of a body BY_LENGTH.
        codings: of the content, in lower case, in the order in which they were applied.
        problem: what is odd about it.
    """

    __slots__ = ("codings", "framing", "length", "problem")

    def __init__(self, raw: bytes, version: str, method: str, target: str, status: int) -> None:
        super().__init__(raw, version, method, target, status)
        lower = raw.lower()
        self.problem: Problem | None = None
        self.length = 0
        self.codings: tuple[bytes, ...] = ()
        self.framing = self._framing(lower)
        if self.framing != NO_BODY and b"\ncontent-encoding" in lower:
            self.codings = (*_but_identity(_list(lower, b"\ncontent-encoding")), *self.codings)

    def _framing(self, lower: bytes) -> int:
        if self.status and (self.status < 200 or self.status in (204, 304)):
            return NO_BODY
        if b"\ntransfer-encoding" in lower:
            listed = [name for name in _list(lower, b"\ntransfer-encoding") if name]
            is_chunked = listed[-1:] == [b"chunked"]
            # what of them is not the chunks is applied after the content's own
            self.codings = _but_identity(listed[:-1] if is_chunked else listed)
            if is_chunked or self.codings:
                return CHUNKED if is_chunked else UNTIL_CLOSE
        if b"\ncontent-length" in lower:
            lengths = set(_list(lower, b"\ncontent-length"))
            length = next(iter(lengths), b"")
            if len(lengths) == 1 and length.isdigit() and len(length) <= LENGTH_DIGITS_MAX:
                self.length = int(length)
                return BY_LENGTH if self.length else NO_BODY
            if lengths:
                self.problem = Problem.BAD_LENGTH
        return UNTIL_CLOSE if self.status else NO_BODY


# the heads that are kept, by their bytes; emptied when full
_kept: dict[bytes, HttpHead] = {}


def read(raw: bytes) -> HttpHead | None:
    """A head of which it is known only that it ends with two ends of line; None: it is none, or an unusual one."""
    head = _kept.get(raw)
    if head is not None:
        return head
    # a bare line feed may have ended it before
    if b"\n\n" in raw or raw.find(b"\n\r\n") < len(raw) - 3 or len(raw) > HEAD_BYTES_MAX:
        return None
    head = parse(raw)
    if head is not None and len(raw) <= KEPT_HEAD_BYTES:
        if len(_kept) >= KEPT_HEADS:
            _kept.clear()
        _kept[raw] = head
    return head


def parse(raw: bytes) -> HttpHead | None:
    """Reads a head by its bytes, whole or cut behind its first line; None: its first line is not of HTTP."""
    line = raw[: raw.find(b"\n")].rstrip(b"\r")
    if line[:5] in (b"HTTP/", b"http/"):
        status = status_line(line)
        return status and HttpHead(raw, status[1], "", "", status[0])
    request = request_line(line)
    return request and HttpHead(raw, request[2], request[0], request[1], 0)


def request_line(line: bytes) -> tuple[str, str, str] | None:
    """Method, target and version of a request's first line; None: it is none."""
    parts = line.split(b" ")
    if len(parts) == 3 and parts[1]:
        method, version = METHODS.get(parts[0]), VERSIONS.get(parts[2])
        if method and version:
            return method, str(parts[1], "utf-8", "surrogateescape"), version
    found = REQUEST_LINE.fullmatch(line)
    if not found:
        return None
    return text(found[1]), text(found[2]), found[3].decode()


def status_line(line: bytes) -> tuple[int, str] | None:
    """Status and version of a response's first line; None: it is none."""
    version, status = VERSIONS.get(line[:8]), STATUSES.get(line[9:12])
    if version and status and line[8:9] == b" " and line[12:13] in (b" ", b""):
        return status, version
    found = STATUS_LINE.fullmatch(line)
    if not found:
        return None
    return int(found[2]), found[1].decode()


def loose_request(data: bytes, start: int) -> HttpHead | None:
    """What can be read of a request whose first line is not quite one; None: nothing in it says that it is one.

    Its method must be registered, or the line speak of HTTP. What cannot be read is empty.

    Args:
        data: holds it.
        start: where its first line begins; the rest of data is its head, as far as it is there.
    """
    found = METHOD.match(data, start)
    if found is None or data[found.end() : found.end() + 1] not in SPACE:
        return None
    line = data[start : data.find(b"\n", start) if b"\n" in data[start:] else len(data)].rstrip(b"\r")
    if found[0] not in METHODS and b"HTTP/" not in line.upper():
        return None
    words = line.split()
    said = LOOSE_VERSION.fullmatch(words[-1])
    target = b"" if len(words) < 2 or (said and len(words) == 2) else words[1]
    end = HEAD_END.search(data, start)
    raw = data[start : end.end() if end else len(data)]
    return HttpHead(raw, said[1].decode() if said else "", text(found[0]), text(target), 0)


def unreadable(raw: bytes) -> HttpHead:
    """What stands for the head of a response that has no status line."""
    return HttpHead(raw, "", "", "", 0)


def expects(head: Head) -> bool:
    """Whether a request's body waits to be asked for (RFC 9110, 10.1.1)."""
    return any(value == b"100-continue" for value in _list(head.raw.lower(), b"\nexpect"))


def simple_request(data: bytes, start: int) -> HttpHead | None:
    """The request of HTTP/0.9 that stands here; None: it is none."""
    found = SIMPLE_REQUEST.match(data, start)
    return found and HttpHead(found[0], SIMPLE_VERSION, "GET", text(found[1]), 0)


def simple_response() -> HttpHead:
    """What stands for the head of a response of HTTP/0.9, which has none."""
    return HttpHead(b"", SIMPLE_VERSION, "", "", 0)


def may_begin(data: bytes, start: int) -> bool:
    """Whether a message may begin here: HTTP/1., a registered method and a space, or as much of these as there is."""
    return may_begin_response(data, start) or may_begin_request(data, start)


def may_begin_response(data: bytes, start: int) -> bool:
    """Whether a response may begin here: HTTP/1., or as much of it as there is."""
    begin = data[start : start + RESPONSE_START_BYTES].upper()
    return any(known.startswith(begin) for known in RESPONSE_STARTS)


def may_begin_request(data: bytes, start: int) -> bool:
    """Whether a request may begin here: a registered method and a space, or as much of these as there is."""
    found = METHOD.match(data, start)
    if found is None or data[found.end() : found.end() + 1] not in SPACE:
        return False
    word = found[0]
    return word in METHODS or (found.end() == len(data) and any(method.startswith(word) for method in METHODS))


def is_short_start(data: bytes, start: int) -> bool:
    """Whether a message that may begin here needs more bytes to show that it does."""
    found = METHOD.match(data, start)
    is_part = len(data) - start < RESPONSE_START_BYTES and may_begin_response(data, start)
    return is_part or (found is not None and found.end() == len(data))


def is_token(data: bytes, start: int) -> bool:
    """Whether any method may begin here, and white space behind it, or as much of these as there is."""
    found = METHOD.match(data, start)
    return found is not None and data[found.end() : found.end() + 1] in SPACE


def _but_identity(codings: list[bytes]) -> tuple[bytes, ...]:
    return tuple(name for name in codings if name not in (b"", b"identity"))


def _list(lower: bytes, key: bytes) -> list[bytes]:
    """The parts of a field whose value is a list (RFC 9110, 5.6.1)."""
    return [part.strip(b" \t") for value in _values(lower, key) for part in value.split(b",")]


def _values(lower: bytes, key: bytes) -> list[bytes]:
    """key: the field's name in lower case, the end of line before it in front."""
    found = []
    at = lower.find(key)
    while at >= 0:
        end = lower.find(b"\n", at + 1)
        while lower[end + 1 : end + 2] in (b" ", b"\t"):
            end = lower.find(b"\n", end + 1)
        name, colon, value = lower[at + 1 : end].partition(b":")
        # not a longer name that begins the same; white space before the colon is let pass
        if colon and name.rstrip(b" \t") == key[1:]:
            found.append(FOLD.sub(b" ", value).strip(b" \t\r"))
        at = lower.find(key, end)
    return found
