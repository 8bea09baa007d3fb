"""An exchange as an entry of HAR 1.2, the HTTP archive format (http://www.softwareishard.com/blog/har-12-spec/).

HAR has required members for everything, so what is not known has the value that the format has for it: -1 for sizes and
parts of the time, status 0 and empty text for a missing half. What HAR has no member for is in members that begin with
an underscore, as the format asks.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from sockfilter.forms.har_parts import cookies_sent, cookies_set, parameters, url_of
from sockfilter.forms.json_dict import endpoint_of, odd_parts, rare_members, shown_body, time_text
from sockfilter.forms.json_values import Json, clean_text, header_fields, is_shorter_in_base64
from sockfilter.forms.message_dict import content_shown
from sockfilter.masking import mask_reason, mask_target
from sockfilter.model.grpc_kind import is_call

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Message, Request, Response, StreamMessage

# HAR's value for a number that is not known
UNKNOWN = -1
FORM = "application/x-www-form-urlencoded"
# opcodes of WebSocket (RFC 6455, 11.8), by the types of messages
OPCODES = {"text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}
VERSIONS = {"": "", "2": "HTTP/2"}


def har_entry(exchange: Exchange, *, bodies: bool = True, show_secrets: bool = False) -> Json:
    """The entry of an exchange.

    Args:
        exchange: the exchange.
        bodies: include the kept bytes of the bodies.
        show_secrets: do not mask secrets.
    """
    start_ns, connection = exchange.start_ns, exchange.connection
    timings = _timings(exchange)
    parts = [timings[name] for name in ("connect", "send", "wait", "receive")]
    made: Json = {
        "startedDateTime": time_text(start_ns or 0),
        "time": round(sum(part for part in parts if part != UNKNOWN), 6),
        "request": _request(exchange, bodies, show_secrets),
        "response": _response(exchange.response, bodies, show_secrets),
        "cache": {},
        "timings": timings,
        **_server_address(exchange.server.ip),
        "connection": str(connection.number),
        "_id": exchange.id,
        "_interface": clean_text(connection.interface),
        "_connectionSequence": exchange.conn_seq,
        "_client": endpoint_of(exchange.client, exchange.client_process, show_secrets),
        "_server": endpoint_of(exchange.server, exchange.server_process, show_secrets),
        "_complete": exchange.complete,
        "_problems": [problem.value for problem in exchange.problems],
    }
    if start_ns is None:
        made["_startedDateTimeUnknown"] = True
    if exchange.stream is not None:
        made["_stream"] = exchange.stream
    if exchange.informational:
        made["_informational"] = [message.status for message in exchange.informational]
    made |= {f"_{name}": value for name, value in rare_members(exchange).items()}
    if is_call(exchange):
        from sockfilter.forms.grpc import call_member  # imported late: most captures have no gRPC

        made["_grpc"] = call_member(exchange, bodies, show_secrets)["grpc"]
    return made


def websocket_message(message: StreamMessage, *, bodies: bool = True, show_secrets: bool = False) -> Json:
    """A message of a WebSocket in the form that Chromium gives it in `_webSocketMessages`.

    Args:
        message: the message.
        bodies: include the kept bytes of its content.
        show_secrets: do not mask secrets.
    """
    opcode = OPCODES.get(message.kind, UNKNOWN)
    content = content_shown(message, show_secrets) if bodies else b""
    text = message.body.text_of(content) if opcode == OPCODES["text"] else None
    made: Json = {
        "type": "send" if message.is_from_client else "receive",
        "time": None if message.start_ns is None else message.start_ns / 1e9,
        "opcode": opcode,
        "data": b64encode(content).decode() if text is None else text,
    }
    if message.body.is_cut or not bodies:
        made["_length"] = message.body.length if message.body.length is not None else message.body.wire_len
    if message.problems:
        made["_problems"] = [problem.value for problem in message.problems]
    return made


def _timings(exchange: Exchange) -> Json:
    """The parts in milliseconds. HAR's connect ends before send; DNS and queues are not seen on the wire."""
    seen = exchange.timing
    parts = {"connect": seen.connect, "send": seen.send, "wait": seen.wait, "receive": seen.receive}
    known = {name: UNKNOWN if seconds is None else round(seconds * 1e3, 6) for name, seconds in parts.items()}
    return {"blocked": UNKNOWN, "dns": UNKNOWN, "ssl": UNKNOWN, **known}


def _server_address(ip: str) -> Json:
    """The address of the server; absent for a Unix socket, which has none."""
    address = ip.partition("%")[0]
    return {"serverIPAddress": address} if ":" in address or address.replace(".", "").isdecimal() else {}


def _request(exchange: Exchange, bodies: bool, show_secrets: bool) -> Json:
    request = exchange.request
    if request is None:
        made = _nothing()
        return {"method": "", "url": url_of("", "", str(exchange.server)), **made, "queryString": []}
    target = request.target if show_secrets else mask_target(request.target)
    scheme = request.head.scheme or ("https" if exchange.tls is not None else "http")
    url = url_of(scheme, request.authority, str(exchange.server), target)
    made = {
        "method": clean_text(request.method),
        "url": url,
        "httpVersion": _version(request),
        "cookies": [],
        "headers": _fields(request, show_secrets),
        "queryString": parameters(target.partition("?")[2]),
        **_sizes(request),
    }
    made["cookies"] = cookies_sent(made["headers"])
    if not url.endswith(target):
        made["_target"] = clean_text(target)
    if request.body.wire_len:
        made["postData"] = _post_data(request, bodies, show_secrets)
    return made | _odd(request, show_secrets)


def _response(response: Response | None, bodies: bool, show_secrets: bool) -> Json:
    if response is None:
        return {
            "status": 0,
            "statusText": "",
            **_nothing(),
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            "_error": "no response",
        }
    headers = _fields(response, show_secrets)
    reason = response.reason if show_secrets else mask_reason(response.reason)
    made: Json = {
        "status": response.status,
        "statusText": clean_text(reason),
        "httpVersion": _version(response),
        "cookies": cookies_set(headers),
        "headers": headers,
        "content": _content(response, bodies, show_secrets),
        "redirectURL": next((each["value"] for each in headers if each["name"].lower() == "location"), ""),
        **_sizes(response),
    }
    return made | _odd(response, show_secrets)


def _nothing() -> Json:
    """The members that a missing half shares with the other half."""
    return {"httpVersion": "", "cookies": [], "headers": [], "headersSize": UNKNOWN, "bodySize": UNKNOWN}


def _version(message: Message) -> str:
    return VERSIONS.get(message.version, f"HTTP/{message.version}")


def _fields(message: Message, show_secrets: bool) -> list[dict[str, str]]:
    """The fields as sent: their order, their case, and each of several with the same name."""
    return [{"name": name, "value": value} for name, value in header_fields(message.headers, show_secrets)]


def _sizes(message: Message) -> Json:
    """The bytes of head and body as sent; of a body without the framing of chunks."""
    return {"headersSize": len(message.raw) if message.head.has_text else UNKNOWN, "bodySize": message.body.wire_len}


def _odd(message: Message, show_secrets: bool) -> Json:
    return {f"_{name}": value for name, value in odd_parts(message, show_secrets).items()}


def _post_data(request: Request, bodies: bool, show_secrets: bool) -> Json:
    kind = clean_text(request.headers.get("content-type", ""))
    made: Json = {"mimeType": kind, **_text(request, bodies, show_secrets)}
    encoding = made.pop("encoding", None)
    if encoding is not None:
        made["_encoding"] = encoding  # HAR has no such member here
    if kind.partition(";")[0].strip().lower() == FORM and encoding is None:
        made["params"] = parameters(made.get("text", ""))
    return made


def _content(response: Response, bodies: bool, show_secrets: bool) -> Json:
    body = response.body
    made: Json = {
        "size": body.wire_len if body.length is None else body.length,
        "mimeType": clean_text(response.headers.get("content-type", "")) or "x-unknown",
    }
    if body.length is not None and "content-encoding" in response.headers:
        made["compression"] = body.length - body.wire_len
    return made | _text(response, bodies, show_secrets)


def _text(message: Message, bodies: bool, show_secrets: bool) -> Json:
    """What was kept of a body: as text, or in base64, with what is to say of it."""
    body = message.body
    content: bytes | None = shown_body(message, show_secrets) if bodies and body else None
    made: dict[str, Any] = {}
    if content is not None and len(content):
        text = None if is_shorter_in_base64(content) else body.text_of(content)
        made["text"] = b64encode(content).decode() if text is None else text
        if text is None:
            made["encoding"] = "base64"
    if body.wire_len and (body.is_cut or content is None):
        made["_kept"] = len(body) if content is not None else 0
        made["comment"] = f"{made['_kept']} bytes of the body were kept"
    return made
