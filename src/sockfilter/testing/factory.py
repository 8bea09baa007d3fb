"""The type of the fixture wire_factory, for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from sockfilter.captures.wanted import CaptureArguments
    from sockfilter.testing.wire import Wire


class WireFactory(Protocol):
    """Creates further wires for a test."""

    def __call__(
        self,
        interface: str | Sequence[str] | None = None,
        *,
        scope: str = ...,
        **arguments: Unpack[CaptureArguments],
    ) -> Wire:
        """Returns a wire from now until the end of the test.

        Args:
            scope: whose exchanges: "host", "tree" (of the test's process) or "auto". By default, as for the fixture
                wire.
            interface, arguments: as for sockfilter.capture().
        """
