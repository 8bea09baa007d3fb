"""Anything that two ends say: the same messages however it is cut into segments, and no more kept than the limits."""

from __future__ import annotations

import base64
import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz import harness

with harness.watched():
    from sockfilter.exchanges.in_order import OrderedPairing
    from sockfilter.model import Body, Problem
    from sockfilter.protocols.http1 import framing, head
    from sockfilter.protocols.http1.body import BodyPolicy
    from sockfilter.protocols.http1.parser import Parser
    from tests.support.dialogues import CASES
    from tests.support.talk import Dialogue, facts

if TYPE_CHECKING:
    from collections.abc import Iterator

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
BYTES_ONE_BY_ONE_MAX = 600


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


def messages(said: list[Said], policy: BodyPolicy) -> tuple[list[Facts], list[str], bool]:
    """Those that ended until it was no longer known what the bytes mean; whether it came to that.

    From there on reading resumes where segments begin.
    """
    known: list[int] = []

    class Watched(OrderedPairing):
        def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
            known.append(len(dialogue.exchanges))
            super().lose(end, is_certain, problem)

    dialogue = Dialogue(policy, pairing=Watched)
    for end, data in said:
        dialogue.say(end, data)
        receiver = dialogue.talk.receivers[end]
        assert not isinstance(receiver, Parser) or len(receiver._buffer) <= HEAD_BYTES + len(data)
    exchanges = dialogue.close()
    for exchange in exchanges:
        assert exchange.complete or exchange.problems
    told = exchanges[: known[0]] if known else exchanges
    for exchange in told:
        for message in (exchange.request, *exchange.informational, exchange.response):
            if message is not None and Problem.BAD_CODING in message.problems:
                # what decodes of the segment with the error in it is not kept
                message.body = Body(message.body.wire_len, message.body.length, b"")
    return facts(told), [] if known else dialogue.rejected, bool(known)


def test(data: bytes) -> None:
    if len(data) < 4:
        return
    policy = POLICIES[data[0] % len(POLICIES)]
    spoken = [(mark[0] & 1, bytes_) for mark, bytes_ in harness.pieces(data[4:], 1) if bytes_]
    said = [(end, b"".join(part for _, part in parts)) for end, parts in groupby(spoken, key=lambda piece: piece[0])]
    whole = messages(said, policy)
    assert messages(cut(said, [size + 1 for size in data[1:4]]), policy) == whole
    if sum(len(part) for _, part in said) <= BYTES_ONE_BY_ONE_MAX:
        assert messages(cut(said, [1]), policy) == whole


def seed(number: int, said: list[Said]) -> bytes:
    return bytes([number % 4, 2, 16, 40]) + b"".join(harness.piece(bytes([end]), data) for end, data in said)


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
    harness.run("http1", test, seeds())
