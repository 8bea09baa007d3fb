"""The secrets that are known, by handshake, and the conversations that wait for them."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.ledger import SecretCounts
from sockfilter.model.secret import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.model.secret import Secret

# Handshakes whose secrets are kept; the oldest is dropped first. One takes about 1 KiB.
HANDSHAKES_MAX = 1 << 16
# Handshakes without a client random that are tried against a connection, the newest first: one try takes 50 us.
CANDIDATES_MAX = 512


class Handshake:
    """The secrets of one handshake.

    Args:
        client_random: the random bytes of its ClientHello; empty if not known.
        origin: where its secrets come from.

    Attributes:
        secrets: by label.
        links: the number of connections that it has opened.
    """

    __slots__ = ("client_random", "links", "origin", "secrets")

    def __init__(self, client_random: bytes, origin: str) -> None:
        self.client_random = client_random
        self.origin = origin
        self.secrets: dict[str, bytes] = {}
        self.links = 0

    def __repr__(self) -> str:
        """Shows the labels, and never the secrets."""
        return f"<Handshake {', '.join(self.secrets)}, by {self.origin}>"


class SecretStore:
    """Takes secrets from any source, and gives them to the conversations that they open.

    It is not thread-safe: add secrets from the thread that reads the packets.

    Args:
        handshakes_max: handshakes to keep.

    Attributes:
        on_opening: is called with each secret of a handshake that has opened a connection. None: nobody asks.
    """

    def __init__(self, handshakes_max: int = HANDSHAKES_MAX) -> None:
        self._max = handshakes_max
        # by client random, or by process and owner where that is not known; the oldest first
        self._named: OrderedDict[bytes, Handshake] = OrderedDict()
        self._unnamed: OrderedDict[tuple[int, int], Handshake] = OrderedDict()
        self._waiting: dict[Callable[[Handshake, str], None], bytes] = {}
        self._waiting_by: dict[bytes, dict[Callable[[Handshake, str], None], None]] = {}
        self.counts = SecretCounts()
        self.on_opening: Callable[[Secret], None] | None = None

    def add(self, secret: Secret) -> None:
        """Takes a secret, and passes it to the conversations that wait for it."""
        counts = self.counts
        counts.seen += 1
        if secret.label not in LABELS:
            counts.unused += 1
            return
        handshake = self._handshake(secret)
        if secret.label in handshake.secrets:
            counts.twice += 1
            return
        handshake.secrets[secret.label] = secret.secret
        if handshake.links:
            counts.linked += 1
        else:
            counts.unused += 1
        waiting = list(self._waiting_by.get(secret.client_random, ())) if secret.client_random else list(self._waiting)
        for take in waiting:
            take(handshake, secret.label)

    def lose(self, count: int) -> None:
        """Counts secrets that their source has lost."""
        self.counts.seen += count
        self.counts.lost += count

    def of(self, client_random: bytes) -> Handshake | None:
        """The secrets of a handshake by its client random; None if there are none."""
        return self._named.get(client_random)

    def candidates(self) -> Iterator[Handshake]:
        """The handshakes without a client random that have opened no connection, the newest first."""
        free = (handshake for handshake in reversed(self._unnamed.values()) if not handshake.links)
        return islice(free, CANDIDATES_MAX)

    def link(self, handshake: Handshake) -> None:
        """Notes that the secrets of a handshake have opened a connection: a tag has proven it."""
        if not handshake.links:
            self.counts.unused -= len(handshake.secrets)
            self.counts.linked += len(handshake.secrets)
        handshake.links += 1

    @property
    def is_awaited(self) -> bool:
        """Whether a conversation waits for secrets."""
        return bool(self._waiting)

    def wait(self, take: Callable[[Handshake, str], None], client_random: bytes) -> None:
        """Calls take with each secret that comes for a client random, or that has none, until leave()."""
        self._waiting[take] = client_random
        self._waiting_by.setdefault(client_random, {})[take] = None

    def leave(self, take: Callable[[Handshake, str], None]) -> None:
        """Ends wait()."""
        client_random = self._waiting.pop(take, None)
        if client_random is None:
            return
        some = self._waiting_by[client_random]
        del some[take]
        if not some:
            del self._waiting_by[client_random]

    def _handshake(self, secret: Secret) -> Handshake:
        """The handshake that a secret belongs to. It is made if it is not known."""
        if secret.client_random:
            known = self._named.get(secret.client_random)
            if known is None:
                known = self._named[secret.client_random] = Handshake(secret.client_random, secret.origin)
                if len(self._named) > self._max:
                    self._named.popitem(last=False)
            return known
        key = secret.process, secret.owner
        known = self._unnamed.get(key)
        # the address of an object is used again: another secret under a known label begins another handshake
        if known is None or known.secrets.get(secret.label, secret.secret) != secret.secret:
            known = self._unnamed[key] = Handshake(b"", secret.origin)
            self._unnamed.move_to_end(key)
            if len(self._unnamed) > self._max:
                self._unnamed.popitem(last=False)
        return known
