"""The live screen over exchanges that are made in memory, and conditions to wait for."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from sockfilter.recent.store import RecentExchanges
from sockfilter.screen.app import ScreenApp
from sockfilter.screen.watched import WatchedCapture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from textual.pilot import Pilot

    from sockfilter.model import Exchange

LOOK_S = 0.01
WAIT_S = 15.0 * float(os.environ.get("SOCKFILTER_PATIENCE", "1"))


def watched(exchanges: list[Exchange] | None = None, limit: int = 1000) -> WatchedCapture:
    """A capture that is over, of these exchanges."""
    store = RecentExchanges(limit)
    for made in exchanges or []:
        store.add(made)

    def look() -> Any:
        raise LookupError("there is no ledger")

    capture = WatchedCapture("a test", store, lambda: None, look)
    capture.start = lambda: None  # type: ignore[method-assign]  # its threads have nothing to do
    return capture


def text_of(app: ScreenApp) -> str:
    """What is on the screen, line by line, without the spaces at their ends."""
    width, height = app.size
    lines = app.screen._compositor.render_strips(app.size)
    assert len(lines) == height
    return "\n".join("".join(segment.text for segment in line).rstrip()[:width] for line in lines)


async def until(pilot: Pilot[None], condition: Callable[[], bool], about: str = "") -> None:
    """Waits for a condition. A screen is what it is when its messages have been handled."""
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s * (not pilot.app._exit), f"{about}\n{text_of(pilot.app)}"  # type: ignore[arg-type]  # it is one
        await pilot.pause(LOOK_S)


def run_screen(
    play: Callable[[ScreenApp, Pilot[None]], Awaitable[None]],
    capture: WatchedCapture,
    size: tuple[int, int] = (80, 24),
    **options: Any,
) -> None:
    """Runs the screen without a terminal while somebody plays with it."""

    async def played() -> None:
        app = ScreenApp(capture, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await play(app, pilot)

    running: Coroutine[Any, Any, None] = played()
    asyncio.run(running)
