"""What has no end costs the same for each byte, however long it goes on."""

from __future__ import annotations

import gc
import gzip
from functools import partial
from time import thread_time_ns
from typing import TYPE_CHECKING

import pytest

from sockfilter.captures.file import read
from sockfilter.exchanges import by_stream
from sockfilter.model.budget import Budget
from sockfilter.model.protocols import OPTIONAL
from sockfilter.protocols.gathering import Gathering
from sockfilter.protocols.http2.hpack import HpackDecoder
from sockfilter.protocols.sse.lines import EventLines
from sockfilter.road.pipeline import Pipeline
from sockfilter.tls.store import SecretStore
from tests.support import captures
from tests.support import websocket as websockets
from tests.support.frames import GRE, IPIP, IPV4, Talk, ethernet, gre, ipv4, ipv4_fragments, tcp
from tests.support.wire import EVERYTHING, MILLISECOND, NOTHING, Orders, Wire, packed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sockfilter.model.policy import BodyPolicy
    from tests.support.wire import Talker

# How many times longer it goes on, and how much more a byte may cost: up to 1.5 where much is open, as caches hold
# less of it and more memory is used for the first time. A cost by the square would be 4 and 16.
TIMES = (1, 4, 16)
GROWTH_MAX = 2.0
# The least of all measurements counts: what else this machine does can only add to the processor's time. Where one is
# too much, more of them tell whether it was this machine; each measures all lengths in turn.
ROUNDS = 1
ROUNDS_MAX = 25
SEGMENT_BYTES = 1400
BATCH = 32
MASK = 0xFFFFFFFF

REQUEST = b"GET /n HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
MQTT = b"\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1x"
MANY_PROPERTIES = b"\x30\xff\xff\x7f\0\1t\xf0\xff\x7f"
AMQP = b"AMQP\0\0\x09\x01"
PUBLISH = b"\x01\0\1\0\0\0\x09\0\x3c\0\x28\0\0\0\0\0\xce\x02\0\1\0\0\0\x0e\0\x3c\0\0" + bytes(8) + b"\0\0\xce"
SMTP = b"EHLO x\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS_2, PING_2 = b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\6\0\0\0\0\0" + bytes(8)
# HEADERS of stream 1: with END_HEADERS, without it, and of a response with status 103
OPEN_STREAM, OPEN_BLOCK = b"\0\0\3\1\4\0\0\0\1\x82\x84\x86", b"\0\0\3\1\1\0\0\0\1\x82\x84\x86"
INTERIM_2 = b"\0\0\5\1\4\0\0\0\1\x08\x03103"
STREAM_BYTES = 12
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
TICK = websockets.Deflating(keeps_window=False)(b"tick " * 9)
BOMB = websockets.Deflating(keeps_window=False)(bytes(1000)) + b"\0\0\xff\xff"
# of TLS 1.3, with one suite and nothing but supported_versions (RFC 8446, 4.1.2 and 4.1.3)
CLIENT_HELLO = bytes.fromhex("1603010036 01000032 0303" + "00" * 32 + "00 0002 1301 0100 0007 002b 0003 02 0304")
SERVER_HELLO = bytes.fromhex("1603030032 0200002e 0303" + "00" * 32 + "00 1301 00 0006 002b 0002 0304")
TLS_DATA = bytes.fromhex("17 0303 0400") + bytes(1024)
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\n"


def twice(size: int) -> bytes:
    return gzip.compress(gzip.compress(bytes(size)))


def say(talker: Talker, end: int, unit: bytes, size: int, segment: int = SEGMENT_BYTES) -> None:
    """The same again and again, so many bytes of it."""
    data = unit * (size // len(unit) + 1)
    for at in range(0, size, segment):
        talker.send(end, data[at : at + segment])


def endless(before: bytes, unit: bytes, size: int, segment: int = SEGMENT_BYTES) -> Wire:
    wire = Wire()
    talker = wire.connection()
    talker.client(before)
    say(talker, 0, unit, size, segment)
    return wire


def answers(before: bytes, unit: bytes, size: int, segment: int = SEGMENT_BYTES) -> Wire:
    """The same of a server; before: what its client has said, if anything."""
    wire = Wire()
    talker = wire.connection()
    if before:
        talker.client(before)
    say(talker, 1, unit, size, segment)
    return wire


def interim(size: int) -> Wire:
    """Informational responses, each of which differs from the one before."""
    wire = Wire()
    talker = wire.connection()
    talker.client(REQUEST)
    for i in range(size // 160):
        talker.server(b"".join(b"HTTP/1.1 103 Early\r\nn: %08d\r\n\r\n" % (i * 5 + k) for k in range(5)))
    return wire


def backwards(size: int, segment: int = 500) -> Wire:
    """Behind a hole, the last segment first."""
    wire = Wire()
    talker = wire.connection()
    talker.client(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (size + 1))
    start = talker.next[0] + 1
    for at in reversed(range(0, size, segment)):
        talker.client(b"z" * segment, seq=(start + at) & MASK)
    talker.next[0] = (start + size) & MASK
    return wire


def overlapping(size: int) -> Wire:
    """Behind a hole, each segment begins in the middle of the one before."""
    wire = Wire()
    talker = wire.connection()
    talker.client(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (2 * size))
    start = talker.next[0] + 1
    for at in range(0, size, 250):
        talker.client(b"z" * 500, seq=(start + at) & MASK)
    return wire


def holes(size: int) -> Wire:
    """Every other segment is missing, and waited for."""
    wire = Wire()
    talker = wire.connection()
    talker.client(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (2 * size))
    for _ in range(0, size, 100):
        talker.client(b"z" * 100)
        talker.next[0] += 100
        wire.tick(20 * MILLISECOND)
    return wire


def one_hole_each(size: int) -> Wire:
    """Connections that each wait for a segment."""
    wire = Wire()
    for i in range(size // 300):
        talker = wire.connection(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:40000")
        talker.client(b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        talker.next[0] += 100
        talker.client(b"z" * 200)
    return wire


def again(size: int) -> Wire:
    """The same segment again and again, while many requests are open."""
    wire = Wire()
    talker = wire.connection()
    first = talker.client(REQUEST)
    for _ in range(0, size, len(REQUEST)):
        talker.client(REQUEST)
        talker.client(REQUEST, seq=first.seq)
        talker.next[0] = wire.records[-2].seq + len(REQUEST)
    return wire


def half_heads(size: int) -> Wire:
    """A connection each, none of which ends."""
    wire = Wire()
    for i in range(size // 33):
        wire.connection(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:40000", whole=False).client(
            b"GET /half HTTP/1.1\r\nHost: a\r\nX: "
        )
    return wire


def lives(size: int) -> Wire:
    """One life of a connection after the other, none of which ends."""
    wire = Wire()
    for i in range(size // len(REQUEST)):
        wire.connection(isn=(i * 100_000 & MASK, i * 200_000 & MASK)).client(REQUEST)
    return wire


def pipelined(size: int) -> Wire:
    """Requests and their responses, hundreds of each at a time."""
    wire = Wire()
    talker = wire.connection()
    for _ in range(size // (200 * (len(REQUEST) + len(RESPONSE))) + 1):
        say(talker, 0, REQUEST, 200 * len(REQUEST))
        say(talker, 1, RESPONSE, 200 * len(RESPONSE))
    return wire


def tunnel(size: int) -> Wire:
    wire = Wire()
    talker = wire.connection()
    talker.client(b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")
    talker.server(b"HTTP/1.1 200 OK\r\n\r\n")
    say(talker, 0, b"\x16\x03\x01" + bytes(50), size // 2)
    say(talker, 1, b"\x16\x03\x01" + bytes(50), size // 2)
    return wire


def http2(unit: bytes, size: int, end: int = 0, segment: int = SEGMENT_BYTES, *, client: bytes = b"") -> Wire:
    """The same frame of HTTP/2 again and again, after one request of the client if there is one."""
    wire = Wire()
    talker = wire.connection()
    talker.client(PREFACE + client)
    talker.server(SETTINGS_2)
    say(talker, end, unit, size, segment)
    return wire


def streams(size: int, *, answer: bytes, after: bytes = b"") -> Wire:
    """One stream after the other; those without an answer stay open. N stands for its number."""
    wire = Wire()
    talker = wire.connection()
    talker.client(PREFACE)
    talker.server(SETTINGS_2)
    for batch in range(size // (20 * STREAM_BYTES)):
        numbers = [(2 * (20 * batch + i) + 1).to_bytes(4, "big") for i in range(20)]
        talker.client(
            b"".join(b"\0\0\3\1\5" + number + b"\x82\x84\x86" + after.replace(b"N", number) for number in numbers)
        )
        if answer:
            talker.server(b"".join(answer.replace(b"N", number) for number in numbers))
    return wire


def gaps_in_frames(size: int) -> Wire:
    """Every other segment is missing, and what comes begins within a frame."""
    wire = Wire()
    talker = wire.connection()
    talker.client(PREFACE)
    for _ in range(0, size, 100):
        talker.client(b"z" * 20 + PING_2 * 4 + b"\0\0\x10\0\0\0\0\0\1zzz")
        talker.next[0] += 100
        wire.tick(20 * MILLISECOND)
    return wire


def tls(unit: bytes, size: int, *, segment: int = SEGMENT_BYTES, before: bytes = SERVER_HELLO) -> Wire:
    """The server says the same again and again, after the hellos."""
    wire = Wire()
    talker = wire.connection()
    talker.client(CLIENT_HELLO)
    if before:
        talker.server(before)
    say(talker, 1, unit, size, segment)
    return wire


def hellos(size: int, *, answer: bytes = b"") -> Wire:
    """Connections that go no further."""
    wire = Wire()
    for number in range(size // (len(CLIENT_HELLO) + len(answer))):
        talker = wire.connection(client=f"10.0.{number >> 8}.{number & 255}:40000")
        talker.client(CLIENT_HELLO[:11] + number.to_bytes(32, "big") + CLIENT_HELLO[43:])
        if answer:
            talker.server(answer)
    return wire


def websocket(unit: bytes, size: int, segment: int = SEGMENT_BYTES, before: bytes = b"", lost: int = 0) -> Wire:
    """The same frames of a server again and again. lost: bytes that are missing before them."""
    wire = Wire()
    talker = wire.connection()
    talker.client(websockets.REQUEST)
    talker.server(websockets.RESPONSE % (websockets.DEFLATE % b"") + before)
    talker.next[1] += lost
    say(talker, 1, unit, size, segment)
    wire.tick(20 * MILLISECOND)
    return wire


# what goes on: bytes of the shortest, some milliseconds' work, and what makes so many
KEPT: dict[str, tuple[int, Callable[[int], Wire]]] = {
    "interim": (20_000, interim),
    "interim, the same": (200_000, partial(answers, REQUEST, b"HTTP/1.1 100 Continue\r\n\r\n")),
    "interim without a request": (20_000, partial(answers, b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    "chunks": (5_000, partial(endless, CHUNKED, b"1\r\nz\r\n")),
    "chunks one by one": (1_500, partial(endless, CHUNKED, b"1\r\nz\r\n", segment=6)),
    "chunk extension": (1 << 19, partial(endless, CHUNKED + b"5;", b"e=f;")),
    "chunk extensions": (60_000, partial(endless, CHUNKED, b"1;" + b"e=f;" * 40 + b"\r\nz\r\n")),
    "trailer": (15_000, partial(endless, CHUNKED + b"0\r\n", b"X-Ab: cdefghijkl\r\n")),
    "trailer that is too long": (1 << 19, partial(endless, CHUNKED + b"0\r\n", b"X-Ab: cdefghijkl\r\n")),
    "fields": (15_000, partial(endless, b"GET /e HTTP/1.1\r\n", b"X-Ab: cdefghijkl\r\n", segment=100)),
    "fields that are too long": (1 << 19, partial(endless, b"GET /e HTTP/1.1\r\n", b"X-Ab: cdefghijkl\r\n")),
    "short fields": (15_000, partial(endless, b"GET /e HTTP/1.1\r\n", b"a:\r\n", segment=100)),
    "folded field": (15_000, partial(endless, b"GET /e HTTP/1.1\r\nA: b\r\n", b" c\r\n", segment=100)),
    "line": (15_000, partial(endless, b"GET /", b"y", segment=100)),
    "line that is too long": (1 << 19, partial(endless, b"GET /", b"y")),
    "status line": (15_000, partial(answers, REQUEST, b"HTTP/1.1 200 OK ", segment=100)),
    "empty lines": (1 << 17, partial(endless, b"", b"\r\n")),
    "empty lines behind a request": (1 << 17, partial(endless, REQUEST, b"\r\n")),
    "requests": (8_000, partial(endless, b"", REQUEST)),
    "requests and responses": (15_000, pipelined),
    "responses": (8_000, partial(answers, b"", RESPONSE)),
    "responses behind a request": (8_000, partial(answers, REQUEST, RESPONSE)),
    "backwards": (50_000, backwards),
    "overlapping": (30_000, overlapping),
    "holes": (60_000, holes),
    "holes of connections": (30_000, one_hole_each),
    "again": (8_000, again),
    "body in bytes": (300, partial(endless, CHUNKED + b"1000000\r\n", b"z", segment=1)),
    "head in bytes": (300, partial(endless, b"GET / HTTP/1.1\r\nA: ", b"z", segment=1)),
    "line in bytes": (300, partial(endless, b"GET /", b"z", segment=1)),
    "trailer in bytes": (300, partial(endless, CHUNKED + b"0\r\n", b"a:\r\n", segment=1)),
    "chunk line in bytes": (300, partial(endless, CHUNKED + b"1;", b"z", segment=1)),
    "status line in bytes": (300, partial(answers, REQUEST, b"HTTP/1.1 200 OK", segment=1)),
    "until close": (1 << 19, partial(answers, REQUEST, b"HTTP/1.1 200 OK\r\n\r\n")),
    "gzip": (2_000, lambda size: answers(REQUEST, GZIP % b"gzip" + gzip.compress(bytes(size * 50)), size)),
    "gzip in gzip": (2_000, lambda size: answers(REQUEST, GZIP % b"gzip, gzip" + twice(size * 50), size)),
    "gzip members": (2_000, lambda size: answers(REQUEST, GZIP % b"gzip" + gzip.compress(b"a") * (size // 20), size)),
    "no gzip": (1 << 17, lambda size: answers(REQUEST, GZIP % b"gzip" + b"z" * size, size)),
    "tunnel": (1 << 19, tunnel),
    "rubbish behind a request": (1 << 17, partial(endless, REQUEST, b"\x01\x02 rubbish\r\n")),
    "rubbish behind a response": (1 << 17, partial(answers, REQUEST, RESPONSE + b"\x01\x02 rubbish\r\n")),
    "rubbish for a response": (1 << 17, partial(answers, REQUEST, b"\x01\x02 rubbish\r\n")),
    "messages": (10_000, partial(websocket, websockets.frame(1, b"tick"))),
    "messages in bytes": (600, partial(websocket, websockets.frame(1, b"tick"), segment=1)),
    "deflated messages": (10_000, partial(websocket, websockets.frame(1, TICK, rsv=4))),
    "fragments": (10_000, partial(websocket, websockets.frame(0, b"tick", fin=False), before=b"\x01\x00")),
    "a payload in bytes": (
        600,
        partial(websocket, b"z", segment=1, before=b"\x82\x7f" + b"\0" * 4 + b"\1" + b"\0" * 3),
    ),
    "a deflated payload": (2_000, lambda size: websocket(BOMB, size, before=b"\xc2\x7f" + size.to_bytes(8, "big"))),
    "what may be frames behind a gap": (20_000, partial(websocket, b"\x81\x7e\xff\xff\x81\x02", lost=9)),
    "rubbish behind a gap": (20_000, partial(websocket, b"\x81 \x02rubbish", lost=9)),
    "rubbish for frames in bytes": (600, partial(websocket, b"\xff\x00\x81", segment=1)),
    "events": (10_000, lambda size: answers(REQUEST, EVENTS + b"data: 1\n\n" * (size // 9), size)),
    "events in bytes": (600, lambda size: answers(REQUEST, EVENTS + b"data: 1\n\n" * (size // 9), size, segment=1)),
    "lines of an event": (10_000, lambda size: answers(REQUEST, EVENTS + b"data: 1\n" * (size // 8), size)),
    "a line of an event": (1 << 17, lambda size: answers(REQUEST, EVENTS + b"data: " + b"z" * size, size)),
    "half heads": (2_000, half_heads),
    "SETTINGS of HTTP/2": (15_000, partial(http2, b"\0\0\6\4\0\0\0\0\0\0\1\0\0\x10\0")),
    "PING of HTTP/2": (15_000, partial(http2, PING_2)),
    "WINDOW_UPDATE of HTTP/2": (15_000, partial(http2, b"\0\0\4\x08\0\0\0\0\7\0\0\0\1")),
    "PRIORITY of HTTP/2": (15_000, partial(http2, b"\0\0\5\2\0\0\0\0\7\0\0\0\3\1")),
    "CONTINUATION without end": (15_000, partial(http2, b"\0\0\4\x09\0\0\0\0\1\0\1a\0", client=OPEN_BLOCK)),
    "empty CONTINUATION": (15_000, partial(http2, b"\0\0\0\x09\0\0\0\0\1", client=OPEN_BLOCK)),
    "empty DATA": (15_000, partial(http2, b"\0\0\0\0\0\0\0\0\1", client=OPEN_STREAM)),
    "DATA of one byte": (15_000, partial(http2, b"\0\0\1\0\0\0\0\0\1z", client=OPEN_STREAM)),
    "DATA in bytes": (300, partial(http2, b"\0\0\x40\0\0\0\0\0\1" + b"z" * 64, client=OPEN_STREAM, segment=1)),
    "header block in bytes": (300, partial(http2, b"\0\0\4\x09\0\0\0\0\1\0\1a\0", client=OPEN_BLOCK, segment=1)),
    "references": (15_000, partial(http2, b"\0\1\3\1\5\0\0\0\3\x82\x84\x86" + b"\x90" * 256)),
    "entries of the table": (15_000, partial(http2, b"\0\0\x4a\1\5\0\0\0\3\x82\x84\x86\x40\1a\x43" + b"v" * 67)),
    "sizes of the table": (15_000, partial(http2, b"\0\0\5\1\5\0\0\0\3\x20\x3f\xe1\x1f\x88", end=1)),
    "informational of HTTP/2": (10_000, partial(http2, INTERIM_2, end=1, client=OPEN_STREAM)),
    "rapid reset": (10_000, partial(streams, answer=b"", after=b"\0\0\4\3\0N\0\0\0\x08")),
    "streams": (10_000, partial(streams, answer=b"\0\0\1\1\5N\x88")),
    "GOAWAY": (15_000, partial(http2, b"\0\0\x08\7\0\0\0\0\0" + bytes(8), end=1, client=OPEN_STREAM)),
    "garbage behind the preface": (1 << 15, partial(http2, b"\xff garbage\r\n")),
    "what may be frames": (15_000, partial(http2, b"\0\0\1", client=b"\xff" * 9)),
    "gaps between frames": (15_000, gaps_in_frames),
    "mqtt packets": (8_000, partial(endless, MQTT, b"\x30\x05\x00\x01ahi")),
    "mqtt topic in bytes": (300, partial(endless, MQTT + b"\x30\xff\xff\x7f\xff\xff", b"t", segment=1)),
    "mqtt properties": (15_000, partial(endless, MQTT + MANY_PROPERTIES, b"\x26\0\1n\0\1v", segment=100)),
    "mqtt rubbish": (1 << 17, partial(endless, MQTT, b"\0rubbish\x30\x05")),
    "amqp frames": (8_000, partial(endless, AMQP, b"\x01\0\0\0\0\0\x04\0\x5a\0\x0a\xce")),
    "amqp frame in bytes": (300, partial(endless, AMQP + b"\x01\0\0\0\x03\0\0", b"\0", segment=1)),
    "amqp contents": (8_000, partial(endless, AMQP, PUBLISH)),
    "amqp rubbish": (1 << 17, partial(endless, AMQP + b"rubbish", b"\xce\x01\0\0\0\0\0\0\xce")),
    "smtp commands": (8_000, partial(endless, SMTP, b"NOOP\r\n")),
    "smtp line in bytes": (300, partial(endless, SMTP + b"NOOP ", b"x", segment=1)),
    "smtp recipients": (8_000, partial(endless, SMTP + b"MAIL FROM:<>\r\n", b"RCPT TO:<a@b.test>\r\n")),
    "smtp mails": (8_000, partial(endless, SMTP, b"MAIL FROM:<>\r\nDATA\r\nx\r\n.\r\n")),
    "smtp content": (1 << 17, partial(endless, SMTP + b"MAIL FROM:<>\r\nDATA\r\n", b"..x\r\n")),
    "smtp content in bytes": (300, partial(endless, SMTP + b"MAIL FROM:<>\r\nDATA\r\n", b"..x\r\n", segment=1)),
    "smtp chunks": (8_000, partial(endless, SMTP + b"MAIL FROM:<>\r\n", b"BDAT 3\r\nabc")),
    "smtp replies": (15_000, partial(answers, SMTP, b"250-x\r\n")),
    "lives": (2_000, lives),
}
# the same of TLS without a secret, which may still come
TLS: dict[str, tuple[int, Callable[[int], Wire]]] = {
    "hellos": (60_000, hellos),
    "half handshakes": (60_000, partial(hellos, answer=SERVER_HELLO + TLS_DATA)),
    "records": (200_000, partial(tls, TLS_DATA)),
    "records in pieces": (10_000, partial(tls, TLS_DATA, segment=3)),
    "smallest records": (30_000, partial(tls, b"\x17\3\3\0\x11" + bytes(17))),
    "one record, byte by byte": (4_000, partial(tls, b"\x17\3\3\x40\0" + bytes(1 << 14), segment=1)),
    "one message of the handshake": (60_000, partial(tls, b"\x16\3\3\0\x20\x0b\xff\xff\xff" + bytes(28), before=b"")),
    "alerts": (30_000, partial(tls, b"\x15\3\3\0\2\1\0")),
}
# the same of bodies that nobody needs
NOT_KEPT = ("chunks", "chunks one by one", "body in bytes", "until close", "backwards", "holes")


def cost_of_records(
    batches: list[tuple[memoryview, list[int]]], policy: BodyPolicy, secrets: SecretStore | None = None
) -> int:
    """Nanoseconds of the processor's time that reading some records takes."""
    orders = Orders()
    pipeline = Pipeline(
        orders,
        orders,
        policy,
        lambda first, second: True,
        lambda exchange: None,
        protocols=OPTIONAL,
        secrets=secrets,
    )
    began = thread_time_ns()
    for view, offsets in batches:
        pipeline.consume(view, offsets)
        pipeline.tick(0)
    return thread_time_ns() - began


def growth(cost: Callable[[int], int]) -> list[float]:
    """What a byte costs at each of TIMES, where it costs 1 at the first.

    Args:
        cost: measures once what so many times the length costs.
    """
    gc.collect()
    gc.disable()  # what it costs depends on what other tests have left
    try:
        cost(TIMES[0])  # the first of all uses memory and code for the first time
        rounds = [[cost(times) for times in TIMES] for _ in range(ROUNDS)]
        while max(compared(rounds)) > GROWTH_MAX and len(rounds) < ROUNDS_MAX:
            rounds.append([cost(times) for times in TIMES])
    finally:
        gc.enable()
    return compared(rounds)


def compared(rounds: list[list[int]]) -> list[float]:
    """The least cost of a byte at each of TIMES, where it costs 1 at the first."""
    least = [min(costs) / times for costs, times in zip(zip(*rounds, strict=True), TIMES, strict=True)]
    return [each / least[0] for each in least]


def check_records(name: str, policy: BodyPolicy) -> None:
    size, made = KEPT[name]
    batches = {times: list(packed(made(size * times).records, BATCH)) for times in TIMES}
    found = growth(lambda times: cost_of_records(batches[times], policy))
    assert max(found) <= GROWTH_MAX, found


@pytest.mark.parametrize("name", TLS)
def test_more_tls_without_a_secret_costs_no_more(name: str) -> None:
    size, made = TLS[name]
    batches = {times: list(packed(made(size * times).records, BATCH)) for times in TIMES}
    found = growth(lambda times: cost_of_records(batches[times], NOTHING, SecretStore()))
    assert max(found) <= GROWTH_MAX, found


@pytest.mark.parametrize("name", KEPT)
def test_more_of_the_same_costs_no_more(name: str) -> None:
    check_records(name, EVERYTHING)


def test_more_streams_that_stay_open_cost_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # so that the shortest of them reaches the limit too
    monkeypatch.setattr(by_stream, "OPEN_STREAMS_MAX", 250)
    batches = {times: list(packed(streams(12_000 * times, answer=b"").records, BATCH)) for times in TIMES}
    found = growth(lambda times: cost_of_records(batches[times], EVERYTHING))
    assert max(found) <= GROWTH_MAX, found


# so many of them are a large body even at the first length
PIECE = b"a piece" * 40


def gathered_in_pieces(count: int) -> None:
    gathering = Gathering(EVERYTHING, Budget(1 << 40))
    for _ in range(count):
        gathering.add(PIECE)


def line_in_pieces(count: int) -> None:
    lines = EventLines(1 << 30)
    for _ in range(count):
        assert not list(lines.split(PIECE, 0))


@pytest.mark.parametrize("take", [gathered_in_pieces, line_in_pieces])
def test_more_pieces_of_one_content_cost_no_more(take: Callable[[int], None]) -> None:
    def cost(times: int) -> int:
        began = thread_time_ns()
        take(20_000 * times)
        return thread_time_ns() - began

    found = growth(cost)
    assert max(found) <= GROWTH_MAX, found


@pytest.mark.parametrize("name", NOT_KEPT)
def test_more_of_what_nobody_needs_costs_no_more(name: str) -> None:
    check_records(name, NOTHING)


def fragments(size: int) -> list[bytes]:
    """Datagrams whose fragments come in the wrong order."""
    data = tcp(REQUEST + b"z" * 950)
    pieces = [ipv4_fragments(data, 200, ident=ident & 0xFFFF) for ident in range(size // len(data))]
    return [frame for piece in pieces for frame in reversed(piece)]


def lone_fragments(size: int) -> list[bytes]:
    """Datagrams of which one fragment comes."""
    return [ipv4_fragments(tcp(REQUEST + b"z" * 100), 80, ident=i & 0xFFFF)[0] for i in range(size // 80)]


def in_tunnels(size: int) -> list[bytes]:
    """Packets in eight tunnels, one in the other."""
    packet = Talk(lambda end, segment: ipv4(segment, end)).client()
    for _ in range(4):
        packet = ipv4(gre(IPV4, packet), protocol=GRE)
        packet = ipv4(packet, protocol=IPIP)
    return [ethernet(IPV4, packet)] * (size // len(packet))


@pytest.mark.parametrize("made", [fragments, lone_fragments, in_tunnels])
def test_more_packets_cost_no_more(made: Callable[[int], list[bytes]], tmp_path: Path) -> None:
    paths = {times: tmp_path / f"{times}.pcap" for times in TIMES}
    for times, path in paths.items():
        path.write_bytes(captures.pcap(captures.timed(made(60_000 * times), step_ns=1000)))

    def cost(times: int) -> int:
        began = thread_time_ns()
        for _ in read(str(paths[times])):
            pass
        return thread_time_ns() - began

    found = growth(cost)
    assert max(found) <= GROWTH_MAX, found


# what goes on in header blocks: a block that comes once, and fields that come again and again
HEADER_BLOCKS: dict[str, tuple[bytes, bytes]] = {
    "references": (b"\x40\x01n\x01v", b"\xbe"),
    "references to a large entry": (b"\x40\x01n\x7f\x9e\x1e" + b"v" * 3997, b"\xbe"),
    "references to nothing": (b"\x80", b"\xbe"),
    "entries": (b"", b"\x40\x00\x00"),
    "entries of a large table": (b"\x3f\xe1\xff\x03", b"\x40\x00\x00"),
    "entries by name": (b"\x40\x01n\x01v", b"\x7e\x00"),
    "entries that are large": (b"", b"\x40\x01n\x7f\x81\x0f" + b"v" * 2048),
    "literals": (b"", b"\x00\x00\x00"),
    "sizes": (b"", b"\x20\x3f\xe1\x1f"),
    # four newlines, whose codes have thirty bits each
    "long codes": (b"", b"\x00\x01n\x8f" + int(("1" * 28 + "00") * 4, 2).to_bytes(15, "big")),
}
# more than are remembered
HEADER_BLOCK_BYTES = 200


@pytest.mark.parametrize("name", HEADER_BLOCKS)
def test_more_header_blocks_cost_no_more(name: str) -> None:
    once, unit = HEADER_BLOCKS[name]
    block = unit * (HEADER_BLOCK_BYTES // len(unit) + 1)

    def cost(times: int) -> int:
        decoder = HpackDecoder(True)
        decoder.decode(once)
        began = thread_time_ns()
        for _ in range(100 * times):
            decoder.decode(block)
        return thread_time_ns() - began

    found = growth(cost)
    assert max(found) <= GROWTH_MAX, found


@pytest.mark.parametrize("name", HEADER_BLOCKS)
def test_longer_header_blocks_cost_no_more(name: str) -> None:
    once, unit = HEADER_BLOCKS[name]
    block = unit * (HEADER_BLOCK_BYTES // len(unit) + 1)

    def cost(times: int) -> int:
        decoder = HpackDecoder(True)
        longer = block * times
        began = thread_time_ns()
        for _ in range(100):
            decoder.decode(once)
            decoder.decode(longer)
        return thread_time_ns() - began

    found = growth(cost)
    assert max(found) <= GROWTH_MAX, found
