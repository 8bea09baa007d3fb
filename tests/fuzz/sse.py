"""Anything as an event stream: the same events however it is cut, those of a plain reader, and gaps raise nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.protocols.body import BodyPolicy
    from sockfilter.protocols.sse import lines
    from tests.fuzz.http1 import SEGMENT_BYTES, cut
    from tests.support.talk import CLIENT, SERVER, Dialogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import StreamMessage

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
POLICIES = [BodyPolicy(1 << 16), BodyPolicy(0, decodes=False), BodyPolicy(5)]
LINE = re.compile(rb"\r\n|\n|\r")
# so small that an input reaches it
NAME_BYTES = lines.NAME_BYTES_MAX = 40

Event = tuple[str, bytes, int]


def opened(policy: BodyPolicy) -> Dialogue:
    return Dialogue(policy).say(CLIENT, REQUEST).say(SERVER, HEAD)


def told(messages: list[StreamMessage]) -> list[Event]:
    return [(message.kind, bytes(message.body), message.body.length or 0) for message in messages]


def plain(data: bytes) -> list[Event]:
    """The events by the rules of the standard, in the plainest way."""
    events: list[Event] = []
    name, content = b"", None
    for line in LINE.split(data.removeprefix(b"\xef\xbb\xbf"))[:-1]:
        if not line:
            if content is not None:
                events.append((name.decode("utf-8", "replace") or "message", content, len(content)))
            name, content = b"", None
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            name = value
        elif field == b"data":
            content = value if content is None else content + b"\n" + value
    return events


def test(data: bytes) -> None:
    """The first byte chooses the policy, the second a gap, and the next two are sizes of segments."""
    if len(data) < 4:
        return
    policy, content = POLICIES[data[0] % len(POLICIES)], data[4:]
    said = cut([(SERVER, content)], [size + 1 for size in data[2:4]])
    messages = opened(policy).hear(said).messages
    whole = opened(policy)
    if content:
        whole.say(SERVER, content)
    assert told(messages) == told(whole.messages)
    expected = plain(content)
    if all(len(line) <= NAME_BYTES for line in LINE.split(content)):
        assert [(kind, length) for kind, _, length in told(messages)] == [(kind, size) for kind, _, size in expected]
        assert [body for _, body, _ in told(messages)] == [body[: policy.limit] for _, body, _ in expected]
    dialogue = opened(policy)
    for i, (end, part) in enumerate(said):
        if data[1] and i % data[1] == data[1] - 1:
            dialogue.lose(end, len(part))
        else:
            dialogue.say(end, part)
    dialogue.close()


def endless(data: bytes, size: int) -> budget.Run:
    """The stream comes again and again."""
    content, choice = data[4:] or b"data: x\n\n", budget.chosen(data)
    goes_on = cut([(SERVER, content * (size // len(content)))], [SEGMENT_BYTES])
    policy = POLICIES[choice.of(len(POLICIES))]
    return lambda: opened(policy).hear(goes_on).close()


def seeds() -> Iterator[bytes]:
    for number, content in enumerate(
        (
            b"event: a\ndata: 1\nid: 2\n\n: c\n\ndata: x\ndata: y\n\n",
            b"\xef\xbb\xbfdata\r\rdata: 2\r\n\r\nretry: 5\n\n",
            b"id: a\0b\ndata\n\nid\ndata:z\n\n",
        )
    ):
        yield bytes([number, number, 2, 30]) + content


if __name__ == "__main__":
    harness.run("sse", test, seeds(), endless)
