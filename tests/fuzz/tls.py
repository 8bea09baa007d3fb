"""Any records, hellos and key logs, and whatever of them is lost: nothing is opened that no secret opens."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.model import secret as secrets
    from sockfilter.sources.files.packet import Damaged
    from sockfilter.sources.files.pcapng import tls_key_log
    from sockfilter.sources.secrets.keylog import KeyLog
    from sockfilter.tls import conversation, state
    from sockfilter.tls.store import SecretStore
    from tests.support.talk import CLIENT, SERVER, Dialogue
    from tests.support.tls13 import RETRY, TICKET, Scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model.secret import Secret

# so small that an input reaches them
conversation.WAITING_BYTES_MAX = 4000
conversation.WAITING_SEGMENTS_MAX = 40
state.TRIES_MAX = 200
SEGMENT_BYTES = 1400
GET = b"GET /%d HTTP/1.1\r\nHost: shop.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# the bits of the first byte of a piece
END, LOST, CHANGED, RAW, SECRETS = 1, 2, 4, 8, 16


def usual() -> Scripted:
    script = Scripted().connect().send(SERVER, TICKET, 22)
    for number in range(3):
        script.send(CLIENT, GET % number).send(SERVER, OK, padding=number)
    return script.update(CLIENT).send(CLIENT, GET % 9).send(SERVER, OK)


def early() -> Scripted:
    script = Scripted(0x1303).hello(early=True).use(CLIENT, secrets.CLIENT_EARLY).send(CLIENT, GET % 1)
    script.answer(psk=True).extensions(early=True, alpn=b"http/1.1").send(SERVER, OK)
    return script.send(CLIENT, b"\x05\0\0\0", 22).finish().send(CLIENT, GET % 2).send(SERVER, OK)


def refused() -> Scripted:
    script = Scripted(0x1302).hello(early=True).use(CLIENT, secrets.CLIENT_EARLY).send(CLIENT, GET % 1)
    script.answer(random=RETRY).hello().answer().extensions().finish()
    return script.send(CLIENT, GET % 2).send(SERVER, OK)


SCRIPTS = (usual(), early(), refused())


class Heard:
    """A connection that hears pieces.

    Args:
        mark: chooses the script, whether the SYN was seen, and which secrets are known when.
        size: the most bytes of a segment.
    """

    def __init__(self, mark: int, size: int) -> None:
        self.script = SCRIPTS[mark % len(SCRIPTS)]
        self.store = SecretStore()
        self.is_named = bool(mark & 16)
        if mark & 32:
            self.tell()
            self.store.is_complete = bool(mark & 64)
        self.dialogue = Dialogue(secrets=self.store, whole=not mark & 128)
        self._size = size

    def tell(self) -> None:
        """The secrets come."""
        more = {} if self.is_named else {"origin": "probe", "owner": 1}
        self.script.add_to(self.store, **more)  # type: ignore[arg-type]  # passed on

    def hear(self, pieces: list[tuple[int, bytes]]) -> Heard:
        for mark, part in pieces:
            end, data = mark & END, part
            if not mark & RAW and part:
                end, data = self.script.said[part[0] % len(self.script.said)]
            if mark & CHANGED and len(part) > 2:
                at = int.from_bytes(part[1:3], "big") % len(data)
                data = data[:at] + part[2:] + data[at + len(part) - 2 :]
            if mark & SECRETS:
                self.tell()
            if mark & LOST:
                self.dialogue.lose(end, len(data))
                continue
            for at in range(0, len(data), self._size):
                self.dialogue.say(end, data[at : at + self._size])
        return self

    def check(self) -> None:
        dialogue, tls, known = self.dialogue, self.dialogue.tls, self.store.counts
        assert dialogue.talk.weight < 1 << 20
        dialogue.close()
        self.store.end()  # as at the end of a capture: a connection that has ended may have waited for a secret
        for exchange in dialogue.exchanges:
            assert exchange.complete or exchange.problems
            # no plaintext but that of the script was ever sealed
            if exchange.tls is not None and exchange.request is not None:
                assert exchange.request.raw.startswith(b"GET /")
        counts = dialogue.counts
        if not dialogue.rejected:
            assert not counts.open
        assert counts.requests + counts.responses + counts.informational == (
            counts.paired + counts.unpaired.total() + counts.open
        )
        assert tls.seen == tls.opened + tls.no_secret + tls.failed + tls.left_out
        assert known.seen == known.linked + known.twice + known.unused + known.lost


def spoken(data: bytes) -> list[tuple[int, bytes]]:
    return [(mark[0], part) for mark, part in harness.pieces(data, 1)]


def read_key_log(data: bytes) -> None:
    """A key log gives the same secrets however it is cut; a block may lie about its length."""
    whole: list[Secret] = []
    cut: list[Secret] = []
    log = KeyLog(whole.append)
    log.feed(data)
    log.end()
    pieces = KeyLog(cut.append)
    for at in range(0, len(data), 7):
        pieces.feed(data[at : at + 7])
    pieces.end()
    assert whole == cut
    assert (log.lines, log.bad, log.unused) == (pieces.lines, pieces.bad, pieces.unused)
    for order in "<>":
        with suppress(Damaged):
            found = tls_key_log(data, 0, len(data), order)
            assert found is None or found in data


def test(data: bytes) -> None:
    """The first byte chooses, the second is a size; or all is a key log."""
    if len(data) < 2:
        return
    if data[0] == 0xFF:
        read_key_log(data[1:])
        return
    Heard(data[0], 1 << 30).hear(spoken(data[2:])).check()
    Heard(data[0], data[1] + 1).hear(spoken(data[2:])).check()


def endless(data: bytes, size: int) -> budget.Run:
    """Some pieces come again and again."""
    pieces, choice = spoken(data[2:]), budget.chosen(data)
    start, end = choice.span(len(pieces))
    again = pieces[start:end]
    times = size // (sum(len(part) for _, part in again) + 60)
    goes_on = [*pieces[:start], *again * times, *pieces[start:]]
    return lambda: Heard(data[0] if data else 0, SEGMENT_BYTES).hear(goes_on).check()


def seeds() -> Iterator[bytes]:
    random = Random(1)
    for number, script in enumerate(SCRIPTS):
        for mark in (32 + 16 + 64, 32, 16, 128 + 32 + 16):
            pieces = [harness.piece(b"\0", bytes((at,))) for at in range(len(script.said))]
            yield bytes((mark + number, 99)) + b"".join(pieces)
            for kind in (LOST, CHANGED, RAW, SECRETS, LOST | RAW | END):
                some = list(pieces)
                at = random.randrange(len(some))
                some[at] = harness.piece(bytes((kind,)), bytes((at, 0, 3)) + random.randbytes(5))
                yield bytes((mark + number, 30)) + b"".join(some)
        lines = [f"{label} {script.random.hex()} {value.hex()}" for label, value in script.secrets.items()]
        yield b"\xff" + "\n".join(lines).encode()
        yield b"\xff# a\r\n\r\nfoo\n" + "\r\n".join(lines).upper().encode()[:-5]


if __name__ == "__main__":
    harness.run("tls", test, seeds(), endless)
