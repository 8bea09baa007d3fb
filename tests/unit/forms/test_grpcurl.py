"""The command of grpcurl that makes the same call."""

from __future__ import annotations

import shlex

import pytest

from sockfilter.errors import BodyError, NotSeen
from sockfilter.protobuf.schema import set_protos
from tests.support.grpc import WEB, Part, call, frame, request, response
from tests.support.protos import descriptor_set

ITEM = b"\x0a\x03abc\x10\x07"
SERVER = "10.0.0.1:8082"


@pytest.fixture(autouse=True)
def no_schema():
    yield
    set_protos()


def words(made):
    return shlex.split(made.as_curl())


def test_a_call_with_its_metadata_and_its_messages(tmp_path):
    path = descriptor_set(tmp_path)
    set_protos(path)
    fields = [("te", "trailers"), ("grpc-timeout", "1S"), ("x-id", "it's 7"), ("trace-bin", "AAEC")]
    made = call(request(Part(frame(ITEM) + frame(b"")), fields=fields), None)
    assert words(made) == [
        *("grpcurl", "-plaintext", "-H", "x-id: it's 7", "-H", "trace-bin: AAEC", "-protoset", str(path)),
        *("-d", '{"id":"abc","number":7} {}', SERVER, "shop.v1.Cart/Get"),
    ]


def test_an_empty_message_needs_no_schema():
    made = call(request(Part(frame(b""))), None)
    assert words(made) == ["grpcurl", "-plaintext", SERVER, "shop.v1.Cart/Get"]


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (request(Part(frame(ITEM))), NotSeen, r"grpcurl takes messages as JSON, .*; set_protos\(\) reads one"),
        (request(Part(frame(b"")), target="*"), NotSeen, "its target does not name a method of gRPC"),
        (request(Part(frame(b"") * 1001)), BodyError, "not all of its messages were kept"),
        (request(Part(frame(ITEM)), kept=8), BodyError, "only 8 bytes of its body were kept"),
    ],
)
def test_what_cannot_be_repeated(asked, error, said):
    with pytest.raises(error, match=said):
        call(asked, response()).as_curl()


def test_the_web_form_is_a_request_for_curl():
    command = call(request(Part(frame(b"a")), kind=WEB), None).as_curl()
    assert command.startswith(r"printf '\000\000\000\000\001a' | curl --http2-prior-knowledge ")
