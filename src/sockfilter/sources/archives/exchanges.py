"""Exchanges of the entries of a HAR file. What an entry does not have, or has in a wrong form, is not known."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from calendar import timegm
from typing import Any

from sockfilter.model import Body, Connection, Endpoint, Exchange, Headers, Problem, Request, Response, StreamMessage
from sockfilter.model.head import Head
from sockfilter.model.moment import Moment
from sockfilter.model.process import Process
from sockfilter.model.tls import Tls

Json = dict[str, Any]

OURS = "sockfilter"
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?\s*(?:[Zz]|([+-])(\d\d):?(\d\d))?"
)
VERSION = re.compile(r"(?:https?/|h)?(\d(?:\.\d)?)", re.IGNORECASE)
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)")
PORT = re.compile(r":(\d{1,5})$")
# an address of a URL, which no client sends as the name of a server (RFC 6066, 3)
ADDRESS = re.compile(r"[\d.]+|[^:]*:.*")
SECURE = ("https", "wss")
# the program that wrote the file was one end
BY_WRITER = "har"
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
KINDS = {1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}
PROBLEMS = {problem.value: problem for problem in Problem}
NS_OF_MS = 1_000_000
# connections that are remembered: those of a page, and of a busy server for a while
CONNECTIONS_MAX = 4096


class ArchiveHead(Head):
    """A head of a HAR file, which has no bytes of it.

    Args:
        scheme: the scheme of the URL.
        place: the authority of the URL; empty for a response.
    """

    __slots__ = ("_place", "scheme")

    def __init__(
        self,
        version: str,
        headers: Headers,
        *,
        method: str = "",
        target: str = "",
        status: int = 0,
        reason: str = "",
        scheme: str = "",
        place: str = "",
    ) -> None:
        super().__init__(version, method, target, status, reason, headers)
        self.scheme = scheme
        self._place = place

    @property
    def authority(self) -> str:
        """The host and the port, if any: from the Host field, else from the URL."""
        return self.headers.get("host", "") or self._place


class ExchangeMaker:
    """Makes exchanges of entries.

    Attributes:
        creator: the name of the program that wrote the file.
    """

    def __init__(self) -> None:
        self.creator = ""
        self._connections: dict[object, Connection] = {}
        self._numbers: dict[Connection, int] = {}
        self._count = 0

    def exchange(self, entry: Json) -> Exchange:
        """Returns the exchange of an entry."""
        asked, answered = _object(entry, "request"), _object(entry, "response")
        found = URL.match(_text(asked, "url"))
        scheme, place, rest = found.groups() if found else ("", "", "")
        connection = self._connection(entry, scheme.lower(), place)
        self._numbers[connection] = number = self._numbers.get(connection, 0) + 1
        exchange = Exchange(connection, _number(entry, "_connectionSequence") or number, None, None)
        times = _times(entry, is_ours=self.creator == OURS)
        connect_ns = _ns(_object(entry, "timings").get("connect"))
        if connect_ns is not None and connection.syn_ns is None and type(times[0]) is int:
            connection.syn_ns, connection.synack_ns = times[0] - connect_ns, times[0]
        if _text(asked, "method"):
            target = _text(asked, "_target") or rest or "/"
            exchange.request = _request(asked, scheme, place, target if target[0] in "/*?" else f"/{target}", times)
        if _number(answered, "status") or (answered and not asked):
            exchange.response = _response(answered, times)
        self._annotate(exchange, entry)
        return exchange

    def messages(self, entry: Json, exchange: Exchange) -> list[StreamMessage]:
        """Returns the messages of the WebSocket that an exchange has opened."""
        made = []
        for each in entry.get("_webSocketMessages") or ():
            if isinstance(each, dict):
                is_sent, opcode = each.get("type") == "send", each.get("opcode")
                kind = KINDS.get(opcode, "binary") if isinstance(opcode, int) else "text"
                data = _text(each, "data")
                content = _bytes(data) if kind == "text" else _decoded(data)
                size = _number(each, "_length") or len(content)
                time = each.get("time")
                time_ns = round(time * 1e9) if isinstance(time, (int, float)) else exchange.began_ns
                end = 0 if is_sent else 1
                made.append(
                    StreamMessage(
                        exchange.connection, "websocket", end, kind, time_ns, Body(size, size, content), exchange
                    )
                )
        return made

    def _connection(self, entry: Json, scheme: str, place: str) -> Connection:
        client, server = _object(entry, "_client"), _object(entry, "_server")
        host = place.rpartition("@")[2]
        port = PORT.search(host)
        name = (host[: port.start()] if port else host).strip("[]")
        server_end = Endpoint(
            _text(entry, "serverIPAddress").strip("[]") or _text(server, "ip") or name,
            _number(server, "port") or (int(port[1]) if port else PORTS.get(scheme, 0)),
        )
        client_end = Endpoint(_text(client, "ip"), _number(client, "port") or 0)
        tls = _tls(entry, scheme, name)
        given = entry.get("connection")
        # CONNECT and what its tunnel carries in TLS have the same number
        key = given if isinstance(given, (str, int)) else object(), server_end, client_end, tls
        found = self._connections.get(key)
        if found is None:
            self._count += 1
            found = Connection(self._count, _text(entry, "_interface"), (client_end, server_end), 0)
            found.tls = tls
            if len(self._connections) >= CONNECTIONS_MAX:
                self._connections.clear()
                self._numbers.clear()
            self._connections[key] = found
        return found

    def _annotate(self, exchange: Exchange, entry: Json) -> None:
        exchange.id = _number(entry, "_id") or 0
        exchange.stream = _number(entry, "_stream")
        exchange.retransmissions = _number(entry, "_retransmissions") or 0
        named = [PROBLEMS[name] for name in entry.get("_problems") or () if name in PROBLEMS]
        if exchange.request is None:
            named.append(Problem.NO_REQUEST)
        if exchange.response is None:
            named.append(Problem.NO_RESPONSE)
        exchange.replace_problems(*dict.fromkeys(named))
        if entry.get("_complete") is False:
            for half in (exchange.request, exchange.response):
                if half is not None:
                    half.complete = False
        exchange.processes = (_process(_object(entry, "_client")), _process(_object(entry, "_server")))


Times = tuple[int, "int | None", int, "int | None"]


def _times(entry: Json, *, is_ours: bool) -> Times:
    """The first and the last byte of the request and of the response, in nanoseconds since 1970."""
    wall_ns = None if entry.get("_startedDateTimeUnknown") else _time_ns(_text(entry, "startedDateTime"))
    timings = _object(entry, "timings")
    parts = {name: _ns(timings.get(name)) for name in ("blocked", "dns", "connect", "send", "wait", "receive")}
    if wall_ns is None:
        unknown = Moment(0, None, None)
        return unknown, unknown, unknown, unknown
    # others begin to count before the first byte; their connect includes that of TLS
    before = 0 if is_ours else sum(parts[name] or 0 for name in ("blocked", "dns", "connect"))
    asked = wall_ns + before
    sent = asked + (parts["send"] or 0)
    if parts["wait"] is None or parts["receive"] is None:
        answered = Moment(sent + 1, None, None)  # later, and it is not known how much
        return asked, sent, answered, answered
    answered_ns = sent + parts["wait"]
    return asked, sent, answered_ns, answered_ns + parts["receive"]


def _time_ns(text: str) -> int | None:
    found = TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    seconds = timegm((year, month, day, hour, minute, second))
    if found[8]:
        away = int(found[9]) * 3600 + int(found[10]) * 60
        seconds -= away if found[8] == "+" else -away
    return seconds * 1_000_000_000 + int((found[7] or "").ljust(9, "0"))


def _ns(ms: object) -> int | None:
    """Milliseconds as nanoseconds. None: not known, or a wrong value."""
    if isinstance(ms, bool) or not isinstance(ms, (int, float)) or not 0 <= ms < 1e12:
        return None
    return round(ms * NS_OF_MS)


def _request(asked: Json, scheme: str, place: str, target: str, times: Times) -> Request:
    head = ArchiveHead(
        _version(asked), _headers(asked), method=_text(asked, "method"), target=target, scheme=scheme, place=place
    )
    posted = _object(asked, "postData")
    content = _content(posted, _text(posted, "encoding") or _text(posted, "_encoding"))
    if not content and isinstance(posted.get("params"), list):
        from urllib.parse import urlencode  # imported late: few files need it

        pairs = [(_text(each, "name"), _text(each, "value")) for each in posted["params"] if isinstance(each, dict)]
        content = urlencode(pairs).encode()
    body = _body(content, _number(asked, "bodySize"), None, posted)
    return Request(head, times[0], (0, 0), times[1], body)


def _response(answered: Json, times: Times) -> Response:
    head = ArchiveHead(
        _version(answered),
        _headers(answered),
        status=_number(answered, "status") or 0,
        reason=_text(answered, "statusText"),
    )
    shown = _object(answered, "content")
    content = _content(shown, _text(shown, "encoding"))
    body = _body(content, _number(answered, "bodySize"), _number(shown, "size"), shown)
    return Response(head, times[2], (0, 0), times[3], body)


def _body(content: bytes, sent: int | None, size: int | None, form: Json) -> Body:
    """A body. It is cut if the file says so, or has none of a content whose size it has."""
    kept = _number(form, "_kept")
    length = size if size is not None and (kept is not None or not content) else len(content)
    if kept is not None and size is None:
        length = sent if sent is not None else length
    length = max(length, len(content))
    compressed = _number(form, "compression")
    wire = sent if sent is not None else length - (compressed or 0)
    return Body(max(wire, 0), length, content)


def _content(form: Json, encoding: str) -> bytes:
    text = _text(form, "text")
    return _decoded(text) if encoding.lower() == "base64" else _bytes(text)


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text)
    except (Base64Error, ValueError):
        return _bytes(text)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass" if any("\ud800" <= c <= "\udbff" for c in text) else "surrogateescape")


def _version(half: Json) -> str:
    found = VERSION.fullmatch(_text(half, "httpVersion").strip())
    version = found[1] if found else ""
    return version.removesuffix(".0") if version in ("2.0", "3.0") else version


def _headers(half: Json) -> Headers:
    """The fields; browsers list the pseudo-fields of HTTP/2 among them."""
    given = half.get("headers")
    fields = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    pairs = [(_text(each, "name"), _text(each, "value")) for each in fields]
    return Headers([(name, value) for name, value in pairs if name and not name.startswith(":")])


def _tls(entry: Json, scheme: str, name: str) -> Tls | None:
    """How TLS protected the connection. None: it did not.

    Args:
        entry: the entry.
        scheme: the scheme of the URL, which is all that other programs say of it.
        name: the host in the URL.
    """
    said = _object(entry, "_tls")
    if not said and scheme not in SECURE:
        return None
    version, suite, alpn, sni = (_text(said, member) or None for member in ("version", "suite", "alpn", "sni"))
    if not said and not ADDRESS.fullmatch(name):
        sni = name or None
    resumed = said.get("resumed")
    return Tls(
        version, suite, alpn, sni, resumed if isinstance(resumed, bool) else None, _text(said, "opened") or BY_WRITER
    )


def _process(end: Json) -> Process | None:
    pid, comm = _number(end, "pid"), _text(end, "comm")
    if pid is None or not comm:
        return None
    line = end.get("cmdline")
    words = tuple(map(str, line)) if isinstance(line, list) else None
    inner = _number(end, "inner_pid") or pid
    rest = (_text(end, "container") or None, _text(end, "pod") or None)
    return Process(pid, inner, comm, _text(end, "exe") or None, words, _number(end, "uid"), *rest)


def _object(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Json, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _number(value: Json, name: str) -> int | None:
    """A whole number that is not negative; HAR has -1 for those that are not known."""
    found = value.get(name)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 62 else None
