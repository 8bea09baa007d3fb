"""Expectations of exchanges in tests, the pytest plugin, and the types of its fixtures for type checkers.

    from sockfilter.testing import Wire

    def test_checkout_charges_once(wire: Wire) -> None:
        wire.expect(method="POST", path="/charge", status=201).once()

Names are imported when they are first used, as in sockfilter itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.errors import ExpectationFailed
    from sockfilter.testing.factory import WireFactory
    from sockfilter.testing.wire import Wire
    from sockfilter.views.aio import AsyncView
    from sockfilter.views.expectations import Expectation

_HOMES = {
    "Wire": "sockfilter.testing.wire",
    "WireFactory": "sockfilter.testing.factory",
    "Expectation": "sockfilter.views.expectations",
    "ExpectationFailed": "sockfilter.errors",
    "AsyncView": "sockfilter.views.aio",
}

__all__ = ["Wire", "WireFactory", "Expectation", "ExpectationFailed", "AsyncView"]


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sockfilter.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
