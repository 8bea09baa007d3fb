"""Chains of codings: any number of them, cut anywhere, damaged, endless."""

from __future__ import annotations

import gzip
import itertools
import sys
import tracemalloc
from collections import deque
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protocols import coding as codings_
from sockfilter.protocols.coding import CODINGS_MAX, DECODED_BYTES_MAX, Chain, CodingError, TooLongError, decoder_for
from tests.support.codings import EXPAND, SQUEEZE, name_of, squeezed

TEXT = b"<p>some text, and some more text</p>" * 3
EACH = pytest.mark.parametrize("coding", SQUEEZE)
STACKS = [*permutations(["gzip", "deflate", "br", "zstd"], 2), ("gzip",) * CODINGS_MAX, ("br", "gzip", "zstd")]


def chain(*codings: str) -> Chain:
    found = decoder_for(tuple(name_of(coding) for coding in codings))
    assert found is not None
    return found


def decoded(codings: tuple[str, ...], *pieces: bytes) -> bytes:
    decoder = chain(*codings)
    content = b"".join(out for piece in pieces for out in decoder.decode(piece))
    assert decoder.has_ended
    return content


@EACH
def test_cut_at_every_byte(coding: str):
    data = squeezed(TEXT, [coding])
    for at in range(len(data) + 1):
        assert decoded((coding,), data[:at], data[at:]) == TEXT


@EACH
def test_one_byte_at_a_time(coding: str):
    data = squeezed(TEXT, [coding])
    assert decoded((coding,), *(data[i : i + 1] for i in range(len(data)))) == TEXT


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_stacked_and_cut_at_every_byte(stack: tuple[str, ...]):
    data = squeezed(TEXT, stack)
    for at in range(len(data) + 1):
        assert decoded(stack, data[:at], data[at:]) == TEXT


@EACH
def test_what_breaks_off_gives_a_beginning(coding: str):
    data = squeezed(TEXT, [coding])
    for at in range(len(data)):
        decoder = chain(coding)
        content = b"".join(decoder.decode(data[:at]))
        assert TEXT.startswith(content)
        assert not decoder.has_ended


@given(st.binary(max_size=3000), st.lists(st.sampled_from(sorted(SQUEEZE)), min_size=1, max_size=3), st.data())
def test_any_content_in_any_stack_cut_anywhere(content: bytes, stack: list[str], data: st.DataObject):
    sent = squeezed(content, stack)
    whole = sent
    for coding in reversed(stack):
        whole = EXPAND[coding](whole)
    places = sorted({0, len(sent), *data.draw(st.lists(st.integers(0, len(sent)), max_size=5))})
    pieces = [sent[a:b] for a, b in itertools.pairwise(places)]
    assert decoded(tuple(stack), *pieces) == content == whole


@EACH
@given(st.data())
def test_a_damaged_byte_gives_a_beginning_or_is_refused(coding: str, data: st.DataObject):
    sent = bytearray(squeezed(TEXT, [coding]))
    sent[data.draw(st.integers(0, len(sent) - 1))] ^= data.draw(st.integers(1, 255))
    decoder = chain(coding)
    content = b""
    try:
        for piece in decoder.decode(bytes(sent)):
            content += piece
    except (CodingError, TooLongError):
        return
    # no checksum stands in every coding
    assert not decoder.has_ended or len(content) < DECODED_BYTES_MAX


@given(st.binary(max_size=200), st.lists(st.sampled_from(sorted(SQUEEZE)), min_size=1, max_size=CODINGS_MAX))
def test_any_bytes_decode_or_are_refused(data: bytes, stack: list[str]):
    try:
        for _ in chain(*stack).decode(data):
            pass
    except (CodingError, TooLongError):
        pass


@EACH
def test_damage_leaves_what_came_out_before_it(coding: str):
    content = b"".join(b"%d " % (i * 7919 % 99991) for i in range(60_000))
    whole = squeezed(content, [coding])
    sent = whole[: len(whole) * 3 // 4] + bytes(range(255, -1, -1)) * 400
    found: list[bytes] = []
    with pytest.raises(CodingError):
        found.extend(chain(coding).decode(sent * 20))
    sure = len(content) // 3
    assert b"".join(found)[:sure] == content[:sure]


@pytest.mark.parametrize("stack", [(coding,) for coding in SQUEEZE] + STACKS[:3], ids="+".join)
def test_a_bomb_is_given_up(stack: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """With a quarter of the limit, which is still four times the memory that it may take."""
    monkeypatch.setattr(codings_, "DECODED_BYTES_MAX", DECODED_BYTES_MAX // 4)
    bomb = squeezed(bytes(DECODED_BYTES_MAX // 4 + 1), stack)
    sizes: deque[int] = deque()
    tracemalloc.start()
    try:
        with pytest.raises(TooLongError):
            sizes.extend(map(len, chain(*stack).decode(bomb)))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert sum(sizes) <= DECODED_BYTES_MAX // 4


def test_a_bomb_in_a_bomb_costs_no_more(monkeypatch: pytest.MonkeyPatch):
    """What comes out of the first of them counts too."""
    monkeypatch.setattr(codings_, "DECODED_BYTES_MAX", 1 << 20)
    assert len(decoded(("gzip", "br"), squeezed(bytes(500_000), ["gzip", "br"]))) == 500_000
    inner = gzip.compress(bytes(600_000), compresslevel=0)
    with pytest.raises(TooLongError):
        decoded(("gzip", "br"), squeezed(inner, ["br"]))


@EACH
def test_the_largest_content(coding: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codings_, "DECODED_BYTES_MAX", 300_000)
    assert decoded((coding,), squeezed(bytes(300_000), [coding])) == bytes(300_000)
    with pytest.raises(TooLongError):
        decoded((coding,), squeezed(bytes(300_001), [coding]))


UNKNOWN = [(), (b"compress",), (b"",), (b"gzip", b"aes128gcm"), (b"dcb", b"br"), (b"chunked",), (b"gzip",) * 6]


@pytest.mark.parametrize("names", UNKNOWN)
def test_codings_that_are_not_undone(names: tuple[bytes, ...]):
    assert decoder_for(names) is None


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_library_that_is_missing_leaves_content_as_sent(coding: str, monkeypatch: pytest.MonkeyPatch):
    for module in ("brotli", "backports", "compression"):
        monkeypatch.setitem(sys.modules, module, None)
    assert decoder_for((coding.encode(),)) is None


def test_every_pair_of_codings_stacks():
    for stack in product(SQUEEZE, repeat=2):
        assert decoded(stack, squeezed(TEXT, stack)) == TEXT
