"""What the screen watches: a capture that runs on a thread of its own."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import Ledger
    from sockfilter.model.life import Life
    from sockfilter.recent.store import RecentExchanges

# Seconds between two looks at the ledger and at the open connections.
LOOK_S = 0.5
# seconds that the end may take before the screen leaves without waiting
END_S = 5.0


class Look(NamedTuple):
    """The ledger and the open connections at one moment."""

    ledger: Ledger
    lives: tuple[Life, ...]


class WatchedCapture:
    """A capture on a thread of its own, and looks at its state on another.

    Reading the ledger waits for the end of a batch, so the screen itself never does it.

    Args:
        name: what is captured, for the title.
        store: where its exchanges are.
        pump: captures until it is over, or until the end was asked for.
        look: returns the state of the capture.
        ask_for_end: makes pump return.
        is_live: whether it is no file.

    Attributes:
        last: the last look. None: there was none yet.
        error: why the capture ended, if it could not go on.
    """

    def __init__(
        self,
        name: str,
        store: RecentExchanges,
        pump: Callable[[], None],
        look: Callable[[], Look],
        ask_for_end: Callable[[], None] = lambda: None,
        *,
        is_live: bool = True,
    ) -> None:
        self.name, self.store, self.is_live = name, store, is_live
        self.last: Look | None = None
        self.error: BaseException | None = None
        self._pump_all, self._look, self._ask_for_end = pump, look, ask_for_end
        self._is_left = Event()
        self._pump = Thread(target=self._pumped, name="sockfilter capture", daemon=True)
        self._looker = Thread(target=self._look_around, name="sockfilter ledger", daemon=True)

    def start(self) -> None:
        """Starts the threads."""
        self._pump.start()
        self._looker.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return not self._pump.is_alive()

    def end(self) -> None:
        """Asks for the end and waits for it. May be called again."""
        self._is_left.set()
        self._ask_for_end()
        for thread in (self._pump, self._looker):
            if thread.ident is not None:
                thread.join(END_S)

    def _pumped(self) -> None:
        try:
            self._pump_all()
        except BaseException as error:  # it is raised again when the screen has ended
            self.error = error

    def _look_around(self) -> None:
        while not self._is_left.is_set():
            is_last = self.is_over
            try:
                self.last = self._look()
            except Exception as error:
                self.error = self.error or error
                return
            if is_last:
                return
            self._is_left.wait(LOOK_S)
