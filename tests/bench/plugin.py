"""What the plugin adds to a test: setting up, looking, and ending, each by itself."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sockfilter.testing.captures import Captures
from sockfilter.testing.wire import Wire
from tests.e2e.asks import SMALL
from tests.support.clients import http_client
from tests.support.servers import python_server

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 300


def took_ms(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return (time.perf_counter() - before) * 1e3


def main() -> None:
    captures = Captures()
    first: list[Wire] = []
    print(f"first wire of a session     {took_ms(lambda: first.append(Wire(captures.get({})))):8.2f} ms")
    set_up, asked, flushed, looked, ended = [], [], [], [], []
    with ExitStack() as stack:
        stack.callback(captures.close)
        site = stack.enter_context(python_server())
        for _ in range(TIMES):
            made: list[Wire] = []

            def begin(made: list[Wire] = made) -> None:
                made.append(Wire(captures.get({})))
                captures.hold(made[0].capture)

            set_up.append(took_ms(begin))
            (wire,) = made
            asked.append(took_ms(lambda: http_client(site, [SMALL])))
            flushed.append(took_ms(wire.flush))
            looked.append(took_ms(lambda wire=wire: wire.one(port=site.port)))
            ended.append(took_ms(lambda wire=wire: (wire.wrong(), wire.oddities(), captures.release(wire.capture))))
    for name, figures in (
        ("set-up", set_up),
        ("a request, for comparison", asked),
        ("flush", flushed),
        ("one()", looked),
        ("teardown", ended),
    ):
        print(f"{name:<27} {statistics.median(figures):8.3f} ms, the longest of {TIMES} {max(figures):8.3f}")


if __name__ == "__main__":
    main()
