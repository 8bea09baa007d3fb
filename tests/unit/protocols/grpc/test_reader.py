"""Messages are cut from the content as it comes, however it is cut."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise
from time import thread_time_ns

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Problem
from sockfilter.model.budget import Budget
from sockfilter.model.message_log import MESSAGES_MAX
from sockfilter.model.policy import BodyPolicy
from sockfilter.protocols import coding
from sockfilter.protocols.grpc import reader as readers
from tests.support.grpc import (
    COMPRESSED,
    GRPC,
    WEB,
    WEB_TEXT,
    Part,
    call,
    contents,
    cut,
    frame,
    in_pieces,
    request,
    response,
    trailers,
)

MESSAGES = [b"first", b"", b"x" * 300, bytes(range(256)), b"last"]
STREAM = b"".join(map(frame, MESSAGES))
WEB_STREAM = STREAM + trailers("grpc-status: 5", "grpc-message: it%20is so")


def count(message):
    return message.grpc.count


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 11, 300, 1000])
def test_the_same_messages_at_every_cut(size):
    made = request(*cut(STREAM, size))
    assert list(contents(made)) == MESSAGES
    assert (count(made), made.problems) == (5, ())


@given(st.lists(st.integers(0, len(WEB_STREAM)), max_size=6), st.sampled_from([WEB, WEB_TEXT]), st.integers(1, 90))
def test_the_web_forms_at_any_cut(places, kind, piece):
    data = in_pieces(WEB_STREAM, piece) if kind == WEB_TEXT else WEB_STREAM
    at = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    made = response(*(Part(data[a:b]) for a, b in pairwise(at)), kind=kind)
    assert list(contents(made)) == MESSAGES
    assert (count(made), made.problems) == (5, ())
    assert list(made.grpc.trailers) == [("grpc-status", "5"), ("grpc-message", "it%20is so")]


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress), ("GZIP ", gzip.compress)],
)
@pytest.mark.parametrize("size", [1, 13, 10_000])
def test_compressed_messages(coding, compress, size):
    long = b"abc" * 1000
    data = frame(compress(long), COMPRESSED) + frame(b"plain") + frame(compress(b""), COMPRESSED) + frame(b"", 1)
    made = request(*cut(data, size), fields=[("grpc-encoding", coding)])
    found = call(made, None).grpc.request.messages
    assert [bytes(one.content) for one in found] == [long, b"plain", b"", b""]
    assert [one.length for one in found] == [3000, 5, 0, 0]
    assert [one.wire_len for one in found] == [len(compress(long)), 5, len(compress(b"")), 0]
    assert [one.compressed for one in found] == [True, False, True, True]
    assert not made.problems


@pytest.mark.parametrize(
    ("fields", "content", "problem"),
    [
        ([("grpc-encoding", "snappy")], b"whatever", Problem.UNKNOWN_CODING),
        ([("grpc-encoding", "identity")], b"whatever", Problem.BAD_CODING),
        ([], b"whatever", Problem.BAD_CODING),
        ([("grpc-encoding", "gzip")], b"whatever", Problem.BAD_CODING),
        ([("grpc-encoding", "gzip")], gzip.compress(b"abc", mtime=0)[:-9], Problem.BAD_CODING),
    ],
)
def test_what_cannot_be_decompressed_is_not_known_and_what_follows_is(fields, content, problem):
    made = request(*cut(frame(content, COMPRESSED) + frame(b"next"), 7), fields=fields)
    bad, good = call(made, None).grpc.request.messages
    assert (bad.length, bad.content, bad.content.is_cut, bad.wire_len) == (None, b"", True, len(content))
    assert (good.length, good.content) == (4, b"next")
    assert (count(made), made.problems) == (2, (problem,))


def test_compressed_trailers_of_the_web_form():
    block = gzip.compress(b"grpc-status: 0\r\n")
    made = response(Part(frame(b"a") + frame(block, 0x81)), kind=WEB, fields=[("grpc-encoding", "gzip")])
    assert (list(made.grpc.trailers), count(made)) == ([("grpc-status", "0")], 1)


@pytest.mark.parametrize("flag", [0x02, 0x04, 0x7F, 0x80, 0xFF])
def test_an_unknown_flag_ends_the_reading(flag):
    made = request(Part(frame(b"good") + frame(b"bad", flag) + frame(b"more")))
    assert list(contents(made)) == [b"good"]
    assert (count(made), made.problems) == (None, (Problem.BAD_FRAME,))


@pytest.mark.parametrize("data", [b"<html>no gRPC</html>", b"AAAA!AAA", b"A===", b"AA=A"])
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_no_base64(data, size):
    made = response(*cut(data, size), kind=WEB_TEXT)
    assert (count(made), made.problems, made.grpc.messages) == (None, (Problem.BAD_FRAME,), [])


def test_white_space_in_base64_does_not_count():
    made = response(Part(b"AAAA\r\nAAN h\nYmM=\r\n"), kind=WEB_TEXT)
    assert (list(contents(made)), made.problems) == ([b"abc"], ())


@pytest.mark.parametrize(
    "data", [frame(b"good") + b"\0", frame(b"good") + b"\0\0\0\0\5hel", frame(b"good") + b"\0\0\0\0\5"]
)
def test_a_body_that_ends_within_a_message(data):
    made = request(Part(data))
    assert (list(contents(made)), count(made), made.problems) == ([b"good"], 1, (Problem.BAD_FRAME,))


def test_a_stream_that_is_reset_within_a_message_says_what_passed():
    made = request(Part(frame(b"good") + b"\0\0\0\0\5hel"), whole=False)
    assert (list(contents(made)), count(made), made.problems) == ([b"good"], 1, ())


def test_bytes_after_the_trailers_are_noted_and_change_nothing():
    made = response(Part(WEB_STREAM + frame(b"more")), kind=WEB)
    assert (count(made), made.problems) == (5, (Problem.BAD_FRAME,))
    made = response(Part(WEB_STREAM), Part(b"x"), kind=WEB)
    assert (count(made), made.problems) == (5, (Problem.BAD_FRAME,))


def test_after_missing_bytes_no_message_is_made_up():
    made = request()
    reader = readers.read_grpc(made, BodyPolicy(1000), Budget())
    reader.data(frame(b"good") + frame(b"x" * 20)[:9], 1)
    reader.missing(Problem.GAP)
    reader.data(frame(b"not known where"), 2)
    reader.end(True)
    assert (made.grpc.count, len(made.grpc.messages), made.problems) == (None, 1, (Problem.GAP,))


def test_times_are_those_of_first_bytes():
    data = frame(b"aaaa") + frame(b"bbbb") + frame(b"cccc")
    made = request(Part(data[:3], 1), Part(data[3:11], 2), Part(data[11:20], 5), Part(data[20:], 30))
    found = call(made, None).grpc.request
    assert [one.time for one in found.messages] == [0.001, 0.002, 0.005]
    assert (found.first_message, found.max_gap) == (0.001, 0.003)


def test_a_gap_needs_two_messages():
    found = call(request(Part(frame(b"a"))), None).grpc.request
    assert (found.first_message, found.max_gap) == (0.0, None)


def test_time_that_runs_backwards_is_not_known():
    found = call(request(Part(frame(b"a"), 5), Part(frame(b"b"), 2), Part(frame(b"c"), 9)), None).grpc.request
    assert found.max_gap is None


def test_no_more_messages_are_kept_than_the_limit_and_all_are_counted():
    each = frame(b"hello")
    made = request(*(Part(each * 7) for _ in range(1000)))
    found = call(made, None).grpc.request
    assert (found.count, len(found.messages)) == (7000, MESSAGES_MAX)
    assert {bytes(one.content) for one in found.messages} == {b"hello"}


def test_compressed_ones_beyond_the_limit_are_counted_without_looking():
    data = frame(gzip.compress(b"hello"), COMPRESSED) * MESSAGES_MAX + frame(b"no gzip", COMPRESSED) * 10
    made = request(*cut(data, 1000), fields=[("grpc-encoding", "gzip")])
    assert (count(made), made.problems) == (MESSAGES_MAX + 10, ())


def test_contents_are_kept_up_to_the_limit_of_a_body():
    policy = BodyPolicy(50)
    data = (frame(b"a" * 20) + frame(b"b" * 20)) * 2
    made = request(Part(data), policy=policy)
    found = call(made, None).grpc.request.messages
    assert [bytes(one.content) for one in found] == [b"a" * 20, b"b" * 20, b"", b""]
    coded = b"".join(frame(gzip.compress(letter * 20), COMPRESSED) for letter in (b"a", b"b", b"c", b"d"))
    made = request(Part(coded), policy=policy, fields=[("grpc-encoding", "gzip")])
    found = call(made, None).grpc.request.messages
    assert [bytes(one.content) for one in found] == [b"a" * 20, b"b" * 20, b"c" * 10, b""]
    assert {one.length for one in found} == {20}


def test_a_bomb_ends_decompression_and_not_the_reading(monkeypatch):
    monkeypatch.setattr(coding, "DECODED_BYTES_MAX", 1 << 20)
    monkeypatch.setattr(readers, "DECODED_BYTES_MAX", 1 << 20)
    bomb = frame(gzip.compress(bytes(700 << 10)), COMPRESSED)
    made = request(*cut(bomb * 20 + frame(b"plain"), 1000), policy=BodyPolicy(100), fields=[("grpc-encoding", "gzip")])
    found = call(made, None).grpc.request.messages
    assert [one.length for one in found] == [700 << 10, *[None] * 19, 5]
    assert (count(made), made.problems) == (21, (Problem.DECODED_LIMIT,))


def test_where_there_is_no_memory_nothing_more_is_kept():
    made = request(fields=[("grpc-encoding", "gzip")])
    budget = Budget(1 << 20, weigh=lambda: reader.weight)
    reader = readers.read_grpc(made, BodyPolicy(1 << 30), budget)
    reader.data(frame(gzip.compress(bytes(5 << 20)), COMPRESSED), 1)
    reader.end(True)
    (logged,) = made.grpc.messages
    assert logged.length == 5 << 20
    assert len(logged.content) < 1 << 20
    assert (made.problems, budget.bodies_cut) == ((Problem.BODY_LIMIT,), 1)


def test_trailers_are_bounded():
    made = response(*cut(frame(b"a") + frame(b"x: y\r\n" * 100_000, 0x80), 50_000), kind=WEB)
    assert (made.grpc.trailers, count(made), made.problems) == (None, 1, (Problem.HEAD_TOO_LONG,))


def test_the_weight_is_that_of_what_is_kept():
    made = request(fields=[("grpc-encoding", "gzip")])
    reader = readers.read_grpc(made, BodyPolicy(1 << 20), Budget())
    assert reader.weight == 0
    coded = frame(gzip.compress(b"z" * 100_000), COMPRESSED)
    reader.data(coded[:-1], 1)
    assert reader.weight > 10_000
    reader.data(coded[-1:], 1)
    assert 100_000 < reader.weight < 101_000


def test_other_content_has_no_reader():
    assert request(Part(b"{}"), kind="application/json").grpc is None
    assert request(Part(b"{}"), kind="application/grpcish").grpc is None
    assert request(Part(frame(b"")), kind="Application/GRPC+proto; charset=x").grpc is not None


@pytest.mark.parametrize(
    ("unit", "kind", "fields"),
    [
        (frame(b"") * 200, GRPC, []),
        (frame(b"hello"), GRPC, []),
        (frame(gzip.compress(b"hello", mtime=0), COMPRESSED), GRPC, [("grpc-encoding", "gzip")]),
        (in_pieces(frame(b"hello"), 1), WEB_TEXT, []),
        (frame(b"no", COMPRESSED), GRPC, [("grpc-encoding", "gzip")]),
    ],
    ids=["empty", "small", "compressed", "text", "broken"],
)
def test_more_messages_cost_no_more_and_take_no_more_memory(unit, kind, fields):
    def cost(size):
        made = request(kind=kind, fields=fields)
        reader = readers.read_grpc(made, BodyPolicy(1000), Budget())
        data = (unit * (size // len(unit) + 1))[:size]
        began = thread_time_ns()
        for part in cut(data, 1400):
            reader.data(part.data, part.at)
        return thread_time_ns() - began, reader.weight

    cost(1 << 16)
    short = min(cost(1 << 19)[0] for _ in range(3))
    long, weight = min(cost(1 << 21) for _ in range(3))
    assert long < short * 4 * 2
    assert weight < 400_000


@pytest.mark.parametrize("kind", [GRPC, WEB, WEB_TEXT])
def test_bytes_one_by_one_cost_the_same_for_each(kind):
    """A message and trailers that trickle in."""

    def cost(size):
        content = bytes(size) if kind == GRPC else b"x: y\r\n" * (size // 6)
        data = frame(content, 0 if kind == GRPC else 0x80)
        data = in_pieces(data, 3) if kind == WEB_TEXT else data
        reader = readers.read_grpc(response(kind=kind), BodyPolicy(1 << 30), Budget())
        began = thread_time_ns()
        for at in range(len(data)):
            reader.data(data[at : at + 1], at)
        return thread_time_ns() - began

    short = min(cost(10_000) for _ in range(3))
    assert min(cost(60_000) for _ in range(3)) < short * 6 * 2
