"""Any messages to a broker, in any order: each is answered with a message, and nobody gets more than is permitted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.sources.broker import messages
    from sockfilter.sources.broker.places import Places
    from sockfilter.sources.broker.request import RING_BYTES_MAX, Permission
    from sockfilter.sources.broker.session import Session
    from tests.support.attaching import Attaching, asked

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = 1
MAY = Permission(frozenset({USER}), frozenset({"lo", "br0"}))
RIGHT = asked()
FIELDS = list(RIGHT)
# how a piece of an input is meant: as it stands, or as the value of a field of a request that is right
AS_IT_STANDS = 0
# of a piece
LONGEST = (1 << 16) - 1


def said(mark: int, data: bytes) -> bytes:
    if mark % (len(FIELDS) + 1) == AS_IT_STANDS:
        return data
    name = FIELDS[mark % (len(FIELDS) + 1) - 1]
    others = json.dumps({key: value for key, value in RIGHT.items() if key != name})
    return f'{{"{name}": '.encode() + data + b", " + others[1:].encode()


def test(data: bytes) -> None:
    attaching = Attaching()
    place = Places({USER}).enter(USER)
    session = Session(MAY, place, attaching)
    try:
        for mark, piece in harness.pieces(data, 1):
            had = session.has_attached
            answer = session.take(said(mark[0], piece))
            told = messages.decoded(answer.data)
            assert len(answer.data) <= messages.MESSAGE_BYTES_MAX
            assert answer.is_last == ("error" in told)
            assert len(answer.descriptors) == (messages.DESCRIPTORS if session.has_attached and not had else 0)
            assert "could not do this" not in told.get("words", "")  # an error that nobody has thought of
            if answer.is_last:
                break
        for request in attaching.requests:
            assert set(request.interfaces) <= MAY.interfaces
            assert 0 < request.ring <= RING_BYTES_MAX
            assert not request.promiscuous
            assert not request.whole
            assert not request.tls
            assert request.config().every == 0
    finally:
        session.close()
    assert len(attaching.made) <= 1
    assert all(made.is_closed for made in attaching.made)
    assert place.is_free()


def endless(data: bytes, size: int) -> budget.Run:
    """The end of the last message comes again and again, as far as one may go."""
    said_before, choice = list(harness.pieces(data, 1)), budget.chosen(data)
    if not said_before:
        return lambda: None
    mark, last = said_before[-1]
    again = last[choice.of(len(last) or 1) :]
    room = min(size, LONGEST) - len(last)
    longer = last + again * (room // len(again) if again else 0)
    goes_on = b"".join(harness.piece(*piece) for piece in [*said_before[:-1], (mark, longer)])
    return lambda: test(goes_on)


def seeds() -> Iterator[bytes]:
    right = messages.encoded(RIGHT)
    yield harness.piece(b"\0", right)
    questions = ({"do": "counters"}, {"do": "rebind", "position": 0}, {"do": "detach"}, {"do": "attach"})
    for question in questions:
        yield harness.piece(b"\0", right) + harness.piece(b"\0", messages.encoded(question))
    for number, value in enumerate(RIGHT.values(), start=1):
        yield harness.piece(bytes([number]), json.dumps(value).encode())
        for other in (b"[" * 100, b"1e9", b"null", b'{"a": ["\\ud800"]}', b'["br0", "lo"]'):
            yield harness.piece(bytes([number]), other)


if __name__ == "__main__":
    harness.run("broker", test, seeds(), endless)
