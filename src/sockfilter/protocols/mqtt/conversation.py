"""The conversation of MQTT: a connection of a client and a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.problem import Problem
from sockfilter.model.stream_message import StreamMessage
from sockfilter.protocols.cursor import Cursor, Malformed
from sockfilter.protocols.first_bytes import MQTT_CONNECT, MQTT_PING
from sockfilter.protocols.mqtt import packets
from sockfilter.protocols.reading import MessageConversation, Reader

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.protocols.interface import Context, Handover, Transport
    from sockfilter.protocols.mqtt.packets import Fields, PacketHead

# Bytes of a packet that are read as a whole, without the payload of a PUBLISH: the five longest texts of a CONNECT
# have 64 KiB each, and nobody uses that. The content of a longer packet is passed over.
PACKET_BYTES_MAX = 256 << 10
# bytes of topics that are remembered for each direction by their aliases (3.3.2.3.4); brokers allow 10 aliases or so
ALIASES_BYTES_MAX = 64 << 10
# of brokers (IANA). On other ports, a ping is too short to show that a connection carries MQTT.
PORT = 1883
# after lost bytes, so many packets in a row show where packets begin
CONSISTENT_PACKETS = 3


class MqttSession:
    """What both readers know.

    Attributes:
        version: of the protocol, by the last CONNECT; packets.UNKNOWN if it was not read.
        client_end: the end that sent the CONNECT, or that must be the client; None while nothing shows that this is
            MQTT.
    """

    __slots__ = ("client_end", "version")

    def __init__(self) -> None:
        self.version = packets.UNKNOWN
        self.client_end: int | None = None

    def begin(self, connection: Connection, client_end: int) -> None:
        """Notes which end is the client."""
        self.client_end = client_end
        if connection.client_end is None:
            connection.client_end = client_end


class MqttReader(Reader):
    """Reads the packets of one end.

    Args:
        transport: the connection.
        context: what the protocol needs from its capture.
        end: the end that sends them.
        session: shared by both readers.
    """

    __slots__ = ("_aliases", "_aliases_bytes", "_is_joined", "_session")

    def __init__(self, transport: Transport, context: Context, end: int, session: MqttSession) -> None:
        super().__init__(transport, context, end)
        self._session = session
        self._aliases: dict[int, str] = {}
        self._aliases_bytes = 0
        # bytes may have passed before; a CONNECT begins anew
        self._is_lost = self._is_joined = transport.isn[end] is None

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return super().weight + self._aliases_bytes

    def _read(self, data: bytes, at: int) -> int:
        if self._session.client_end is None and not self._begin_session(data[at:]):
            return len(data) - at
        try:
            head = packets.read_head(data, at)
        except Malformed:
            self._lose(Problem.BAD_FRAME)
            return self._pass_by(len(data) - at)
        if head is None:
            return self._await(len(data) - at + 1)
        if head.kind == packets.PUBLISH:
            return self._read_publish(head, data, at)
        if head.end - at > PACKET_BYTES_MAX:
            return self._pass_packet(head, data, at, self._message_of(head, {}), Problem.HEAD_TOO_LONG)
        if head.end > len(data):
            return self._await(head.end - at)
        fields: Fields = {}
        message = self._message_of(head, fields)
        try:
            self._session.version = packets.read_fields(head, data, self._session.version, fields)
        except Malformed:
            message.add_problem(Problem.BAD_FRAME)
        self._emit(message)
        return head.end - at

    def _begin_session(self, data: bytes) -> bool:
        """Decides by first bytes whether this is MQTT, and which end is the client."""
        connection = self._transport.model
        server_end = next((end for end in (0, 1) if connection.ends[end].port == PORT), None)
        if any(form.match(data) for form in MQTT_CONNECT):
            self._session.begin(connection, self._end)
        elif self._is_joined and MQTT_PING.match(data) and server_end is not None:
            self._session.begin(connection, 1 - server_end)
        else:
            self._context.counts.rejected += 1
            self._transport.reject()
        return self._session.client_end is not None

    def _read_publish(self, head: PacketHead, data: bytes, at: int) -> int:
        fields: Fields = {}
        message = self._message_of(head, fields)
        cursor = Cursor(data, head.start, min(head.end, len(data)))
        try:
            has_content = packets.read_publish(cursor, head.flags, self._session.version, fields)
        except Malformed:
            if head.end <= len(data):
                return self._pass_packet(head, data, at, message, Problem.BAD_FRAME)
            if len(data) - at > PACKET_BYTES_MAX:
                return self._pass_packet(head, data, at, message, Problem.HEAD_TOO_LONG)
            return self._await(self._size_of_publish(head, data) - at)
        self._name_topic(fields)
        if not has_content:
            return self._pass_packet(head, data, at, message, None)
        size = head.end - cursor.at
        if head.end <= len(data):
            kept = min(size, self._context.policy.limit)
            message.body = Body(size, size, data[cursor.at : cursor.at + kept])
            self._emit(message)
            return head.end - at
        self._begin(message)
        self._remaining = size
        return cursor.at - at

    def _size_of_publish(self, head: PacketHead, data: bytes) -> int:
        """Up to where a PUBLISH is needed next: to read its topic, or the properties after it."""
        topic = head.start + 2
        if topic > len(data):
            return topic
        before = topic + int.from_bytes(data[head.start : topic], "big") + 2 * bool(head.flags & 6)
        # each attempt needs at least as many bytes as the last one had, and a sixteenth more
        return min(head.end, max(before, len(data) + 1 + (len(data) - head.start >> 4)))

    def _name_topic(self, fields: Fields) -> None:
        """Puts the topic in place of its alias (3.3.2.3.4). An alias whose topic was not seen leaves it unknown."""
        properties = fields.get("properties")
        alias = properties.get("topic_alias") if isinstance(properties, dict) else None
        if alias is None:
            return
        topic = fields["topic"]
        if topic:
            self._remember(alias, str(topic))
        elif alias in self._aliases:
            fields["topic"] = self._aliases[alias]
        else:
            del fields["topic"]

    def _remember(self, alias: int, topic: str) -> None:
        self._aliases_bytes += len(topic) - len(self._aliases.pop(alias, ""))
        if self._aliases_bytes <= ALIASES_BYTES_MAX:
            self._aliases[alias] = topic
        else:
            self._aliases_bytes -= len(topic)

    def _pass_packet(
        self, head: PacketHead, data: bytes, at: int, message: StreamMessage, problem: Problem | None
    ) -> int:
        """Reports a packet without its content, and passes over the rest of it."""
        if problem is not None:
            message.add_problem(problem)
        if head.kind == packets.PUBLISH:  # it is not known where its content begins
            message.body = Body(0, None, b"")
        self._emit(message)
        taken = min(head.end, len(data)) - at
        self._remaining = head.end - at - taken
        return taken

    def _end_content(self) -> None:
        self._finish(is_whole=True)

    def _message_of(self, head: PacketHead, fields: Fields) -> StreamMessage:
        message = StreamMessage(
            self._transport.model, "mqtt", self._end, packets.TYPES[head.kind], self._start_ns, NO_BODY
        )
        message.fields = fields
        return message

    def _lose(self, problem: Problem) -> None:
        super()._lose(problem)
        # a lost packet may have given an alias another topic
        self._aliases.clear()
        self._aliases_bytes = 0

    def _seek(self, data: bytes, at: int) -> int:
        """Begins again where a segment begins with packets that are consistent, or with a CONNECT."""
        is_begun = self._session.client_end is not None
        if not is_begun and not self._begin_session(data[at:]):
            return len(data) - at
        is_joined, self._is_joined = self._is_joined, False
        if not is_begun or self._is_consistent(data, at):
            is_connect = data[at] >> 4 == packets.CONNECT
            problem = Problem.MID_STREAM if is_joined else Problem.RESYNCHRONISED
            self._resume(None if is_connect else problem)
            return self._read(data, at)
        return self._pass_by(len(data) - at)

    def _is_consistent(self, data: bytes, at: int) -> bool:
        """Whether several packets follow one another, or packets that end where the segment ends."""
        for _ in range(CONSISTENT_PACKETS):
            end = self._end_of_valid(data, at)
            if end is None:
                return False
            if end == len(data):
                return True
            at = end
        return True

    def _end_of_valid(self, data: bytes, at: int) -> int | None:
        """Where the packet at an offset ends, if all of it is there, this end may send it, and it is well-formed."""
        try:
            head = packets.read_head(data, at)
            if head is None or head.end > len(data):
                return None
            others = packets.BY_SERVER if self._session.client_end == self._end else packets.BY_CLIENT
            if head.kind in others:
                return None
            fields: Fields = {}
            if head.kind == packets.PUBLISH:
                packets.read_publish(Cursor(data, head.start, head.end), head.flags, self._session.version, fields)
                topic = str(fields["topic"])
                return None if any(char in topic for char in "\0#+\\") else head.end
            if head.flags != packets.FLAGS.get(head.kind, 0):
                return None
            packets.read_fields(head, data, self._session.version, fields)
        except Malformed:
            return None
        return head.end


class MqttConversation(MessageConversation):
    """Both directions of a connection of MQTT.

    Args:
        transport: the connection.
        context: what it needs from its capture.
        before: what was read on the connection before, in another protocol; None if nothing.
    """

    __slots__ = ()

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        session = MqttSession()
        readers = MqttReader(transport, context, 0, session), MqttReader(transport, context, 1, session)
        super().__init__(before, readers)
