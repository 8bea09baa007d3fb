"""Large bodies are written in pieces, and what comes out is the same as in one."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from sockfilter.escape import printable_lines
from sockfilter.forms import large
from sockfilter.forms.line import BODIES
from sockfilter.masking import bodies as secrets_in_bodies
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.raw import RawOutput
from tests.support.wire import BodyPolicy, Orders, Road, Wire, read_records

if TYPE_CHECKING:
    from sockfilter.model import Exchange

# of a window here, so that each of these has many
WINDOW_BYTES = 6

CONTENTS = {
    "text": b"one\r\ntwo\r\n\r\n\tthree\nfour and more\r\n",
    "no line feed": b"a line that is longer than a window and does not end",
    "carriage returns": b"\r\r\r\r\r\r\r\r\r\r\r\r\r\n\r\r\nabc\r",
    "line feeds": b"\n" * 40,
    "several bytes a character": "é漢😀\n".encode() * 9,
    "combining marks": "e\u0301\u0301\u0301\u0301 क\u093c\u093e\n".encode() * 5 + "\u0301".encode() * 200 + b"a",
    "escapes": b'\x1b[2Jquoted "\\ \x7f' * 5,
    "control characters": b"\x01" * 50,
    "zeros": bytes(41),
    "no text": b"\xff\xfe" * 9,
    "half a character at the end": "漢".encode() * 9 + b"\xe6",
    "a secret": b'{"password": "hunter22", "name": "x"}' * 3,
    "a secret in an encoding": b"a=b&t%256fken=x1234567&c=d",
}
OUTPUTS = {
    "json": lambda sink, show: JsonOutput(sink, bodies=True, show_secrets=show),
    "text": lambda sink, show: TextOutput(sink, verbosity=BODIES, show_secrets=show),
    "raw": lambda sink, show: RawOutput(sink, show_secrets=show),
}


class Sent:
    """What is written, and the largest piece of it."""

    def __init__(self) -> None:
        self.data = b""
        self.most = 0

    def write(self, data: memoryview, /) -> int:
        self.data += data
        self.most = max(self.most, len(data))
        return len(data)


def told(content: bytes, kept: int = 1 << 62) -> Exchange:
    """An exchange whose response has this body, of which so many bytes were kept."""
    wire = Wire()
    talker = wire.connection()
    talker.client(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content)
    talker.server(head + content[:1000])
    for at in range(1000, len(content), 60_000):
        talker.server(content[at : at + 60_000])
    found: list[Exchange] = []
    read_records(Road(Orders(), BodyPolicy(kept), True, has_lane=False), wire.records, found.append)
    return found[0]


@pytest.mark.parametrize("cut", [0, 1, 2])
@pytest.mark.parametrize("show_secrets", [False, True])
@pytest.mark.parametrize("form", OUTPUTS)
@pytest.mark.parametrize("name", CONTENTS)
def test_the_same_bytes_as_in_one(
    name: str, form: str, show_secrets: bool, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = CONTENTS[name]
    exchange = told(content, len(content) - cut)
    whole = OUTPUTS[form](Sent(), show_secrets).render(exchange)
    for module in (large, secrets_in_bodies):
        monkeypatch.setattr(module, "WINDOW_BYTES", WINDOW_BYTES)
        monkeypatch.setattr(module, "LARGE_BYTES", 1)
    monkeypatch.setattr("sockfilter.forms.content_lines.LARGE_BYTES", 1)
    sent = Sent()
    output = OUTPUTS[form](sent, show_secrets)
    output.write(exchange)
    assert sent.data == whole
    assert form != "json" or json.loads(sent.data)


@pytest.mark.parametrize("size", range(1, 12))
def test_lines_are_printable_wherever_they_are_divided(size: int) -> None:
    text = "a\r\n\r\r\n\t\x1b e\u0301\u0301x\u0301\u0301\u0301\u0301\u0301漢\r"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert "".join(large.printable_pieces(pieces)) == printable_lines(text)


@pytest.mark.parametrize("text", ["\n", "a", "a\n", "\n\na\n\n", "ab\ncd"])
def test_lines_are_indented_wherever_they_are_divided(text: str) -> None:
    wanted = "".join(f"> {line}\n" for line in text.removesuffix("\n").split("\n"))
    for at, to in itertools.combinations(range(len(text) + 1), 2):
        assert "".join(large.indented_lines((text[:at], text[at:to], text[to:]), "> ")) == wanted


@pytest.mark.parametrize("content", [b"\x01 plain text " * 100_000, bytes(5 << 18), b"\n" * (5 << 18)])
@pytest.mark.parametrize("form", ["json", "text"])
def test_no_large_piece_is_made(content: bytes, form: str) -> None:
    sent = Sent()
    output = OUTPUTS[form](sent, False)
    exchange = told(content)
    whole = output.render(exchange)
    output.write(exchange)
    assert sent.data == whole
    assert sent.most <= max(12 * large.WINDOW_BYTES, 1000)


def test_lines_before_and_behind_keep_their_order() -> None:
    sent = Sent()
    output = OUTPUTS["json"](sent, False)
    small, big = told(b"x"), told(b"x" * large.LARGE_BYTES)
    for exchange in (small, big, small):
        output.write(exchange)
    output.flush()
    assert sent.data == b"".join(map(output.render, (small, big, small)))
