"""MQTT with bytes that are missing, and connections that were open before."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from tests.support.silent import dialogue, told
from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.unit.protocols.mqtt.test_packets import connect, packet, publish, text

PINGREQ = b"\xc0\x00"


def kinds(heard: Dialogue) -> list[str]:
    return [message.kind for message in heard.messages]


def test_bytes_missing_within_a_payload_cost_this_payload_alone() -> None:
    data = publish(b"0123456789" * 10)
    heard = dialogue((CLIENT, connect()), (CLIENT, data[:30])).lose(CLIENT, 40)
    heard.say(CLIENT, data[70:] + PINGREQ)
    assert kinds(heard) == ["connect", "publish", "pingreq"]
    message = heard.messages[1]
    assert message.problems == (Problem.GAP,)
    assert message.body.length == 100
    assert message.body.is_cut
    assert heard.messages[2].problems == ()


def test_after_lost_packets_it_goes_on_where_a_segment_begins() -> None:
    heard = dialogue((CLIENT, connect())).lose(CLIENT, 500)
    heard.say(CLIENT, b"this is the rest of a payload, of which nobody knows how long it is")
    heard.say(CLIENT, publish(b"again", qos=1, packet_id=3))
    heard.say(CLIENT, PINGREQ)
    assert kinds(heard) == ["connect", "publish", "pingreq"]
    assert heard.messages[1].problems == (Problem.RESYNCHRONISED,)
    assert heard.messages[2].problems == ()
    assert heard.counts.unread_bytes > 60


def test_after_lost_packets_the_rest_of_a_payload_is_not_taken_for_packets() -> None:
    heard = dialogue((CLIENT, connect())).lose(CLIENT, 500)
    for data in (b"0\x7fsome text", b"00" * 40, bytes(100), b"\xff" * 50, packet(0x30, text("a/#"), b"x")):
        heard.say(CLIENT, data)
    assert kinds(heard) == ["connect"]


def test_an_end_sends_what_it_may_send() -> None:
    """After a loss, a packet that only brokers send shows nothing about a client."""
    heard = dialogue((CLIENT, connect())).lose(CLIENT, 500).say(CLIENT, b"\xd0\x00").say(CLIENT, b"\x20\x02\0\0")
    assert kinds(heard) == ["connect"]


def test_the_other_direction_goes_on() -> None:
    heard = dialogue((CLIENT, connect())).lose(CLIENT, 10).say(SERVER, b"\x20\x02\x00\x00")
    assert kinds(heard) == ["connect", "connack"]


def test_an_alias_is_forgotten_if_packets_are_lost() -> None:
    alias = b"\x03\x23\x00\x05"
    heard = dialogue((CLIENT, connect(5)), (CLIENT, publish(b"1", properties=alias))).lose(CLIENT, 10)
    heard.say(CLIENT, publish(b"2", topic="", properties=alias))
    assert "topic" not in heard.messages[-1].fields
    assert heard.messages[-1].body == b"2"


def test_a_ping_shows_a_connection_that_was_open_before() -> None:
    heard = Dialogue(whole=False, protocols=("mqtt",))
    heard.connection.ends = (heard.connection.ends[0], heard.connection.ends[1]._replace(port=1883))
    heard.say(CLIENT, PINGREQ).say(SERVER, b"\xd0\x00").say(SERVER, publish(b"hello", qos=1))
    assert [told(message)[:3] for message in heard.messages] == [
        ("client", "pingreq", {}),
        ("server", "pingresp", {}),
        ("server", "publish", {"topic": "a/b", "qos": 1, "retain": False, "dup": False, "packet_id": 1}),
    ]
    assert heard.messages[0].problems == heard.messages[1].problems == (Problem.MID_STREAM,)
    assert heard.messages[2].body == b"", "without the version it is not known where the payload begins"


def test_the_same_bytes_on_another_port_or_at_the_beginning_show_nothing() -> None:
    for whole, port in ((False, 80), (True, 1883)):
        heard = Dialogue(whole=whole, protocols=("mqtt",))
        heard.connection.ends = (heard.connection.ends[0], heard.connection.ends[1]._replace(port=port))
        heard.say(CLIENT, PINGREQ)
        assert not heard.messages
        assert heard.rejected


def test_nothing_is_read_that_was_not_asked_for() -> None:
    heard = Dialogue().say(CLIENT, connect())
    assert not heard.messages
    assert heard.rejected


def without_the_version(version: int = 4) -> Dialogue:
    """A connection of which the CONNECT was lost, but for its first bytes."""
    data = connect(version)
    return dialogue((CLIENT, data[:8])).lose(CLIENT, len(data) - 8).say(CLIENT, PINGREQ)


def test_content_is_not_known_if_the_version_is_not() -> None:
    """In MQTT 5, the content follows properties; nothing shows whether this is MQTT 5."""
    first = without_the_version().say(CLIENT, publish(b"content")).messages[-1]
    assert (first.kind, first.fields["topic"], first.body.length) == ("publish", "a/b", None)


@pytest.mark.parametrize("version", [4, 5])
def test_packets_show_the_version_by_their_size(version: int) -> None:
    heard = without_the_version(version).say(SERVER, b"\x20\x02\0\0" if version == 4 else b"\x20\x03\0\0\0")
    heard.say(SERVER, publish(b"content", properties=b"" if version == 4 else b"\0"))
    assert heard.messages[-1].body == b"content"


def test_codes_of_mqtt_5_are_read_although_its_connect_was_missed() -> None:
    heard = without_the_version(5)
    for data in (b"\x40\x03\x00\x07\x97", b"\x90\x04\x00\x08\x00\x01", b"\xe0\x01\x8e"):
        heard.say(SERVER, data)
    assert [message.fields.get("code", message.fields.get("granted")) for message in heard.messages[1:]] == [
        0x97,
        [1],
        0x8E,
    ]
