"""Anything that two ends say: the same messages however it is cut into segments, and no more kept than the limits."""

from __future__ import annotations

import base64
import json
import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.exchanges.in_order import OrderedPairing
    from sockfilter.model import Body, Problem
    from sockfilter.protocols.body import BodyPolicy
    from sockfilter.protocols.http1 import framing, head
    from sockfilter.protocols.http1.parser import Parser
    from tests.support.dialogues import CASES
    from tests.support.talk import Dialogue, facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.model import Message
    from tests.support.talk import Facts, Said

POLICIES = [
    BodyPolicy(1 << 16),
    BodyPolicy(0, decodes=False),
    BodyPolicy(5),
    BodyPolicy(50, decodes=False, as_sent=True),
]
# so small that an input reaches them
HEAD_BYTES = head.HEAD_BYTES_MAX = framing.TRAILER_BYTES_MAX = 700
framing.CHUNK_LINE_BYTES_MAX = 200
BYTES_ONE_BY_ONE_MAX = 300
SEGMENT_BYTES = 1400
# what is named where something follows a message that does not belong to it
UNCLEAR = {Problem.UNEXPECTED_BODY, Problem.BAD_CHUNK}
# behind what may come again: a head or an empty line, a line, a word
ENDS_OF_UNITS = [re.compile(rb"(?<=\n\r\n)"), re.compile(rb"(?<=\n)"), re.compile(rb"(?<=[\n;, ])"), None]


def cut(said: list[Said], sizes: list[int]) -> list[Said]:
    """In segments of these sizes, in turn."""
    found, turn = [], 0
    for end, data in said:
        at = 0
        while at < len(data):
            size = sizes[turn % len(sizes)]
            found.append((end, data[at : at + size]))
            at, turn = at + size, turn + 1
    return found


class Heard(NamedTuple):
    """What came of a dialogue."""

    exchanges: list[Facts]
    rejected: list[str]
    # exchanges before something that is no message; None: all that came were messages
    clear: int | None


def messages(said: list[Said], policy: BodyPolicy) -> Heard:
    clear: list[int] = []

    class Watched(OrderedPairing):
        def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
            clear.append(len(dialogue.exchanges))
            super().lose(end, is_certain, problem)

    dialogue = Dialogue(policy, pairing=Watched)
    for end, data in said:
        dialogue.say(end, data)
        receivers = [receiver for receiver in dialogue.talk.receivers if isinstance(receiver, Parser)]
        if dialogue.rejected or any(receiver._doubted is not None for receiver in receivers):
            clear.append(len(dialogue.exchanges))
        receiver = dialogue.talk.receivers[end]
        assert not isinstance(receiver, Parser) or len(receiver._buffer) <= HEAD_BYTES + len(data)
    exchanges = dialogue.close()
    for exchange in exchanges:
        assert exchange.complete or exchange.problems
    for number, exchange in enumerate(exchanges):
        for message in (exchange.request, *exchange.informational, exchange.response):
            if message is not None and Problem.BAD_CODING in message.problems:
                # what decodes of the segment with the error in it is not kept
                message.body = Body(message.body.wire_len, message.body.length, b"")
            if message is not None and (not UNCLEAR.isdisjoint(message.problems) or is_unreadable(message)):
                clear.append(number)
    return Heard(facts(exchanges), dialogue.rejected, min(clear, default=None))


def is_unreadable(message: Message) -> bool:
    """Whether where its head ends was not known."""
    return Problem.BAD_HEAD in message.problems and not message.complete


def check_the_same(heard: Heard, whole: Heard) -> None:
    """Behind what is no message, reading resumes where segments begin: what comes then may differ."""
    assert heard.exchanges[: whole.clear] == whole.exchanges[: whole.clear]
    assert whole.clear is not None or heard.rejected == whole.rejected


def spoken(data: bytes) -> list[Said]:
    """What both ends say in turn."""
    return joined((mark[0] & 1, part) for mark, part in harness.pieces(data, 1) if part)


def test(data: bytes) -> None:
    """The first byte chooses the policy, and whether short ones come byte by byte; the next three are sizes."""
    if len(data) < 4:
        return
    by_bytes, number = divmod(data[0], len(POLICIES))
    said = spoken(data[4:])
    is_short = sum(len(part) for _, part in said) <= BYTES_ONE_BY_ONE_MAX
    sizes = [1] if by_bytes % 2 and is_short else [size + 1 for size in data[1:4]]
    check_the_same(messages(cut(said, sizes), POLICIES[number]), messages(said, POLICIES[number]))


def endless(data: bytes, size: int) -> budget.Run:
    """Some of what is said comes again and again: lines, messages, parts of a line, or what both say in turn."""
    said, choice = spoken(data[4:]), budget.chosen(data)
    units = ENDS_OF_UNITS[choice.of(len(ENDS_OF_UNITS))]
    parts = [(end, part) for end, words in said for part in (units.split(words) if units else [words])]
    start, end = choice.span(len(parts))
    again = parts[start:end]
    times = size // (sum(len(part) for _, part in again) or 1)
    goes_on = cut(joined([*parts[:start], *again * times, *parts[start:]]), [SEGMENT_BYTES])
    policy = POLICIES[choice.of(len(POLICIES))]
    return lambda: Dialogue(policy).hear(goes_on).close()


def joined(said: Iterable[Said]) -> list[Said]:
    """What an end says one after the other, in one."""
    return [(end, b"".join(part for _, part in same)) for end, same in groupby(said, key=lambda piece: piece[0])]


def seed(number: int, said: list[Said]) -> bytes:
    return bytes([number % 8, 2, 16, 40]) + b"".join(harness.piece(bytes([end]), data) for end, data in said)


def seeds() -> Iterator[bytes]:
    for number, case in enumerate(CASES.values()):
        yield seed(0, list(case.said))
        yield seed(number, [*case.said, *case.said])
    vectors = Path(harness.SEEDS or "") / "llhttp/vectors.jsonl"
    for number, line in enumerate(vectors.read_text().splitlines() if vectors.exists() else []):
        vector = json.loads(line)
        data = base64.b64decode(vector["input_b64"])
        yield seed(number, [(0, data)] if vector["mode"] == "request" else [(0, b"GET / HTTP/1.1\r\n\r\n"), (1, data)])


if __name__ == "__main__":
    harness.run("http1", test, seeds(), endless)
