"""What frames of AMQP 0-9-1 say: methods, content, tables, and what is malformed."""

from __future__ import annotations

import struct

import pytest

from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from sockfilter.protocols.amqp import conversation, tables
from tests.support.silent import assert_cut_anywhere, dialogue, told_of
from tests.support.talk import CLIENT, SERVER, Dialogue

HEADER = b"AMQP\0\0\x09\x01"
EXCHANGE_DECLARED = {
    "exchange": "logs",
    "exchange_type": "fanout",
    "passive": False,
    "durable": True,
    "auto_delete": False,
    "internal": False,
    "no_wait": True,
    "arguments": {},
}


def short(text: str) -> bytes:
    return bytes((len(text),)) + text.encode()


def long(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def method(class_id: int, method_id: int, arguments: bytes = b"", channel: int = 1) -> bytes:
    return frame(1, channel, struct.pack(">HH", class_id, method_id) + arguments)


def publish(exchange: str = "logs", key: str = "k", channel: int = 1) -> bytes:
    return method(60, 40, b"\0\0" + short(exchange) + short(key) + b"\1", channel)


def header(size: int, flags: int = 0, properties: bytes = b"", channel: int = 1) -> bytes:
    return frame(2, channel, struct.pack(">HHQH", 60, 0, size, flags) + properties)


def content(data: bytes, *, channel: int = 1) -> bytes:
    return header(len(data), channel=channel) + frame(3, channel, data)


def table(*entries: bytes) -> bytes:
    return long(b"".join(entries))


def kinds(heard: Dialogue) -> list[str]:
    return [message.kind for message in heard.messages]


PUBLISHED = {"exchange": "logs", "routing_key": "k", "mandatory": True, "immediate": False}


def test_methods_and_their_arguments() -> None:
    declare = method(40, 10, b"\0\0" + short("logs") + short("fanout") + b"\x12" + table())
    said = [
        (CLIENT, HEADER),
        (SERVER, method(10, 30, struct.pack(">HIH", 2047, 131072, 60), channel=0)),
        (CLIENT, declare),
        (SERVER, method(40, 11)),
        (SERVER, method(20, 40, struct.pack(">H", 404) + short("NOT_FOUND") + struct.pack(">HH", 40, 10))),
    ]
    assert told_of(*said) == [
        ("server", "connection.tune", {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60}, b""),
        ("client", "exchange.declare", EXCHANGE_DECLARED, b""),
        ("server", "exchange.declare-ok", {}, b""),
        (
            "server",
            "channel.close",
            {"reply_code": 404, "reply_text": "NOT_FOUND", "class_id": 40, "method_id": 10},
            b"",
        ),
    ]


def test_content_follows_its_method_on_its_channel() -> None:
    heard = dialogue(
        (CLIENT, HEADER),
        (CLIENT, publish(key="one") + publish(key="two", channel=2) + header(5) + header(3, channel=2)),
        (CLIENT, frame(3, 1, b"hel") + frame(3, 2, b"abc") + frame(8, 0, b"") + frame(3, 1, b"lo")),
    )
    assert [(m.channel, m.fields["routing_key"], bytes(m.body)) for m in heard.messages] == [
        (2, "two", b"abc"),
        (1, "one", b"hello"),
    ]


def test_properties_of_content_are_fields() -> None:
    properties = short("text/plain") + table(short("n") + b"I\xff\xff\xff\xff", short("f") + b"t\1") + b"\2"
    properties += short("id-1") + struct.pack(">Q", 1_700_000_000)
    found = told_of((CLIENT, HEADER), (CLIENT, publish() + header(2, 0xB440, properties) + frame(3, 1, b"hi")))
    assert found == [
        (
            "client",
            "basic.publish",
            PUBLISHED
            | {
                "content_type": "text/plain",
                "headers": {"n": -1, "f": True},
                "delivery_mode": 2,
                "correlation_id": "id-1",
                "timestamp": 1_700_000_000,
            },
            b"hi",
        )
    ]


def test_content_without_bytes() -> None:
    assert told_of((CLIENT, HEADER), (CLIENT, publish() + header(0))) == [("client", "basic.publish", PUBLISHED, b"")]


def test_cut_anywhere() -> None:
    said = [
        (CLIENT, HEADER),
        (CLIENT, publish() + content(b"hello") + publish(channel=3) + content(b"", channel=3)),
        (SERVER, frame(8, 0, b"") + method(60, 80, struct.pack(">QB", 7, 1))),
    ]
    assert_cut_anywhere(said)


def test_every_kind_of_value() -> None:
    values = [
        (b"t\1", True),
        (b"b\xff", -1),
        (b"B\xff", 255),
        (b"s\xff\xfe", -2),
        (b"U\xff\xfe", -2),
        (b"u\xff\xfe", 65534),
        (b"I\0\0\0\1", 1),
        (b"i\xff\xff\xff\xff", 0xFFFFFFFF),
        (b"l" + bytes(7) + b"\1", 1),
        (b"L" + b"\xff" * 8, -1),
        (b"f" + struct.pack(">f", 0.5), 0.5),
        (b"d" + struct.pack(">d", 0.25), 0.25),
        (b"d" + struct.pack(">d", float("nan")), "nan"),
        (b"D\2\0\0\0\x7b", "1.23"),
        (b"S" + long(b"text"), "text"),
        (b"S" + long(b"\xff"), b"\xff"),
        (b"x" + long(b"bytes"), "bytes"),
        (b"T" + bytes(7) + b"\5", 5),
        (b"V", None),
        (b"A" + long(b"t\0V"), [False, None]),
        (b"F" + table(short("in") + b"t\1"), {"in": True}),
    ]
    arguments = table(*(short(f"v{i}") + data for i, (data, _) in enumerate(values)))
    (found,) = told_of((CLIENT, HEADER), (CLIENT, method(50, 20, b"\0\0\1q\1e\1k\0" + arguments)))
    assert found[2]["arguments"] == {f"v{i}": value for i, (_, value) in enumerate(values)}


@pytest.mark.parametrize(
    "arguments",
    [
        long(short("a") + b"?"),  # a type that does not exist
        b"\0\0\xff\xff",  # longer than the frame
        long(short("a") + b"S\xff\xff\xff\xff"),
        long((short("a") + b"V") * (tables.ENTRIES_MAX + 1)),
    ],
    ids=["type", "table", "value", "entries"],
)
def test_malformed_tables(arguments: bytes) -> None:
    heard = dialogue(
        (CLIENT, HEADER), (CLIENT, method(50, 20, b"\0\0\1q\1e\1k\0" + arguments)), (CLIENT, method(90, 10))
    )
    assert kinds(heard) == ["queue.bind", "tx.select"]
    assert heard.messages[0].problems == (Problem.BAD_FRAME,)
    assert heard.messages[0].fields == {"queue": "q", "exchange": "e", "routing_key": "k", "no_wait": False}


def test_tables_inside_tables_have_a_limit() -> None:
    nested = table()
    for _ in range(10_000):
        nested = table(short("") + b"F" + nested)
    heard = dialogue((CLIENT, HEADER), (CLIENT, method(50, 20, b"\0\0\1q\1e\1k\0" + nested)))
    assert heard.messages[0].problems == (Problem.BAD_FRAME,)


def test_the_password_is_a_field_of_its_own() -> None:
    """An answer to a broker is read by its mechanism. As it was sent, it is not kept."""
    plain = table() + short("PLAIN") + long(b"\0guest\0secret") + short("en_US")
    amqplain = short("LOGIN") + b"S" + long(b"guest") + short("PASSWORD") + b"S" + long(b"secret")
    other = table() + short("AMQPLAIN") + long(amqplain) + short("en_US")
    for arguments in (plain, other):
        (found,) = told_of((CLIENT, HEADER), (CLIENT, method(10, 11, arguments, channel=0)))
        assert (found[2]["username"], found[2]["password"]) == ("guest", "secret")
        assert "response" not in found[2]
    unknown = table() + short("SCRAM") + long(b"something secret") + short("en_US")
    (found,) = told_of((CLIENT, HEADER), (CLIENT, method(10, 11, unknown, channel=0)))
    assert found[2] == {"client_properties": {}, "mechanism": "SCRAM", "locale": "en_US"}


def test_a_method_that_is_not_known() -> None:
    heard = dialogue((CLIENT, HEADER), (CLIENT, method(60, 999)), (CLIENT, method(90, 10)))
    assert kinds(heard) == ["60.999", "tx.select"]
    assert heard.messages[0].problems == (Problem.BAD_FRAME,)


def test_a_method_where_content_should_go_on() -> None:
    heard = dialogue((CLIENT, HEADER), (CLIENT, publish() + header(9) + frame(3, 1, b"part") + publish(key="next")))
    (message,) = heard.messages
    assert message.problems == (Problem.BAD_FRAME,)
    assert message.body == b"part"


def test_a_body_beyond_the_limit_is_counted_and_not_kept() -> None:
    heard = dialogue((CLIENT, HEADER), (CLIENT, publish() + header(300_000)), policy=BodyPolicy(10))
    heard.say(CLIENT, frame(3, 1, bytes(200_000))[:1000])
    assert heard.announced == [(CLIENT, 200_000 - 993)]
    heard.say(CLIENT, bytes(200_000 - 993)).say(CLIENT, b"\xce").say(CLIENT, frame(3, 1, bytes(100_000)))
    (message,) = heard.messages
    assert (bytes(message.body), message.body.length, message.problems) == (bytes(10), 300_000, ())


def test_channels_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "CHANNELS_MAX", 3)
    heard = dialogue((CLIENT, HEADER))
    for channel in range(1, 6):
        heard.say(CLIENT, publish(channel=channel))
    assert [message.channel for message in heard.messages] == [1, 2]
    assert {message.problems for message in heard.messages} == {(Problem.EVICTED,)}


def test_a_frame_that_is_too_long_to_be_read_is_passed_over() -> None:
    heard = dialogue((CLIENT, HEADER))
    for piece in (method(40, 10, bytes(300_000)), method(90, 10)):
        heard.say(CLIENT, piece[:5000]).say(CLIENT, piece[5000:])
    assert kinds(heard) == ["tx.select"]
    assert heard.counts.unread_bytes == 300_004


def test_a_version_that_is_refused() -> None:
    heard = dialogue((CLIENT, HEADER), (SERVER, HEADER))
    heard.close()
    assert not heard.messages
    assert not heard.counts.unread_bytes


def test_bytes_missing_within_content_cost_this_content_alone() -> None:
    data = frame(3, 1, b"0123456789" * 10)
    heard = dialogue((CLIENT, HEADER), (CLIENT, publish() + header(100) + data[:30])).lose(CLIENT, 40)
    heard.say(CLIENT, data[70:] + method(90, 10))
    assert kinds(heard) == ["basic.publish", "tx.select"]
    assert heard.messages[0].problems == (Problem.GAP,)
    assert heard.messages[0].body.length == 100


def test_after_lost_frames_it_goes_on_where_frames_are() -> None:
    heard = dialogue((CLIENT, HEADER), (CLIENT, publish())).lose(CLIENT, 100)
    heard.say(CLIENT, b"\x01\xce\x01\x02rest of a body\xce" + method(90, 10) + frame(8, 0, b"") + method(90, 20))
    assert kinds(heard) == ["basic.publish", "tx.select", "tx.commit"]
    assert [message.problems for message in heard.messages] == [(Problem.GAP,), (Problem.RESYNCHRONISED,), ()]


def test_after_lost_frames_other_bytes_are_not_taken_for_frames() -> None:
    heard = dialogue((CLIENT, HEADER)).lose(CLIENT, 100)
    for data in (bytes(100), b"\xce\x01\0\0\0\0\0\0\xce" * 10, b"\xce" * 500, b"\x01\0\1\0\0\0\4\0\x09\0\x09\xce"):
        heard.say(CLIENT, data)
    assert not heard.messages


def test_the_end_within_content() -> None:
    heard = dialogue((CLIENT, HEADER), (CLIENT, publish() + header(100) + frame(3, 1, b"part")))
    heard.close(Problem.RESET)
    (message,) = heard.messages
    assert message.problems == (Problem.RESET,)
    assert message.body == b"part"
