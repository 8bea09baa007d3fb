"""Conditions on messages without a response, such as those of a WebSocket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from sockfilter.errors import BodyError, InvalidArgument
from sockfilter.filters.values import is_number, is_text, test_for
from sockfilter.filters.where import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Unpack

    from sockfilter.model import StreamMessage

SENDERS = ("client", "server")


class MessageConditions(TypedDict, total=False):
    """The conditions on messages. Each is a value, a pattern, a predicate, a range or a set."""

    protocol: Any
    sender: Any
    type: Any
    text: Any
    json: Any
    body: Any
    port: Any
    problems: Any
    topic: Any
    queue: Any
    exchange: Any
    routing_key: Any
    mail_from: Any
    rcpt: Any
    subject: Any
    code: Any


class MessageCondition(NamedTuple):
    """One condition.

    Attributes:
        values: the values that a message has for it; one of them must match.
        is_exact: whether the wanted value can be one of them.
        kinds: what the wanted value can be, for the error message.
    """

    values: Callable[[StreamMessage], tuple[Any, ...]]
    is_exact: Callable[[Any], bool]
    kinds: str


def _json(message: StreamMessage) -> tuple[Any, ...]:
    try:
        return (message.json(),)
    except BodyError:
        return ()


def _field(name: str) -> Callable[[StreamMessage], tuple[Any, ...]]:
    return lambda message: (message.fields[name],) if message.fields.get(name) is not None else ()


def _topics(message: StreamMessage) -> tuple[Any, ...]:
    """The topic of a publish, or those of a subscribe (with a quality of service each) or an unsubscribe."""
    topics = message.fields.get("topics", ())
    assert isinstance(topics, Sequence)  # as the conversation of MQTT makes it
    return (*_field("topic")(message), *(topic if isinstance(topic, str) else topic[0] for topic in topics))


def _recipients(message: StreamMessage) -> tuple[Mapping[str, Any], ...]:
    return tuple(recipient for recipients in _field("rcpt")(message) for recipient in recipients)


def _codes(message: StreamMessage) -> tuple[Any, ...]:
    """The codes of a message, and those of its replies."""
    fields, close = message.fields, message.close
    reply = fields.get("reply")
    found = [fields.get("code"), fields.get("reply_code"), None if close is None else close.code]
    found += [reply.get("code")] if isinstance(reply, Mapping) else []
    found += [recipient.get("code") for recipient in _recipients(message)]
    for name in ("codes", "granted"):
        several = fields.get(name)
        found += several if isinstance(several, list) else []
    return tuple(code for code in found if code is not None)


CONDITIONS = {
    "protocol": MessageCondition(lambda message: (message.protocol,), is_text, "a string"),
    "sender": MessageCondition(lambda message: (message.sender,), lambda wanted: wanted in SENDERS, "client or server"),
    "type": MessageCondition(lambda message: (message.kind,), is_text, "a string"),
    "text": MessageCondition(lambda message: (message.text,), is_text, "a string"),
    "json": MessageCondition(_json, lambda wanted: True, "a value"),
    "body": MessageCondition(lambda message: (message.body,), lambda wanted: isinstance(wanted, bytes), "bytes"),
    "port": MessageCondition(lambda message: (message.client.port, message.server.port), is_number, "a number"),
    "problems": MessageCondition(
        lambda message: tuple(problem.value for problem in message.problems), is_text, "a problem's name"
    ),
    "topic": MessageCondition(_topics, is_text, "a string"),
    **{
        name: MessageCondition(_field(name), is_text, "a string")
        for name in ("queue", "exchange", "routing_key", "mail_from", "subject")
    },
    "rcpt": MessageCondition(
        lambda message: tuple(recipient["to"] for recipient in _recipients(message)), is_text, "a string"
    ),
    "code": MessageCondition(_codes, is_number, "a number"),
}


class MessageWhere:
    """Conditions that a message must meet, all of them.

    Args:
        protocol: "websocket", "sse", "mqtt", "amqp", "smtp".
        sender: "client" or "server".
        type: the type, as the protocol names it: "text", "close", the name of an event.
        text: the content as text.
        json: the parsed JSON of the content, if it was kept whole.
        body: the bytes of the content.
        port: the port of either end.
        problems: one of the problems.
        topic: a topic of MQTT, or one of those that are subscribed to.
        queue, exchange, routing_key: the arguments of a method of AMQP.
        mail_from, rcpt, subject: the sender, a recipient and the subject of a mail.
        code: a code of MQTT, AMQP, SMTP (also of the reply for a recipient) or of a WebSocket's close.

    Raises:
        InvalidArgument: there is no such condition, or it can never hold.
    """

    def __init__(self, **conditions: Unpack[MessageConditions]) -> None:
        self._tests: list[tuple[str, Any, Callable[[StreamMessage], tuple[Any, ...]], Callable[[Any], bool]]] = []
        for name, wanted in conditions.items():
            condition = CONDITIONS.get(name)
            if condition is None:
                raise InvalidArgument(f"there is no condition {name!r} on messages; there are {', '.join(CONDITIONS)}")
            try:
                test = test_for(wanted, condition.is_exact, condition.kinds)
            except InvalidArgument as error:
                raise InvalidArgument(f"{name}={shown(wanted)}: {error}") from error
            self._tests.append((name, wanted, condition.values, test))

    def __repr__(self) -> str:
        return f"MessageWhere({self})"

    def __str__(self) -> str:
        return ", ".join(f"{name}={shown(wanted)}" for name, wanted in self.conditions)

    @property
    def conditions(self) -> list[tuple[str, Any]]:
        """The names of the conditions, and the wanted values."""
        return [(name, wanted) for name, wanted, _, _ in self._tests]

    def matches(self, message: StreamMessage) -> bool:
        """Whether all conditions hold."""
        return all(any(map(test, values(message))) for _, _, values, test in self._tests)
