"""Anything that two ends of a WebSocket send: any segmentation gives the same messages, and gaps raise nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.model import Problem
    from sockfilter.protocols.body import BodyPolicy
    from sockfilter.protocols.websocket import receiver as receivers
    from sockfilter.protocols.websocket.seeking import WAITING_BYTES_MAX
    from tests.fuzz.http1 import SEGMENT_BYTES, cut, joined
    from tests.support.talk import CLIENT, SERVER
    from tests.support.websocket import (
        BINARY,
        CLOSE,
        CONTINUATION,
        DEFLATE,
        PING,
        TEXT,
        Deflating,
        Told,
        frame,
        opened,
        told,
    )

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.talk import Dialogue, Said

POLICIES = [BodyPolicy(1 << 16), BodyPolicy(0, decodes=False), BodyPolicy(5)]
EXTENSIONS = [
    b"",
    DEFLATE % b"",
    DEFLATE % b"; server_no_context_takeover; client_no_context_takeover",
    b"Sec-WebSocket-Extensions: x\r\n",
]
# so small that an input reaches it
receivers.BULK_BYTES = 64
PASSED_MAX = WAITING_BYTES_MAX + (64 << 10)


def told_of(dialogue: Dialogue, said: list[Said]) -> tuple[list[Told], list[Told]]:
    """What is told of each end."""
    for end, data in said:
        dialogue.say(end, data)
        assert dialogue.talk.weight < PASSED_MAX + 4 * len(data) + (256 << 10)
    dialogue.close()
    for message in dialogue.messages:
        body = message.body
        assert len(body) <= dialogue.talk.receivers[0]._limit
        assert body.length is not None or message.problems
        assert message.frames >= 1
    first, second = ([each for each in told(dialogue.messages) if each.end == end] for end in (CLIENT, SERVER))
    return first, second


def clear(messages: list[Told]) -> list[Told]:
    """Those before something that is no WebSocket: where it goes on depends on where segments begin."""
    for number, message in enumerate(messages):
        if Problem.BAD_FRAME.value in message.problems or Problem.RESYNCHRONISED.value in message.problems:
            return messages[:number]
    return messages


def test(data: bytes) -> None:
    """The first byte chooses policy and extensions, the second a gap, and the next three are sizes of segments."""
    if len(data) < 5:
        return
    number, which = divmod(data[0], len(EXTENSIONS))
    policy = POLICIES[number % len(POLICIES)]
    said = joined((mark[0] & 1, part) for mark, part in harness.pieces(data[5:], 1) if part)
    whole = told_of(opened(EXTENSIONS[which], policy), said)
    pieces = cut(said, [size + 1 for size in data[2:5]])
    for mine, its in zip(told_of(opened(EXTENSIONS[which], policy), pieces), whole, strict=True):
        assert clear(mine) == clear(its)
    dialogue = opened(EXTENSIONS[which], policy)
    for i, (end, part) in enumerate(pieces):
        if data[1] and i % data[1] == data[1] - 1:
            dialogue.lose(end, len(part))
        else:
            dialogue.say(end, part)
    dialogue.close()


def endless(data: bytes, size: int) -> budget.Run:
    """One of the parts comes again and again."""
    said = [(mark[0] & 1, part) for mark, part in harness.pieces(data[5:], 1) if part] or [(1, b"\x81\x01a")]
    choice = budget.chosen(data)
    start, end = choice.span(len(said))
    again = said[start:end] or said
    times = size // (sum(len(part) for _, part in again) or 1)
    goes_on = cut(joined([*said[:start], *again * times]), [SEGMENT_BYTES])
    policy, extensions = POLICIES[choice.of(len(POLICIES))], EXTENSIONS[choice.of(len(EXTENSIONS))]
    return lambda: opened(extensions, policy).hear(goes_on).close()


def seed(number: int, said: list[Said]) -> bytes:
    return bytes([number % 12, number % 5, 2, 16, 40]) + b"".join(harness.piece(bytes([e]), d) for e, d in said)


def seeds() -> Iterator[bytes]:
    deflate = Deflating()
    packed = [deflate(content) for content in (b"hello", b"hello hello", b"x" * 300)]
    for end in (CLIENT, SERVER):
        plain = [
            (end, frame(TEXT, "héllo".encode(), end=end)),
            (end, frame(BINARY, bytes(200), end=end, fin=False) + frame(PING, b"p", end=end)),
            (end, frame(CONTINUATION, b"x", end=end) + frame(CLOSE, b"\x03\xe8done", end=end)),
        ]
        deflated = [(end, frame(TEXT, each, end=end, rsv=4)) for each in packed]
        for number in range(12):
            yield seed(number, plain)
            yield seed(number, deflated)
    yield seed(0, [(SERVER, frame(3, b"a") + frame(TEXT, b"a", rsv=7) + frame(TEXT, b"\xff"))])


if __name__ == "__main__":
    harness.run("websocket", test, seeds(), endless)
