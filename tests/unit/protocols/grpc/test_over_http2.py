"""Calls over HTTP/2: messages across frames, trailers, resets; and after losses, nothing that is not known."""

from __future__ import annotations

import hpack
import pytest

from sockfilter.model import Problem
from sockfilter.model.policy import BodyPolicy
from tests.support.grpc import frame
from tests.support.talk import CLIENT, SERVER, Dialogue

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS = 0, 1, 3, 4
END_STREAM, END_HEADERS = 1, 4
CANCEL = 8
MESSAGES = [b"one", b"", b"three" * 40]
STREAM = b"".join(map(frame, MESSAGES))
ANSWERED = [(":status", "200"), ("content-type", "application/grpc")]


def http2(kind: int, flags: int, stream: int, data: bytes) -> bytes:
    return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data


class Call:
    """A connection with one call."""

    def __init__(self, policy: BodyPolicy | None = None) -> None:
        self.dialogue = Dialogue(policy or BodyPolicy(1 << 20))
        self._encoders = hpack.Encoder(), hpack.Encoder()
        self.dialogue.say(CLIENT, PREFACE + http2(SETTINGS, 0, 0, b"")).say(SERVER, http2(SETTINGS, 0, 0, b""))

    def head(self, end: int, fields: list[tuple[str, str]], flags: int = END_HEADERS) -> Call:
        self.dialogue.say(end, http2(HEADERS, flags, 1, self._encoders[end].encode(fields)))
        return self

    def ask(self, *data: bytes) -> Call:
        pseudo = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "x")]
        self.head(CLIENT, [*pseudo, ("content-type", "application/grpc+proto"), ("te", "trailers")])
        for piece in data:
            self.data(CLIENT, piece)
        return self

    def data(self, end: int, data: bytes, flags: int = 0) -> Call:
        self.dialogue.say(end, http2(DATA, flags, 1, data))
        return self

    def status(self, code: str, *more: tuple[str, str]) -> Call:
        return self.head(SERVER, [*more, ("grpc-status", code)], END_HEADERS | END_STREAM)

    def found(self):
        (exchange,) = self.dialogue.close()
        return exchange


def contents(side) -> list[bytes]:
    return [bytes(message.content) for message in side.messages]


@pytest.mark.parametrize("size", [1, 4, 5, 6, 100, 1000])
@pytest.mark.parametrize("ends_with_data", [True, False])
def test_messages_across_frames(size, ends_with_data):
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    made = Call().ask(*pieces[:-1])
    if ends_with_data:
        made.data(CLIENT, pieces[-1], END_STREAM)
    else:
        made.data(CLIENT, pieces[-1]).data(CLIENT, b"", END_STREAM)
    made.head(SERVER, ANSWERED)
    for piece in pieces:
        made.data(SERVER, piece)
    exchange = made.status("0").found()
    call = exchange.grpc
    assert contents(call.request) == contents(call.response) == MESSAGES
    assert (call.name, call.status, call.request.count, call.response.count) == ("a.B/C", 0, 3, 3)
    assert (exchange.complete, exchange.problems) == (True, ())


def test_a_status_without_messages():
    made = Call().ask().data(CLIENT, STREAM, END_STREAM).status("5", *ANSWERED, ("grpc-message", "no%20such"))
    call = made.found().grpc
    assert (call.status_name, call.message, call.response.count) == ("NOT_FOUND", "no such", 0)


def test_a_call_without_any_body():
    made = Call()
    pseudo = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "x")]
    made.head(CLIENT, [*pseudo, ("content-type", "application/grpc")], END_HEADERS | END_STREAM)
    call = made.status("12", *ANSWERED).found().grpc
    assert (call.name, call.status, call.request.count, call.response.count) == ("a.B/C", 12, 0, 0)


def test_a_deadline_is_no_status():
    made = Call().ask().data(CLIENT, frame(b"a"), END_STREAM).head(SERVER, ANSWERED).data(SERVER, frame(b"b"))
    made.dialogue.say(CLIENT, http2(RST_STREAM, 0, 1, CANCEL.to_bytes(4, "big")))
    exchange = made.found()
    call = exchange.grpc
    assert (call.status, call.message, call.request.count, call.response.count) == (None, None, 1, 1)
    assert exchange.reset.code == CANCEL


@pytest.mark.parametrize("size", [1, 3, 9, 40, len(STREAM) + 9])
def test_bytes_that_are_missing(size):
    """In a frame of known length, or beyond it: the messages before are known, and no others."""
    made = Call().ask(frame(b"before"))
    before = http2(DATA, 0, 1, STREAM)[:10]
    made.dialogue.say(CLIENT, before)
    made.dialogue.lose(CLIENT, size)
    rest = http2(DATA, 0, 1, STREAM)[10 + size :]
    if rest:
        made.dialogue.say(CLIENT, rest)
    made.data(CLIENT, frame(b"after"), END_STREAM)
    exchange = made.head(SERVER, ANSWERED).status("0").found()
    call = exchange.grpc
    assert contents(call.request) == [b"before"]
    assert call.request.count is None
    assert Problem.GAP in exchange.request.problems
    assert (call.status, call.response.count) == (0, 0)


def test_after_a_loss_elsewhere_the_messages_of_a_stream_are_not_known():
    """It is not known of which stream the bytes were."""
    made = Call().ask(frame(b"before"))
    made.dialogue.lose(CLIENT, 5000)
    for _ in range(5):  # so that frames are found again
        made.dialogue.say(CLIENT, http2(6, 0, 0, bytes(8)))
    made.data(CLIENT, frame(b"after"), END_STREAM)
    exchange = made.head(SERVER, ANSWERED).status("0").found()
    assert contents(exchange.grpc.request) == [b"before"]
    assert exchange.grpc.request.count is None
    assert not exchange.request.complete


def test_messages_are_counted_whatever_is_kept():
    made = Call(BodyPolicy(0)).ask(STREAM).data(CLIENT, STREAM, END_STREAM)
    call = made.head(SERVER, ANSWERED).status("0").found().grpc
    assert (call.request.count, [message.length for message in call.request.messages]) == (6, [3, 0, 200] * 2)
    assert contents(call.request) == [b""] * 6
