"""Header blocks: both decoders, what an encoder makes of random headers, and conversations that look like real ones."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import hpack
import pytest
from hypothesis import strategies as st

from sockfilter.protocols.http2.hpack_native import NativeHpackDecoder
from sockfilter.protocols.http2.hpack_python import PythonHpackDecoder
from sockfilter.protocols.http2.hpack_table import STATIC, TABLE_BYTES_MAX, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sockfilter.protocols.http2.hpack import Block, HpackDecoder

    Make = Callable[[bool], HpackDecoder]

EACH = pytest.mark.parametrize("make", [NativeHpackDecoder, PythonHpackDecoder])


class Said(NamedTuple):
    """A header block, and the fields that its encoder made it of."""

    block: bytes
    fields: list[Field]


class Step(NamedTuple):
    """What an encoder does next: it sets the size of its table if there is one, and encodes the fields."""

    size: int | None
    fields: list[Field]
    is_coded: bool


def encoded(steps: Iterable[Step]) -> list[Said]:
    encoder = hpack.Encoder()
    made = []
    for step in steps:
        if step.size is not None:
            encoder.header_table_size = step.size
        made.append(Said(encoder.encode(list(step.fields), huffman=step.is_coded), step.fields))
    return made


STRINGS = st.binary(max_size=9)
NAMES = st.sampled_from([field.name for field in STATIC[1:]] + [b"x-a", b"x-b"]) | STRINGS
VALUES = st.sampled_from([b"", b"1", b"GET", b"200", b"v" * 100, b"w" * 4080]) | STRINGS
FIELDS = st.builds(Field, NAMES, VALUES, st.booleans())
# within what this decoder keeps: beyond it, fields become unknown
SIZES = st.none() | st.sampled_from([0, 40, 4096, TABLE_BYTES_MAX]) | st.integers(0, TABLE_BYTES_MAX)
STEPS = st.builds(Step, SIZES, st.lists(FIELDS, max_size=5), st.booleans())
CONVERSATIONS = st.lists(STEPS, max_size=8).map(encoded)
# a field each, or a part of one: fields that refer to entries are common in them, as in no other bytes
PIECES = st.sampled_from(
    [b"\x82", b"\xbe", b"\xbf", b"\xc0", b"\x40\x01a\x01b", b"\x7e\x01c", b"\x00\x01a\x00", b"\x20"]
)
BLOCKS = st.lists(PIECES | STRINGS, max_size=6).map(b"".join)


def requests(count: int, seed: int = 0) -> list[Said]:
    """Returns what a client with some pages, cookies and numbers of its own says."""
    random = Random(seed)

    def fields() -> Iterator[Field]:
        number = random.randrange(40)
        yield Field(b":method", random.choice([b"GET", b"GET", b"POST"]))
        yield Field(b":scheme", b"http")
        yield Field(b":authority", random.choice([b"shop.test", b"images.shop.test"]))
        yield Field(b":path", b"/item/%d?n=%d" % (number, random.randrange(5)))
        yield Field(b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
        yield Field(b"accept", random.choice([b"*/*", b"text/html,application/xhtml+xml"]))
        yield Field(b"accept-encoding", b"gzip, deflate")
        for crumb in range(random.randrange(3)):
            yield Field(b"cookie", b"c%d=%032x" % (crumb, random.randrange(8)))
        yield Field(b"x-request-id", b"%032x" % random.getrandbits(128))

    sizes = [1024, 4096, TABLE_BYTES_MAX]
    return encoded(Step(random.choice(sizes) if i % 25 == 24 else None, list(fields()), True) for i in range(count))


class Heard(NamedTuple):
    """How many fields were given in full, in part, and not at all."""

    whole: int
    partial: int
    unknown: int

    def __add__(self, other: Any) -> Heard:
        return Heard(*map(sum, zip(self, other, strict=True)))


def checked(block: Block, said: Said) -> Heard:
    """Asserts that each field is right as far as it is known."""
    assert block.is_valid
    assert len(block.fields) == len(said.fields)
    for field, right in zip(block.fields, said.fields, strict=True):
        assert field.name in (None, right.name)
        assert field.value in (None, right.value)
        # an encoder may find a field in the table that must not be put there
        assert field.never_indexed <= right.never_indexed
    known = [(field.name is not None) + (field.value is not None) for field in block.fields]
    return Heard(known.count(2), known.count(1), known.count(0))
