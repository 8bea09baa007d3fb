"""What a made command and a made test ask is what was asked: byte for byte, but for what they say they do otherwise."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import sockfilter
from sockfilter import Capture, Connection, Endpoint, Exchange, NotSeen
from sockfilter.model import Body
from tests.support.exchanges import OK, exchange
from tests.support.messages import names
from tests.support.recorder import Recorded, Recorder, read, recording
from tests.support.skips import need_root, need_tool
from tests.support.thorough import examples

TIMEOUT_S = 60
ALL_BYTES = bytes(range(256))
QUOTES = 'it\'s "quoted" `id` $(id) $HOME \\ ; & | > < * ? # ! ~ {a,b} [c] %s %20 \\n'
# what a command and a test frame by themselves
FRAMING = (b"content-length", b"transfer-encoding", b"content-encoding", b"trailer", b"expect")


def sent(line: str, *fields: str, body: bytes | None = None) -> bytes:
    """A request. body: with its length."""
    length = [] if body is None else [f"Content-Length: {len(body)}"]
    head = "\r\n".join([line, *fields, *length, "", ""])
    return head.encode("utf-8", "surrogateescape") + (body or b"")


HOST = "Host: HERE"
REQUESTS = {
    "nothing but a path": sent("GET / HTTP/1.1", HOST),
    "query": sent("GET /items?id=3&q=a%20b&q=%C3%BC&x[]=1&{y}=2 HTTP/1.1", HOST, "Accept: */*"),
    "json": sent("POST /items HTTP/1.1", HOST, "Content-Type: application/json", body=b'{"a": "it\'s \xc3\xbc"}'),
    "form": sent("POST /f HTTP/1.1", HOST, "Content-Type: application/x-www-form-urlencoded", body=b"a=1&b=%26+%2B"),
    "all bytes": sent("POST /b HTTP/1.1", HOST, body=ALL_BYTES + b"\0\0\\0%d-" + ALL_BYTES[::-1]),
    "a file by its name": sent("POST /b HTTP/1.1", HOST, body=b"@/etc/passwd"),
    "lines": sent("PUT /b HTTP/1.1", HOST, "Content-Type: text/plain", body=b"\n one\n\ttwo's\n\n"),
    "a long body": sent("POST /b HTTP/1.1", HOST, body=b"0123456789abcde\n" * 20_000),
    "a long binary body": sent("POST /b HTTP/1.1", HOST, body=ALL_BYTES * 1_000),
    "empty values": sent("GET /e HTTP/1.1", HOST, "X-Empty:", "Accept: ", "User-Agent:", "X-Last:"),
    "odd names": sent("GET /o HTTP/1.1", HOST, "!#$%&'*+-.^_`|~9: token", "x-lower: 1", "X-UPPER: 2", "2: 3"),
    "the same name again": sent("GET /s HTTP/1.1", HOST, "X-A: 1", "Cookie: a=1", "x-a: 2", "Cookie: b=2", "X-A: 1"),
    "metacharacters in fields": sent("GET /m HTTP/1.1", HOST, f"X-Odd: {QUOTES}", "X-More: 'a'", "X-Tab: a\tb"),
    "metacharacters in the target": sent("GET /'\"`id`$(id);&|*?a=<b>&c='d'#{e}[f]\\! HTTP/1.1", HOST),
    "metacharacters in the body": sent("POST /m HTTP/1.1", HOST, body=QUOTES.encode()),
    "bytes in fields": sent("GET /u HTTP/1.1", HOST, "X-Utf8: caf\u00e9", "X-Latin: caf\udce9 100%", "X-C: a\x1b[31mb"),
    "bytes in the target": sent("GET /\u00fc/\udcfc?\udcff=\u20ac HTTP/1.1", HOST),
    "dots and slashes": sent("GET //a/./b/../c/.? HTTP/1.1", HOST),
    "a question mark alone": sent("GET /? HTTP/1.1", HOST),
    "chunks": sent("POST /c HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"3\r\none\r\n4;a=b\r\n two\r\n0\r\n\r\n",
    "chunks of nothing": sent("POST /c HTTP/1.1", HOST, "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "chunks and a trailer": sent("POST /c HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Trailer: X-T")
    + b"3\r\none\r\n0\r\nX-T: 1\r\n\r\n",
    "length 0": sent("PUT /z HTTP/1.1", HOST, body=b""),
    "no length": sent("POST /z HTTP/1.1", HOST),
    "a body with GET": sent("GET /g HTTP/1.1", HOST, body=b"abc"),
    "HEAD": sent("HEAD /h?a=1 HTTP/1.1", HOST, "User-Agent: me"),
    "DELETE": sent("DELETE /items/3 HTTP/1.1", HOST, "Authorization: Bearer s3cr3t"),
    "all of the server": sent("OPTIONS * HTTP/1.1", HOST),
    "by a proxy": sent("GET http://user:pw@example.com:8080/a/../b?c#d HTTP/1.1", "Host: example.com:8080"),
    "by a proxy, to itself": sent("GET http://HERE/x HTTP/1.1", HOST, "Proxy-Connection: keep-alive"),
    "an older version": sent("GET /old HTTP/1.0", HOST, "User-Agent: Wget/1.0"),
    "an older version, no host": sent("GET /old HTTP/1.0"),
    "an older version, a body": sent("POST /old HTTP/1.0", "host: other", body=b"a=1"),
    "another host": sent("GET / HTTP/1.1", "X-First: 1", "Host: example.com", "Connection: close"),
    "an empty host": sent("GET / HTTP/1.1", "Host:"),
    "a packed body": sent(
        "POST /p HTTP/1.1", HOST, "Content-Encoding: gzip", "X-After: 1", body=gzip.compress(b"the same again " * 9)
    ),
    "a coding that nobody knows": sent("POST /p HTTP/1.1", HOST, "Content-Encoding: smoke", body=ALL_BYTES),
    "who waits to be asked on": sent("POST /w HTTP/1.1", HOST, "Expect: 100-continue", body=b"abc"),
    "a method of its own": sent("PROPFIND /dav/ HTTP/1.1", HOST, "Depth: 1", body=b"<propfind/>"),
}
# these take a form that curl does not have
NOT_FOR_CURL = {
    "a blank value": sent("GET /v HTTP/1.1", HOST, "X-Blank: \v\f"),
    "a body with HEAD": sent("HEAD /h HTTP/1.1", HOST, body=b"abc"),
    "NUL in a field": sent("GET / HTTP/1.1", HOST, "X-Nul: a\0b"),
    "no name": sent("GET / HTTP/1.1", HOST, ": value"),
    "a name of a file": sent("GET / HTTP/1.1", HOST, "@/etc/passwd: value"),
    "a semicolon for a name": sent("GET / HTTP/1.1", HOST, "a;b:"),
}


@dataclass(frozen=True)
class Seen:
    """A request that was made: what was seen of it, and what arrived."""

    exchange: Exchange
    arrived: Recorded


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with recording() as made:
        yield made


@pytest.fixture(scope="module")
def capture(recorder: Recorder) -> Iterator[Capture]:
    need_root()
    with sockfilter.capture("lo", ports=recorder.port, body=None) as made:
        yield made


@pytest.fixture(scope="module")
def seen(recorder: Recorder, capture: Capture) -> dict[str, Seen]:
    """All the requests, by their names."""
    made = {}
    for name, request in (REQUESTS | NOT_FOR_CURL).items():
        after = capture.mark()
        arrived = recorder.tell(request.replace(b"HERE", b"127.0.0.1:%d" % recorder.port))
        made[name] = Seen(after.one(), arrived)
    return made


@pytest.fixture(scope="module")
def by_tests(
    recorder: Recorder, seen: dict[str, Seen], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Recorded]:
    """What arrives when all the made tests are run."""
    folder = tmp_path_factory.mktemp("made")
    for number, one in enumerate(seen.values()):
        (folder / f"test_{number:03}.py").write_text(one.exchange.as_pytest(), "ascii")
    run_tests(folder)
    return {name: recorder.next() for name in seen}


def run_tests(folder: Path, *, may_fail: bool = False) -> str:
    """Gives what pytest says."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(folder)]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert may_fail or done.returncode == 0, done.stdout
    return done.stdout


def run_curl(command: str, shell: str = "sh") -> None:
    """As from a file: one argument of sh would be too short for a long one."""
    done = subprocess.run(
        [need_tool(shell)], input=command.encode(), capture_output=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr


def assert_asked_again(first: Recorded, again: Recorded, *moved: bytes) -> None:
    """moved: fields that may be elsewhere, and whose case of letters may be another."""
    is_packed = first.values(b"content-encoding") == [b"gzip"]
    assert again.line == first.line
    assert again.body == (gzip.decompress(first.body) if is_packed else first.body)
    left_out = (*FRAMING, *moved)
    assert again.without(*left_out) == first.without(*left_out)
    for name in (*moved, b"transfer-encoding", *(() if is_packed else (b"content-encoding", b"content-length"))):
        assert again.values(name) == first.values(name)
    assert again.values(b"expect") == []


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("name", REQUESTS)
def test_by_curl(recorder: Recorder, seen: dict[str, Seen], name: str, shell: str):
    need_tool("curl")
    command = seen[name].exchange.as_curl()
    # whoever prints it sees one line, or those of the body, and nothing moves the cursor
    assert command.replace("\n", "").replace("\t", "").isprintable()
    run_curl(command, shell)
    assert_asked_again(seen[name].arrived, recorder.next(), b"host")


@pytest.mark.parametrize("name", REQUESTS | NOT_FOR_CURL)
def test_by_pytest(seen: dict[str, Seen], by_tests: dict[str, Recorded], name: str):
    assert_asked_again(seen[name].arrived, by_tests[name])


@pytest.mark.parametrize("name", NOT_FOR_CURL)
def test_what_curl_does_not_send_is_refused(seen: dict[str, Seen], name: str):
    with pytest.raises(NotSeen, match=r"repeating <Exchange \d+ .*: "):
        seen[name].exchange.as_curl()


def constructed(port: int, head: bytes, body: bytes = b"", host: str = "127.0.0.1") -> Exchange:
    """As it would be seen, without a network."""
    made = exchange(head, OK, connection=Connection(1, "lo", (Endpoint("127.0.0.1", 40000), Endpoint(host, port)), 0))
    made.request.body = Body(len(body), len(body), body)
    return made


# more than a field's value may have (RFC 9110, 5.5): all but NUL and ends of lines
values = st.binary(max_size=40).map(lambda value: value.translate(None, b"\0\n").strip(b" \t\r"))
# curl sends no field whose value is of white space alone, as C's isspace() has it
values = values.map(lambda value: value if value.strip(b"\v\f\r") else b"")


@given(st.lists(st.tuples(names.filter(lambda name: name[0] != "@"), values), max_size=4), st.binary(max_size=80))
@example([("X", b"-"), ("Y", b"@x"), ("Z", b"%d\\n'")], b"-n \\c%s'")
@examples(20)
def test_any_values_and_any_body_go_through_curl(recorder: Recorder, fields: list[tuple[str, bytes]], body: bytes):
    need_tool("curl")
    lines = [b"%b: %b\r\n" % (name.encode(), value) for name, value in fields]
    length = b"Content-Length: %d\r\n" % len(body)
    head = b"POST /any HTTP/1.1\r\nHost: x\r\n%b%b\r\n" % (b"".join(lines), length)
    run_curl(constructed(recorder.port, head, body).as_curl())
    assert_asked_again(read(BytesIO(head + body)), recorder.next(), b"host")


@given(st.binary(min_size=1, max_size=40).map(lambda target: target.translate(None, b"\0\r\n\t ")))
@examples(20)
def test_any_target_goes_through_curl(recorder: Recorder, target: bytes):
    need_tool("curl")
    head = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % target
    run_curl(constructed(recorder.port, head).as_curl())
    assert_asked_again(read(BytesIO(head)), recorder.next(), b"host")


def test_a_server_by_ipv6():
    need_tool("curl")
    with recording("::1") as server:
        run_curl(constructed(server.port, b"GET /six HTTP/1.1\r\nHost: x\r\n\r\n", host="::1").as_curl())
        assert server.next().line == b"GET /six HTTP/1.1"


ANSWERS = {
    "text": (b"200 OK", b"Content-Type: text/plain; charset=utf-8", "caf\u00e9 'n' \"tea\"\n".encode()),
    "all bytes": (b"203 Whatever", b"Content-Type: application/octet-stream", ALL_BYTES),
    "nothing": (b"404 Not Found", b"X-Nothing: at all", b""),
    "json": (
        b"201 Created",
        b"Content-Type: application/problem+json",
        b'{"a": [1, 1.5e3, null, true, "\\ud800\xc3\xbc"]}',
    ),
    "json that is none": (b"200 OK", b"Content-Type: application/json", b"{"),
    "json with NaN": (b"200 OK", b"Content-Type: application/json", b"[NaN]"),
    "json without end": (b"200 OK", b"Content-Type: application/json", b"[-Infinity, 1e999]"),
    "json too large for a float": (b"200 OK", b"Content-Type: application/json", b"[1e999]"),
    "json of many levels": (b"200 OK", b"Content-Type: application/json", b"[" * 150 + b"]" * 150),
    "json of too many levels": (b"200 OK", b"Content-Type: application/json", b"[" * 100_000),
    "json of many digits": (b"200 OK", b"Content-Type: application/json", b"1" * 5000),
    "json in two bytes": (b"200 OK", b"Content-Type: application/json", '{"a": 1}'.encode("utf-16")),
    "a kind in other bytes": (b"200 OK", b"Content-Type: text/\xff", b"x"),
    "packed": (b"200 OK", b"Content-Type: text/plain\r\nContent-Encoding: gzip", gzip.compress(b"packed " * 9)),
    "packed json": (b"200 OK", b"Content-Type: text/json\r\nContent-Encoding: GZIP", gzip.compress(b'{"a": 1}')),
    "packed twice": (
        b"200 OK",
        b"Content-Encoding: gzip\r\nContent-Encoding: gzip",
        gzip.compress(gzip.compress(b"packed ")),
    ),
    "packed otherwise": (b"200 OK", b"Content-Encoding: deflate", zlib.compress(b"packed ")),
    "not packed at all": (b"200 OK", b"Content-Encoding: gzip", b"packed"),
    "no content": (b"204 No Content", b"X-A: 1", b""),
}


# codings that the standard library does not undo, and what is none
UNASSERTED = ("packed twice", "packed otherwise", "not packed at all")


def answer(name: str, *, is_chunked: bool) -> bytes:
    status, fields, body = ANSWERS[name]
    framing = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    if is_chunked and body:
        framing = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return b"HTTP/1.1 %b\r\n%b\r\n%b" % (status, fields, framing)


def outcomes(folder: Path) -> str:
    """A letter for each test: . for passed, F for failed."""
    return re.sub(r"\s.*", "", run_tests(folder, may_fail=True), flags=re.DOTALL)


def test_the_made_tests_expect_the_same_answers(capture: Capture, recorder: Recorder, tmp_path: Path):
    for number, name in enumerate(ANSWERS):
        recorder.answers[b"/%d" % number] = answer(name, is_chunked=bool(number % 2))
        after = capture.mark()
        recorder.tell(sent(f"GET /{number} HTTP/1.1", HOST))
        (tmp_path / f"test_{number:03}.py").write_text(after.one().as_pytest(), "ascii")
    assert outcomes(tmp_path) == "." * len(ANSWERS)
    for number, (status, fields, _) in enumerate(ANSWERS.values()):
        other = gzip.compress(b"[0]") if b"gzip" in fields.lower() else b"[0]"
        recorder.answers[b"/%d" % number] = b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, fields, other)
    # 204 has no body, whatever follows
    blind = (*UNASSERTED, "no content")
    assert outcomes(tmp_path) == "".join("." if name in blind else "F" for name in ANSWERS)
