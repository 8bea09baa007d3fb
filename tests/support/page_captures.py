"""Capture files for the page: a shop with its customers, and what an attacker would send."""

from __future__ import annotations

import json
import random
from typing import NamedTuple

from tests.support.captures import SECOND, START_NS, Timed, pcap
from tests.support.frames import Talk

PIXELS = (
    "89504e470d0a1a0a0000000d49484452000000100000001008020000009091683600000017494441547801636c60f8cf401a60229dc6a886611c"
    "0000ff0dfd01a0d1a2c10000000049454e44ae426082"
)
PICTURE = bytes.fromhex(PIXELS)
MILLISECOND = SECOND // 1000
# runs if anything of a capture is ever executed
ATTACK = "window.attacked=1"


class Turn(NamedTuple):
    """A request and its response, and how long the server takes."""

    request: bytes
    response: bytes
    wait_ns: int = MILLISECOND


def asked(
    method: str, target: str, body: bytes = b"", kind: str = "application/json", *fields: tuple[str, str]
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: shop.example", "User-Agent: browser/1", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in fields]
    if body:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answered(status: str, body: bytes = b"", kind: str = "application/json", *fields: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Server: shop", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + body


def capture_of(connections: list[list[Turn]], gap_ns: int = MILLISECOND) -> bytes:
    """A capture file with these connections, which begin one after the other."""
    packets: list[Timed] = []
    now = START_NS
    for number, turns in enumerate(connections):
        talk = Talk(ports=(40000 + number, 8000 + number % 3))
        for frame in talk.opening():
            packets.append((now, frame))
            now += gap_ns // 4
        for turn in turns:
            packets.append((now, talk.client(turn.request)))
            now += turn.wait_ns
            for at in range(0, len(turn.response), 1400):
                packets.append((now, talk.server(turn.response[at : at + 1400])))
                now += gap_ns // 8
            now += gap_ns
        packets += [(now + at, frame) for at, frame in enumerate(talk.closing())]
        now += gap_ns
    return pcap(packets)


def shop(count: int = 60) -> bytes:
    """Customers of a shop, some of whom fail."""
    chance = random.Random(1)
    turns = []
    for number in range(count):
        item = chance.randrange(100, 999)
        details = {
            "id": item,
            "name": f"item {item}",
            "tags": ["new", "blue"],
            "stock": {"berlin": number % 5, "open": True},
        }
        kinds = [
            Turn(asked("GET", f"/items/{item}?page=2"), answered("200 OK", json.dumps(details).encode())),
            Turn(asked("GET", f"/pictures/{item}.png"), answered("200 OK", PICTURE, "image/png")),
            Turn(
                asked("POST", "/cart", b'{"item": 7, "password": "hunter2"}'),
                answered("201 Created", b'{"ok": true}'),
                20 * MILLISECOND,
            ),
            Turn(asked("GET", f"/users/{item}"), answered("404 Not Found", b'{"error": "no such user"}')),
            Turn(
                asked("PUT", f"/items/{item}", b"<item><id>1</id><name>a</name></item>", "application/xml"),
                answered("500 Internal Server Error", b"Traceback", "text/plain"),
                60 * MILLISECOND,
            ),
        ]
        turns.append(kinds[number % 5]._replace(wait_ns=int(kinds[number % 5].wait_ns * chance.uniform(0.5, 2))))
    return capture_of([turns[at : at + 6] for at in range(0, count, 6)])


SCRIPT = f"<script>{ATTACK}</script>"
HANDLER = f'"><img src=x onerror="{ATTACK}"><svg onload="{ATTACK}">'
DOCUMENT = (
    f"<!doctype html><base href='http://attacker.example/'><link rel=stylesheet href=/a.css>{SCRIPT}<body"
    f" onload='{ATTACK}'>{HANDLER}<iframe srcdoc=\"{SCRIPT}\"></iframe><meta http-equiv=refresh content='0;url=/gone'>"
)
DRAWING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{ATTACK}">{SCRIPT}<image href="http://attacker.example/a"/></svg>'
)
KEYS = {f"</script>{SCRIPT}": HANDLER, "__proto__": {"attacked": 1}, "constructor": {"prototype": 1}, "<b>": ["</div>"]}
# a picture of 60 000 x 60 000 pixels, by its head
HUGE_PICTURE = PICTURE[:16] + (60_000).to_bytes(4, "big") * 2 + PICTURE[24:]


def hostile() -> bytes:
    """Exchanges in which every part is an attack on a page that shows it."""
    turns = [
        Turn(
            asked("GET", f"/{SCRIPT}?q={HANDLER.replace(' ', '+')}"), answered("200 OK", DOCUMENT.encode(), "text/html")
        ),
        Turn(
            asked("GET", "/a", b"", "", ("Referer", f"javascript:{ATTACK}"), ("X-Attack", HANDLER)),
            answered("200 OK", json.dumps(KEYS).encode(), "application/json", ("Location", f"javascript:{ATTACK}")),
        ),
        Turn(asked("GET", "/drawing.svg"), answered("200 OK", DRAWING.encode(), "image/svg+xml")),
        Turn(asked("GET", "/picture.png"), answered("200 OK", HUGE_PICTURE, "image/png")),
        Turn(
            asked(
                "GET",
                "/\u202egnp.exe\u2066",
                b"",
                "",
                ("X-Bidi", "a\u202eb\u200b\u2028c"),
                ("X-Marks", "a" + "\u0301" * 500),
            ),
            answered("200 \u202eKO\x1b[31m", "\u202e\x00\x1b]0;title\x07\ufeff".encode(), "text/plain"),
        ),
        Turn(asked("GET", "/" + "long/" * 1500), answered("200 OK", b"[" * 3000 + b"]" * 3000, "application/json")),
        Turn(
            asked("POST", "/form", f"a={SCRIPT}&{HANDLER}=b".encode(), "application/x-www-form-urlencoded"),
            answered("200 OK", b"\xff\xfe" + DOCUMENT.encode("utf-16-le"), f"text/html; charset={HANDLER}"),
        ),
        Turn(asked(f"<{ATTACK}>", "/x"), answered("299 " + SCRIPT, b"")),
    ]
    return capture_of([turns])
