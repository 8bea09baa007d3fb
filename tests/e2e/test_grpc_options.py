"""--proto: messages by their schema, and files that are none."""

from __future__ import annotations

import json

import pytest

from tests.support import captures
from tests.support.command import run
from tests.support.frames import Talk
from tests.support.grpc import frame, trailers

ITEM = b"\x0a\x03abc\x10\x07"


@pytest.fixture
def capture(tmp_path):
    """A call of gRPC-Web."""
    kind = b"Content-Type: application/grpc-web\r\n"
    asked, answered = frame(ITEM), frame(ITEM) + trailers("grpc-status: 0")
    talk = Talk()
    frames = [
        *talk.opening(),
        talk.client(b"POST /shop.v1.Cart/Get HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n" % (kind, len(asked)) + asked),
        talk.server(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (kind, len(answered)) + answered),
        *talk.closing(),
    ]
    path = tmp_path / "call.pcap"
    path.write_bytes(captures.pcap(captures.timed(frames)))
    return str(path)


def test_messages_by_their_schema(capture, tmp_path):
    protos = pytest.importorskip("tests.support.protos")
    path = str(protos.descriptor_set(tmp_path))
    done = run("-r", capture, "-vv", "--proto", path)
    assert "grpc 0 OK  1/1 messages" in done.output.decode()
    assert done.output.decode().count('{"id": "abc", "number": 7}') == 2
    done = run("-r", capture, "--format", "jsonl", "--body", "all", "--proto", path)
    (line,) = done.lines
    assert json.loads(line)["grpc"]["response"]["messages"][0]["decoded"] == {"id": "abc", "number": 7}


def test_without_a_schema_the_fields_have_numbers(capture):
    assert run("-r", capture, "-vv").output.decode().count('{1: "abc", 2: 7}') == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'syntax = "proto3";', "it is the source of a schema; compile it with protoc --include_imports"),
        (b"rubbish", "it is not a descriptor set; protoc writes one with --include_imports --descriptor_set_out"),
        (None, "No such file or directory"),
    ],
)
def test_a_file_that_is_no_schema(capture, tmp_path, content, said):
    path = tmp_path / "x.proto"
    if content is not None:
        path.write_bytes(content)
    done = run("-r", capture, "--proto", str(path))
    assert (done.status, done.output) == (2, b"")
    (line,) = done.said
    assert line.startswith(f"sockfilter: reading {path}: {said}")
