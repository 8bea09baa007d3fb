"""A capture without a kernel: what it keeps is put there by the test."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sockfilter.errors import Closed
from sockfilter.views.buffers import ExchangeBuffer, MessageBuffer
from tests.support.exchanges import exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter import Exchange


class FakeKeeper:
    """Keeps exchanges as a capture does, each from a time on; what is on its way comes with the next look.

    Attributes:
        coming: exchanges that have crossed, and were not taken yet.
        later: called when somebody waits.
        calls: the names of what was asked of it.
    """

    def __init__(self, limit: int = 100) -> None:
        self.kept = ExchangeBuffer(limit)
        self.kept_messages = MessageBuffer(limit)
        self.pending: list[Exchange] = []
        self.is_closed = False
        self.now_ns = 0
        self.coming: deque[Exchange] = deque()
        self.later: Callable[[], None] = lambda: None
        self.calls: list[str] = []

    @property
    def ledger(self) -> Any:
        raise AssertionError("nobody looks at it")

    def cross(self, target: str = "/a", status: int = 200) -> Exchange:
        """An exchange crosses, a microsecond after what was before."""
        made = exchange(b"GET %b HTTP/1.1\r\n\r\n" % target.encode(), b"HTTP/1.1 %d X\r\n\r\n" % status)
        self.now_ns += 1000
        assert made.request is not None
        made.request.start_ns = self.now_ns
        self.now_ns += 1000
        made.id = self.kept.end + len(self.coming) + 1
        self.coming.append(made)
        return made

    def take(self, target: str = "/a", status: int = 200) -> Exchange:
        """One crosses, and is taken."""
        made = self.cross(target, status)
        self.flush()
        return made

    def flush(self) -> None:
        self.calls.append("flush")
        if self.is_closed:
            raise Closed
        while self.coming:
            self.kept.add(self.coming.popleft())

    def pump(self) -> int:
        self.calls.append("pump")
        if self.is_closed:
            raise Closed
        if not self.coming:
            return 0
        self.kept.add(self.coming.popleft())
        return 1

    def wait(self, timeout_s: float) -> None:
        self.calls.append("wait")
        assert timeout_s > 0
        self.later()
