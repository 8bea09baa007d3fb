"""What each control packet of MQTT says."""

from __future__ import annotations

import pytest

from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from sockfilter.protocols.mqtt import conversation
from tests.support.silent import assert_cut_anywhere, byte_by_byte, dialogue, told_of
from tests.support.talk import CLIENT, SERVER

TOPIC = "a/b"


def text(words: str) -> bytes:
    data = words.encode()
    return len(data).to_bytes(2, "big") + data


def varint(number: int) -> bytes:
    made = bytearray()
    while True:
        number, low = divmod(number, 128)
        made.append(low | 0x80 if number else low)
        if not number:
            return bytes(made)


def packet(first: int, *parts: bytes) -> bytes:
    rest = b"".join(parts)
    return bytes((first,)) + varint(len(rest)) + rest


def connect(version: int = 4, *, name: str = "MQTT", flags: int = 2, after: bytes = b"") -> bytes:
    properties = b"\0" if version == 5 else b""
    return packet(0x10, text(name), bytes((version, flags)), b"\0\x3c", properties, text("me"), after)


def publish(payload: bytes, topic: str = TOPIC, qos: int = 0, packet_id: int = 1, properties: bytes = b"") -> bytes:
    number = packet_id.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1, text(topic), number, properties, payload)


CONNECTED = {"protocol_name": "MQTT", "protocol_version": 4, "clean_session": True, "keep_alive": 60, "client_id": "me"}
SILENT = {"retain": False, "dup": False}
IN_VERSION_4 = {
    "connack": (SERVER, b"\x20\x02\x01\x00", {"session_present": True, "code": 0}),
    "connack refused": (SERVER, b"\x20\x02\x00\x05", {"session_present": False, "code": 5}),
    "puback": (SERVER, b"\x40\x02\x00\x07", {"packet_id": 7, "code": 0}),
    "pubrec": (SERVER, b"\x50\x02\x00\x07", {"packet_id": 7, "code": 0}),
    "pubrel": (CLIENT, b"\x62\x02\x00\x07", {"packet_id": 7, "code": 0}),
    "pubcomp": (SERVER, b"\x70\x02\x00\x07", {"packet_id": 7, "code": 0}),
    "subscribe": (
        CLIENT,
        packet(0x82, b"\0\1", text("a/#"), b"\2", text("b"), b"\0"),
        {"packet_id": 1, "topics": [["a/#", 2], ["b", 0]]},
    ),
    "suback": (SERVER, b"\x90\x04\x00\x01\x02\x80", {"packet_id": 1, "granted": [2, 128]}),
    "unsubscribe": (CLIENT, packet(0xA2, b"\0\2", text("a/#"), text("b")), {"packet_id": 2, "topics": ["a/#", "b"]}),
    "unsuback": (SERVER, b"\xb0\x02\x00\x02", {"packet_id": 2}),
    "pingreq": (CLIENT, b"\xc0\x00", {}),
    "pingresp": (SERVER, b"\xd0\x00", {}),
    "disconnect": (CLIENT, b"\xe0\x00", {"code": 0}),
}
IN_VERSION_5 = {
    "connack": (SERVER, b"\x20\x03\x00\x00\x00", {"session_present": False, "code": 0}),
    "puback": (SERVER, b"\x40\x03\x00\x07\x10", {"packet_id": 7, "code": 16}),
    "puback short": (SERVER, b"\x40\x02\x00\x07", {"packet_id": 7, "code": 0}),
    "subscribe": (CLIENT, packet(0x82, b"\0\1", b"\0", text("a"), b"\x2e"), {"packet_id": 1, "topics": [["a", 2]]}),
    "suback": (SERVER, b"\x90\x04\x00\x01\x00\x01", {"packet_id": 1, "granted": [1]}),
    "unsuback": (SERVER, b"\xb0\x04\x00\x02\x00\x11", {"packet_id": 2, "codes": [17]}),
    "disconnect": (CLIENT, b"\xe0\x01\x04", {"code": 4}),
    "auth": (
        CLIENT,
        packet(0xF0, b"\x18", varint(5), b"\x15", text("X1")),
        {"code": 24, "properties": {"authentication_method": "X1"}},
    ),
}


@pytest.mark.parametrize(
    ("version", "kind", "end", "data", "fields"),
    [
        *((4, kind, *rest) for kind, rest in IN_VERSION_4.items()),
        *((5, kind, *rest) for kind, rest in IN_VERSION_5.items()),
    ],
)
def test_the_fields_of_each_packet(version: int, kind: str, end: int, data: bytes, fields: dict[str, object]) -> None:
    sender = "client" if end == CLIENT else "server"
    assert told_of((CLIENT, connect(version)), (end, data))[1:] == [(sender, kind.split()[0], fields, b"")]


@pytest.mark.parametrize(("name", "version"), [("MQIsdp", 3), ("MQTT", 4), ("MQTT", 5)])
def test_all_three_versions_of_connect(name: str, version: int) -> None:
    (found,) = told_of((CLIENT, connect(version, name=name)))
    assert found[1] == "connect"
    assert found[2]["protocol_name"] == name
    assert found[2]["protocol_version"] == version
    assert found[2]["client_id"] == "me"


def test_a_will_and_credentials() -> None:
    after = text("gone/me") + text("bye") + text("user") + text("secret")
    (found,) = told_of((CLIENT, connect(flags=0xC2 | 0x04 | 0x08 | 0x20, after=after)))
    assert found[2] == CONNECTED | {
        "will_topic": "gone/me",
        "will_payload": "bye",
        "will_qos": 1,
        "will_retain": True,
        "username": "user",
        "password": "secret",
    }


def test_what_a_publish_says() -> None:
    said = (CLIENT, connect()), (CLIENT, publish(b"hello", qos=1, packet_id=9)), (SERVER, publish(b""))
    assert told_of(*said)[1:] == [
        ("client", "publish", {"topic": TOPIC, "qos": 1, "packet_id": 9, **SILENT}, b"hello"),
        ("server", "publish", {"topic": TOPIC, "qos": 0, **SILENT}, b""),
    ]


def test_properties_of_version_5() -> None:
    properties = b"\x03" + text("text/plain") + b"\x26" + text("n") + text("1") + b"\x26" + text("n") + text("2")
    properties += b"\x0b" + varint(300) + b"\x01\x01"
    said = publish(b"hello", properties=varint(len(properties)) + properties)
    found = told_of((CLIENT, connect(5)), (CLIENT, said))[1]
    assert found[2]["properties"] == {
        "content_type": "text/plain",
        "user_property": [["n", "1"], ["n", "2"]],
        "subscription_identifier": [300],
        "payload_format_indicator": 1,
    }
    assert found[3] == b"hello"


def test_a_topic_that_its_alias_names() -> None:
    alias = varint(3) + b"\x23\x00\x05"
    said = [publish(b"1", properties=alias), publish(b"2", topic="", properties=alias)]
    unknown = publish(b"3", topic="", properties=varint(3) + b"\x23\x00\x06")
    found = told_of((CLIENT, connect(5)), *((CLIENT, data) for data in (*said, unknown)))
    assert [each[2].get("topic") for each in found[1:]] == [TOPIC, TOPIC, None]


def test_several_packets_in_one_segment_and_one_in_several() -> None:
    said = [
        (CLIENT, connect() + publish(b"x" * 200, qos=2) + b"\xc0\x00"),
        (SERVER, b"\x20\x02\x00\x00" + b"\x50\x02\x00\x01" + b"\xd0\x00"),
    ]
    assert [each[1] for each in told_of(*said)] == ["connect", "publish", "pingreq", "connack", "pubrec", "pingresp"]
    assert_cut_anywhere(said)


def test_a_payload_beyond_the_limit_is_counted_and_not_kept() -> None:
    heard = dialogue((CLIENT, connect()), policy=BodyPolicy(10))
    data = publish(bytes(300_000))
    heard.say(CLIENT, data[:1000])
    receiver = heard.talk.receivers[CLIENT]
    assert receiver.ignoring == len(data) - 1000
    assert heard.announced == [(CLIENT, len(data) - 1000)]
    heard.say(CLIENT, data[1000:]).say(CLIENT, b"\xc0\x00")
    assert [message.kind for message in heard.messages] == ["connect", "publish", "pingreq"]
    body = heard.messages[1].body
    assert (bytes(body), body.length, body.is_cut) == (bytes(10), 300_000, True)


def test_packets_of_256_mib_are_passed_over() -> None:
    heard = dialogue((CLIENT, connect()), policy=BodyPolicy(10))
    size = (1 << 28) - 1
    heard.say(CLIENT, b"\x30\xff\xff\xff\x7f" + text(TOPIC) + b"0123456789")
    left = size - 2 - len(TOPIC) - 10
    heard.talk.receivers[CLIENT].skip(left, 1)
    heard.say(CLIENT, b"\xc0\x00")
    assert [message.kind for message in heard.messages] == ["connect", "publish", "pingreq"]
    assert heard.messages[1].body.length == left + 10


@pytest.mark.parametrize(
    "data",
    [
        packet(0x82, b"\0\1", b"\0\x09a"),  # a topic that is longer than the packet
        packet(0x36, text(TOPIC), b"\0\1x"),  # quality of service 3
        packet(0x40, b"\0\1\0\0\0"),  # a packet that goes on
        packet(0x20, b"\0"),
    ],
)
def test_a_malformed_packet_is_named_and_the_next_one_is_read(data: bytes) -> None:
    heard = dialogue((CLIENT, connect()), (CLIENT, data), (CLIENT, b"\xc0\x00"))
    assert [message.kind for message in heard.messages][::2] == ["connect", "pingreq"]
    assert heard.messages[1].problems == (Problem.BAD_FRAME,)


def test_what_is_not_a_packet_is_not_read() -> None:
    heard = dialogue((CLIENT, connect()), (CLIENT, b"\x00garbage" * 10), (SERVER, b"\x20\x02\x00\x00"))
    assert [message.kind for message in heard.messages] == ["connect", "connack"]
    assert heard.counts.unread_bytes == 80


def test_a_text_that_is_not_utf_8() -> None:
    heard = dialogue((CLIENT, connect()), (CLIENT, packet(0x30, b"\0\x02a\xff", b"x")))
    assert heard.messages[1].fields["topic"] == "a\\xff"


def test_the_end_within_a_payload() -> None:
    heard = dialogue((CLIENT, connect()), (CLIENT, publish(b"x" * 100)[:50]))
    heard.close()
    (message,) = heard.messages[1:]
    assert message.problems == (Problem.CLOSED,)
    assert len(message.body) == 50 - 7


def test_first_bytes_one_by_one() -> None:
    assert [each[1] for each in told_of(*byte_by_byte([(CLIENT, connect())]))] == ["connect"]


def test_topics_with_an_alias_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not remembered is not known, and never the topic that the alias had before."""
    monkeypatch.setattr(conversation, "ALIASES_BYTES_MAX", 20)
    heard = dialogue((CLIENT, connect(5)))
    for topic, alias in (("a" * 15, 1), ("b" * 15, 2), ("c" * 30, 1), ("d" * 15, 2)):
        named, short = (publish(b"", each, properties=b"\x03\x23\0" + bytes((alias,))) for each in (topic, ""))
        heard.say(CLIENT, named).say(CLIENT, short)
    topics = [message.fields.get("topic") for message in heard.messages[1:]]
    assert topics == ["a" * 15, "a" * 15, "b" * 15, None, "c" * 30, None, "d" * 15, "d" * 15]
    assert heard.talk.weight == 15


def test_a_broker_of_mqtt_3_refuses_mqtt_5_in_its_own_form() -> None:
    answer = dialogue((CLIENT, connect(5)), (SERVER, b"\x20\x02\x00\x01")).messages[-1]
    assert answer.fields == {"session_present": False, "code": 1}
    assert answer.problems == ()
