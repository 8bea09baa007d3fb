"""The exchanges and messages of a capture that meet its conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.filters.requirements import required
from sockfilter.filters.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.filters.requirements import Requirements
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.sources.narrowing import KernelFilter


class Selection:
    """Passes on the exchanges and messages that meet some conditions.

    Args:
        where: the conditions, or a filter.

    Attributes:
        where: the conditions.
        requires: what they require of every exchange.
        undecided: the number of exchanges that were not passed on, and whose bodies were not kept whole although the
            conditions read bodies.

    Raises:
        InvalidArgument: the filter cannot be parsed.
    """

    def __init__(self, where: Where | str) -> None:
        self.where = Where(where)
        self.requires: Requirements = required(self.where.nodes)
        self.undecided = 0

    def check(self, policy: BodyPolicy) -> None:
        """Raises InvalidArgument if a capture with this policy does not keep what the conditions read."""
        field = self.requires.body
        if field and not policy.limit:
            raise InvalidArgument(f"the filter reads {field}, and no bytes of bodies are kept: body=0")

    def check_file(self) -> None:
        """Raises InvalidArgument if the conditions read what a capture file does not have."""
        field = self.requires.process
        if field:
            raise InvalidArgument(f"the filter reads {field}, and a capture file has no processes")
        if self.requires.tcp:
            raise InvalidArgument(
                f"the filter reads {self.requires.tcp}, and a capture file has no TCP of its own: it has what the wire"
                " showed, such as wait and retransmissions"
            )

    def processes(self, wanted: bool | None) -> bool | None:
        """Returns whether to name processes: if the conditions read them, they must be named.

        Args:
            wanted: the argument processes of the capture.

        Raises:
            InvalidArgument: the conditions read processes that are not to be named.
        """
        field = self.requires.process
        if field and wanted is False:
            raise InvalidArgument(f"the filter reads {field}, and no processes are named: processes=False")
        return True if field else wanted

    def tcp(self, wanted: bool | None) -> bool | None:
        """Returns whether to ask TCP: if the conditions read what it knows, it must be asked.

        Args:
            wanted: the argument tcp of the capture.

        Raises:
            InvalidArgument: the conditions read what TCP knows, and it is not to be asked.
        """
        field = self.requires.tcp
        if field and wanted is False:
            raise InvalidArgument(f"the filter reads {field}, and the kernel's TCP is not asked: tcp=False")
        return True if field else wanted

    def narrow(self, kernel_filter: KernelFilter) -> KernelFilter:
        """Returns a filter for the kernel that also leaves out what the conditions leave out by address and port."""
        requires = self.requires
        return kernel_filter.narrowed(requires.ports, requires.hosts, requires.family)

    def exchanges(self, emit: Callable[[Exchange], object]) -> Callable[[Exchange], None]:
        """Returns a function that passes on the exchanges that meet the conditions."""
        test = self.where.test
        reads_bodies = bool(self.requires.body)

        def take(exchange: Exchange) -> None:
            if test(exchange):
                emit(exchange)
            elif reads_bodies and _has_cut_body(exchange):
                self.undecided += 1

        return take

    def messages(self, emit: Callable[[StreamMessage], object]) -> Callable[[StreamMessage], None]:
        """Returns a function that passes on the messages that meet the conditions."""
        test = self.where.matches_message

        def take(message: StreamMessage) -> None:
            if test(message):
                emit(message)

        return take


def _has_cut_body(exchange: Exchange) -> bool:
    return any(half is not None and half.body.is_cut for half in (exchange.request, exchange.response))
