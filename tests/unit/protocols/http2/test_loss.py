"""Bytes of HTTP/2 that were missed: what is told is true, and what is not known is not told."""

from __future__ import annotations

from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, Any

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.problem import Problem
from tests.support.http2 import (
    DATA,
    END_HEADERS,
    HEADERS,
    Encoder,
    answers,
    asks,
    begun,
    conversation,
    data,
    frame,
    ping,
    reset,
    told,
)
from tests.support.talk import CLIENT, SERVER, Dialogue, Said
from tests.support.wire import MILLISECOND, Wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Exchange

    Told = dict[str, Any]

OK = answers()


def by_stream(exchanges: Iterable[Exchange]) -> dict[int, list[Told]]:
    found: dict[int, list[Told]] = {}
    for exchange in exchanges:
        found.setdefault(exchange.stream or 0, []).append(told(exchange))
    return found


def is_part(some: list[Any], whole: list[Any]) -> bool:
    """Whether some are in whole, in this order."""
    rest = iter(whole)
    return all(one in rest for one in some)


def check_message(half: Told | None, right: Told | None) -> None:
    """Whatever is told of a message is so."""
    if half is None:
        return
    assert right is not None
    for name in ("method", "target", "authority", "scheme", "status"):
        assert half.get(name) in (None, right.get(name)), name
    assert is_part(half["headers"], right["headers"])
    assert is_part(half.get("trailers", []), right.get("trailers", []))
    for lost in half.get("headers_lost", []):
        # pseudo-fields are not among the headers of the full reading
        if not str(lost.get("name", ":")).startswith(":"):
            names = [name for name, _ in (*right["headers"], *right.get("trailers", []))]
            assert lost["name"] in names
    assert half["body"]["wire_len"] <= right["body"]["wire_len"]


def check(damaged: dict[int, list[Told]], full: dict[int, list[Told]]) -> None:
    for stream, exchanges in damaged.items():
        (right,) = full[stream]
        for exchange in exchanges:
            check_message(exchange["request"], right["request"])
            check_message(exchange["response"], right["response"])
            if exchange["complete"] and not exchange["problems"]:
                assert exchange["request"] == right["request"]
                assert exchange["response"] == right["response"]
            else:
                assert exchange["problems"]


def both(seed: int, streams: int = 12) -> tuple[list[Said], dict[int, list[Told]]]:
    """A conversation whose header blocks a common library makes, with Huffman codes; and what it means."""
    said, _ = conversation(Random(seed), streams, hpack.Encoder)
    return said, by_stream(Dialogue().hear(said).close())


@pytest.mark.parametrize("seed", range(4))
def test_each_segment_is_lost_in_turn(seed: int):
    said, full = both(seed)
    for missing in range(len(said)):
        dialogue = Dialogue()
        for number, (end, words) in enumerate(said):
            if number == missing:
                dialogue.lose(end, len(words))
            else:
                dialogue.say(end, words)
        check(by_stream(dialogue.close()), full)


@given(st.integers(0, 50), st.data())
def test_any_bytes_are_lost(seed: int, draw: st.DataObject):
    """Some parts of segments, each in front, within or behind a frame."""
    said, full = both(seed, 4)
    lost = draw.draw(
        st.dictionaries(st.integers(0, len(said) - 1), st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4)
    )
    dialogue = Dialogue()
    for number, (end, words) in enumerate(said):
        a, b = sorted(int(part * len(words)) for part in lost.get(number, (0, 0)))
        for piece, is_lost in ((words[:a], False), (words[a:b], True), (words[b:], False)):
            if piece:
                dialogue.lose(end, len(piece)) if is_lost else dialogue.say(end, piece)
    check(by_stream(dialogue.close()), full)


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_joined_anywhere(seed: int, first: int, second: int):
    """Each direction is seen from some segment on."""
    said, full = both(seed, 6)
    seen = {CLIENT: first, SERVER: second}
    dialogue = Dialogue(whole=False, words={80: "http2"})
    for number, (end, words) in enumerate(said):
        if number >= seen[end]:
            dialogue.say(end, words)
    check(by_stream(dialogue.close()), full)


@pytest.mark.parametrize("order", list(permutations(range(5))))
def test_segments_in_every_order(order: tuple[int, ...]):
    """What comes in the wrong order is put right before it is read."""
    _, client, server = begun()
    wire = Wire()
    talker = wire.connection()
    talker.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4))
    talker.server(frame(4))
    parts = [
        (CLIENT, client.headers(1, asks(b"/1", b"POST"), last=False)),
        (CLIENT, data(1, b"body")),
        (CLIENT, client.headers(3, asks(b"/3"))),
        (SERVER, server.headers(1, OK, last=False) + data(1, b"one", last=False)),
        (SERVER, data(1, b"two") + server.headers(3, answers(b"404"))),
    ]
    records = [talker.send(end, words) for end, words in parts]
    exchanges = {e.stream: e for e in wire.read([*wire.records[:2], *(records[number] for number in order)])}
    assert (exchanges[1].request.body, exchanges[1].response.body) == (b"body", b"onetwo")
    assert (exchanges[3].request.target, exchanges[3].response.status) == ("/3", 404)
    assert all(exchange.complete for exchange in exchanges.values())


@pytest.mark.parametrize("missing", range(2, 7))
def test_segments_that_never_come(missing: int):
    """The same through the whole road: a segment is waited for, and then given up."""
    _, client, server = begun()
    wire = Wire()
    talker = wire.connection()
    talker.client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4))
    talker.server(frame(4))
    for stream in (1, 3, 5):
        talker.client(client.headers(stream, asks(b"/%d" % stream)))
    for stream in (1, 3, 5):
        talker.server(server.headers(stream, answers(b"200", (b"x-n", b"%d" % stream))))
    full = by_stream(wire.read())
    wire.tick(5000 * MILLISECOND)
    talker.client(ping())
    records = [record for number, record in enumerate(wire.records) if number != missing]
    check(by_stream(wire.read(records)), full)


def test_a_field_of_a_lost_block_is_not_guessed():
    dialogue, client, server = begun()
    lost = client.headers(1, asks(b"/first", b"GET", (b"x-trace", b"secret")))
    dialogue.lose(CLIENT, len(lost))
    dialogue.say(CLIENT, client.headers(3, asks(b"/first", b"GET", (b"x-trace", b"secret"))) + ping() + ping())
    dialogue.say(SERVER, server.headers(3, OK))
    dialogue.say(CLIENT, client.headers(5, asks(b"/third"))).say(SERVER, server.headers(5, OK))
    third, fifth = dialogue.close()
    assert (third.request.method, third.request.target, third.request.head.scheme) == ("GET", "", "http")
    assert [field.at for field in third.request.head.lost] == [2, 3, 4]
    assert Problem.HEADERS_LOST in third.request.problems
    assert told(third)["request"]["target"] is None
    assert (fifth.request.target, fifth.request.authority) == ("/third", "")


def test_what_was_added_since_is_known():
    dialogue, client, server = begun()
    dialogue.lose(CLIENT, len(client.headers(1, asks(b"/first"))))
    for stream in (3, 5):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/new")) + ping() + ping())
        dialogue.say(SERVER, server.headers(stream, OK))
    assert [exchange.request.target for exchange in dialogue.close()] == ["/new", "/new"]


def test_a_loss_within_a_body_costs_that_body_only():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(CLIENT, client.headers(3, asks(b"/b")))
    dialogue.say(SERVER, server.headers(1, OK, last=False) + frame(DATA, 1, b"z" * 100, 1)[:50]).lose(SERVER, 30)
    dialogue.say(SERVER, b"z" * 29 + server.headers(3, answers(b"200", (b"x-a", b"1"))))
    first, second = dialogue.close()
    assert (first.response.body.wire_len, first.problems, first.complete) == (100, (Problem.GAP,), False)
    assert (second.problems, list(second.response.headers)) == ((), [("x-a", "1")])


def test_a_loss_within_a_header_block():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/long-enough")))
    block = server.encoder.encode(answers(b"200", (b"x-a", b"v" * 50)))
    words = frame(HEADERS, 1, block, END_HEADERS)
    dialogue.say(SERVER, words[:30]).lose(SERVER, 10).say(SERVER, words[40:] + data(1, b"body"))
    (exchange,) = dialogue.close()
    assert exchange.response is None
    assert Problem.NO_RESPONSE in exchange.problems
    assert Problem.GAP in exchange.problems


def test_frames_begin_again_after_bytes_that_look_like_one():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks()))
    dialogue.lose(CLIENT, 100)
    dialogue.say(CLIENT, b"\0\0\x04\x08\0\0\0\0\1 and then rubbish" + client.headers(3, asks(b"/b")) + ping() + ping())
    dialogue.say(SERVER, server.headers(1, OK) + server.headers(3, OK))
    assert [exchange.request.target for exchange in dialogue.close()] == ["/", "/b"]


def test_a_new_encoder_is_not_confused_with_the_old():
    """The client's block is lost; the server's table stays."""
    dialogue, client, server = begun()
    fields = answers(b"200", (b"server", b"s"))
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, server.headers(1, fields))
    dialogue.lose(CLIENT, len(client.headers(3, asks(b"/b"))))
    dialogue.say(SERVER, server.headers(3, fields))
    second = dialogue.close()[1]
    assert (second.request, list(second.response.headers)) == (None, [("server", "s")])
    assert second.problems == (Problem.NO_REQUEST, Problem.GAP)


def test_the_encoder_of_the_tests_uses_its_table():
    encoder = Encoder()
    first, second = (encoder.encode(asks(b"/x")) for _ in range(2))
    assert len(second) == 4 < len(first)


EARLY = answers(b"103", (b"link", b"</a>"))


def after_lost_table(*blocks: bytes, server: Any, lost: int) -> Exchange:
    """The exchange of stream 3, after the server's first block was lost, which put entries into the table."""
    dialogue, client, _ = begun()
    dialogue.say(CLIENT, client.headers(1, asks()) + client.headers(3, asks()))
    dialogue.lose(SERVER, lost).say(SERVER, ping() + ping() + ping())
    for block in blocks:
        dialogue.say(SERVER, block)
    return next(exchange for exchange in dialogue.close() if exchange.stream == 3)


def test_an_informational_head_without_a_known_status_is_not_the_final_one():
    """RFC 9113, 8.1: trailers end the stream, so that a block that does not is a head."""
    server = begun()[2]
    lost = len(server.headers(1, [*EARLY, (b":status", b"102"), (b"x-final", b"500")], last=False))
    early = server.headers(3, [*EARLY[:1], (b"link", b"</b>")], last=False)
    known = server.headers(3, answers(b"100"), last=False)
    unknown_again = server.headers(3, [*EARLY[:1], (b"link", b"</c>")], last=False)
    final = server.headers(3, answers(b"404", (b"x-a", b"1")), last=False) + data(3, b"body")
    exchange = after_lost_table(early, known, unknown_again, final, server=server, lost=lost)
    assert (exchange.response.status, list(exchange.response.headers)) == (404, [("x-a", "1")])
    assert (list(exchange.response.trailers), exchange.response.body) == ([], b"body")
    assert [response.status for response in exchange.informational] == [100]


@pytest.mark.parametrize("ending", ["none", "reset", "content after a gap", "trailers after a gap", "block"])
def test_a_head_that_may_be_informational_is_not_shown_as_the_final_one(ending: str):
    dialogue, client, server = begun()
    lost = len(server.headers(1, EARLY, last=False))
    said = [server.headers(3, [*EARLY[:1], (b"link", b"</b>")], last=False)]
    if ending == "reset":
        said.append(reset(3))
    elif ending == "block":  # trailers, or a final head: its first field is not known
        said.append(server.headers(3, [*EARLY, (b"x-a", b"1")]))
    dialogue.say(CLIENT, client.headers(1, asks()) + client.headers(3, asks()))
    dialogue.lose(SERVER, lost).say(SERVER, ping() + ping() + ping() + b"".join(said))
    if ending.endswith("gap"):
        dialogue.lose(SERVER, 50).say(SERVER, ping() + ping() + ping())
        dialogue.say(
            SERVER, data(3, b"body") if ending.startswith("content") else server.headers(3, [(b"x-sum", b"1")])
        )
    exchange = next(exchange for exchange in dialogue.close() if exchange.stream == 3)
    assert (exchange.response.status, list(exchange.response.headers)) == (0, [])
    assert Problem.HEADERS_LOST in exchange.problems
    assert list(exchange.response.trailers) == ([("x-sum", "1")] if ending.startswith("trailers") else [])


def test_a_head_without_a_known_status_is_the_final_one_if_content_follows():
    server = begun()[2]
    lost = len(server.headers(1, answers(b"418"), last=False))
    said = server.headers(3, answers(b"418", (b"x-a", b"1")), last=False), data(3, b"body")
    exchange = after_lost_table(*said, server=server, lost=lost)
    assert (exchange.response.status, list(exchange.response.headers)) == (0, [("x-a", "1")])
    assert exchange.response.body == b"body"


@pytest.mark.parametrize(("name", "is_known"), [(b"content-encoding", False), (b"x-a", False), (b"", True)])
def test_a_length_is_not_known_if_a_lost_field_may_be_the_coding(name: bytes, is_known: bool):
    server = begun()[2]
    field = [(name, b"br")] if name else []
    lost = len(server.headers(1, answers(b"200", *field), last=False))
    said = server.headers(3, answers(b"200", *field), last=False), data(3, b"content")
    exchange = after_lost_table(*said, server=server, lost=lost)
    assert exchange.response.status == 200
    assert exchange.response.body.wire_len == 7
    assert exchange.response.body.length == (7 if is_known else None)
    assert (Problem.UNKNOWN_CODING in exchange.problems) is not is_known


def test_a_lost_name_with_a_known_value_is_not_the_coding_if_that_is_none():
    server = begun()[2]
    lost = len(server.headers(1, answers(b"200", (b"x-a", b"1")), last=False))
    said = server.headers(3, answers(b"200", (b"x-a", b"2")), last=False), data(3, b"content")
    exchange = after_lost_table(*said, server=server, lost=lost)
    assert [(field.name, field.value) for field in exchange.response.head.lost] == [(None, "2")]
    assert exchange.response.body.length == 7


def test_a_head_that_may_be_informational_is_forgotten_if_a_block_after_it_is_lost():
    """The bytes are missing within the block, so that no frame is."""
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks()) + client.headers(3, asks()))
    dialogue.lose(SERVER, len(server.headers(1, EARLY, last=False))).say(SERVER, ping() + ping() + ping())
    dialogue.say(SERVER, server.headers(3, [*EARLY[:1], (b"link", b"</b>")], last=False))
    final = server.headers(3, answers(b"404", (b"x-a", b"v" * 50)), last=False)
    dialogue.say(SERVER, final[:20]).lose(SERVER, 10).say(SERVER, final[30:] + data(3, b"body"))
    exchange = next(exchange for exchange in dialogue.close() if exchange.stream == 3)
    assert (exchange.response.status, list(exchange.response.headers)) == (0, [])
    assert exchange.response.body.wire_len == 4


def test_fields_of_trailers_are_not_those_of_a_lost_head():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks()) + client.headers(3, asks()))
    trailers = [(b"x-sum", b"1"), (b"x-more", b"2")]
    lost = server.headers(1, OK, last=False) + server.headers(1, trailers) + server.headers(3, OK, last=False)
    dialogue.lose(SERVER, len(lost)).say(SERVER, ping() + ping() + ping())
    dialogue.say(SERVER, server.headers(3, [*trailers[:1], (b"x-more", b"3")]))
    exchange = next(exchange for exchange in dialogue.close() if exchange.stream == 3)
    assert (list(exchange.response.headers), exchange.response.head.lost) == ([], ())
    assert Problem.HEADERS_LOST in exchange.problems


@pytest.mark.parametrize("pieces", [[b""], [b"body"], [b"bo", b"dy"]])
def test_the_length_of_a_body_is_not_known_if_frames_of_it_may_be_missing(pieces: list[bytes]):
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, server.headers(1, OK, last=False) + ping())
    dialogue.lose(SERVER, 100).say(SERVER, ping() + ping() + ping())
    for piece in pieces:
        dialogue.say(SERVER, data(1, piece, last=piece is pieces[-1]))
    (exchange,) = dialogue.close()
    assert (exchange.response.body.wire_len, exchange.response.body.length) == (sum(map(len, pieces)), None)
    assert not exchange.complete


@pytest.mark.parametrize("first", [b"x-sum", b"x-unknown"])
def test_a_response_of_which_only_trailers_come_has_an_unknown_body(first: bytes):
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks()) + client.headers(3, asks()))
    dialogue.lose(SERVER, len(server.headers(1, answers(b"200", (b"x-unknown", b"1")), last=False)))
    dialogue.say(SERVER, ping() + ping() + ping())
    dialogue.say(SERVER, server.headers(3, [(first, b"1"), (b"x-unknown", b"1"), (b"x-b", b"2")]))
    exchange = next(exchange for exchange in dialogue.close() if exchange.stream == 3)
    assert (exchange.response.body.length, exchange.complete, exchange.response.head.lost) == (None, False, ())
    assert list(exchange.response.trailers) == ([("x-sum", "1"), ("x-b", "2")] if first == b"x-sum" else [])


def test_after_bytes_within_a_frame_whole_frames_are_missing():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, server.headers(1, OK, last=False) + ping())
    first = data(1, b"z" * 100, last=False)
    dialogue.say(SERVER, first[:50]).lose(SERVER, 30).say(SERVER, first[80:] + ping())
    dialogue.lose(SERVER, 100).say(SERVER, ping() + ping() + ping()).say(SERVER, data(1, b"end"))
    (exchange,) = dialogue.close()
    assert (exchange.response.body.wire_len, exchange.response.body.length) == (103, None)
