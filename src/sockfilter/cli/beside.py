"""Processes that run beside a capture: the servers of the page and of the metrics, the exporter of traces.

Each is a process of its own: it accepts or opens connections, which the sandbox denies to the capture, and it has
neither the capture's descriptors nor its rights. If it is slow, or dies, the capture goes on.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from sockfilter.cli.descriptors import say
from sockfilter.errors import InvalidArgument, installing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Connection

# standard descriptors, which these processes keep
STANDARD = 3
DESCRIPTORS_MAX = 1 << 20


def need(option: str, package: str, extra: str, *modules: str) -> None:
    """Raises InvalidArgument if a package is not installed.

    Args:
        option: the option that needs it.
        package: its name.
        extra: the extra of sockfilter that installs it.
        modules: modules that are there if it is installed.
    """
    from importlib.util import find_spec

    try:
        is_there = all(find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # of a package that a module is in
        is_there = False
    if not is_there:
        raise InvalidArgument(f"{option} needs {package}, which is not installed: {installing(extra)}")


def both(
    one: Callable[[Connection], bool] | None, other: Callable[[Connection], bool] | None
) -> Callable[[Connection], bool] | None:
    """Returns whether a connection meets two conditions. None stands for one that each connection meets."""
    if one is None or other is None:
        return other if one is None else one
    return lambda connection: one(connection) and other(connection)


def start(what: str, serve: Callable[[], None], *kept: int) -> int:
    """Starts a process. Call this before any thread is started. Returns its number.

    Args:
        what: what it is, for the message if it ends by an error.
        serve: what it does. It ends when this returns.
        kept: the descriptors that it keeps beside the standard ones.
    """
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _leave_signals()
        _close_others(*kept)
        serve()
        status = 0
    except Exception as error:
        with suppress(Exception):
            say(f"{what} has ended: {type(error).__name__}: {error}")
    finally:
        os._exit(status)


def _leave_signals() -> None:
    """Ignores signals: Ctrl-C reaches these processes too, and the capture ends them, by closing a pipe."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def _close_others(*kept: int) -> None:
    """Closes all descriptors but the standard ones and these."""
    ends = [STANDARD - 1, *sorted(kept), DESCRIPTORS_MAX]
    for before, behind in pairwise(ends):
        os.closerange(before + 1, behind)
