"""Dialogues whose messages all say which exchange they belong to, and what may be said of them after a loss."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.dialogues import chunks
from tests.support.wire import MILLISECOND, Record, Wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Exchange

CLIENT, SERVER = 0, 1


@dataclass(frozen=True)
class Spoken:
    """What one record carries, and which exchange that belongs to."""

    number: int
    end: int
    data: bytes


def ask(number: int, method: bytes = b"GET", *fields: bytes) -> bytes:
    return b"\r\n".join([b"%s /%d HTTP/1.1" % (method, number), b"Host: x", *fields, b"", b""])


def body(number: int) -> bytes:
    return b"<%d>" % number * 40


def reply(number: int, *fields: bytes, status: int = 200) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 %d Fine" % status, b"Id: %d" % number, *fields, b"", b""])


def plain(number: int) -> bytes:
    return reply(number, b"Content-Length: %d" % len(body(number))) + body(number)


def cut(number: int, end: int, data: bytes, *places: int) -> list[Spoken]:
    pieces = [data[a:b] for a, b in zip((0, *places), (*places, len(data)), strict=True)]
    return [Spoken(number, end, piece) for piece in pieces]


def simple(number: int) -> list[Spoken]:
    return [Spoken(number, CLIENT, ask(number)), Spoken(number, SERVER, plain(number))]


def in_pieces(number: int) -> list[Spoken]:
    return cut(number, CLIENT, ask(number), 10) + cut(number, SERVER, plain(number), 25, 70, 120)


def posted(number: int) -> list[Spoken]:
    sent = ask(number, b"POST", b"Content-Length: %d" % len(body(number))) + body(number)
    answer = reply(number, b"Transfer-Encoding: chunked") + chunks(body(number)[:50], body(number)[50:])
    head = answer.index(b"\r\n\r\n") + 4
    return cut(number, CLIENT, sent, len(sent) - 100, len(sent) - 40) + cut(
        number, SERVER, answer, head, head + 60, head + 90
    )


def chunked_post(number: int) -> list[Spoken]:
    sent = ask(number, b"PUT", b"Transfer-Encoding: chunked") + chunks(body(number)[:60], body(number)[60:])
    return [*cut(number, CLIENT, sent, 60, len(sent) - 70), Spoken(number, SERVER, reply(number, status=204))]


def only_head(number: int) -> list[Spoken]:
    answer = reply(number, b"Content-Length: 500")
    return [Spoken(number, CLIENT, ask(number, b"HEAD")), Spoken(number, SERVER, answer)]


def expecting(number: int) -> list[Spoken]:
    sent = ask(number, b"PUT", b"Expect: 100-continue", b"Content-Length: %d" % len(body(number)))
    return [
        Spoken(number, CLIENT, sent),
        Spoken(number, SERVER, reply(number, status=100)),
        Spoken(number, CLIENT, body(number)),
        Spoken(number, SERVER, plain(number)),
    ]


def zipped(number: int) -> list[Spoken]:
    answer = reply(number, b"Content-Encoding: gzip", b"Transfer-Encoding: chunked")
    answer += chunks(gzip.compress(body(number), mtime=0))
    return [Spoken(number, CLIENT, ask(number)), *cut(number, SERVER, answer, len(answer) - 20)]


def batch(*numbers: int) -> list[Spoken]:
    """Requests sent together, and their answers."""
    return [Spoken(n, CLIENT, ask(n)) for n in numbers] + [Spoken(n, SERVER, plain(n)) for n in numbers]


def sliding(*numbers: int, window: int = 2) -> list[Spoken]:
    """With each answer the next request is sent: some are always under way."""
    said = [Spoken(n, CLIENT, ask(n)) for n in numbers[:window]]
    for i, number in enumerate(numbers):
        said.append(Spoken(number, SERVER, plain(number)))
        said += [Spoken(n, CLIENT, ask(n)) for n in numbers[i + window : i + window + 1]]
    return said


SCRIPTS = {
    "simple": [*simple(1), *simple(2), *simple(3), *simple(4)],
    "in pieces": [*in_pieces(1), *in_pieces(2), *in_pieces(3), *in_pieces(4)],
    "bodies": [*simple(1), *posted(2), *chunked_post(3), *zipped(4), *simple(5)],
    "without bodies": [*only_head(1), *simple(2), *only_head(3), *only_head(4), *simple(5)],
    "expecting": [*simple(1), *expecting(2), *expecting(3), *simple(4)],
}
# of these, nothing proves after a loss which answer is whose
PIPELINED = {
    "batches": [*batch(1, 2, 3), *batch(4, 5), *simple(6)],
    "sliding": [*simple(1), *sliding(2, 3, 4, 5, 6)],
}


def records_of(
    wire: Wire, script: list[Spoken], *, whole: bool = True, pause_ns: int = 0, fin: bool = True
) -> list[Record]:
    """One for each piece, and both ends' closing. pause_ns: between exchanges."""
    talker = wire.connection(whole=whole)
    number = script[0].number
    for spoken in script:
        if spoken.number > number:
            wire.tick(pause_ns)
            number = spoken.number
        talker.send(spoken.end, spoken.data)
    if fin:
        talker.close()
    return wire.records


def check_truth(exchanges: Iterable[Exchange], script: list[Spoken]) -> None:
    """Nothing is made up, and what is not there has a reason."""
    heads = [spoken.data for spoken in script]
    for exchange in exchanges:
        request, response = exchange.request, exchange.response
        told = [message for message in (request, *exchange.informational, response) if message is not None]
        numbers = {number_of(message) for message in told} - {None}
        assert len(numbers) <= 1, exchange
        for message in told:
            assert any(message.raw[:8] in head for head in heads)
            assert not message.body or body(next(iter(numbers))).startswith(message.body)
            assert message.complete or message.problems, exchange
        assert (request is not None and response is not None) or exchange.problems, exchange


def number_of(message: object) -> int | None:
    """Which exchange a message belongs to, by its own words."""
    target = getattr(message, "target", None)
    if target is not None:
        return int(target[1:])
    found = message.headers.get("id")  # type: ignore[attr-defined]  # a response then
    return None if found is None else int(found)


def whole_ones(exchanges: Iterable[Exchange]) -> set[int]:
    """The numbers of the exchanges that are complete."""
    return {number_of(exchange.request) or 0 for exchange in exchanges if exchange.complete}


__all__ = ["MILLISECOND", "PIPELINED", "SCRIPTS", "check_truth", "number_of", "records_of", "whole_ones"]
