"""The HTTP exchanges of each connection, for the lines beneath it: sockfilter tcp --http."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.captures.capture import opened
from sockfilter.captures.wanted import Keeping, Traffic, Whose
from sockfilter.closing import Closing
from sockfilter.escape import printable_target
from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.masking import mask_target
from sockfilter.model.policy import BodyPolicy

if TYPE_CHECKING:
    import argparse

    from sockfilter.model import Endpoint, Exchange
    from sockfilter.model.tcp_connection import TcpConnection

# exchanges that are kept of one connection, and connections of which any are kept: the oldest make room
EXCHANGES_MAX = 100
CONNECTIONS_MAX = 4096
# exchanges of other connections with the same ends are left out: those that began this much before the connection
BEFORE_NS = 1_000_000_000


class Beneath(Closing):
    """The exchanges of connections that are open.

    Args:
        options: the options given.

    Raises SockfilterError.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._kept: dict[tuple[Endpoint, Endpoint], list[Exchange]] = {}
        self._more: dict[tuple[Endpoint, Endpoint], int] = {}
        traffic = Traffic("any", ports=options.ports, netns=options.netns)
        keeping = Keeping(BodyPolicy(0, decodes=False), emit=self._take)
        self._capture = opened(traffic, Whose(processes=False), keeping)
        self.source = self._capture.source

    def close(self) -> None:
        """Ends the capture."""
        self._capture.close()

    def check(self) -> None:
        """Raises SockfilterError if the capture needs a right that was given up."""
        self._capture.check()

    def read(self) -> None:
        """Reads all packets that have passed."""
        self._capture.flush()

    def of(self, connection: TcpConnection) -> tuple[list[Exchange], int]:
        """Returns the exchanges of a connection that has ended, and how many more it had than are kept."""
        ends = connection.client.endpoint, connection.server.endpoint
        found = self._kept.pop(ends, [])
        least_ns = (connection.opened_ns or 0) - BEFORE_NS
        return [one for one in found if (one.start_ns or least_ns) >= least_ns], self._more.pop(ends, 0)

    def _take(self, exchange: Exchange) -> None:
        ends = exchange.client, exchange.server
        if ends not in self._kept and len(self._kept) >= CONNECTIONS_MAX:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._more.pop(oldest, None)
        kept = self._kept.setdefault(ends, [])
        if len(kept) < EXCHANGES_MAX:
            kept.append(exchange)
        else:
            self._more[ends] = self._more.get(ends, 0) + 1


def exchange_text(exchange: Exchange) -> str:
    """Returns a line for an exchange beneath its connection."""
    request, response = exchange.request, exchange.response
    said = ["   "]
    if request is not None:
        said.append(f"{printable_target(request.method)} {printable_target(mask_target(request.target))}")
    if response is not None:
        said += [str(response.status), size_text(response.body.wire_len)]
    if exchange.duration_ns is not None:
        said.append(duration_text(exchange.duration_ns))
    return "  ".join([*said, *exchange.problems])


def exchange_fields(exchange: Exchange, number: int) -> dict[str, Any]:
    """Returns an exchange as a dict for JSON, with the number of its connection."""
    return {**to_dict(exchange, bodies=False, show_secrets=False), "connection": number}
