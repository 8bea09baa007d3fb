"""What knows more of a connection than its bytes: the interface of observers, and the table of them.

An observer runs beside the source, from before the first record to the end of the capture. To add one: a folder with
its class, which is made with a Place, and a row in OBSERVERS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack
    from types import TracebackType

    from sockfilter.model import Exchange

# name -> module and class; imported where it is asked for
OBSERVERS = {"processes": ("sockfilter.observers.processes.processes", "Processes")}


class Observer(Protocol):
    """Annotates the exchanges of a capture. It is open until close()."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What it has seen and what it has not, for the ledger."""

    def annotate(self, exchange: Exchange, last_ns: int) -> None:
        """Adds what it knows to an exchange that has ended.

        Args:
            exchange: the exchange.
            last_ns: when the last packet of its connection passed, by the source's clock.
        """

    def check(self) -> None:
        """Raises ObjectError where it can no longer read what its program writes."""

    def keep_up(self) -> None:
        """Takes what its program has written by now. It is called between batches, once a second at least."""

    def close(self) -> None:
        """Gives its programs and maps back to the kernel. May be called again."""


class ObservedCapture(NamedTuple):
    """What an observer has to know of the capture that it belongs to.

    Attributes:
        netns: the network namespace whose packets are captured, by name or process; None: this one.
        is_wanted: whether connections between two ports are asked for.
        is_everywhere: connections of all network namespaces are captured, and each says which is its own.
        meanwhile: work for the time in which the kernel verifies programs.
    """

    netns: str | None = None
    is_wanted: Callable[[int, int], bool] = lambda one, other: True
    is_everywhere: bool = False
    meanwhile: Callable[[], object] = lambda: None


def open_all(
    wanted: Mapping[str, bool | None], place: ObservedCapture, stack: ExitStack
) -> tuple[dict[str, Observer], dict[str, str]]:
    """Opens the observers that are wanted.

    Args:
        wanted: by their names. True: it is an error if one cannot run. None: it runs where it can.
        place: the capture that they belong to.
        stack: closes those that are open if a later one fails.

    Returns:
        The observers by their names; and of those wanted with None that cannot run, why.

    Raises:
        MissingCapability, KernelUnsupported, ObjectError: one that is wanted cannot run.
    """
    opened: dict[str, Observer] = {}
    reasons: dict[str, str] = {}
    for name, is_wanted in wanted.items():
        if is_wanted is False:
            continue
        try:
            module, kind = OBSERVERS[name]
            opened[name] = getattr(import_module(module), kind)(place)
        except (MissingCapability, KernelUnsupported, ObjectError) as error:
            if is_wanted:
                raise
            reasons[name] = str(error)
        else:
            stack.enter_context(opened[name])
    return opened, reasons
