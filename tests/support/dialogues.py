"""What real peers say: a dialogue for each kind of message, by name."""

from __future__ import annotations

import gzip
import zlib

from tests.support.codings import raw_deflate, squeezed
from tests.support.talk import CLIENT, SERVER, Case

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = GET.replace(b"GET", b"HEAD")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\r\nServer: s\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CONNECT = b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfcGET / HTTP/1.1\r\n\r\n"
SERVER_HELLO = b"\x16\x03\x03\x00\x7aHTTP/1.1 200 OK\r\n\r\n"


def chunks(*pieces: bytes, trailer: bytes = b"") -> bytes:
    made = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return made + b"0\r\n" + trailer + b"\r\n"


def response(content: bytes, *fields: bytes, start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """One with Content-Length."""
    return b"\r\n".join([start, b"Content-Length: %d" % len(content), *fields, b"", content])


def request(content: bytes, *fields: bytes, start: bytes = b"POST /a HTTP/1.1") -> bytes:
    return response(content, *fields, start=start)


CASES = {
    "content-length": Case(((CLIENT, GET), (SERVER, OK))),
    "request with body": Case(((CLIENT, request(b"some body")), (SERVER, EMPTY))),
    "chunked response": Case(((CLIENT, GET), (SERVER, CHUNKED + chunks(b"hello ", b"world")))),
    "chunk extensions": Case(((CLIENT, GET), (SERVER, CHUNKED + b'5;a=b\r\nhello\r\n3 ; q="x"\r\nyou\r\n0;z\r\n\r\n'))),
    "trailers": Case(((CLIENT, GET), (SERVER, CHUNKED + chunks(b"hi", trailer=b"Sum: 1\r\nT: 2\r\n")))),
    "chunked request": Case(
        ((CLIENT, b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"hi", b"you")), (SERVER, EMPTY))
    ),
    "bare line feeds in chunks": Case(((CLIENT, GET), (SERVER, CHUNKED + b"5\nhello\n0\n\n"))),
    "until close": Case(((CLIENT, GET), (SERVER, UNTIL_CLOSE + b"all of it\r\n\r\nHTTP/1.1 "))),
    "head": Case(((CLIENT, HEAD), (SERVER, OK[:-5]), (CLIENT, GET), (SERVER, OK)), 2),
    "no content": Case(((CLIENT, GET), (SERVER, b"HTTP/1.1 204 No Content\r\n\r\n"), (CLIENT, GET), (SERVER, OK)), 2),
    "not modified": Case(
        ((CLIENT, GET), (SERVER, b"HTTP/1.1 304 x\r\nContent-Length: 99\r\n\r\n"), (CLIENT, GET), (SERVER, OK)), 2
    ),
    "100-continue": Case(
        ((CLIENT, request(b"body", b"Expect: 100-continue")[:-4]), (SERVER, CONTINUE), (CLIENT, b"body"), (SERVER, OK))
    ),
    "several informational": Case(
        ((CLIENT, GET), (SERVER, CONTINUE + b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + CONTINUE + OK))
    ),
    "bare line feeds": Case(((CLIENT, b"GET /a HTTP/1.1\nHost: x\n\n"), (SERVER, OK.replace(b"\r\n", b"\n")))),
    "mixed ends of line": Case(
        ((CLIENT, b"GET /a HTTP/1.1\nHost: x\n\r\nGET /b HTTP/1.1\r\nHost: y\r\n\n"), (SERVER, OK), (SERVER, OK)), 2
    ),
    "obs-fold": Case(((CLIENT, b"GET /a HTTP/1.1\r\nX: a\r\n b\r\n\tc\r\n\r\n"), (SERVER, OK))),
    "folded length": Case(((CLIENT, GET), (SERVER, b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello"))),
    "folded coding": Case(
        ((CLIENT, GET), (SERVER, b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n" + chunks(b"hi")))
    ),
    "empty lines in front": Case(((CLIENT, b"\r\n\n\r\n" + GET), (SERVER, b"\r\n" + OK))),
    "empty lines between": Case(((CLIENT, GET + b"\r\n\r\n" + GET), (SERVER, OK + b"\n\n" + OK)), 2),
    "lower-case version": Case(((CLIENT, GET.replace(b"HTTP", b"http")), (SERVER, OK.replace(b"HTTP", b"http")))),
    "unknown method": Case(((CLIENT, GET), (SERVER, OK), (CLIENT, b"Frob~1 /b HTTP/1.1\r\n\r\n"), (SERVER, OK)), 2),
    "absolute target": Case(((CLIENT, b"GET http://h:81/p?q=1 HTTP/1.1\r\nHost: h:81\r\n\r\n"), (SERVER, OK))),
    "asterisk target": Case(((CLIENT, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), (SERVER, EMPTY))),
    "target of any bytes": Case(((CLIENT, "GET /\u00e4\u20ac".encode() + b"\xff\xfe HTTP/1.1\r\n\r\n"), (SERVER, OK))),
    "target with spaces": Case(((CLIENT, b"GET /a b  c HTTP/1.1\r\nHost: x\r\n\r\n"), (SERVER, OK))),
    "white space in the start line": Case(
        ((CLIENT, b"GET\t /a \t HTTP/1.1 \r\nHost: x\r\n\r\n"), (SERVER, b"HTTP/1.1  200\t Fine \r\n" + OK[17:]))
    ),
    "no reason": Case(((CLIENT, GET), (SERVER, OK.replace(b" OK", b"")))),
    "the same length twice": Case(((CLIENT, GET), (SERVER, OK.replace(b"5", b"5\r\nContent-Length: 5", 1)))),
    "identity": Case(((CLIENT, GET), (SERVER, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n" + OK[17:]))),
    "pipelined": Case(((CLIENT, GET + request(b"some") + HEAD + GET), (SERVER, OK + EMPTY + OK[:-5] + OK)), 4),
    "gzip": Case(((CLIENT, GET), (SERVER, response(gzip.compress(b"hello" * 9), b"Content-Encoding: gzip")))),
    "gzip in chunks": Case(
        (
            (CLIENT, GET),
            (SERVER, CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n" + chunks(gzip.compress(b"hi"), b"\0\0")),
        )
    ),
    "gzip of several members": Case(
        ((CLIENT, GET), (SERVER, response(gzip.compress(b"a") + gzip.compress(b"b"), b"Content-Encoding: x-gzip")))
    ),
    "deflate with zlib's wrapper": Case(
        ((CLIENT, GET), (SERVER, response(zlib.compress(b"hello" * 9), b"Content-Encoding: deflate")))
    ),
    "deflate without wrapper": Case(
        ((CLIENT, GET), (SERVER, response(raw_deflate(b"hello" * 9), b"Content-Encoding: deflate")))
    ),
    "brotli": Case(((CLIENT, GET), (SERVER, response(squeezed(b"hello" * 9, ["br"]), b"Content-Encoding: br")))),
    "zstd": Case(((CLIENT, GET), (SERVER, response(squeezed(b"hello" * 9, ["zstd"]), b"Content-Encoding: zstd")))),
    "stacked codings": Case(
        ((CLIENT, GET), (SERVER, response(squeezed(b"hello", ["gzip", "br"]), b"Content-Encoding: gzip, br")))
    ),
    "gzip as transfer coding": Case(
        (
            (CLIENT, GET),
            (SERVER, CHUNKED.replace(b"chunked", b"gzip, chunked") + chunks(gzip.compress(b"hello"))),
        )
    ),
    "tunnel of HTTP": Case(((CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET), (SERVER, OK)), 2),
    "tunnel of TLS": Case(
        ((CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, CLIENT_HELLO), (SERVER, SERVER_HELLO)), 1
    ),
    "tunnel refused": Case(
        ((CLIENT, CONNECT), (SERVER, response(b"no", start=b"HTTP/1.1 403 No")), (CLIENT, GET), (SERVER, OK)), 2
    ),
    "websocket": Case(((CLIENT, UPGRADE), (SERVER, SWITCHING), (SERVER, b"\x81\x02hi"), (CLIENT, b"\x81\x82GET ")), 1),
}
