"""The methods of AMQP 0-9-1 and their arguments, and the properties of content.

By the XML of the specification (amqp0-9-1.xml), and RabbitMQ's extensions of it. Names of arguments have underscores
in place of hyphens. "type" of exchange.declare is exchange_type, because a message has a type of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.protocols.amqp.tables import Values, long_text, short_text
from sockfilter.protocols.cursor import Cursor, Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, object]

# The letter after each argument is its domain: o octet, h short, l long, L longlong, s shortstr, S longstr, T table,
# b bit, - reserved, of which the letter follows.
FORMS = """
10 10 connection.start version_major:o version_minor:o server_properties:T mechanisms:S locales:S
10 11 connection.start-ok client_properties:T mechanism:s response:S locale:s
10 20 connection.secure challenge:S
10 21 connection.secure-ok response:S
10 30 connection.tune channel_max:h frame_max:l heartbeat:h
10 31 connection.tune-ok channel_max:h frame_max:l heartbeat:h
10 40 connection.open virtual_host:s -:s -:b
10 41 connection.open-ok -:s
10 50 connection.close reply_code:h reply_text:s class_id:h method_id:h
10 51 connection.close-ok
10 60 connection.blocked reason:s
10 61 connection.unblocked
10 70 connection.update-secret new_secret:S reason:s
10 71 connection.update-secret-ok
20 10 channel.open -:s
20 11 channel.open-ok -:S
20 20 channel.flow active:b
20 21 channel.flow-ok active:b
20 40 channel.close reply_code:h reply_text:s class_id:h method_id:h
20 41 channel.close-ok
30 10 access.request realm:s exclusive:b passive:b active:b write:b read:b
30 11 access.request-ok -:h
40 10 exchange.declare -:h exchange:s exchange_type:s passive:b durable:b auto_delete:b internal:b no_wait:b arguments:T
40 11 exchange.declare-ok
40 20 exchange.delete -:h exchange:s if_unused:b no_wait:b
40 21 exchange.delete-ok
40 30 exchange.bind -:h destination:s source:s routing_key:s no_wait:b arguments:T
40 31 exchange.bind-ok
40 40 exchange.unbind -:h destination:s source:s routing_key:s no_wait:b arguments:T
40 41 exchange.unbind-ok
40 51 exchange.unbind-ok
50 10 queue.declare -:h queue:s passive:b durable:b exclusive:b auto_delete:b no_wait:b arguments:T
50 11 queue.declare-ok queue:s message_count:l consumer_count:l
50 20 queue.bind -:h queue:s exchange:s routing_key:s no_wait:b arguments:T
50 21 queue.bind-ok
50 30 queue.purge -:h queue:s no_wait:b
50 31 queue.purge-ok message_count:l
50 40 queue.delete -:h queue:s if_unused:b if_empty:b no_wait:b
50 41 queue.delete-ok message_count:l
50 50 queue.unbind -:h queue:s exchange:s routing_key:s arguments:T
50 51 queue.unbind-ok
60 10 basic.qos prefetch_size:l prefetch_count:h global:b
60 11 basic.qos-ok
60 20 basic.consume -:h queue:s consumer_tag:s no_local:b no_ack:b exclusive:b no_wait:b arguments:T
60 21 basic.consume-ok consumer_tag:s
60 30 basic.cancel consumer_tag:s no_wait:b
60 31 basic.cancel-ok consumer_tag:s
60 40 basic.publish -:h exchange:s routing_key:s mandatory:b immediate:b
60 50 basic.return reply_code:h reply_text:s exchange:s routing_key:s
60 60 basic.deliver consumer_tag:s delivery_tag:L redelivered:b exchange:s routing_key:s
60 70 basic.get -:h queue:s no_ack:b
60 71 basic.get-ok delivery_tag:L redelivered:b exchange:s routing_key:s message_count:l
60 72 basic.get-empty -:s
60 80 basic.ack delivery_tag:L multiple:b
60 90 basic.reject delivery_tag:L requeue:b
60 100 basic.recover-async requeue:b
60 110 basic.recover requeue:b
60 111 basic.recover-ok
60 120 basic.nack delivery_tag:L multiple:b requeue:b
85 10 confirm.select no_wait:b
85 11 confirm.select-ok
90 10 tx.select
90 11 tx.select-ok
90 20 tx.commit
90 21 tx.commit-ok
90 30 tx.rollback
90 31 tx.rollback-ok
"""
# the properties of basic's content, from the highest bit of their flags on
PROPERTIES = (
    *(("content_type", "s"), ("content_encoding", "s"), ("headers", "T"), ("delivery_mode", "o"), ("priority", "o")),
    *(("correlation_id", "s"), ("reply_to", "s"), ("expiration", "s"), ("message_id", "s"), ("timestamp", "L")),
    *(("type", "s"), ("user_id", "s"), ("app_id", "s"), ("cluster_id", "s")),
)
# what a client says about itself (SASL): these arguments are read by their mechanism, and never shown as they are
SECRETS = frozenset(("response", "challenge"))
SIZES = {"o": 1, "h": 2, "l": 4, "L": 8}


class Method:
    """A method: its name, and the names and domains of its arguments."""

    __slots__ = ("arguments", "has_content", "name")

    def __init__(self, name: str, arguments: tuple[tuple[str, str], ...]) -> None:
        self.name = name
        self.arguments = arguments
        self.has_content = name in ("basic.publish", "basic.return", "basic.deliver", "basic.get-ok")


def _methods() -> dict[tuple[int, int], Method]:
    found = {}
    for line in FORMS.split("\n"):
        if line:
            class_id, method_id, name, *arguments = line.split()
            pairs = tuple((word.rpartition(":")[0], word[-1]) for word in arguments)
            found[int(class_id), int(method_id)] = Method(name, pairs)
    return found


METHODS: Mapping[tuple[int, int], Method] = _methods()


def read_arguments(method: Method, cursor: Cursor, fields: Fields) -> None:
    """Reads the arguments of a method.

    Raises:
        Malformed: the frame ends before. The arguments before that have been read.
    """
    values = Values()
    bits, used = 0, 8
    for name, domain in method.arguments:
        if domain == "b":
            if used == 8:  # bits that follow one another share an octet (4.2.5.2)
                bits, used = cursor.number(1), 0
            value: object = bool(bits >> used & 1)
            used += 1
        else:
            value, used = _read(domain, cursor, values), 8
        if name in SECRETS:
            fields |= _credentials(fields.get("mechanism"), value)
        elif name != "-":
            fields[name] = value


def _read(domain: str, cursor: Cursor, values: Values) -> object:
    if domain == "s":
        return short_text(cursor)
    if domain == "S":
        return long_text(cursor)
    if domain == "T":
        return values.table(cursor)
    return cursor.number(SIZES[domain])


def _credentials(mechanism: object, response: object) -> Fields:
    """The user's name and password in an answer to a broker (RFC 4616; AMQPLAIN is a table without its length)."""
    if mechanism == "PLAIN" and isinstance(response, str):
        parts = response.split("\0")
        if len(parts) == 3:
            return {"username": parts[1], "password": parts[2]}
    if mechanism == "AMQPLAIN" and isinstance(response, (str, bytes)):
        data = response.encode() if isinstance(response, str) else response
        try:
            found = Values().table(Cursor(len(data).to_bytes(4, "big") + data, 0, 4 + len(data)))
        except Malformed:
            return {}
        return {"username": found.get("LOGIN"), "password": found.get("PASSWORD")}
    return {}


def read_size(cursor: Cursor) -> int:
    """Reads the size of the content from its header (4.2.6.1).

    Raises:
        Malformed: the frame ends before.
    """
    cursor.take(4)  # the class, and the weight
    return cursor.number(8)


def read_properties(cursor: Cursor, fields: Fields) -> None:
    """Reads the properties of content, which follow its size.

    Raises:
        Malformed: the frame ends before. The properties before that have been read.
    """
    flags = word = cursor.number(2)
    while word & 1:  # more flags follow; none is defined
        word = cursor.number(2)
    values = Values()
    for place, (name, domain) in enumerate(PROPERTIES):
        if flags & 0x8000 >> place:
            fields[name] = _read(domain, cursor, values)
