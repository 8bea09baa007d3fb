"""A broker's sessions without the kernel: what attaches is made up, what is asked of it is kept."""

from __future__ import annotations

import os
from typing import Any

from sockfilter.sources.broker.request import message
from sockfilter.sources.packets.interfaces import Interface
from sockfilter.sources.packets.request import AttachRequest

COUNTERS = [1, 2, (1 << 64) - 1]


class Attached:
    """Stands for an OwnAttachment."""

    def __init__(self) -> None:
        self.ring_fd, self.shared_fd, self.skips_fd = (os.eventfd(0) for _ in range(3))
        self.is_closed = False

    def check(self) -> None:
        pass

    def counters(self) -> list[int]:
        return COUNTERS

    def rebind(self, position: int, interface: Interface) -> None:
        pass

    def detach(self) -> None:
        pass

    def close(self) -> None:
        if not self.is_closed:
            for fd in (self.ring_fd, self.shared_fd, self.skips_fd):
                os.close(fd)
        self.is_closed = True


class Attaching:
    """What a session calls to attach."""

    def __init__(self) -> None:
        self.requests: list[AttachRequest] = []
        self.made: list[Attached] = []

    def __call__(self, request: AttachRequest) -> tuple[list[Interface], Attached]:
        self.requests.append(request)
        self.made.append(Attached())
        found = [Interface(name, 1, is_up=True, is_loopback=True, has_link_header=True) for name in request.interfaces]
        return found, self.made[-1]


def asked(*names: str, **changed: Any) -> dict[str, Any]:
    """A request to attach that is right for lo, but for what is changed."""
    request = AttachRequest(
        list(names or ("lo",)), 1 << 16, False, False, frame_bytes=1 << 20, run_bytes=0, family=0, host=b"", ports=b""
    )
    return {**message(request), **changed}
