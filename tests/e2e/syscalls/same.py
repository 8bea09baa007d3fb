"""The same traffic by both ways: on the wire, and at system calls."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sockfilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter import Capture, Exchange

# what is of the way and not of the exchange: when it passed, where, how it was counted, and what TCP did
OF_THE_WAY = ("id", "time", "interface", "connection", "timing", "retransmissions")


def said(exchange: Exchange) -> dict[str, Any]:
    """All fields but those of the way."""
    made = exchange.to_dict()
    return {name: value for name, value in made.items() if name not in OF_THE_WAY}


def in_order(exchanges: list[Exchange]) -> list[dict[str, Any]]:
    """By connection and place on it: two connections may end in either order."""
    return sorted(map(said, exchanges), key=lambda made: (made["client"]["port"], made["conn_seq"]))


@dataclass
class Both:
    """What was seen both ways; there once the traffic is over."""

    wire: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    of_wire: Capture | None = None
    of_calls: Capture | None = None


@contextmanager
def both_ways(port: int, interface: str = "lo", netns: str | None = None, **options: Any) -> Iterator[Both]:
    """Captures both ways. Without loss, and with whole ledgers."""
    # what TCP knows comes at other moments to each of them
    options = {"body": None, "ports": port, "tcp": False, **options}
    on_wire = {name: value for name, value in options.items() if name in ("body", "ports", "ring", "processes", "tcp")}
    seen = Both()
    with (
        sockfilter.capture(interface, netns=netns, **on_wire) as wire,
        sockfilter.capture(via="syscalls", **options) as calls,
    ):
        seen.of_wire, seen.of_calls = wire, calls
        yield seen
        wire.flush()
        calls.flush()
    seen.wire, seen.calls = in_order(wire.exchanges), in_order(calls.exchanges)
    for capture in (wire, calls):
        assert capture.ledger.is_balanced, capture.ledger.imbalance
        assert not capture.ledger.records_lost
