"""The examples of RFC 7541, appendix C, and the shapes that it describes and has no example of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sockfilter.protocols.http2.hpack_python import read_integer
from sockfilter.protocols.http2.hpack_table import INTEGER_MAX, Field, MalformedBlock, size_of
from tests.support.header_blocks import EACH

if TYPE_CHECKING:
    from tests.support.header_blocks import Make

DATE = b"Mon, 21 Oct 2013 20:13:%d GMT"
COOKIE = b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
REQUESTS = [
    GET,
    [*GET, (b"cache-control", b"no-cache")],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
RESPONSES = [
    [
        (b":status", b"302"),
        (b"cache-control", b"private"),
        (b"date", DATE % 21),
        (b"location", b"https://www.example.com"),
    ],
    [
        (b":status", b"307"),
        (b"cache-control", b"private"),
        (b"date", DATE % 21),
        (b"location", b"https://www.example.com"),
    ],
    [
        (b":status", b"200"),
        (b"cache-control", b"private"),
        (b"date", DATE % 22),
        (b"location", b"https://www.example.com"),
        (b"content-encoding", b"gzip"),
        (b"set-cookie", COOKIE),
    ],
]
# of C.5 and C.6: their table has 256 bytes, which a block before announces here
SMALL_TABLE = "3fe101"
SEQUENCES = {
    "C.2.1": (["400a637573746f6d2d6b65790d637573746f6d2d686561646572"], [[(b"custom-key", b"custom-header")]]),
    "C.2.2": (["040c2f73616d706c652f70617468"], [[(b":path", b"/sample/path")]]),
    "C.2.4": (["82"], [[(b":method", b"GET")]]),
    "C.3": (
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        REQUESTS,
    ),
    "C.4": (
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
        REQUESTS,
    ),
    "C.5": (
        [
            SMALL_TABLE + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
            "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b"
            "48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ],
        RESPONSES,
    ),
    "C.6": (
        [
            SMALL_TABLE + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad1718"
            "63c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960"
            "d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
        RESPONSES,
    ),
}


@EACH
@pytest.mark.parametrize("name", SEQUENCES)
def test_examples(make: Make, name: str):
    decoder = make(True)
    for block, fields in zip(*SEQUENCES[name], strict=True):
        found = decoder.decode(bytes.fromhex(block))
        right = [Field(*field) for field in fields]
        assert found == (right, sum(map(size_of, right)), True)


@EACH
def test_what_is_never_indexed_is_marked(make: Make):
    found = make(True).decode(bytes.fromhex("100870617373776f726406736563726574"))
    assert found.fields == [Field(b"password", b"secret", never_indexed=True)]


@pytest.mark.parametrize(
    ("data", "bits", "value"), [("0a", 5, 10), ("1f9a0a", 5, 1337), ("2a", 8, 42), ("1fe0ffffff0f", 5, INTEGER_MAX)]
)
def test_integers(data: str, bits: int, value: int):
    assert read_integer(bytes.fromhex(data), 0, bits) == (value, len(data) // 2)


@pytest.mark.parametrize("data", ["1f", "1f80", "1f8080808080", "1fffffffff7f", "1fe1ffffff0f"])
def test_integers_that_break_off_or_are_too_large(data: str):
    with pytest.raises(MalformedBlock):
        read_integer(bytes.fromhex(data), 0, 5)


@EACH
def test_an_empty_block_has_no_fields(make: Make):
    assert make(True).decode(b"") == ([], 0, True)


@EACH
def test_values_pass_as_they_are(make: Make):
    value = b"a\x00b\r\nc: d\xff"
    block = b"\x40\x01x" + bytes([len(value)]) + value
    decoder = make(True)
    assert decoder.decode(block + b"\xbe").fields == [Field(b"x", value)] * 2


# each is malformed behind a field that is not
MALFORMED = {
    "index 0": "80",
    "index beyond the table": "bf",
    "name beyond the table": "7f0001" + "61",
    "index that breaks off": "ff",
    "index that is too large": "ffffffffff7f",
    "literal without a name": "40",
    "literal without a value": "400161",
    "name that breaks off": "400361",
    "value that breaks off": "4001610362",
    "length that breaks off": "40ff",
    "length that is too large": "407fffffffff7f",
    "size of the table behind a field": "20",
    "EOS in a string": "400161" + "84ffffffff",
    "padding of a byte": "400161" + "82" + "1fff",
    "padding of zeros": "400161" + "81" + "18",
    "padding of eight bits alone": "400161" + "81" + "ff",
}


@EACH
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_blocks_give_the_fields_before_the_fault(make: Make, name: str):
    decoder = make(True)
    first = b"\x40\x01k\x01v"
    found = decoder.decode(first + bytes.fromhex(MALFORMED[name]))
    assert found == ([Field(b"k", b"v")], 34, False)
    # what else the block would have inserted is not known
    assert decoder.decode(b"\xbe").fields == [Field(None, None)]


@EACH
def test_an_empty_coded_string(make: Make):
    assert make(True).decode(b"\x40\x80\x80").fields == [Field(b"", b"")]
