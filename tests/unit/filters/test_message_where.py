"""Conditions on messages of MQTT, AMQP and SMTP."""

from __future__ import annotations

from typing import Any

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.filters.message_where import MessageWhere
from sockfilter.model import Connection, Endpoint, StreamMessage
from sockfilter.model.stream_message import Close

CONNECTION = Connection(1, "test0", (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 1883)))
MAIL = {
    "mail_from": "a@example.org",
    "rcpt": [{"to": "b@example.com", "code": 250}, {"to": "c@example.com", "code": 550}, {"to": "d@example.com"}],
    "reply": {"code": 451, "text": "later"},
    "subject": "Hello",
}


def message(protocol: str, kind: str, fields: dict[str, object]) -> StreamMessage:
    made = StreamMessage(CONNECTION, protocol, 0, kind, 0)
    made.fields = fields
    return made


PUBLISH = message("mqtt", "publish", {"topic": "room/1", "qos": 0})
SUBSCRIBE = message("mqtt", "subscribe", {"packet_id": 1, "topics": [["room/#", 1], ["door", 0]]})
UNSUBSCRIBE = message("mqtt", "unsubscribe", {"packet_id": 2, "topics": ["door"]})
SUBACK = message("mqtt", "suback", {"packet_id": 1, "granted": [1, 128]})
CONNACK = message("mqtt", "connack", {"code": 5})
DECLARE = message("amqp", "queue.declare", {"queue": "orders"})
RETURN = message("amqp", "basic.return", {"reply_code": 312, "exchange": "shop", "routing_key": "new"})
SENT = message("smtp", "mail", MAIL)
REFUSED = message("smtp", "mail", {"mail_from": "a@example.org", "rcpt": [], "reply": None})
CLOSED = message("websocket", "close", {})
CLOSED.close = Close(1001, "going")
ALL = [PUBLISH, SUBSCRIBE, UNSUBSCRIBE, SUBACK, CONNACK, DECLARE, RETURN, SENT, REFUSED, CLOSED]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"topic": "room/1"}, [PUBLISH]),
        ({"topic": "door"}, [SUBSCRIBE, UNSUBSCRIBE]),
        ({"topic": lambda topic: topic.startswith("room/")}, [PUBLISH, SUBSCRIBE]),
        ({"queue": "orders"}, [DECLARE]),
        ({"exchange": "shop", "routing_key": "new"}, [RETURN]),
        ({"mail_from": "a@example.org"}, [SENT, REFUSED]),
        ({"rcpt": "c@example.com"}, [SENT]),
        ({"subject": "Hello", "protocol": "smtp"}, [SENT]),
        ({"code": 312}, [RETURN]),
        ({"code": 550}, [SENT]),
        ({"code": 451}, [SENT]),
        ({"code": 128}, [SUBACK]),
        ({"code": 5}, [CONNACK]),
        ({"code": 1001}, [CLOSED]),
        ({"code": range(400, 600)}, [SENT]),
    ],
)
def test_conditions_select(conditions: dict[str, Any], found: list[StreamMessage]):
    where = MessageWhere(**conditions)
    assert [each for each in ALL if where.matches(each)] == found


@pytest.mark.parametrize("conditions", [{"topic": 1}, {"code": "250"}, {"queue": b"orders"}, {"topics": "door"}])
def test_what_can_never_hold_is_refused(conditions: dict[str, Any]):
    with pytest.raises(InvalidArgument):
        MessageWhere(**conditions)
