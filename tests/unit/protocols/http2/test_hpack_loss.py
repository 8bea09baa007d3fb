"""Header blocks that were missed: what is given afterwards is right, or it is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protocols.http2.hpack_table import TABLE_BYTES_MAX, Field
from tests.support.header_blocks import CONVERSATIONS, EACH, Heard, Step, checked, encoded, requests
from tests.support.thorough import examples

if TYPE_CHECKING:
    from tests.support.header_blocks import Make, Said

UNKNOWN = Field(None, None)
# Of the twenty blocks behind a loss or a join. What comes in every block is inserted once, and stays unknown.
WHOLE_MIN = 0.7
# beyond what is kept too
LARGE = st.sampled_from([TABLE_BYTES_MAX + 1, 100_000, 1 << 24])


@EACH
def test_each_block_lost_in_turn(make: Make):
    said = requests(80)
    whole = Heard(0, 0, 0)
    for lost in range(len(said)):
        decoder = make(True)
        for number, each in enumerate(said[: lost + 20]):
            if number == lost:
                decoder.lost()
            else:
                heard = checked(decoder.decode(each.block), each)
                assert number > lost or heard.whole == len(each.fields)
                if number > lost:
                    whole += heard
    assert whole.whole / sum(whole) > WHOLE_MIN


@EACH
def test_a_join_at_each_block(make: Make):
    said = requests(80)
    heard = Heard(0, 0, 0)
    for start in range(len(said)):
        decoder = make(False)
        for each in said[start : start + 20]:
            heard += checked(decoder.decode(each.block), each)
    assert heard.whole / sum(heard) > WHOLE_MIN


@EACH
@examples(60)
@given(said=CONVERSATIONS, lost=st.sets(st.integers(0, 20)), is_whole=st.booleans())
def test_any_blocks_lost(make: Make, said: list[Said], lost: set[int], is_whole: bool):
    decoder = make(is_whole)
    for number, each in enumerate(said):
        if number in lost:
            decoder.lost()
        else:
            checked(decoder.decode(each.block), each)


@EACH
@examples(30)
@given(said=CONVERSATIONS, size=LARGE, more=st.integers(1, 40))
def test_a_table_larger_than_what_is_kept(make: Make, said: list[Said], size: int, more: int):
    fields = [Field(b"n%d" % number, b"v" * 3000) for number in range(more)]
    steps = [Step(size, fields, False), *(Step(None, each.fields, True) for each in said)]
    decoder = make(True)
    for each in encoded([*steps, Step(None, fields, False)]):
        checked(decoder.decode(each.block), each)


@EACH
def test_of_a_table_larger_than_what_is_kept_older_entries_are_unknown(make: Make):
    fields = [Field(b"n%d" % number, b"v" * 3000) for number in range(40)]
    first, second = encoded([Step(1 << 20, fields, False), Step(None, fields, False)])
    decoder = make(True)
    assert checked(decoder.decode(first.block), first).whole == 40
    heard = checked(decoder.decode(second.block), second)
    assert heard == (TABLE_BYTES_MAX // 3040, 0, 40 - TABLE_BYTES_MAX // 3040)


@EACH
def test_a_name_that_is_not_known_has_a_known_value(make: Make):
    # a literal whose name is that of an older entry, then the entry that it makes, twice
    found = make(False).decode(b"\x7e\x01v\xbe\x7e\x01w")
    assert found == ([Field(None, b"v"), Field(None, b"v"), Field(None, b"w")], 3 * 33, True)


@EACH
def test_entries_of_unknown_size_are_counted_from_the_newest(make: Make):
    decoder = make(False)
    # an index far beyond what was seen; then an entry; then the same entry by its index, and the one before it
    assert decoder.decode(b"\xff\x20").fields == [UNKNOWN]
    assert decoder.decode(b"\x40\x01a\x01b\xbe\xbf").fields == [Field(b"a", b"b"), Field(b"a", b"b"), UNKNOWN]


@EACH
def test_the_size_of_the_table_counts_behind_a_loss(make: Make):
    decoder = make(True)
    decoder.lost()
    decoder.decode(b"\x40\x01a\x01b")
    # the encoder empties its table, then fills it again: what was before has no index any more
    assert decoder.decode(b"\x20\x3f\xe1\x1f\xbe").fields == [UNKNOWN]
    assert decoder.decode(b"\x40\x01c\x01d\xbe\xbf").fields == [Field(b"c", b"d"), Field(b"c", b"d"), UNKNOWN]


@EACH
@pytest.mark.parametrize("is_allowed", [False, True])
def test_a_larger_table_is_the_encoders_word(make: Make, is_allowed: bool):
    """The decoder may not have seen the SETTINGS that allow it; the encoder may use it and not announce it."""
    fields = [Field(b"n%d" % number, b"v" * 1000) for number in range(9)]
    first, second = encoded([Step(20_000, fields, False), Step(None, fields, False)])
    decoder = make(True)
    if is_allowed:
        decoder.allow(20_000)
        first = first._replace(block=first.block[4:])
        assert first.block[0] == 0x40
    assert checked(decoder.decode(first.block), first).whole == 9
    assert checked(decoder.decode(second.block), second).whole == 9


@EACH
def test_a_smaller_table_counts_when_the_encoder_says_so(make: Make):
    fields = [Field(b"n%d" % number, b"v" * 1000) for number in range(3)]
    first, second, third = encoded([Step(None, fields, False), Step(None, fields, False), Step(1500, fields, False)])
    decoder = make(True)
    checked(decoder.decode(first.block), first)
    decoder.allow(1500)  # its acknowledgement is still under way
    for each in (second, third):
        assert checked(decoder.decode(each.block), each).whole == 3


@EACH
def test_an_entry_larger_than_the_table_empties_it(make: Make):
    decoder = make(True)
    decoder.decode(b"\x40\x01a\x01b")
    large = b"\x40\x01c\x7f\xa1\x1f" + b"v" * 4128
    assert decoder.decode(large).is_valid
    assert not decoder.decode(b"\xbe").is_valid
