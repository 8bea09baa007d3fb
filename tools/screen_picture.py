# SPDX-License-Identifier: BSD-3-Clause
"""The picture of the live screen: a real server, real clients, a real capture, and the screen without a terminal."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import sockfilter
from sockfilter.recent.store import RecentExchanges
from sockfilter.screen.app import ScreenApp
from sockfilter.screen.watched import Look, WatchedCapture

SIZE = (126, 36)
ITEM = {"id": 7, "name": "tea", "price": 3.5, "tags": ["green", "loose"], "in_stock": True}
# Fonts that the picture would load from elsewhere. Without them, it has the reader's own.
FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
PAUSE_S = 0.1
PATIENCE_S = 20


class Shop(BaseHTTPRequestHandler):
    """Answers as a shop does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers with an item, slowly with a report, and with an error otherwise."""
        if self.path.startswith("/items/7"):
            self.answer(200, json.dumps(ITEM).encode())
        elif self.path.startswith("/report"):
            time.sleep(0.08)
            self.answer(200, b"x" * 40_000, "text/csv")
        elif self.path.startswith("/charge"):
            self.answer(503, b'{"error": "the bank does not answer"}')
        elif self.path.startswith("/logo"):
            self.answer(200, b"\x89PNG\r\n\x1a\n" + bytes(900), "image/png")
        else:
            self.answer(404, b"{}")

    def do_POST(self) -> None:
        """Reads the body, and answers as for GET."""
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(0.02)
        self.do_GET()

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        """Sends a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Says nothing."""


def _talk(port: int) -> None:
    """Makes some requests, as a browser and a job would."""
    for _ in range(2):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        for method, target, body in (
            ("GET", "/logo.png", None),
            ("GET", "/items/7", None),
            ("GET", "/report?month=5", None),
            ("POST", "/charge", b'{"amount": 3.5, "token": "not-for-your-eyes"}'),
            ("GET", "/nowhere", None),
            ("GET", "/items/7?token=not-for-your-eyes", None),
        ):
            headers = {"Host": "shop.example", "Authorization": "Bearer not-for-your-eyes"}
            connection.request(method, target, body, headers)
            connection.getresponse().read()
        connection.close()


def screen_picture() -> str:
    """Returns the picture as SVG."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store = RecentExchanges()
    with sockfilter.capture("lo", ports=server.server_port, emit=store.add) as capture:
        _talk(server.server_port)
        capture.flush()
        look = Look(capture.ledger, tuple(capture.connections))
        server.shutdown()
    for recent in store.since(0):
        # the paths of this machine do not belong into a document
        one, other = (each and each._replace(exe=None, cmdline=None) for each in recent.exchange.processes)
        recent.exchange.processes = one, other
    return FONT.sub("", asyncio.run(_drawn(WatchedCapture("lo", store, _wait, lambda: look))))


def _wait() -> None:
    """Goes on as long as the picture needs it."""
    time.sleep(PATIENCE_S)


async def _drawn(watched: WatchedCapture) -> str:
    app = ScreenApp(watched)
    async with app.run_test(size=SIZE) as pilot:
        end_s = time.monotonic() + PATIENCE_S
        while len(app.chosen) < len(watched.store) and time.monotonic() < end_s:
            await pilot.pause(PAUSE_S)
        await pilot.press("enter")
        await pilot.pause(5 * PAUSE_S)  # the status follows the table
        picture = app.export_screenshot(title="sudo sockfilter top -i lo")
    watched._is_left.set()
    return picture
