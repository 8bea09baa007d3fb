"""The interface of observers, and the table of observers.

An observer knows more about a connection than its bytes. It runs beside the source, from before the first record to
the end of the capture. To add an observer, add a folder with a class that takes an ObservedCapture, and a row in
OBSERVERS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sockfilter.errors import KernelUnsupported, MissingCapability, ObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import ExitStack
    from types import TracebackType

    from sockfilter.model import Exchange

# name -> module and class; the module is imported on demand
OBSERVERS = {
    "processes": ("sockfilter.observers.processes.processes", "Processes"),
    "tcp": ("sockfilter.observers.tcp.observer", "TcpObserver"),
}


class Observer(Protocol):
    """Annotates the exchanges of a capture, until close()."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def counts(self) -> Mapping[str, int]:
        """The observer's counters, for the ledger."""

    def annotate(self, exchange: Exchange, last_ns: int) -> None:
        """Annotates an exchange that has ended.

        Args:
            exchange: the exchange.
            last_ns: the time of the last packet of its connection, in nanoseconds of the source's clock.
        """

    def check(self) -> None:
        """Raises ObjectError if the observer can no longer read its program's data."""

    def keep_up(self) -> None:
        """Reads what its program has written so far. It is called between batches, at least once a second."""

    def close(self) -> None:
        """Closes its programs and maps. May be called again."""


class ObservedCapture(NamedTuple):
    """What an observer needs to know about its capture.

    Attributes:
        netns: the captured network namespace, by name or by the PID of a process in it; None means this one.
        is_wanted: whether connections between two ports are captured.
        is_everywhere: all network namespaces are captured, and each connection has its namespace's number.
        meanwhile: called while the kernel verifies programs.
        stacks: whether the kernel's stack is wanted with each drop.
        ports: only connections with one of these ports are captured. None: any.
    """

    netns: str | None = None
    is_wanted: Callable[[int, int], bool] = lambda one, other: True
    is_everywhere: bool = False
    meanwhile: Callable[[], object] = lambda: None
    stacks: bool = False
    ports: Iterable[int] | None = None


def open_all(
    wanted: Mapping[str, bool | None], place: ObservedCapture, stack: ExitStack
) -> tuple[dict[str, Observer], dict[str, str]]:
    """Opens the requested observers.

    Args:
        wanted: by name: True requires the observer, None opens it if it can run, False leaves it out.
        place: the capture to observe.
        stack: closes the opened observers if a later one fails.

    Returns:
        The observers by name; and for each optional observer that cannot run, the reason.

    Raises:
        MissingCapability, KernelUnsupported, ObjectError: a required observer cannot run.
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
