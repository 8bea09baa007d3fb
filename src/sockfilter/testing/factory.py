"""The type of the fixture wire_factory, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.sources.narrowing import Ports
    from sockfilter.testing.wire import Wire


class WireFactory(Protocol):
    """Creates further wires for a test."""

    def __call__(
        self,
        interface: str | None = None,
        *,
        scope: str = ...,
        via: str = ...,
        pid: int | Sequence[int] | None = ...,
        comm: str | None = ...,
        cgroup: str | None = ...,
        unix: bool | None = ...,
        ports: Ports | None = ...,
        host: str | None = ...,
        family: int | None = ...,
        netns: str | None = ...,
        body: int | None = ...,
        ring: int = ...,
        memory: int = ...,
        snap: int | None = ...,
        promiscuous: bool = ...,
        processes: bool | None = ...,
        broker: str | None = ...,
    ) -> Wire:
        """Returns a wire from now until the end of the test.

        Args:
            scope: whose exchanges: "host", "tree" (of the test's process) or "auto". By default, as for the fixture
                wire.
            interface and others: as for sockfilter.capture().
        """
