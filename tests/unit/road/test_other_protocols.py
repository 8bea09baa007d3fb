"""MQTT, AMQP and SMTP through the whole road: segments in every order, several times, and missing."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.model.protocols import OPTIONAL
from sockfilter.road.pipeline import Pipeline
from tests.support.silent import told
from tests.support.wire import EVERYTHING, Orders, Wire, packed
from tests.unit.protocols.amqp import test_frames as amqp
from tests.unit.protocols.mqtt import test_packets as mqtt

if TYPE_CHECKING:
    from sockfilter.ledger import Ledger
    from sockfilter.model import StreamMessage
    from tests.support.wire import Record

TALKS = {
    "mqtt": [mqtt.connect(), mqtt.publish(b"hello" * 20, qos=1), mqtt.publish(b""), b"\xc0\x00"],
    "amqp": [amqp.HEADER, amqp.publish(), amqp.header(5) + amqp.frame(3, 1, b"hel"), amqp.frame(3, 1, b"lo")],
    "smtp": [b"EHLO x\r\nMAIL FROM:<a@x>\r\n", b"RCPT TO:<b@x>\r\n", b"BDAT 9 LAST\r\nSub", b"ject:\r\n"],
}


def read(records: list[Record]) -> tuple[list[StreamMessage], Ledger]:
    orders = Orders()
    found: list[StreamMessage] = []
    pipeline = Pipeline(
        orders, orders, EVERYTHING, lambda first, second: True, lambda exchange: None,
        emit_message=found.append, protocols=OPTIONAL,
    )  # fmt: skip
    for view, offsets in packed(records, 3):
        pipeline.consume(view, offsets)
    pipeline.close(max(record.time_ns for record in records) + 1)
    return found, pipeline.ledger([0] * len(PACKET_COUNTERS), len(records))


def talk(pieces: list[bytes]) -> Wire:
    wire = Wire()
    talker = wire.connection()
    for piece in pieces:
        talker.client(piece)
    return wire


@pytest.mark.parametrize("name", TALKS)
def test_segments_in_every_order(name: str) -> None:
    records = talk(TALKS[name]).records
    expected = [told(message) for message in read(records)[0]]
    assert expected
    for order in permutations(records):
        found, ledger = read([*order, order[0]])
        assert [told(message) for message in found] == expected
        assert not ledger.messages.rejected
        assert ledger.messages.stream_messages == {name: len(expected)}


def is_part(fields: dict[str, object], true: dict[str, object]) -> bool:
    """Whether no value differs; recipients may be missing."""
    differing = {name for name, value in fields.items() if true.get(name) != value}
    return differing <= {"rcpt"} and not (differing and fields["rcpt"])


@pytest.mark.parametrize("name", TALKS)
def test_each_segment_missing_in_turn(name: str) -> None:
    """What is told is what passed, or less of it."""
    records = talk(TALKS[name]).records
    whole = [told(message) for message in read(records)[0]]
    for lost in range(len(records)):
        found, _ = read([*records[:lost], *records[lost + 1 :]])
        for message in found:
            sender, kind, fields, body = told(message)
            assert any(
                (sender, kind) == true[:2] and is_part(fields, true[2]) and len(body) <= len(true[3]) for true in whole
            )
