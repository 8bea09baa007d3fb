"""What ends of HTTP/2 say: frames, header blocks by a small encoder, and conversations of several streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.forms.json_dict import to_dict
from tests.support.talk import CLIENT, SERVER, Dialogue, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from random import Random

    from sockfilter.model import Exchange

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
NO_ERROR, CANCEL = 0, 8
PRIORITY_BYTES = b"\x80\x00\x00\x03\x0f"

Fields = list[tuple[bytes, bytes]]
# the entries of the static table that the encoder uses (RFC 7541, appendix A)
STATIC = {
    (b":method", b"GET"): 2,
    (b":method", b"POST"): 3,
    (b":path", b"/"): 4,
    (b":scheme", b"http"): 6,
    (b":status", b"200"): 8,
    (b":status", b"404"): 13,
}
STATIC_NAMES = {
    b":authority": 1,
    b":method": 2,
    b":path": 4,
    b":scheme": 6,
    b":status": 8,
    b"accept": 19,
    b"cookie": 32,
}
STATIC_COUNT = 61
TABLE_BYTES, ENTRY_BYTES = 4096, 32


def frame(kind: int, stream: int = 0, payload: bytes = b"", flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in pairs))


def ping() -> bytes:
    return frame(PING, 0, b"8 bytes.")


def priority(stream: int) -> bytes:
    return frame(PRIORITY, stream, PRIORITY_BYTES)


def window_update(stream: int = 0, size: int = 1 << 16) -> bytes:
    return frame(WINDOW_UPDATE, stream, size.to_bytes(4, "big"))


def reset(stream: int, code: int = CANCEL) -> bytes:
    return frame(RST_STREAM, stream, code.to_bytes(4, "big"))


def goaway(last: int, code: int = NO_ERROR) -> bytes:
    return frame(GOAWAY, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big") + b"bye")


def padded(payload: bytes, pad: int | None) -> bytes:
    return payload if pad is None else bytes([pad]) + payload + bytes(pad)


def data(stream: int, content: bytes, *, last: bool = True, pad: int | None = None) -> bytes:
    flags = last * END_STREAM | (pad is not None) * PADDED
    return frame(DATA, stream, padded(content, pad), flags)


def integer(value: int, bits: int, pattern: int = 0) -> bytes:
    """RFC 7541, 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([pattern | value])
    value -= most
    made = [pattern | most]
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def string(text: bytes) -> bytes:
    return integer(len(text), 7) + text


class Encoder:
    """Makes header blocks, without Huffman codes. Every field that is not in a table yet is put into one."""

    def __init__(self, size: int = TABLE_BYTES) -> None:
        self.entries: list[tuple[bytes, bytes]] = []  # the newest first
        self.size = size

    def encode(self, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
        return b"".join(map(self._field, fields))

    def resize(self, size: int) -> bytes:
        """An update of the table's size, for the beginning of the next block."""
        self.size = size
        self._evict()
        return integer(size, 5, 0x20)

    def _field(self, field: tuple[bytes, bytes]) -> bytes:
        if field in STATIC:
            return integer(STATIC[field], 7, 0x80)
        if field in self.entries:
            return integer(STATIC_COUNT + 1 + self.entries.index(field), 7, 0x80)
        name, value = field
        names = [entry[0] for entry in self.entries]
        index = STATIC_NAMES.get(name, STATIC_COUNT + 1 + names.index(name) if name in names else 0)
        self.entries.insert(0, field)
        self._evict()
        return integer(index, 6, 0x40) + (b"" if index else string(name)) + string(value)

    def _evict(self) -> None:
        while sum(len(name) + len(value) + ENTRY_BYTES for name, value in self.entries) > self.size:
            self.entries.pop()


class Peer:
    """An end, with its encoder."""

    def __init__(self, encoder: Any = None) -> None:
        self.encoder = encoder or Encoder()

    def headers(self, stream: int, fields: Fields, *, last: bool = True, pad: int | None = None, **more: Any) -> bytes:
        """HEADERS, in so many pieces; with priority, or an update of the table before the fields (prefix)."""
        flags = last * END_STREAM | (pad is not None) * PADDED
        return self._block(HEADERS, stream, fields, flags, pad, **more)

    def promise(self, stream: int, promised: int, fields: Fields, *, pad: int | None = None, pieces: int = 1) -> bytes:
        before = promised.to_bytes(4, "big")
        return self._block(PUSH_PROMISE, stream, fields, (pad is not None) * PADDED, pad, pieces, before)

    def _block(
        self,
        kind: int,
        stream: int,
        fields: Fields,
        flags: int,
        pad: int | None,
        pieces: int = 1,
        before: bytes = b"",
        priority: bool = False,
        prefix: bytes = b"",
    ) -> bytes:
        block = prefix + self.encoder.encode(fields)
        if priority:
            flags, before = flags | HAS_PRIORITY, before + PRIORITY_BYTES
        size = -(-len(block) // pieces) or 1
        parts = [block[at : at + size] for at in range(0, len(block), size)] or [b""]
        parts += [b""] * (pieces - len(parts))
        made = frame(kind, stream, padded(before + parts[0], pad), flags | (len(parts) == 1) * END_HEADERS)
        for part in parts[1:-1]:
            made += frame(CONTINUATION, stream, part)
        return made + (frame(CONTINUATION, stream, parts[-1], END_HEADERS) if len(parts) > 1 else b"")


def asks(path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Fields:
    return [(b":method", method), (b":scheme", b"http"), (b":authority", b"shop.test"), (b":path", path), *more]


def answers(status: bytes = b"200", *more: tuple[bytes, bytes]) -> Fields:
    return [(b":status", status), *more]


def begun() -> tuple[Dialogue, Peer, Peer]:
    """A connection on which both ends have sent their SETTINGS, and the ends."""
    return Dialogue().say(CLIENT, PREFACE + settings()).say(SERVER, settings()), Peer(), Peer()


def told(exchange: Exchange) -> dict[str, Any]:
    """All that is told of an exchange but its times and its number in the capture."""
    made = to_dict(exchange)
    for name in ("id", "time", "timing"):
        del made[name]
    return made


def read_all(said: Iterable[Said]) -> list[dict[str, Any]]:
    return [told(exchange) for exchange in Dialogue().hear(said).close()]


class Truth(NamedTuple):
    """What the ends of a stream meant."""

    request: Fields
    request_body: bytes
    response: Fields
    response_body: bytes
    trailers: Fields


def conversation(random: Random, streams: int = 5, make: Callable[[], Any] = Encoder) -> tuple[list[Said], list[Truth]]:
    """Some streams at a time, with whatever the frames may have."""
    ends = Peer(make()), Peer(make())
    truths = [_truth(random, number) for number in range(streams)]
    turns = [(2 * number + 1, iter(_turns(random, truth))) for number, truth in enumerate(truths)]
    said: list[Said] = [(CLIENT, PREFACE + settings((3, 100))), (SERVER, settings())]
    while turns:
        stream, turn = random.choice(turns[:3])
        step = next(turn, None)
        if step is None:
            turns.remove((stream, turn))
            continue
        end, says = step
        said.append((end, says(ends[end], stream)))
        if random.random() < 0.2:
            said.append((random.choice([CLIENT, SERVER]), random.choice([ping(), window_update(), priority(stream)])))
    return said, truths


def _truth(random: Random, number: int) -> Truth:
    cookies = [(b"cookie", b"c%d=%d" % (i, random.randrange(3))) for i in range(random.randrange(3))]
    has_body = random.random() < 0.5
    asked = asks(b"/item/%d" % random.randrange(4), b"POST" if has_body else b"GET", (b"x-n", b"%d" % number), *cookies)
    sent = random.randbytes(random.choice([1, 40, 3000])) if has_body else b""
    answered = answers(random.choice([b"200", b"404", b"500"]), (b"x-n", b"%d" % number), (b"server", b"s"))
    content = random.randbytes(random.choice([0, 1, 40, 3000]))
    trailers = [(b"x-sum", b"%d" % random.randrange(3))] if random.random() < 0.3 else []
    return Truth(asked, sent, answered, content, trailers)


def _turns(random: Random, truth: Truth) -> Iterator[tuple[int, Callable[[Peer, int], bytes]]]:
    yield from _half(random, CLIENT, truth.request, truth.request_body, [])
    if random.random() < 0.2:
        yield SERVER, lambda peer, stream: peer.headers(stream, answers(b"103", (b"link", b"</a>")), last=False)
    yield from _half(random, SERVER, truth.response, truth.response_body, truth.trailers)


def _half(
    random: Random, end: int, fields: Fields, content: bytes, trailers: Fields
) -> Iterator[tuple[int, Callable[[Peer, int], bytes]]]:
    def pad() -> int | None:
        return random.choice([None, None, 0, 7])

    is_last = not content and not trailers
    more = {"pieces": random.choice([1, 1, 3]), "priority": end == CLIENT and random.random() < 0.2}
    yield end, lambda peer, stream: peer.headers(stream, fields, last=is_last, pad=pad(), **more)
    pieces = _cut(random, content) if content else []
    for number, piece in enumerate(pieces):
        ends = number == len(pieces) - 1 and not trailers
        yield end, lambda peer, stream, piece=piece, ends=ends: data(stream, piece, last=ends, pad=pad())  # type: ignore[misc]  # bound now
    if trailers:
        yield end, lambda peer, stream: peer.headers(stream, trailers)


def _cut(random: Random, content: bytes) -> Sequence[bytes]:
    size = random.choice([len(content), 1 + len(content) // 2, 1 + len(content) // 5])
    return [content[at : at + size] for at in range(0, len(content), size)]
