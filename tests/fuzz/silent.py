"""MQTT, AMQP and SMTP in any bytes: the same messages however they are cut, and nothing is raised if bytes are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.protocols.mqtt import conversation as mqtt
    from sockfilter.protocols.reading import Reader
    from sockfilter.protocols.smtp import client
    from tests.fuzz.http1 import POLICIES, cut, joined, spoken
    from tests.support.silent import dialogue, told
    from tests.unit.protocols.amqp import test_frames as amqp_frames
    from tests.unit.protocols.mqtt import test_packets as mqtt_packets
    from tests.unit.protocols.smtp import test_mails

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.silent import Told
    from tests.support.talk import Dialogue, Said

# so small that an input reaches them
PACKET_BYTES = mqtt.PACKET_BYTES_MAX = 2000
client.LINE_BYTES_MAX = 300
client.UNANSWERED_BYTES_MAX = 500
SEGMENT_BYTES = 1400
# one piece of so many is lost, if the input says so
LOST_MAX = 7


def readers(heard: Dialogue) -> list[Reader]:
    return [receiver for receiver in heard.talk.receivers if isinstance(receiver, Reader)]


def is_clear(heard: Dialogue) -> bool:
    """Whether it was always known what the next bytes are. Otherwise, reading resumes where segments begin."""
    return not heard.rejected and not any(reader._is_lost for reader in readers(heard))


def messages(said: list[Said], number: int) -> tuple[list[Told], bool]:
    heard = dialogue(policy=POLICIES[number])
    clear = True
    for end, data in said:
        heard.say(end, data)
        clear = clear and is_clear(heard)
    heard.close()
    clear = clear and not heard.counts.unread_bytes
    return [told(message) for message in heard.messages], clear


def test(data: bytes) -> None:
    """The first byte chooses the policy and what is lost, the next three are sizes of segments."""
    if len(data) < 4:
        return
    lost, number = divmod(data[0], len(POLICIES))
    said = spoken(data[4:])
    pieces = cut(said, [size + 1 for size in data[1:4]])
    whole, clear = messages(said, number)
    found, still_clear = messages(pieces, number)
    if clear and still_clear:
        assert found == whole
    if lost % LOST_MAX:
        heard = dialogue(policy=POLICIES[number])
        for place, (end, piece) in enumerate(pieces):
            if place % (lost % LOST_MAX + 1) == 1:
                heard.lose(end, len(piece))
            else:
                heard.say(end, piece)
        heard.close()


def endless(data: bytes, size: int) -> budget.Run:
    """Some of what is said comes again and again."""
    said, choice = spoken(data[4:]), budget.chosen(data)
    start, end = choice.span(len(said))
    again = said[start:end]
    times = size // (sum(len(part) for _, part in again) or 1)
    goes_on = cut(joined([*said[:start], *again * times, *said[start:]]), [SEGMENT_BYTES])
    policy = POLICIES[choice.of(len(POLICIES))]
    return lambda: dialogue(*goes_on, policy=policy).close()


def seed(number: int, said: list[Said]) -> bytes:
    return bytes([number % 256, 2, 16, 40]) + b"".join(harness.piece(bytes([end]), data) for end, data in said)


def seeds() -> Iterator[bytes]:
    amqp = [
        (0, amqp_frames.HEADER),
        (1, amqp_frames.method(60, 80, bytes(9))),
        (0, amqp_frames.publish() + amqp_frames.content(b"hello") + amqp_frames.method(20, 40, b"\0\1\1x\0\0\0\0")),
        (0, amqp_frames.publish(channel=3) + amqp_frames.header(2, 0xB440, b"\1x" + amqp_frames.table() + b"\2\1i")),
    ]
    for version, known in ((4, mqtt_packets.IN_VERSION_4), (5, mqtt_packets.IN_VERSION_5)):
        talk = [(0, mqtt_packets.connect(version)), *((end, data) for end, data, _ in known.values())]
        talk.append((0, mqtt_packets.publish(b"x" * 300, qos=1)))
        for number in (0, 5, 17):
            yield seed(number, talk)
    mails = [*test_mails.OPENING, *test_mails.ENVELOPE, test_mails.SENT, test_mails.OK]
    chunks = [*test_mails.OPENING, test_mails.MAIL, test_mails.OK, (0, b"BDAT 3\r\nabcBDAT 1 LAST\r\nd"), test_mails.OK]
    for number in (0, 6, 18):
        yield seed(number, amqp)
        yield seed(number, [*mails, *mails[3:], (0, b"RSET\r\n"), test_mails.OK, test_mails.QUIT])
        yield seed(number, chunks)


if __name__ == "__main__":
    harness.run("silent", test, seeds(), endless)
