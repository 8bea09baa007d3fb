"""What threads do to a capture while another one takes what comes: every public call, again and again."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter import Capture

LOOKERS = 2
# seconds between two switches of threads: a thousandth of what is usual, so that they meet in every place
SWITCH_S = 1e-5
# seconds after which a thread that has not ended never will
STUCK_S = 60


def _flushed(capture: Capture) -> None:
    for _ in capture.flushed():
        pass


def _iterated(capture: Capture) -> None:
    for made in capture.each(timeout=0):
        assert made.complete


# by the name of what is public
LOOKS: dict[str, Callable[[Capture], object]] = {
    "exchanges": lambda capture: [repr(made) for made in capture.exchanges[-10:]],
    "pending": lambda capture: [repr(made) for made in capture.pending],
    "connections": lambda capture: capture.connections,
    "ledger": lambda capture: capture.ledger.losses(),
    "forgotten": lambda capture: capture.forgotten,
    "forgotten_messages": lambda capture: capture.forgotten_messages,
    "missing_bytes": lambda capture: capture.missing_bytes,
    "secret_problems": lambda capture: capture.secret_problems(),
    "closed_libraries": lambda capture: capture.closed_libraries(),
    "look_at": lambda capture: capture.look_at("/nowhere"),
    "now_ns": lambda capture: capture.now_ns,
    "is_closed": lambda capture: capture.is_closed,
    "is_full": lambda capture: capture.is_full,
    "source": lambda capture: (capture.source.name, list(capture.source.changes)),
    "kept": lambda capture: capture.kept.since(capture.kept.end - 10),
    "messages_since": lambda capture: capture.messages_since(capture.kept_messages.end),
    "ended_since": lambda capture: capture.ended_since(capture.kept.end - 10),
    "check": lambda capture: capture.check(),
    "flush": lambda capture: capture.flush(),
    "flushed": _flushed,
    "pump": lambda capture: capture.pump(),
    "wait": lambda capture: capture.wait(0.001),
    "ask_to_be_woken": lambda capture: capture.ask_to_be_woken(),
    "each": _iterated,
    "all": lambda capture: capture.all(path="/nowhere"),
    "first": lambda capture: capture.first(path="/nowhere"),
    "none": lambda capture: capture.none(path="/nowhere"),
    "messages": lambda capture: capture.messages(protocol="websocket"),
    "expect_message": lambda capture: capture.expect_message(type="nothing").never(),
    "expect": lambda capture: capture.expect(path="/nowhere").never(),
    "mark": lambda capture: capture.mark().exchanges,
}
# what ends or forgets, which has tests of its own; what asserts that there is something; what never changes
NOT_LOOKS = {"close", "clear", "hurry", "one", "wait_for", "process", "no_processes"}


@contextmanager
def looking(capture: Capture, look: Callable[[Capture], object]) -> Iterator[None]:
    """Threads look at a capture for as long as this lasts, and at least once. What they raise is raised here."""
    is_over = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            look(capture)
            while not is_over.is_set():
                look(capture)
        except BaseException as error:
            raised.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    threads = [threading.Thread(target=run, daemon=True) for _ in range(LOOKERS)]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join(STUCK_S)
        sys.setswitchinterval(before)
    assert not any(thread.is_alive() for thread in threads)
    if raised:
        raise raised[0]
