"""What the bytes of a protobuf message tell without a schema."""

from __future__ import annotations

import struct
from time import thread_time_ns

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protobuf import fields
from sockfilter.protobuf.fields import Fixed, fields_of, text_of


def varint(value):
    made = b""
    while value > 0x7F:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", {}),
        (field(1, b"x") + field(2, 7), {1: "x", 2: 7}),
        (field(1, "grüß".encode()), {1: "grüß"}),
        (field(3, field(1, 5) + field(2, b"in")), {3: {1: 5, 2: "in"}}),
        (field(4, 1) + field(4, 2) + field(4, 3), {4: [1, 2, 3]}),
        (field(5, b""), {5: ""}),
        (field(6, b"\x01\x02\x03"), {6: b"\x01\x02\x03"}),
        (field(7, b"two\nlines"), {7: "two\nlines"}),
        (field(8, (1 << 64) - 1), {8: (1 << 64) - 1}),
        (field((1 << 29) - 1, 1), {(1 << 29) - 1: 1}),
        (field(9, field(1, field(1, field(1, 1)))), {9: {1: {1: {1: 1}}}}),
        (field(10, b"\xff\xfe"), {10: b"\xff\xfe"}),
        (field(11, b"\0"), {11: b"\0"}),
    ],
)
def test_fields(data, found):
    assert fields_of(data) == found


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",  # no value
        b"\x0a\x05hell",  # too short
        b"\x00\x01",  # number 0
        varint(1 << 32) + b"\x01",  # a number of more than 29 bits
        b"\x0b\x0c",  # a group
        b"\x0e",
        b"\x08" + b"\xff" * 9 + b"\x7f",  # more than 64 bits
        b"\x08" + b"\x80" * 11 + b"\x01",
        b"\x0d\x01\x02\x03",
        b"hello",
        b'{"json": 1}',
    ],
)
def test_what_is_no_message(data):
    assert fields_of(data) is None


def test_fixed_numbers_have_the_same_bits_as_a_float():
    found = fields_of(b"\x0d" + struct.pack("<f", 1.5) + field(2, -2.25) + b"\x19" + struct.pack("<q", -1))
    assert isinstance(found[1], Fixed)
    assert (found[1].float, found[2].float, found[3]) == (1.5, -2.25, (1 << 64) - 1)


def test_depth_is_bounded():
    data = field(1, 1)
    for _ in range(40):
        data = field(1, data)
    found, depth = fields_of(data), 0
    while isinstance(found, dict):
        found, depth = found[1], depth + 1
    assert depth == fields.DEPTH_MAX
    assert isinstance(found, (bytes, str))


def test_the_number_of_fields_is_bounded():
    assert len(fields_of(field(1, 1) * fields.FIELDS_MAX)[1]) == fields.FIELDS_MAX
    assert fields_of(field(1, 1) * (fields.FIELDS_MAX + 1)) is None
    assert fields_of(field(1, field(1, 1) * fields.FIELDS_MAX)) is None


@given(st.binary(max_size=200))
def test_any_bytes(data):
    found = fields_of(data)
    assert found is None or isinstance(text_of(found), str)


def test_as_text():
    data = field(1, b'a"b') + field(2, 7) + field(3, field(1, 5)) + field(4, b"\xff") + field(2, 8)
    assert text_of(fields_of(data)) == r"""{1: "a\"b", 2: [7, 8], 3: {1: 5}, 4: b'\xff'}"""


@pytest.mark.parametrize("unit", [b"\x0a\x00", b"\x0a\x02\x0a\x00", b"\x0a\x7f", b"\x0a" * 3, b"\x12\x03\x0a\x01\xff"])
def test_more_bytes_cost_no_more(unit):
    """Beyond the limit of fields they cost less."""

    def cost(size):
        data = (unit * size)[:size]
        began = thread_time_ns()
        fields_of(field(1, field(1, data)))
        return thread_time_ns() - began

    short = min(cost(4000) for _ in range(5))
    assert min(cost(16_000) for _ in range(5)) < max(short, 100_000) * 4 * 2.5
