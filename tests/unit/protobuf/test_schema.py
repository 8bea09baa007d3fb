"""Messages by their schema; and files that are none."""

from __future__ import annotations

import json
import re
import sys

import pytest

from sockfilter.errors import BodyError, InvalidArgument, installing
from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.transcript import transcript
from sockfilter.protobuf import schema
from sockfilter.protobuf.schema import set_protos
from sockfilter.testing.wire import Wire
from tests.support.grpc import Part, call, frame, request, response
from tests.support.protos import descriptor_set, file

ITEM = b"\x0a\x03abc\x10\x07\x1a\x02\x10\x01"
SECRET = b"\x0a\x03abc\x22\x08hunter22"


@pytest.fixture(autouse=True)
def no_schema():
    yield
    set_protos()


@pytest.fixture
def shop(tmp_path):
    path = descriptor_set(tmp_path)
    set_protos(path)
    return path


def one(content, target="/shop.v1.Cart/Get", kept=None):
    return call(request(Part(frame(content)), target=target, kept=kept), response(Part(frame(content))))


def test_a_message_by_its_schema(shop):
    found = one(ITEM).grpc
    assert found.request.messages[0].decoded == {"id": "abc", "number": 7, "inner": {"number": 1}}
    assert found.response.messages[0].decoded["id"] == "abc"
    made = to_dict(one(ITEM))["grpc"]["request"]["messages"][0]
    assert made["decoded"] == {"id": "abc", "number": 7, "inner": {"number": 1}}
    assert '  {"id": "abc", "number": 7, "inner": {"number": 1}}' in transcript(one(ITEM))
    assert schema.paths() == (str(shop),)


def test_the_fixture_reads_a_schema_too(tmp_path):
    path = descriptor_set(tmp_path)
    Wire.protos(object.__new__(Wire), path)
    assert schema.paths() == (str(path),)


@pytest.mark.parametrize(
    ("content", "target", "kept"),
    [
        (ITEM, "/shop.v1.Cart/Put", None),
        (ITEM, "/other.Cart/Get", None),
        (ITEM, "*", None),
        (b"\x0a\xff", "/shop.v1.Cart/Get", None),
        (ITEM, "/shop.v1.Cart/Get", 9),
    ],
)
def test_where_the_schema_does_not_fit_there_is_none(shop, content, target, kept):
    found = one(content, target, kept).grpc.request.messages[0]
    assert found.decoded is None
    assert "decoded" not in to_dict(one(content, target, kept))["grpc"]["request"]["messages"][0]


def test_without_a_schema_there_is_none():
    assert one(ITEM).grpc.request.messages[0].decoded is None
    assert one(ITEM).grpc.request.messages[0].fields == {1: "abc", 2: 7, 3: {2: 1}}


def test_fields_of_a_part_are_not_known():
    assert one(ITEM, kept=9).grpc.request.messages[0].fields is None


def test_secrets_are_masked_by_the_names_of_the_schema(shop):
    masked = to_dict(one(SECRET), show_secrets=False)["grpc"]["request"]["messages"][0]
    assert masked["decoded"] == {"id": "abc", "password": "***"}
    assert "text" not in masked
    assert "base64" not in masked
    assert "hunter22" not in json.dumps(to_dict(one(SECRET), show_secrets=False))
    assert "hunter22" not in transcript(one(SECRET))
    assert to_dict(one(SECRET))["grpc"]["request"]["messages"][0]["decoded"]["password"] == "hunter22"


def test_a_generated_class_decodes(shop):
    kind = schema._schema.kind("shop.v1.Cart", "Get", True)
    message = one(ITEM).grpc.request.messages[0]
    assert message.decode(kind).inner.number == 1
    with pytest.raises(BodyError, match=r"decoding <GrpcMessage 1 of 2 bytes> as Item: "):
        one(b"\x0a\xff").grpc.request.messages[0].decode(kind)
    with pytest.raises(BodyError, match=r"only 4 of 11 bytes were kept; body=None keeps all"):
        one(ITEM, kept=9).grpc.request.messages[0].decode(kind)


SOURCE = b"""// Copyright
/* more
   words */
syntax = "proto3";
"""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SOURCE, r"it is the source of a schema; compile it with protoc --include_imports --descriptor_set_out=x.pb "),
        (b"message A {}\n", r"it is the source of a schema"),
        (b"", r"it is not a descriptor set; protoc writes one with --include_imports --descriptor_set_out"),
        (b"\x7fELF rubbish", r"it is not a descriptor set"),
        (b'{"json": 1}', r"it is not a descriptor set"),
    ],
)
def test_a_file_that_is_no_descriptor_set(tmp_path, content, said):
    path = tmp_path / "x.proto"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match=f"^reading {path}: {said}"):
        set_protos(path)
    assert not schema.is_set()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidArgument, match=r"^reading .*/none\.pb: No such file or directory$"):
        set_protos(tmp_path / "none.pb")
    with pytest.raises(InvalidArgument, match="Is a directory"):
        set_protos(tmp_path)


def test_a_descriptor_set_without_its_imports(tmp_path):
    path = descriptor_set(tmp_path, file(imports=("base.proto",)))
    with pytest.raises(InvalidArgument, match=r"shop\.proto cannot be used .*--include_imports"):
        set_protos(path)


def test_without_the_package_the_line_says_how_to_install_it(tmp_path, monkeypatch):
    path = descriptor_set(tmp_path)
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(InvalidArgument, match=re.escape(f"install it with {installing('grpc')}")):
        set_protos(path)


def test_files_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "FILE_BYTES_MAX", 10)
    with pytest.raises(InvalidArgument, match="no descriptor set has more than"):
        set_protos(descriptor_set(tmp_path))
