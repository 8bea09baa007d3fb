"""The secrets of a live capture: the store that opens TLS, and the sources that fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.closing import Closing
from sockfilter.road.secrets import new_store
from sockfilter.sources.secrets.followed import FollowedKeyLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.captures.wanted import Traffic
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
    """

    def __init__(self, store: SecretStore, sources: Sequence[SecretSource]) -> None:
        self.store = store
        store.refill = self.read
        self._sources = sources
        self._told: set[str] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether bytes of a connection wait for a secret, so that read() is needed soon."""
        return self.store.is_awaited

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
    """Returns the secrets that a capture may use. None: it opens no TLS. Raises InvalidArgument."""
    if traffic.keylog is None:
        return None
    store = new_store()
    return Secrets(store, [FollowedKeyLog(traffic.keylog, store.add, is_tail=True)])
