"""Parses heads: the start line, the end of the head, and the framing of the body."""

from __future__ import annotations

import re

from sockfilter.model.body import Body
from sockfilter.model.head import Head
from sockfilter.model.headers import Headers, text
from sockfilter.model.problem import Problem

# Bytes of a head; a longer one is cut. The limits of servers are 8 to 64 KiB.
HEAD_BYTES_MAX = 256 << 10
# digits of a Content-Length; a longer one is malformed
LENGTH_DIGITS_MAX = 18

# The methods of the IANA registry (RFC 9110, 16.1.1), and those of UPnP, caches and Icecast, as bytes and as text.
# The kernel matches the same methods: begins_request() in bpf/lib/http.bpf.h.
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

# A method may be any token (RFC 9110, 5.6.2). A token of more than 64 bytes is not taken for a method.
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}"
METHOD = re.compile(TOKEN)
SPACE = (b" ", b"\t", b"")  # after a method; empty at the end of the data
REQUEST_LINE = re.compile(rb"(%s)[ \t]+([^ \t](?:.*[^ \t])?)[ \t]+(?:HTTP|http)/([01]\.\d)[ \t]*" % TOKEN, re.DOTALL)
STATUS_LINE = re.compile(rb"(?:HTTP|http)/([01]\.\d)[ \t]+([1-9]\d\d)(?:[ \t].*)?", re.DOTALL)
# HTTP/0.9 has no version and no fields, and its only method is GET (RFC 1945, 5.1)
SIMPLE_REQUEST = re.compile(rb"GET[ \t]+((?:/|http://)[^ \t\r\n]*)[ \t]*\r?\n")
SIMPLE_VERSION = "0.9"
# the first word of a malformed request line
VISIBLE = re.compile(rb"[!-~]+")
# the version in a malformed request line
LOOSE_VERSION = re.compile(rb"HTTP/(\d{1,3}(?:\.\d{1,3})?)", re.IGNORECASE)
# a malformed status line; browsers too skip a few bytes in front of it
LOOSE_STATUS_LINE = re.compile(
    rb"[^\r\n]{0,4}?(?:HTTP/(\d{1,3}(?:\.\d{1,3})?)(?=[ \t]|$)|HTTP/?[^ \t]*|ICY(?=[ \t]|$))"
    rb"(?:[ \t]+(\d{1,5})(?!\d|\.\d))?.*",
    re.DOTALL | re.IGNORECASE,
)
LOOSE_STARTS = (b"HTTP", b"ICY ")
JUNK_BYTES_MAX = 4
# A field without a colon, or with white space before it. Other code finds bare carriage returns and NULs faster.
ODD_FIELD = re.compile(rb"\n(?![ \t\r\n])[^:\n]*(?:[ \t]:|\n)")
CHUNKS = b"chunked"
# transfer codings that are decoded, in addition to chunked
TRANSFER_CODINGS = {b"gzip", b"x-gzip", b"deflate", b"br", b"zstd"}
# a line that begins with white space continues the value before it (RFC 9112, 5.2)
FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")
# an empty line after a line, with or without carriage returns (RFC 9112, 2.2)
HEAD_END = re.compile(rb"\n\r?\n")


# how a body is framed (RFC 9112, 6.3)
NO_BODY, BY_LENGTH, CHUNKED, UNTIL_CLOSE = range(4)

# Heads in the cache, and the maximum bytes of one; together at most 1 MiB. Clients often repeat the same head, and the
# heads of a server change once a second, with Date.
KEPT_HEADS = 512
KEPT_HEAD_BYTES = 2048


class HttpHead(Head):
    """A head of HTTP/1 with its text, and the framing of the body. Messages with the same text share it.

    Args:
        raw: start line and fields with their line endings, as sent.
        version, method, target, status: as in Head.

    Attributes:
        framing: NO_BODY, BY_LENGTH, CHUNKED or UNTIL_CLOSE; for a response, as if the method was GET.
        length: bytes of the body, if the framing is BY_LENGTH.
        codings: the codings of the content, in lower case, in the order in which they were applied.
        problems: the problems of the head.
    """

    __slots__ = ("codings", "framing", "length", "problems", "raw")

    has_text = True

    def __init__(self, raw: bytes, version: str, method: str, target: str, status: int) -> None:
        self.raw = raw
        self.version = version
        self.method = method
        self.target = target
        self.status = status
        self._headers = self._reason = None
        lower = raw.lower()
        self.problems: tuple[Problem, ...] = ()
        self.length = 0
        self.codings: tuple[bytes, ...] = ()
        if ODD_FIELD.search(raw) or b"\0" in raw or raw.count(b"\r") != raw.count(b"\r\n"):
            self.problems = (Problem.BAD_HEAD,)
        self.framing = self._framing(lower)
        if self.framing != NO_BODY and b"\ncontent-encoding" in lower:
            self.codings = (*_but_identity(_list(lower, b"\ncontent-encoding")), *self.codings)

    @property
    def headers(self) -> Headers:
        """The fields; parsed when they are first needed."""
        if self._headers is None:
            self._headers = Headers.from_head(self.raw)
        return self._headers

    @property
    def reason(self) -> str:
        """The reason phrase of a response; may be empty."""
        if self._reason is None:
            words = self.raw.partition(b"\n")[0].strip(b" \t\r").split(None, 2)
            self._reason = text(words[2]) if self.status and len(words) > 2 else ""
        return self._reason

    @property
    def size(self) -> int:
        """Bytes of text in the head."""
        return len(self.raw)

    @property
    def is_shared(self) -> bool:  # type: ignore[override]  # it follows from the size
        """Whether other messages with the same text have the same object."""
        return len(self.raw) <= KEPT_HEAD_BYTES

    @property
    def has_bad_length(self) -> bool:
        """Whether the end of the body is unknown, because Content-Length is malformed."""
        return self.framing == UNTIL_CLOSE and Problem.BAD_LENGTH in self.problems

    @property
    def is_badly_framed(self) -> bool:
        """Whether the fields that frame the body are malformed or contradict each other."""
        return Problem.BAD_LENGTH in self.problems or Problem.BAD_FRAMING in self.problems

    def _framing(self, lower: bytes) -> int:
        if 100 <= self.status < 200 or self.status in (204, 304):
            return NO_BODY
        if b"\ntransfer-encoding" in lower and self._is_chunked(lower):
            return CHUNKED
        if b"\ncontent-length" in lower:
            return self._by_length(_list(lower, b"\ncontent-length"))
        return NO_BODY if self.method else UNTIL_CLOSE

    def _is_chunked(self, lower: bytes) -> bool:
        """Whether chunked is among the codings. RFC 9112, 6.1, requires it once, and last; browsers do not."""
        listed = _but_identity(_list(lower, b"\ntransfer-encoding"))
        others = tuple(name for name in listed if name != CHUNKS)
        is_chunked = len(others) < len(listed)
        is_known = all(name in TRANSFER_CODINGS for name in others)
        is_last = listed[-1:] == (CHUNKS,) and len(listed) == len(others) + 1
        if is_known and (is_last or not is_chunked):
            self.codings = others  # the other transfer codings were applied after the content codings
        if listed and not (is_known and is_last and self.version != "1.0" and b"\ncontent-length" not in lower):
            self.problems = (*self.problems, Problem.BAD_FRAMING)
        return is_chunked

    def _by_length(self, listed: list[bytes]) -> int:
        """Frames the body by Content-Length. Several equal values count as one (RFC 9112, 6.3)."""
        lengths = set(listed)
        length = next(iter(lengths), b"")
        digits = length[1:] if length[:1] == b"+" else length
        if len(lengths) == 1 and digits.isdigit() and len(digits.lstrip(b"0")) <= LENGTH_DIGITS_MAX:
            if digits is not length:
                self.problems = (*self.problems, Problem.BAD_LENGTH)
            self.length = int(digits)
            return BY_LENGTH if self.length else NO_BODY
        if lengths:
            self.problems = (*self.problems, Problem.BAD_LENGTH)
        return NO_BODY if self.method else UNTIL_CLOSE


# the cache of heads, by their bytes; emptied when full
_kept: dict[bytes, HttpHead] = {}


def read(raw: bytes) -> HttpHead | None:
    """Parses bytes that end with an empty line, using a cache; None if they are not exactly one head, or unusual."""
    head = _kept.get(raw)
    if head is not None:
        return head
    # an empty line with bare line feeds ends the head earlier
    if b"\n\n" in raw or raw.find(b"\n\r\n") < len(raw) - 3 or len(raw) > HEAD_BYTES_MAX:
        return None
    head = parse(raw)
    if head is not None and len(raw) <= KEPT_HEAD_BYTES:
        if len(_kept) >= KEPT_HEADS:
            _kept.clear()
        _kept[raw] = head
    return head


def whole_body(head: HttpHead, wire_len: int, content: bytes) -> Body:
    """A body that came in one piece and is not decoded.

    Args:
        head: the message's head.
        wire_len: bytes of the body.
        content: the bytes that were kept.
    """
    return Body(wire_len, None if head.codings else wire_len, content)


def parse(raw: bytes) -> HttpHead | None:
    """Parses a head, which may be cut after its first line; None if the first line is not HTTP."""
    line = raw[: raw.find(b"\n")].rstrip(b"\r")
    if line[:5] in (b"HTTP/", b"http/"):
        status = status_line(line)
        return status and HttpHead(raw, status[1], "", "", status[0])
    request = request_line(line)
    return request and HttpHead(raw, request[2], request[0], request[1], 0)


def request_line(line: bytes) -> tuple[str, str, str] | None:
    """Method, target and version of a request line; None if it is not one."""
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
    """Status and version of a status line; None if it is not one."""
    version, status = VERSIONS.get(line[:8]), STATUSES.get(line[9:12])
    if version and status and line[8:9] == b" " and line[12:13] in (b" ", b""):
        return status, version
    found = STATUS_LINE.fullmatch(line)
    if not found:
        return None
    return int(found[2]), found[1].decode()


def loose_request(data: bytes, start: int) -> HttpHead | None:
    """Parses as much as possible of a request with a malformed request line; None if it does not look like a request.

    It looks like a request if the method is registered, or if the line contains HTTP/. A part that cannot be parsed is
    empty.

    Args:
        data: the bytes with the request.
        start: where its first line begins; the rest of data is its head, or the beginning of it.
    """
    found = VISIBLE.match(data, start)
    if found is None or data[found.end() : found.end() + 1] not in SPACE:
        return None
    line = data[start:].partition(b"\n")[0].rstrip(b"\r")
    if found[0] not in METHODS and b" HTTP/" not in line.upper():
        return None
    words = line.split()
    said = LOOSE_VERSION.fullmatch(words[-1])
    target = b"" if len(words) < 2 or (said and len(words) == 2) else words[1]
    end = HEAD_END.search(data, start)
    raw = data[start : end.end() if end else len(data)]
    return HttpHead(raw, said[1].decode() if said else "", text(found[0]), text(target), 0)


def loose_response(raw: bytes) -> HttpHead | None:
    """Parses as much as possible of a response with a malformed status line; None if it does not look like one.

    A part that cannot be parsed is empty, or 0 for the status.
    """
    found = LOOSE_STATUS_LINE.fullmatch(re.split(rb"[\r\n]", raw, maxsplit=1)[0] if raw[:1] not in b"\r\n" else raw)
    if found is None:
        return None
    head = HttpHead(raw, (found[1] or b"").decode(), "", "", int(found[2] or 0))
    head.problems = tuple(dict.fromkeys((Problem.BAD_HEAD, *head.problems)))
    return head


def may_begin_loosely(data: bytes, start: int) -> bool:
    """Whether the data from start on may begin a response with a malformed status line."""
    begin = data[start : start + JUNK_BYTES_MAX + len(LOOSE_STARTS[0])].upper()
    if b"\n" in begin:
        begin = begin[: begin.index(b"\n")]
    return any(
        known.startswith(begin[at : at + len(known)]) for at in range(JUNK_BYTES_MAX + 1) for known in LOOSE_STARTS
    )


def unreadable(raw: bytes) -> HttpHead:
    """The head of a response without a status line."""
    return HttpHead(raw, "", "", "", 0)


def expects(head: Head) -> bool:
    """Whether a request has Expect: 100-continue (RFC 9110, 10.1.1)."""
    return any(value == b"100-continue" for value in _list(head.raw.lower(), b"\nexpect"))


def simple_request(data: bytes, start: int) -> HttpHead | None:
    """The request of HTTP/0.9 that begins at start; None if there is none."""
    found = SIMPLE_REQUEST.match(data, start)
    return found and HttpHead(found[0], SIMPLE_VERSION, "GET", text(found[1]), 0)


def simple_response() -> HttpHead:
    """The head for a response of HTTP/0.9, which has no head of its own."""
    return HttpHead(b"", SIMPLE_VERSION, "", "", 0)


def may_begin(data: bytes, start: int) -> bool:
    """Whether a message may begin at start: HTTP/1., or a registered method and a space, or the beginning of these."""
    return may_begin_response(data, start) or may_begin_request(data, start)


def may_begin_response(data: bytes, start: int) -> bool:
    """Whether a response may begin at start: HTTP/1. or HTTP/0., or the beginning of these."""
    begin = data[start : start + RESPONSE_START_BYTES].upper()
    return any(known.startswith(begin) for known in RESPONSE_STARTS)


def may_begin_request(data: bytes, start: int) -> bool:
    """Whether a request may begin at start: a registered method and a space, or the beginning of these."""
    found = METHOD.match(data, start)
    if found is None or data[found.end() : found.end() + 1] not in SPACE:
        return False
    word = found[0]
    return word in METHODS or (found.end() == len(data) and any(method.startswith(word) for method in METHODS))


def is_unfinished(data: bytes) -> bool:
    """Whether data is the beginning of a usual request whose head is not complete."""
    word, space, _ = data.partition(b" ")
    if not space or word not in METHODS or b"\n\r\n" in data or b"\n\n" in data:
        return False
    line, end, _ = data.partition(b"\r\n")
    return b"\n" not in line and (not end or request_line(line) is not None)


def is_short_start(data: bytes, start: int) -> bool:
    """Whether more bytes are needed to find out whether a message begins at start."""
    found = METHOD.match(data, start)
    is_part = len(data) - start < RESPONSE_START_BYTES and may_begin_response(data, start)
    return is_part or (found is not None and found.end() == len(data))


def is_token(data: bytes, start: int) -> bool:
    """Whether a token and white space begin at start, or the beginning of these: any method is possible."""
    found = METHOD.match(data, start)
    return found is not None and data[found.end() : found.end() + 1] in SPACE


def _but_identity(codings: list[bytes]) -> tuple[bytes, ...]:
    return tuple(name for name in codings if name not in (b"", b"identity"))


def _list(lower: bytes, key: bytes) -> list[bytes]:
    """The members of a field whose value is a list (RFC 9110, 5.6.1)."""
    return [part.strip(b" \t") for value in _values(lower, key) for part in value.split(b",")]


def _values(lower: bytes, key: bytes) -> list[bytes]:
    """The values of a field. key: a line feed and the name of the field in lower case."""
    found = []
    at = lower.find(key)
    while at >= 0:
        end = lower.find(b"\n", at + 1)
        while end >= 0 and lower[end + 1 : end + 2] in (b" ", b"\t"):
            end = lower.find(b"\n", end + 1)
        if end < 0:  # what there is of the last line is not all of it
            break
        name, colon, value = lower[at + 1 : end].partition(b":")
        # skips longer names that begin with this one; white space before the colon is tolerated
        if colon and name.rstrip(b" \t") == key[1:]:
            found.append(FOLD.sub(b" ", value).strip(b" \t\r"))
        at = lower.find(key, end)
    return found
