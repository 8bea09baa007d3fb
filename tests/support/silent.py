"""Conversations whose messages have no response: what came of them, however they were cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.model.protocols import OPTIONAL
from tests.support.talk import Dialogue
from tests.support.wire import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.model import StreamMessage
    from sockfilter.model.policy import BodyPolicy
    from tests.support.talk import Said

# what is asserted of a message: its sender, its type, its fields, its content
Told = tuple[str, str, dict[str, Any], bytes]


def told(message: StreamMessage) -> Told:
    return message.sender, message.kind, dict(message.fields), bytes(message.body)


def dialogue(*said: Said, policy: BodyPolicy = EVERYTHING, whole: bool = True) -> Dialogue:
    return Dialogue(policy, protocols=OPTIONAL, whole=whole).hear(said)


def told_of(*said: Said, policy: BodyPolicy = EVERYTHING) -> list[Told]:
    """What a whole conversation says, with its end."""
    heard = dialogue(*said, policy=policy)
    heard.close()
    return [told(message) for message in heard.messages]


def byte_by_byte(said: Iterable[Said]) -> list[Said]:
    return [(end, data[at : at + 1]) for end, data in said for at in range(len(data))]


def assert_cut_anywhere(said: list[Said], facts: Callable[[StreamMessage], object] = told) -> None:
    """The same messages come of it in two pieces, cut at each byte, and byte by byte."""
    whole = dialogue(*said)
    whole.close()
    expected = [facts(message) for message in whole.messages]
    for index, (end, data) in enumerate(said):
        for at in range(1, len(data)):
            cut = dialogue(*said[:index], (end, data[:at]), (end, data[at:]), *said[index + 1 :])
            cut.close()
            assert [facts(message) for message in cut.messages] == expected, (index, at)
    finest = dialogue(*byte_by_byte(said))
    finest.close()
    assert [facts(message) for message in finest.messages] == expected
