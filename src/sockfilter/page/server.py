"""The server of the page. It runs in a process of its own, which has no rights and never captures.

Browsers ask for lines from a number on, so each takes them at its own pace, and a slow one makes nobody wait.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sockfilter.page import document, pipe
from sockfilter.page.guard import TOKEN_FIELD, RequestGuard
from sockfilter.page.lines import KeptLines

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from sockfilter.page.addresses import WebAddress

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Seconds that a request for lines waits for some, and seconds between the first new line and the answer: a browser
# draws ten times a second.
WAIT_S, GATHER_S = 20.0, 0.1
# Requests at a time. A browser has one under way.
REQUESTS_MAX = 64
READ_BYTES = 1 << 20
# Digits of a line's number.
DIGITS_MAX = 15
NO_TOKEN = "the address lacks its token: open the whole address that sockfilter printed, with ?token=..."
FIELDS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": document.LIVE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "sockfilter",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
TYPES = {"page.js": "text/javascript", "page.css": "text/css"}


class Server:
    """Serves the page and the lines of a pipe, until the other end of the pipe is closed.

    Args:
        fd: the descriptor of the pipe.
        listener: the listening socket.
        at: where it listens.
        token: what a browser must know.
        about: what the front end must know.
    """

    def __init__(self, fd: int, listener: socket.socket, at: WebAddress, token: str, about: dict[str, Any]) -> None:
        self._fd, self._listener = fd, listener
        self._guard = RequestGuard(at, token)
        self._about = document.embedded(about)
        self._page = document.live()
        self._assets = {name: document.asset(name) for name in TYPES}
        self._lines = KeptLines()
        self._rest = b""
        self._missed = 0
        self._has_ended = False
        self._requests = 0

    async def serve(self, confine: Callable[[], object]) -> None:
        """Serves until the pipe ends. confine: is called once the server listens, and before it reads anything."""
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        os.set_blocking(self._fd, False)
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get("/", self._get_page)
        app.router.add_get("/about", self._get_about)
        app.router.add_get("/lines", self._get_lines)
        for name in TYPES:
            app.router.add_get(f"/{name}", self._get_asset)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self._listener).start()
        confine()
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        await self._closed.wait()
        await runner.cleanup()

    def _read(self) -> None:
        """Takes what the capture has written."""
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._closed.set()
            return
        pieces = (self._rest + data if self._rest else data).split(b"\n")
        self._rest = pieces.pop()
        lines = [piece + b"\n" for piece in pieces]
        for line in [line for line in lines if line.startswith(b"!")]:
            lines.remove(line)
            if line == pipe.ENDED:
                self._has_ended = True
            elif line.startswith(pipe.MISSED):
                self._missed = int(line[len(pipe.MISSED) :])
        self._lines.add(lines)
        self._changed.set()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers only those who may read the page."""
        response: web.StreamResponse
        refusal = self._guard.refusal(request.headers)
        if refusal is not None:
            response = web.Response(status=refusal.status, text=f"sockfilter: {refusal.words}\n")
        elif self._requests >= REQUESTS_MAX:
            response = web.Response(status=503, text="sockfilter: there are too many requests at a time\n")
        else:
            self._requests += 1
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=f"sockfilter: {error.reason}\n")
            finally:
                self._requests -= 1
        response.headers.update(FIELDS)
        return response

    def _refused(self, token: str) -> web.Response | None:
        return None if self._guard.knows(token) else web.Response(status=403, text=f"sockfilter: {NO_TOKEN}\n")

    async def _get_page(self, request: web.Request) -> web.Response:
        return self._refused(request.query.get("token", "")) or web.Response(text=self._page, content_type="text/html")

    async def _get_asset(self, request: web.Request) -> web.Response:
        name = request.path[1:]
        return web.Response(text=self._assets[name], content_type=TYPES[name])

    async def _get_about(self, request: web.Request) -> web.Response:
        refused = self._refused(request.headers.get(TOKEN_FIELD, ""))
        return refused or web.Response(text=self._about, content_type="application/json")

    async def _get_lines(self, request: web.Request) -> web.Response:
        refused = self._refused(request.headers.get(TOKEN_FIELD, ""))
        if refused is not None:
            return refused
        number = request.query.get("from", "")
        if not (number.isascii() and number.isdecimal() and len(number) <= DIGITS_MAX):
            return web.Response(status=400, text="sockfilter: from is not the number of a line\n")
        start = int(number)
        if start >= self._lines.end and not self._has_ended:
            await self._wait(start)
        part = self._lines.since(start)
        fields = {
            "Sockfilter-Next": str(part.next),
            "Sockfilter-Skipped": str(part.skipped),
            "Sockfilter-Total": str(self._lines.end),
            "Sockfilter-Missed": str(self._missed),
            "Sockfilter-Ended": str(int(self._has_ended)),
        }
        if part.is_compressed:
            fields["Content-Encoding"] = "deflate"
        return web.Response(body=part.content, headers=fields, content_type="application/jsonl", charset="utf-8")

    async def _wait(self, start: int) -> None:
        """Waits for lines, and gathers some."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._come(start), WAIT_S)
        if not self._has_ended:
            await asyncio.sleep(GATHER_S)

    async def _come(self, start: int) -> None:
        """Returns when there are lines from a number on, or when the capture has ended."""
        while start >= self._lines.end and not self._has_ended:
            self._changed.clear()
            await self._changed.wait()
