"""Missing bytes: the next record is found, and the plaintext that is missing is known to the byte."""

from __future__ import annotations

from random import Random
from ssl import TLSVersion
from typing import TYPE_CHECKING

import pytest

from sockfilter.ledger import MessageCounts, TlsCounts
from sockfilter.model import Problem
from sockfilter.model.connection import Connection, Endpoint
from sockfilter.tls.conversation import TlsConversation
from sockfilter.tls.store import SecretStore
from tests.support.segments import Tape
from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.support.thorough import some
from tests.support.tls import NO_ENCRYPT_THEN_MAC, Ends, store_of
from tests.support.tls13 import TICKET, Scripted

if TYPE_CHECKING:
    from tests.support.talk import Said


class TapeConversation:
    """Keeps the plaintext."""

    has_lane = False
    weight = count = 0
    is_idle = True

    def __init__(self) -> None:
        self.receivers = Tape(), Tape()
        self.open: list[object] = []

    def close(self, problem: Problem) -> None:
        pass

    def abandon(self, end: int) -> None:
        pass


class Scene:
    """A connection of TLS whose plaintext goes to tapes. It is all that the conversation needs of its capture."""

    last_ns = 0
    isn = (0, 0)

    def __init__(self, store: SecretStore) -> None:
        self.inner = TapeConversation()
        self.choose = self
        self.counts = MessageCounts()
        self.model = Connection(1, "test0", (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 443)))
        self.tls = TlsCounts()
        self.talk = TlsConversation(self, self, None, store, self.tls)  # type: ignore[arg-type]  # what it needs
        self.next = [1, 1]

    def by_alpn(self, name: str) -> object:
        return lambda transport, context, before: self.inner

    def announce(self, end: int, size: int) -> None:
        pass

    def reject(self) -> None:
        pass

    def hear(self, said: list[Said], *, without: tuple[int, int, int] = (-1, 0, 0)) -> Scene:
        """Takes what is said. without: the number of what loses its bytes from one offset to another."""
        number, start, end = without
        for i, (side, data) in enumerate(said):
            parts = [(data, False)]
            if i == number:
                parts = [(data[:start], False), (data[start:end], True), (data[end:], False)]
            for part, is_lost in parts:
                receiver = self.talk.receivers[side]
                if is_lost:
                    receiver.missing(len(part), Problem.GAP)
                elif part:
                    receiver.data(part, 1000, self.next[side], self.next[1 - side])
                self.next[side] += len(part)
        return self

    def plaintext(self, end: int) -> list[tuple[bytes | None, int]]:
        """What came of an end: bytes in a row, and the sizes of what is missing."""
        made: list[tuple[bytes | None, int]] = []
        for kind, *about in self.inner.receivers[end].what:
            if kind == "missing":
                made.append((None, int(about[0])))  # type: ignore[call-overload]  # a size
            elif kind == "data":
                if made and made[-1][0] is not None:
                    made[-1] = (made[-1][0] + bytes(about[0]), 0)  # type: ignore[call-overload]  # bytes
                else:
                    made.append((bytes(about[0]), 0))  # type: ignore[call-overload]
        return made


def check(found: list[tuple[bytes | None, int]], whole: bytes, *, is_exact: bool) -> int:
    """What is missing lies where it must, so that all that came is at its place. Returns how much is missing."""
    if len(found) == 1:
        assert found[0][0] == whole
        return 0
    (before, _), (_, size), (after, _) = found if found[0][0] is not None else [(b"", 0), *found]
    assert before is not None
    assert after is not None
    assert whole.startswith(before)
    assert whole.endswith(after)
    lost = len(whole) - len(before) - len(after)
    assert size == lost if is_exact else lost <= size <= lost + 16 * (1 + size // 100)
    return lost


def chunks(seed: int, count: int = 30, most: int = 3000) -> list[bytes]:
    random = Random(seed)
    return [random.randbytes(random.randrange(1, most)) for _ in range(count)]


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303, 0x1305])
def test_gaps_of_any_place_and_size(suite: int) -> None:
    script, parts = Scripted(suite).connect(), chunks(suite)
    stream = b"".join(script.seal(SERVER, part) for part in parts)
    head, known = script.said, script
    random, lost = Random(suite), 0
    for _, _ in some(range(200), 4):
        start = random.randrange(len(stream) - 4000)
        end = start + random.choice([1, 4, 5, 6, 100, 1460, random.randrange(1, 40_000)])
        if end > len(stream) - 3100:
            continue

        scene = Scene(known.add_to(SecretStore())).hear([*head, (SERVER, stream)], without=(len(head), start, end))
        lost += check(scene.plaintext(SERVER), b"".join(parts), is_exact=True)
        assert scene.tls.opened == scene.tls.seen
    assert lost


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "AES128-SHA"])
@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC])
def test_each_segment_lost_in_turn(cipher: str, options: int) -> None:
    key = "ec" if "ECDSA" in cipher else "rsa"
    ends = Ends(TLSVersion.TLSv1_2, ciphers=cipher, key=key, options=options).connect()
    parts = chunks(1, 12, 900)
    ends.send(CLIENT, b"hello")
    first = len(ends.said)
    for part in parts:
        ends.send(SERVER, part)
    for number in range(first, len(ends.said) - 1):
        size = len(ends.said[number][1])
        for start, end in ((0, size), (3, size), (0, size - 1), (size // 2, size // 2 + 1)):
            scene = Scene(store_of(ends.keys)).hear(ends.said, without=(number, start, end))
            lost = check(scene.plaintext(SERVER), b"".join(parts), is_exact="SHA" not in cipher[-4:] and key == "ec")
            assert lost == len(parts[number - first])
            assert scene.plaintext(CLIENT) == [(b"hello", 0)]


def test_a_lost_key_update() -> None:
    script = Scripted().connect().send(CLIENT, b"a").send(SERVER, b"one")
    head = list(script.said)
    script.said.clear()
    script.send(SERVER, b"two").update(SERVER).send(SERVER, b"three").send(SERVER, b"four")
    stream = b"".join(data for _, data in script.said)
    updated = len(script.said[0][1])

    scene = Scene(script.add_to(SecretStore())).hear(
        [*head, (SERVER, stream)], without=(len(head), updated + 3, updated + 9)
    )
    assert b"".join(part or b"" for part, _ in scene.plaintext(SERVER)) == b"onetwothreefour"


def test_a_lost_end_of_the_handshake() -> None:

    script = Scripted().connect()
    script.send(SERVER, TICKET, 22).send(CLIENT, b"ask").send(SERVER, b"answer").send(SERVER, b"more")
    for number in range(3, len(script.said) - 1):
        end, data = script.said[number]
        scene = Scene(script.add_to(SecretStore())).hear(script.said, without=(number, 0, len(data)))
        scene.talk.receivers[CLIENT].end(Problem.CLOSED)
        scene.talk.receivers[SERVER].end(Problem.CLOSED)
        told = [b"".join(part or b"" for part, _ in scene.plaintext(side)) for side in (CLIENT, SERVER)]
        whole = [b"ask", b"answermore"]
        assert told[1 - end] == whole[1 - end]
        assert whole[end].endswith(told[end])


def test_nothing_is_opened_after_a_gap_by_another_secret() -> None:

    script, other = Scripted(seed=1).connect(), Scripted(seed=2)
    script.send(SERVER, b"one").send(SERVER, b"two")
    other.random = script.random
    scene = Scene(other.add_to(SecretStore())).hear(script.said, without=(2, 0, 20))
    assert not scene.inner.receivers[SERVER].what
    assert not scene.tls.opened


@pytest.mark.parametrize("number", range(4))
def test_a_lost_message_is_paired_as_without_tls(number: int) -> None:
    """The next record shows how much is missing, but the answer may come before."""
    turns = [
        (CLIENT, b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"),
        (SERVER, b"HTTP/1.1 %03d OK\r\nContent-Length: 0\r\n\r\n"),
    ]
    said = [(end, words % (200 + i)) for i in range(5) for end, words in turns]
    script = Scripted().connect()
    head = len(script.said)
    for end, data in said:
        script.send(end, data)
    plain, sealed = Dialogue(), Dialogue(secrets=script.add_to(SecretStore()))
    for dialogue, words, lost in ((plain, said, 2 + number), (sealed, script.said, head + 2 + number)):
        for i, (end, data) in enumerate(words):
            if i == lost:
                dialogue.lose(end, len(data))
            else:
                dialogue.say(end, data)
        dialogue.close()
    shown = [
        [(e.request and e.request.target, e.response and e.response.status) for e in dialogue.exchanges]
        for dialogue in (plain, sealed)
    ]
    assert shown[0] == shown[1]
