"""Live captures in several threads: one takes, others look, wait, iterate and close; flush() stays exact."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter import Capture, ExpectationFailed
from sockfilter.errors import Closed
from sockfilter.views.aio import LOOK_S
from tests.e2e.asks import SMALL
from tests.support.clients import Ask, http_client
from tests.support.skips import need_tool
from tests.support.threads import LOOKS, STUCK_S, looking

if TYPE_CHECKING:
    from sockfilter import Exchange
    from tests.e2e.conftest import Sites
    from tests.support.servers import Site

pytestmark = pytest.mark.usefixtures("root")

CLIENTS, ASKS = 4, 25
VIAS = ("packets", "syscalls")


@pytest.fixture
def site(loopback: Sites) -> Site:
    return loopback.get("nginx")


def ask(site: Site) -> None:
    """Clients that ask at the same time, each some times; returns when all have their answers."""
    command = [need_tool("curl"), "--disable", "--silent", "--noproxy", "*", "--output", "/dev/null"]
    clients = [subprocess.Popen([*command, site.url(f"/small?{i}-[1-{ASKS}]")]) for i in range(CLIENTS)]
    assert [client.wait(STUCK_S) for client in clients] == [0] * CLIENTS


def assert_whole(found: list[Exchange], rounds: int = 1) -> None:
    wanted = [f"/small?{i}-{j}" for i in range(CLIENTS) for j in range(1, ASKS + 1)] * rounds
    assert sorted(exchange.request.target for exchange in found) == sorted(wanted)
    assert all(exchange.complete and not exchange.problems for exchange in found)


@pytest.mark.parametrize("via", VIAS)
@pytest.mark.parametrize("name", LOOKS)
def test_looking_while_another_thread_takes(site: Site, via: str, name: str):
    with sockfilter.capture(via=via, ports=site.port) as capture:
        taking = threading.Thread(target=list, args=(capture,), daemon=True)
        taking.start()
        with looking(capture, LOOKS[name]):
            ask(site)
        capture.flush()
        assert_whole(capture.exchanges)
    taking.join(STUCK_S)
    assert not taking.is_alive()
    assert_whole(capture.exchanges)
    assert capture.ledger.is_balanced, capture.ledger.imbalance
    assert capture.ledger.losses() == {}


@pytest.mark.parametrize("via", VIAS)
def test_flush_is_exact_while_other_threads_take(site: Site, via: str):
    """What another thread has taken out of the ring, and not yet handed on, is waited for."""
    with sockfilter.capture(via=via, ports=site.port) as capture, looking(capture, LOOKS["pump"]):
        for i in range(100):
            http_client(site, [Ask("GET", f"/small?{i}")])
            capture.flush()
            assert [exchange.request.target for exchange in capture.exchanges[-1:]] == [f"/small?{i}"]


@pytest.mark.parametrize("via", VIAS)
def test_each_thread_that_iterates_has_all(site: Site, via: str):
    found: dict[int, list[Exchange]] = {}
    with sockfilter.capture(via=via, ports=site.port) as capture:

        def look(capture: Capture) -> None:
            mine = found.setdefault(threading.get_ident(), [])
            mine += capture.each()

        with looking(capture, look):
            ask(site)
            capture.close()
    assert len(found) == 2
    for mine in found.values():
        assert_whole(mine, len(mine) // (CLIENTS * ASKS))


@pytest.mark.parametrize("name", ["all", "each", "mark", "ledger", "pending", "connections", "flush", "pump", "wait"])
def test_closing_while_others_look(site: Site, name: str):
    """Whoever looked at the time has all that crossed, or is told that the capture has ended."""
    for _ in range(5):
        with sockfilter.capture(ports=site.port) as capture:

            def look(capture: Capture) -> None:
                try:
                    LOOKS[name](capture)
                except Closed:
                    assert capture.is_closed
                    assert name in ("flush", "pump", "wait")
                if capture.is_closed:
                    assert_whole(capture.all())

            with looking(capture, look):
                ask(site)
                capture.close()
        assert_whole(capture.exchanges)
        assert capture.ledger.is_balanced


def test_closing_gives_who_waits_what_there_is(site: Site):
    def wait(capture: Capture, found: list[Exchange]) -> None:
        found.append(capture.wait_for(timeout=STUCK_S, path="/small"))

    for _ in range(5):
        capture, found = sockfilter.capture(ports=site.port), []
        waiting = threading.Thread(target=wait, args=(capture, found))
        waiting.start()
        http_client(site, [SMALL])
        capture.close()
        waiting.join(STUCK_S)
        assert found == capture.exchanges


def test_an_event_loop_beside_a_thread_that_takes(site: Site):
    async def main() -> None:
        capture = sockfilter.capture(ports=site.port)
        async with capture as waiting:
            with looking(capture, LOOKS["pump"]):
                for i in range(50):
                    await asyncio.to_thread(http_client, site, [Ask("GET", f"/small?{i}")])
                    await waiting.flush()
                    assert waiting.exchanges[-1].request.target == f"/small?{i}"
                assert (await waiting.wait_for(target="/small?7")).complete

    asyncio.run(main(), debug=True)


def test_an_event_loop_sees_that_a_thread_has_closed(site: Site):
    async def main() -> list[Exchange]:
        capture = sockfilter.capture(ports=site.port)
        async with capture as waiting:
            closing = threading.Thread(target=lambda: (http_client(site, [SMALL]), capture.close()))
            closing.start()
            found = [exchange async for exchange in waiting]
            closing.join(STUCK_S)
            await waiting.flush()
            assert await waiting.all() == found
            with pytest.raises(ExpectationFailed):
                await waiting.wait_for(path="/nowhere", timeout=STUCK_S)
        return found

    assert [exchange.request.path for exchange in asyncio.run(main(), debug=True)] == ["/small"]


def test_a_coroutine_that_waits_can_be_cancelled_while_the_loop_looks_for_records(site: Site):
    async def main() -> None:
        for _ in range(5):
            async with sockfilter.capture(ports=site.port) as waiting:
                task = asyncio.create_task(waiting.wait_for(path="/nowhere", timeout=STUCK_S))
                await asyncio.sleep(2 * LOOK_S)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await waiting.none(path="/nowhere")

    asyncio.run(main())


@pytest.mark.parametrize("is_idle", [True, False], ids=["while it waits", "while it takes"])
def test_a_signal_handler_may_close(site: Site, is_idle: bool):
    """It interrupts the thread that takes, which goes on with what it was at."""
    with sockfilter.capture(ports=site.port) as capture:
        before = signal.signal(signal.SIGUSR1, lambda number, frame: capture.close())

        def interrupt() -> None:
            if is_idle:
                while not capture._turns._sleeper:
                    time.sleep(0.001)
            else:
                ask(site)
            os.kill(os.getpid(), signal.SIGUSR1)

        interrupting = threading.Thread(target=interrupt)
        try:
            interrupting.start()
            found = list(capture)
        finally:
            interrupting.join(STUCK_S)
            signal.signal(signal.SIGUSR1, before)
    assert capture.is_closed
    assert capture.ledger.is_balanced
    assert_whole(found, 0 if is_idle else 1)
