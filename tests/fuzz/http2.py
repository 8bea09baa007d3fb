"""Anything that two ends of HTTP/2 say, and whatever of it is lost: however it is cut, the exchanges are the same."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.model import Problem
    from sockfilter.protocols.body import BodyPolicy
    from sockfilter.protocols.http2 import messages, receiver
    from tests.support.http2 import PREFACE, conversation, frame, told
    from tests.support.talk import Dialogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.talk import Said

POLICIES = [BodyPolicy(1 << 16), BodyPolicy(0, decodes=False), BodyPolicy(5)]
REAL_BLOCK_BYTES_MAX = receiver.BLOCK_BYTES_MAX
# so small that an input reaches them
BLOCK_BYTES_MAX = receiver.BLOCK_BYTES_MAX = 700
receiver.CONTINUATIONS_MAX = 5
messages.HALVES_MAX = 20
SEGMENT_BYTES = 1400
# kinds, flags and payloads of frames
HEADS = [
    (1, 5, b"\x82\x84\x86"),
    (1, 4, b"\x82\x84\x86\x40\x01a\x01b"),
    (0, 1, b"x"),
    (9, 4, b""),
    (3, 0, bytes(4)),
    (5, 4, b"\0\0\0\2\x82\x84\x86"),
    (7, 0, bytes(8)),
]
# the bits of the first byte of a piece
SERVER, LOST, FRAME = 1, 2, 4


class Piece:
    """Bytes that an end sends. They are lost, or not; a frame has its length put right.

    Frames whose length is right are rare among random bytes, and few of the others are read.
    """

    def __init__(self, mark: int, data: bytes) -> None:
        self.end = mark & SERVER
        self.is_lost = bool(mark & LOST)
        self.data = data
        if mark & FRAME and len(data) >= 6:
            self.data = frame(data[0] % 12, int.from_bytes(data[2:6], "big") % 16, data[6:], data[1])


def spoken(data: bytes) -> list[Piece]:
    return [Piece(mark[0], part) for mark, part in harness.pieces(data, 1) if part]


def hear(pieces: list[Piece], policy: BodyPolicy, size: int, *, is_whole: bool, in_c: bool = False) -> Dialogue:
    """Segments of at most this size."""
    dialogue = Dialogue(policy, whole=is_whole, words={80: "http2"}, in_c=in_c)
    for piece in pieces:
        if piece.is_lost:
            dialogue.lose(piece.end, len(piece.data))
            continue
        for at in range(0, len(piece.data), size):
            dialogue.say(piece.end, piece.data[at : at + size])
    return dialogue


def check(dialogue: Dialogue) -> None:
    counts = dialogue.counts
    for exchange in dialogue.close():
        assert exchange.complete or exchange.problems or exchange.reset
        told(exchange)
    assert not counts.open
    assert counts.requests + counts.responses + counts.informational == counts.paired + counts.unpaired.total()


def check_the_same(pieces: list[Piece], policy: BodyPolicy, size: int, *, is_whole: bool) -> None:
    """What is read in C is what the receivers in Python read. In C, the limits are always the real ones."""
    receiver.BLOCK_BYTES_MAX = REAL_BLOCK_BYTES_MAX
    python, native = (hear(pieces, policy, size, is_whole=is_whole, in_c=in_c) for in_c in (False, True))
    receiver.BLOCK_BYTES_MAX = BLOCK_BYTES_MAX
    assert [told(exchange) for exchange in native.close()] == [told(exchange) for exchange in python.close()]
    native.reading.settle()
    assert native.counts.as_dict() == python.counts.as_dict()


def test(data: bytes) -> None:
    """The first byte chooses the policy, and whether the SYN was seen; the second is a size."""
    if len(data) < 2:
        return
    is_whole, number = divmod(data[0] % (2 * len(POLICIES)), len(POLICIES))
    pieces, policy = spoken(data[2:]), POLICIES[number]
    whole = hear(pieces, policy, 1 << 30, is_whole=bool(is_whole))
    check(whole)
    cut = hear(pieces, policy, data[1] + 1, is_whole=bool(is_whole))
    check(cut)
    check_the_same(pieces, policy, data[1] + 1, is_whole=bool(is_whole))
    # where frames begin again depends on where segments end
    is_clear = is_whole and not any(piece.is_lost for piece in pieces) and not whole.counts.unread_bytes
    if is_clear and not any(Problem.BAD_FRAME in exchange.problems for exchange in whole.exchanges):
        assert [told(exchange) for exchange in cut.exchanges] == [told(exchange) for exchange in whole.exchanges]


def endless(data: bytes, size: int) -> budget.Run:
    """Some pieces come again and again."""
    pieces, choice = spoken(data[2:]), budget.chosen(data)
    start, end = choice.span(len(pieces))
    again = pieces[start:end]
    times = size // (sum(len(piece.data) for piece in again) or 1)
    goes_on = [*pieces[:start], *again * times, *pieces[start:]]
    policy = POLICIES[choice.of(len(POLICIES))]
    in_c = choice.of(2) == 0
    return lambda: hear(goes_on, policy, SEGMENT_BYTES, is_whole=True, in_c=in_c).close()


def seed(number: int, said: list[Said]) -> bytes:
    parts = [harness.piece(bytes([end]), data) for end, data in said]
    return bytes([number % 6, 7 * number % 256]) + b"".join(parts)


def seeds() -> Iterator[bytes]:
    for number in range(40):
        said, _ = conversation(Random(number), 2)
        yield seed(3 + number % 3, [(end, words[:300]) for end, words in said])
        yield seed(number, [said[0], *said[1 + number % 5 :]])
    yield seed(3, [(0, PREFACE), (1, PREFACE)])
    frames = b"".join(
        harness.piece(bytes([end | FRAME]), bytes([kind, flags, 0, 0, 0, 1]) + body)
        for kind, flags, body in HEADS
        for end in (0, 1)
    )
    yield bytes([3, 9]) + harness.piece(b"\0", PREFACE) + frames


if __name__ == "__main__":
    harness.run("http2", test, seeds(), endless)
