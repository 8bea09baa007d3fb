"""Clients that go on for hours at a steady rate, and count what they have asked for."""

from __future__ import annotations

import random
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tests.soak import talks

if TYPE_CHECKING:
    from tests.support.servers import Site

THREADS = 4
IDLE_CONNECTIONS = 50
# seconds between two requests on a connection that idles
IDLE_S = 45.0


class Clients:
    """Ask until stop(). For the mixture see talks.MIX.

    Args:
        site: whom.
        rate: requests a second, together.

    Attributes:
        requests: that were begun.
        failures: what went wrong, by what went wrong; on an untroubled machine, nothing.
    """

    def __init__(self, site: Site, rate: float) -> None:
        self._site = site
        self._pause_s = THREADS / rate
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.requests = 0
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._talk, args=(number,)) for number in range(THREADS)]
        self._threads.append(threading.Thread(target=self._idle))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _talk(self, seed: int) -> None:
        order = random.Random(seed)
        kinds = [kind for kind, times in talks.MIX for _ in range(times)]
        due_s = time.monotonic()
        while not self._ended.is_set():
            kind = order.choice(kinds)
            try:
                count = kind(self._site)
            except (OSError, AssertionError, ValueError) as error:
                self.failures.append(f"{kind.__name__}: {error!r}")
                return
            self._count(count)
            due_s = max(due_s + self._pause_s * count, time.monotonic() - 1)  # what is late by more stays late
            self._ended.wait(max(0.0, due_s - time.monotonic()))

    def _idle(self) -> None:
        with ExitStack() as stack:
            links = [stack.enter_context(self._site.connect()) for _ in range(IDLE_CONNECTIONS)]
            answers = [stack.enter_context(link.makefile("rb")) for link in links]
            while True:
                for link, answer in zip(links, answers, strict=True):
                    link.sendall(talks.get("/idle"))
                    talks.read(answer)
                self._count(IDLE_CONNECTIONS)
                if self._ended.wait(IDLE_S):
                    return

    def _count(self, requests: int) -> None:
        with self._lock:
            self.requests += requests
