"""The secrets of a live capture: the store that opens TLS, and the sources that fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.captures.live import PACKETS
from sockfilter.closing import Closing
from sockfilter.errors import InvalidArgument
from sockfilter.road.secrets import new_store
from sockfilter.sources.secrets.followed import FollowedKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.captures.wanted import Traffic
    from sockfilter.sources.secrets.probed import ProbedSecrets
    from sockfilter.tls.store import SecretStore


class SecretSource(Protocol):
    """Gives secrets of handshakes while they are made.

    Attributes:
        problem: why it gives no more secrets, for people; empty if it does.
    """

    problem: str

    def read(self) -> None:
        """Passes on the secrets that have come since. Never waits."""

    def close(self) -> None:
        """Releases what it holds; may be repeated."""


class Secrets(Closing):
    """Fills a store from its sources.

    Args:
        store: the store.
        sources: the sources.
        probed: the one of them that takes secrets by probes. None: there is none.
    """

    def __init__(
        self, store: SecretStore, sources: Sequence[SecretSource], probed: ProbedSecrets | None = None
    ) -> None:
        self.store = store
        self.probed = probed
        store.refill = self.read
        self._sources = sources
        self._told: set[str] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether bytes of a connection wait for a secret, so that read() is needed soon."""
        return self.store.is_awaited

    def wait_ready(self) -> None:
        """Waits until all programs that run are probed, if probes are wanted.

        Raises MissingCapability, KernelUnsupported and ObjectError.
        """
        if self.probed is not None:
            self.probed.wait_ready()

    def join(self) -> None:
        """Asks for copies of the objects of connections that are open, if probes are wanted. Packets are captured by
        now, so that what opens with them is not missed."""
        if self.probed is not None:
            self.probed.join()

    def read(self) -> None:
        """Takes the secrets that have come since."""
        for source in self._sources:
            source.read()

    def problems(self) -> list[str]:
        """Returns the problems of the sources that were not returned before."""
        new = [source.problem for source in self._sources if source.problem and source.problem not in self._told]
        self._told.update(new)
        return new

    def close(self) -> None:
        """Closes the sources; may be repeated."""
        for source in self._sources:
            source.close()


def secrets_of(traffic: Traffic) -> Secrets | None:
    """Returns the secrets that a capture may use. None: it opens no TLS.

    Probes are attached meanwhile: see Secrets.wait_ready(). Raises InvalidArgument.
    """
    if not traffic.opens_tls:
        return None
    if traffic.via != PACKETS:
        raise InvalidArgument(
            f"{'tls' if traffic.tls else 'keylog'} needs via={PACKETS!r}: secrets open what packets carry"
        )
    if traffic.tls and traffic.broker is not None:
        raise InvalidArgument(
            "tls=True is not possible with a broker, which gives no secrets of other processes; use keylog with"
            " SSLKEYLOGFILE (in tests, --wire-keylog=auto), or capture with sudo and without the broker"
        )
    store = new_store()
    sources: list[SecretSource] = []
    if traffic.keylog is not None:
        sources.append(FollowedKeyLog(traffic.keylog, store.add, is_tail=True))
    probed = None
    if traffic.tls:
        from sockfilter.sources.secrets.probed import ProbedSecrets  # imports subprocess

        probed = ProbedSecrets(store.add, store.lose, take_snapshot=store.add_snapshot)
        store.join = probed.join_again
        sources.append(probed)
    return Secrets(store, sources, probed)
