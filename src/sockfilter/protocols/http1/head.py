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
# the first word of a line that is not quite that of a request
VISIBLE = re.compile(rb"[!-~]+")
# what such a line may say of the version
LOOSE_VERSION = re.compile(rb"HTTP/(\d{1,3}(?:\.\d{1,3})?)", re.IGNORECASE)
# the same of a status line, behind some bytes that browsers skip too
LOOSE_STATUS_LINE = re.compile(
    rb"[^\r\n]{0,4}?(?:HTTP/(\d{1,3}(?:\.\d{1,3})?)(?=[ \t]|$)|HTTP/?[^ \t]*|ICY(?=[ \t]|$))"
    rb"(?:[ \t]+(\d{1,5})(?!\d|\.\d))?.*",
    re.DOTALL | re.IGNORECASE,
)
LOOSE_STARTS = (b"HTTP", b"ICY ")
JUNK_BYTES_MAX = 4
# A field without a colon, or with white space before it. Carriage returns alone and NULs are found faster.
ODD_FIELD = re.compile(rb"\n(?![ \t\r\n])[^:\n]*(?:[ \t]:|\n)")
CHUNKS = b"chunked"
# of transfer codings, those that are undone here
TRANSFER_CODINGS = {b"gzip", b"x-gzip", b"deflate", b"br", b"zstd"}
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
    """A head, and what it says of the body. A response has no method.

    Attributes:
        framing: NO_BODY, BY_LENGTH, CHUNKED or UNTIL_CLOSE; for a response, as an answer to GET.
        length: of a body BY_LENGTH.
        codings: of the content, in lower case, in the order in which they were applied.
        problems: what is odd about it.
    """

    __slots__ = ("codings", "framing", "length", "problems")

    def __init__(self, raw: bytes, version: str, method: str, target: str, status: int) -> None:
        super().__init__(raw, version, method, target, status)
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
    def has_bad_length(self) -> bool:
        """Whether nothing says where the body ends, as what should say it cannot be read."""
        return self.framing == UNTIL_CLOSE and Problem.BAD_LENGTH in self.problems

    @property
    def is_badly_framed(self) -> bool:
        """Whether what says how the body is framed cannot be read."""
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
        """Chunks count wherever they are named, as in browsers; RFC 9112, 6.1, wants them once, and last."""
        listed = _but_identity(_list(lower, b"\ntransfer-encoding"))
        others = tuple(name for name in listed if name != CHUNKS)
        is_chunked = len(others) < len(listed)
        is_known = all(name in TRANSFER_CODINGS for name in others)
        is_last = listed[-1:] == (CHUNKS,) and len(listed) == len(others) + 1
        if is_known and (is_last or not is_chunked):
            self.codings = others  # what is not the chunks is applied after the content's own
        if listed and not (is_known and is_last and self.version != "1.0" and b"\ncontent-length" not in lower):
            self.problems = (*self.problems, Problem.BAD_FRAMING)
        return is_chunked

    def _by_length(self, listed: list[bytes]) -> int:
        """RFC 9112, 6.3. Several that are equal are one."""
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
    """A head whose first line is not quite a status line, as far as it can be read; None: it has none.

    What cannot be read is empty, and 0 of the status.
    """
    found = LOOSE_STATUS_LINE.fullmatch(re.split(rb"[\r\n]", raw, maxsplit=1)[0] if raw[:1] not in b"\r\n" else raw)
    if found is None:
        return None
    head = HttpHead(raw, (found[1] or b"").decode(), "", "", int(found[2] or 0))
    head.problems = tuple(dict.fromkeys((Problem.BAD_HEAD, *head.problems)))
    return head


def may_begin_loosely(data: bytes, start: int) -> bool:
    """Whether a response may begin here that has no quite right status line, or as much of it as there is."""
    begin = data[start : start + JUNK_BYTES_MAX + len(LOOSE_STARTS[0])].upper()
    if b"\n" in begin:
        begin = begin[: begin.index(b"\n")]
    return any(
        known.startswith(begin[at : at + len(known)]) for at in range(JUNK_BYTES_MAX + 1) for known in LOOSE_STARTS
    )


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
        while end >= 0 and lower[end + 1 : end + 2] in (b" ", b"\t"):
            end = lower.find(b"\n", end + 1)
        if end < 0:  # what there is of the last line is not all of it
            break
        name, colon, value = lower[at + 1 : end].partition(b":")
        # not a longer name that begins the same; white space before the colon is let pass
        if colon and name.rstrip(b" \t") == key[1:]:
            found.append(FOLD.sub(b" ", value).strip(b" \t\r"))
        at = lower.find(key, end)
    return found
