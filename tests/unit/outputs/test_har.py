"""HAR files: each entry says what the format asks for, and the file is complete after each write."""

from __future__ import annotations

import json
import os
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from haralyzer import HarParser

from sockfilter.errors import CaptureFileError
from sockfilter.forms.har import har_entry
from sockfilter.model import Body, Connection, Endpoint
from sockfilter.outputs import file_end
from sockfilter.outputs.file_end import SPARE_BYTES
from sockfilter.outputs.har import HarOutput, StreamSink
from sockfilter.outputs.har_file import EndedFile, HarFile
from sockfilter.outputs.har_text import GROWING_CHARACTERS_MAX, HarText
from tests.support.exchanges import Collected, exchange
from tests.support.stream_messages import CLIENT, SERVER, websocket

POST = (
    b"POST /pay?card=1&token=abcdefghijkl HTTP/1.1\r\nHost: shop.example:8080\r\nCookie: a=1; b=2\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\n"
)
CREATED = (
    b"HTTP/1.1 201 Created\r\nContent-Type: image/png\r\nLocation: /pay/1\r\n"
    b"Set-Cookie: sid=secret; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly; SameSite=Lax\r\n\r\n"
)
UPGRADE = b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Source:
    identity = None
    filled = 0.0


def entries(data: bytes) -> list[dict[str, Any]]:
    return json.loads(data)["log"]["entries"]


def har_file(path: Path, **more: Any) -> HarFile:
    made = HarFile(str(path), HarText("1.2.3"), **more)
    made.begin(Source())  # type: ignore[arg-type]  # all that is asked of it
    return made


def test_an_entry_has_the_members_of_the_format():
    made = exchange(POST, CREATED, Body(4, 4, b"\x89PNG"))
    assert made.request is not None
    made.request.body = Body(11, 11, b"amount=3&x=")
    entry = har_entry(made, show_secrets=True)
    request, response = entry["request"], entry["response"]
    assert request["url"] == "http://shop.example:8080/pay?card=1&token=abcdefghijkl"
    assert request["queryString"] == [{"name": "card", "value": "1"}, {"name": "token", "value": "abcdefghijkl"}]
    assert request["cookies"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    assert request["postData"]["text"] == "amount=3&x="
    assert request["postData"]["params"] == [{"name": "amount", "value": "3"}, {"name": "x", "value": ""}]
    assert [field["name"] for field in request["headers"]] == ["Host", "Cookie", "Content-Type", "Content-Length"]
    assert response["content"] == {
        "size": 4,
        "mimeType": "image/png",
        "text": b64encode(b"\x89PNG").decode(),
        "encoding": "base64",
    }
    cookie = {"name": "sid", "value": "secret", "path": "/", "httpOnly": True, "sameSite": "Lax"}
    assert response["cookies"] == [{**cookie, "expires": "2026-10-21T07:28:00+00:00"}]
    assert response["redirectURL"] == "/pay/1"
    assert entry["timings"]["wait"] == 0.001
    assert entry["timings"]["dns"] == -1
    assert entry["time"] == 0.003
    assert entry["serverIPAddress"] == "10.0.0.1"


def test_secrets_are_masked_everywhere():
    made = exchange(POST, CREATED)
    text = json.dumps(har_entry(made))
    assert "abcdefghijkl" not in text
    assert "secret" not in text
    assert har_entry(made)["request"]["cookies"] == [{"name": "a", "value": "***"}, {"name": "b", "value": "***"}]


def test_a_missing_half_is_not_made_up():
    alone = har_entry(exchange(response=None))
    assert (alone["response"]["status"], alone["response"]["_error"]) == (0, "no response")
    assert alone["timings"]["wait"] == -1
    answered = har_entry(exchange(request=None))
    assert (answered["request"]["method"], answered["request"]["url"]) == ("", "http://10.0.0.1:80")


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (b"*", "http://x/*"),
        (b"http://other/a b", "http://other/a%20b"),
        (b"/\xe9?\xc3\xa4", "http://x/%E9?%C3%A4"),
        (b'/a\\b|c"', "http://x/a%5Cb%7Cc%22"),
        (b"/%2e%zz", "http://x/%2e%zz"),
    ],
)
def test_a_url_is_a_uri(target: bytes, url: str):
    entry = har_entry(exchange(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert entry["request"]["url"] == url


def test_a_unix_socket_has_no_address():
    made = exchange(connection=Connection(1, "unix", (Endpoint("", 0), Endpoint("/run/x.sock", 0)), 0))
    assert "serverIPAddress" not in har_entry(made)


def test_the_file_is_complete_after_each_write_and_private(tmp_path: Path):
    path = tmp_path / "x.har"
    with har_file(path) as file:
        assert entries(path.read_bytes()) == []
        for count in range(1, 4):
            file.write(exchange())
            file.flush()
            assert len(entries(path.read_bytes())) == count
    assert len(entries(path.read_bytes())) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_complete_after_each_system_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, written, seen = tmp_path / "x.har", os.pwrite, []

    def look(fd: int, data: memoryview, at: int) -> int:
        count = written(fd, data, at)
        if path.read_bytes().strip():
            seen.append(len(entries(path.read_bytes())))
        return count

    monkeypatch.setattr(file_end.os, "pwrite", look)
    opened = exchange(UPGRADE, SWITCHING)
    with har_file(path) as file:
        file.write(opened)
        for size in (1, 5000, 100_000):
            for _ in range(3):
                file.write(exchange(body=Body(size, size, b"x" * size)))
            file.write_message(websocket(b"hello" * size, CLIENT, exchange=opened))
            file.flush()
    # after each entry, and after each stretch of white space; the WebSocket with the largest message has no room
    assert seen == sorted(seen)
    assert set(seen) == {0, *range(2, 11)}


def test_another_reader_understands_it(tmp_path: Path):
    path = tmp_path / "x.har"
    with har_file(path) as file:
        file.write(exchange(POST, CREATED))
        file.write(exchange(response=None))
    parser = HarParser.from_file(str(path))
    found = [(entry.request.method, entry.request.url, entry.status) for page in parser.pages for entry in page.entries]
    assert found[0] == ("POST", "http://shop.example:8080/pay?card=1&token=***", 201)
    assert parser.creator["name"] == "sockfilter"


def test_what_has_no_room_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, written = tmp_path / "x.har", os.pwrite
    file = har_file(path)
    file.write(exchange())
    file.flush()
    before = path.read_bytes().rstrip() + b"\n"

    def full(fd: int, data: memoryview, at: int) -> int:
        room = len(before) + SPARE_BYTES - at
        if len(data) > room and room <= 0:
            raise OSError(28, "No space left on device")
        return written(fd, data[:room], at)

    monkeypatch.setattr(file_end.os, "pwrite", full)
    file.write(exchange(body=Body(SPARE_BYTES, SPARE_BYTES, b"x" * SPARE_BYTES)))
    with pytest.raises(CaptureFileError, match="No space left on device; free some space"):
        file.flush()
    assert path.read_bytes() == before


def test_a_pipe_gets_its_end_at_the_end():
    sink = Collected(step=7)
    output = HarOutput(StreamSink(sink), HarText())
    output.write(exchange())
    output.flush()
    output.write(exchange())
    output.close()
    assert len(entries(sink.data)) == 2


def test_messages_of_a_websocket_are_in_its_entry_before_it_ends(tmp_path: Path):
    path, opened = tmp_path / "x.har", exchange(UPGRADE, SWITCHING)
    with har_file(path) as file:
        file.write(opened)
        file.write(exchange())
        file.write_message(websocket(b"hello", CLIENT, exchange=opened))
        file.write_message(websocket(b"\x00\xff", SERVER, "binary", exchange=opened))
        file.flush()
        for _ in range(2):
            first, second = entries(path.read_bytes())
            assert "_webSocketMessages" not in first
            sent, received = second["_webSocketMessages"]
            assert (sent["type"], sent["opcode"], sent["data"]) == ("send", 1, "hello")
            assert (received["type"], received["opcode"], received["data"]) == ("receive", 2, "AP8=")
            for end in (CLIENT, SERVER):
                file.write_message(websocket(b"", end, "close", exchange=opened))
            file.flush()
            break
    _, after = entries(path.read_bytes())
    assert [message["opcode"] for message in after["_webSocketMessages"]] == [1, 2, 8, 8]


def test_messages_without_room_are_counted(tmp_path: Path):
    path, opened = tmp_path / "x.har", exchange(UPGRADE, SWITCHING)
    with har_file(path) as file:
        file.write(opened)
        file.write_message(websocket(b"x" * GROWING_CHARACTERS_MAX, exchange=opened))
        file.write_message(websocket(b"late", exchange=opened))
        assert file.missed == 1
    assert len(entries(path.read_bytes())[0]["_webSocketMessages"]) == 1


def test_only_so_many_exchanges(tmp_path: Path):
    path = tmp_path / "x.har"
    with har_file(path, limit=1) as file:
        file.write(exchange())
        file.write(exchange())
    assert len(entries(path.read_bytes())) == 1


def test_a_file_that_is_a_pipe(tmp_path: Path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = EndedFile(str(fifo))
    sink.add([(b"[1", b"]")])
    sink.finish([(b",2", b"]")])
    assert os.read(reader, 100) == b"[1,2]"
    os.close(reader)
