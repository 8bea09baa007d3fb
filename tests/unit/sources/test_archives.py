"""HAR files, read: what others write, what this program writes, and what is damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sockfilter
from sockfilter.errors import CaptureFileError, InvalidArgument
from sockfilter.outputs.har_file import HarFile
from sockfilter.outputs.har_text import HarText
from sockfilter.sources.archives import entries as reading
from sockfilter.sources.archives.entries import Entries
from sockfilter.sources.archives.exchanges import ExchangeMaker
from tests.support.exchanges import exchange

CHROMIUM: dict[str, Any] = {
    "_connectionId": "113",
    "_resourceType": "fetch",
    "cache": {},
    "connection": "443",
    "request": {
        "method": "POST",
        "url": "https://api.example/v1/items?id=3&x=%20#top",
        "httpVersion": "h2",
        "headers": [
            {"name": ":authority", "value": "api.example"},
            {"name": ":method", "value": "POST"},
            {"name": "content-type", "value": "application/json"},
        ],
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": 7,
        "postData": {"mimeType": "application/json", "text": '{"a":1}'},
    },
    "response": {
        "status": 201,
        "statusText": "",
        "httpVersion": "http/2.0",
        "headers": [{"name": "Content-Type", "value": "image/png"}],
        "cookies": [],
        "content": {"size": 4, "mimeType": "image/png", "text": "iVBORw==", "encoding": "base64"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
        "_transferSize": 90,
    },
    "serverIPAddress": "[2001:db8::1]",
    "startedDateTime": "2026-11-20T09:12:20.867+01:00",
    "time": 30.5,
    "timings": {"blocked": 1.5, "dns": -1, "ssl": 3, "connect": 5, "send": 0.25, "wait": 20, "receive": 4},
}


def archive(*entries: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": entries}}).encode()


def read_all(data: bytes) -> list[dict[str, Any]]:
    return list(Entries(io.BytesIO(data), "x.har"))


def made(entry: Any) -> sockfilter.Exchange:
    return ExchangeMaker().exchange(entry)


def test_an_entry_of_chromium():
    found = made(CHROMIUM)
    request, response = found.request, found.response
    assert request is not None
    assert response is not None
    assert (request.method, request.target, request.host, request.version) == (
        "POST",
        "/v1/items?id=3&x=%20",
        "api.example",
        "2",
    )
    assert list(request.headers) == [("content-type", "application/json")]
    assert request.json() == {"a": 1}
    assert (response.status, bytes(response.body), response.version) == (201, b"\x89PNG", "2")
    assert str(found.server) == "[2001:db8::1]:443"
    # the request begins when the connection is there
    assert found.to_dict()["time"] == "2026-11-20T08:12:20.873500000Z"
    assert found.timing.wait == 0.02
    assert found.timing.total == 0.02425
    assert found.complete


def test_a_browser_says_https_in_the_url_alone():
    found = made(CHROMIUM)
    assert found.to_dict()["tls"] == {
        **dict.fromkeys(("version", "suite", "alpn", "resumed")),
        "sni": "api.example",
        "opened": "har",
    }
    assert "https://api.example:443/v1/items" in found.as_curl()
    request = {**CHROMIUM["request"], "url": "https://[2001:db8::1]/"}
    by_address = made({**CHROMIUM, "request": request})
    assert (by_address.tls and by_address.tls.sni) is None
    assert made({**CHROMIUM, "request": {**request, "url": "http://api.example/"}}).tls is None
    assert made({**CHROMIUM, "_tls": {"version": 1.3, "resumed": "x", "opened": []}}).tls == (*[None] * 5, "har")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timings": {"send": 1, "wait": -1, "receive": 2}}, None),
        ({"timings": {}}, None),
        ({"timings": "x", "startedDateTime": 7}, None),
        ({"startedDateTime": "2026-13-40T00:00:00Z"}, None),
        ({"timings": {"send": 0, "wait": 1, "receive": 1}}, 0.002),
    ],
)
def test_times_that_are_not_known(change: dict[str, Any], expected: float | None):
    assert made({**CHROMIUM, **change}).timing.total == expected


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"request": None, "response": []},
        {"request": {"method": 1, "url": [], "headers": 5}, "response": {"status": "200"}},
        {"request": {"method": "GET", "url": "not a url", "headers": [{"name": "a"}, 7, {"value": "x"}]}},
        {"request": {"method": "GET", "url": "http://x:99999999/"}, "_client": {"pid": "x", "port": -1}},
        {"response": {"status": 200, "content": {"text": "%%%", "encoding": "base64"}}},
        {"response": {"status": 200, "content": {"text": "\ud800x", "size": 1e300}}},
        {"request": {"method": "GET", "url": "http://x/"}, "_webSocketMessages": [1, {"opcode": None, "data": 5}]},
    ],
)
def test_wrong_forms_raise_nothing(entry: dict[str, Any]):
    maker = ExchangeMaker()
    found = maker.exchange(entry)
    if found.request is not None or found.response is not None:
        maker.messages(entry, found)
        str(found)
        found.to_dict()


def test_a_body_that_the_browser_dropped_is_cut():
    entry = {**CHROMIUM, "response": {**CHROMIUM["response"], "content": {"size": 400, "mimeType": "text/html"}}}
    response = made(entry).response
    assert response is not None
    assert response.body.is_cut


def test_what_was_written_reads_the_same(tmp_path: Path):
    path = tmp_path / "x.har"
    first = exchange(b"POST /a?b=1 HTTP/1.1\r\nHost: x\r\nX: 1\r\nx: 2\r\n\r\n", b"HTTP/1.0 404 No\r\nA: b\r\n\r\n")
    second = exchange(response=None)
    second.replace_problems(sockfilter.Problem.NO_RESPONSE)
    with HarFile(str(path), HarText()) as file:
        file.begin(type("Source", (), {"identity": None})())
        file.write(first)
        file.write(second)
    found = list(sockfilter.read(str(path)))
    for written, read in zip((first, second), found, strict=True):
        one, other = written.to_dict(), read.to_dict()
        for name in ("authority", "scheme"):
            other["request"].pop(name)
        assert other | {"interface": "", "connection": 0} == one | {"interface": "", "connection": 0}


@given(st.integers(1, 40), st.integers(1, 5))
def test_it_is_read_in_any_blocks(block: int, spaces: int):
    data = archive(CHROMIUM, {}, CHROMIUM).replace(b", ", b"," + b" " * spaces)
    before, reading.BLOCK_BYTES = reading.BLOCK_BYTES, block
    try:
        assert read_all(b"\xef\xbb\xbf" + data) == [CHROMIUM, {}, CHROMIUM]
    finally:
        reading.BLOCK_BYTES = before


def test_members_come_in_any_order():
    log = '{"pages": [], "entries": [{"request": {}}], "creator": {"entries": [1]}}'
    data = f'{{"x": {{"entries": [2]}}, "log": {log}}}'.encode()
    assert read_all(data) == [{"request": {}}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends too early"),
        (b"hello", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"a": 1}', "no member log"),
        (b'{"log": []}', "not an object"),
        (b'{"log": {"entries": {}}}', "not a list"),
        (b'{"log": {"version": "1.2"}}', "no entries"),
        (b'{"log": {"entries": [1]}}', "entry 1 is not an object"),
        (b'{"log": {"entries": [{} {}]}}', "the 1 entries before were read"),
        (b'{"log": {"entries": [' + b"[" * 100_000, "too deep"),
    ],
)
def test_what_is_no_archive_gets_one_line(data: bytes, words: str):
    with pytest.raises(CaptureFileError, match=words) as error:
        read_all(data)
    assert "\n" not in str(error.value)


def test_a_file_that_is_cut_gives_what_comes_before():
    whole = archive(CHROMIUM, CHROMIUM)
    for size in range(len(whole) - 200, len(whole) - 2, 7):
        found: list[dict[str, Any]] = []
        with pytest.raises(CaptureFileError):
            found.extend(Entries(io.BytesIO(whole[:size]), "x.har"))
        assert found[:1] == [CHROMIUM]


def test_reading_by_the_library(tmp_path: Path):
    path = tmp_path / "browser.json"  # recognised by its content
    path.write_bytes(archive(CHROMIUM, CHROMIUM))
    reading = sockfilter.read(str(path), where="status == 201")
    assert [found.response.status for found in reading if found.response] == [201, 201]
    assert reading.ledger.is_balanced
    with pytest.raises(InvalidArgument, match="no packets to leave out"):
        next(sockfilter.read(str(path), ports=[80]))
    path.write_bytes(archive(CHROMIUM)[:-3] + b"?")
    broken = sockfilter.read(str(path))
    assert next(broken).response is not None
    with pytest.raises(CaptureFileError):
        next(broken)
