"""A Dask cluster: the one of a scheduler, or processes of this machine."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sockfilter.batch.places import INSTALL
from sockfilter.errors import InvalidArgument, SockfilterError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds to wait for the scheduler's answer.
CONNECT_S = 10.0
# Seconds to wait for the first worker: they may be started at the same time as the batch.
WORKERS_S = 30.0


class ClusterError(SockfilterError):
    """A cluster cannot be used: start it, or name another one."""


@contextmanager
def connected(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Connects to a cluster that has a worker at least, and yields a client of Dask.

    Args:
        scheduler: the address of a scheduler, such as tcp://10.0.0.7:8786. None: start workers on this machine. Nobody
            else can use them: their connections are encrypted, with a certificate that is made for them.
        workers: the number of workers to start if no scheduler is named.

    Raises:
        InvalidArgument: distributed is not installed, or the address is none.
        ClusterError: the scheduler does not answer, or has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InvalidArgument(f"a batch needs distributed ({error}): {INSTALL}") from error
    with ExitStack() as stack:
        address = scheduler if scheduler is not None else stack.enter_context(_local(workers))
        try:
            client = stack.enter_context(Client(address, timeout=CONNECT_S))
        except ValueError as error:
            raise InvalidArgument(
                f"--scheduler {scheduler}: {error}; use an address such as tcp://HOST:8786"
            ) from error
        except (OSError, RuntimeError) as error:  # TimeoutError is an OSError
            raise ClusterError(
                f"connecting to the scheduler {scheduler}: {_reason(error)}; start it with: dask scheduler"
            ) from error
        try:
            client.wait_for_workers(1, timeout=WORKERS_S)
        except (OSError, TimeoutError) as error:
            raise ClusterError(
                f"the scheduler {scheduler} has had no worker for {WORKERS_S:.0f} seconds; start some with: "
                f"dask worker {scheduler} --nthreads 1"
            ) from error
        yield client


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    import logging

    from distributed import LocalCluster

    try:
        # one thread each, because reading a capture holds the lock of the interpreter most of the time
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            # nothing listens beyond this machine; Dask's pages without encryption cannot be turned off
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=True,
            silence_logs=logging.CRITICAL,
        )
    except ImportError as error:  # of cryptography
        raise InvalidArgument(f"a batch on this machine needs cryptography ({error}): {INSTALL}") from error
    except (OSError, RuntimeError) as error:
        raise ClusterError(f"starting {workers} workers on this machine: {_reason(error)}") from error
    with cluster:
        yield cluster


def _reason(error: BaseException) -> str:
    """Returns the reason that is at the beginning of a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)
