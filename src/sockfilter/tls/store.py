"""The secrets that are known, by handshake, and the conversations that wait for them."""

from __future__ import annotations

from collections import OrderedDict
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sockfilter.ledger import SecretCounts
from sockfilter.model.secret import (
    CLIENT_EARLY,
    CLIENT_HANDSHAKE,
    CLIENT_RANDOM,
    CLIENT_TRAFFIC,
    LABELS,
    SERVER_HANDSHAKE,
    SERVER_TRAFFIC,
    SNAPSHOT,
    Secret,
)
from sockfilter.tls.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.snapshot import Snapshot
    from sockfilter.tls.opening import Opener

# How long bytes wait for a secret, by the times of the packets. A secret that a probe reports comes up to 20 ms after
# the packets that it opens, and on a busy machine later; a key log may be written by another program's timer.
WAITING_NS = 2_000_000_000
# what a connection of TLS 1.3 needs
TLS13 = {CLIENT_HANDSHAKE, SERVER_HANDSHAKE, CLIENT_TRAFFIC, SERVER_TRAFFIC}
# bytes of ended connections that wait
ENDED_BYTES_MAX = 16 << 20
# Handshakes whose secrets are kept; the oldest is dropped first. One takes about 1 KiB.
HANDSHAKES_MAX = 1 << 16
# Handshakes without a client random that are tried against a connection, the newest first: one try takes 50 us.
CANDIDATES_MAX = 512
# Tries for connections whose hellos were not seen, of all connections together: some seconds of a processor.
GUESSES_MAX = 1 << 20
# How long a handshake without a client random is kept. Its connection takes what it needs within seconds.
UNNAMED_NS = 30 * 1_000_000_000


class Handshake:
    """The secrets of one handshake.

    Args:
        client_random: the random bytes of its ClientHello; empty if not known.
        origin: where its secrets come from.
        time_ns: when the first was reported.

    Attributes:
        secrets: by label.
        is_linked: whether it has opened a connection.
        owners: the processes and the objects that reported it.
        opens: the client random of the connection that it has opened last; empty if not known.
        openers: those that were made for trials, by the label of their secret and the number of the suite.
    """

    __slots__ = ("client_random", "is_linked", "openers", "opens", "origin", "owners", "secrets", "time_ns")

    def __init__(self, client_random: bytes, origin: str, time_ns: int) -> None:
        self.client_random = client_random
        self.origin = origin
        self.time_ns = time_ns
        self.secrets: dict[str, bytes] = {}
        self.is_linked = False
        self.opens = b""
        self.openers: dict[tuple[str, int], Opener] = {}
        self.owners: set[tuple[int, int]] = set()

    @property
    def is_whole(self) -> bool:
        """Whether no secret is missing that the connection needs to its end."""
        return CLIENT_RANDOM in self.secrets or self.secrets.keys() >= TLS13

    def __repr__(self) -> str:
        """Shows the labels, and never the secrets."""
        return f"<Handshake {', '.join(self.secrets)}, by {self.origin}>"


# takes a further secret: its handshake, and its label; or None, for the copy of a connection's object
TakeSecret: TypeAlias = "Callable[[Handshake | None, str], None]"


class Waiter(NamedTuple):
    """A conversation that waits for secrets.

    Attributes:
        client_random: of the secrets; empty: any.
        since_ns: since when it waits.
        give_up: ends its waiting.
    """

    client_random: bytes
    since_ns: int
    give_up: Callable[[], None]


class SecretStore:
    """Takes secrets from any source, and gives them to the conversations that they open.

    It is not thread-safe: add secrets from the thread that reads the packets.

    Args:
        handshakes_max: handshakes to keep.

    Attributes:
        counts: what became of the secrets.
        guesses: tries that are left for connections whose hellos were not seen.
        is_complete: whether no more secrets will come, so that no connection need wait for one.
        on_opening: is called with each secret of a handshake that has opened a connection. None: nobody asks.
        on_closing: is called with the client random of a connection that has ended. None: nobody asks.
        turn: the number of the present batch of records, which on_opening's owner counts.
        snapshots: copies of the objects of connections that were open before.
        join: asks for such copies, and returns whether they may come. None: they do not.
        refill: is called when a secret is missing, and adds those that have come. None: they come by themselves.
    """

    def __init__(self, handshakes_max: int = HANDSHAKES_MAX) -> None:
        self._max = handshakes_max
        # by client random; the oldest first
        self._named: OrderedDict[bytes, Handshake] = OrderedDict()
        # those without a client random, the oldest first; by process and owner; and by their secrets
        self._unnamed: OrderedDict[Handshake, None] = OrderedDict()
        # those of them that may open a connection, the oldest first
        self._free: OrderedDict[Handshake, None] = OrderedDict()
        self._by_owner: dict[tuple[int, int], Handshake] = {}
        self._by_secret: dict[bytes, Handshake] = {}
        # master secrets that have opened a connection of TLS 1.2, the oldest first: a resumed session has the same
        self._masters: OrderedDict[bytes, Handshake] = OrderedDict()
        # what waits for secrets, the oldest first; and by the client random of the secrets
        self._waiting: dict[TakeSecret, Waiter] = {}
        self._waiting_by: dict[bytes, dict[TakeSecret, None]] = {}
        self._ended: OrderedDict[Callable[[], None], int] = OrderedDict()
        self._ended_bytes = 0
        self._is_refilling = False
        self.counts = SecretCounts()
        self.guesses = GUESSES_MAX
        self.is_complete = False
        self.on_opening: Callable[[Secret], None] | None = None
        self.on_closing: Callable[[bytes], None] | None = None
        self.refill: Callable[[], None] | None = None
        self.snapshots = Snapshots()
        self.join: Callable[[], bool] | None = None
        self.turn = 0
        # the connections that lack secrets for a reader, and in which turn each began
        self._lacking: OrderedDict[bytes, int] = OrderedDict()

    def add(self, secret: Secret) -> None:
        """Takes a secret, and passes it to the conversations that wait for it."""
        counts = self.counts
        counts.seen += 1
        if secret.label not in LABELS:
            counts.unused += 1
            return
        handshake = self._of_random(secret) if secret.client_random else self._of_owner(secret)
        if secret.label in handshake.secrets:
            counts.twice += 1
        else:
            handshake.secrets[secret.label] = secret.secret
            if handshake.is_linked:
                counts.linked += 1
                self._tell(handshake, secret.label)
            else:
                counts.unused += 1
            if not secret.client_random:
                self._by_secret[secret.secret] = handshake
        waiting = self._waiting_by.get(secret.client_random, {}) if secret.client_random else self._waiting
        for take in list(waiting):
            take(handshake, secret.label)

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """Takes a copy of a connection's object, and passes it to the conversations that wait."""
        self.snapshots.add(snapshot)
        for take in list(self._waiting_by.get(b"", {})):
            take(None, "")

    def joined(self, label: str, secret: bytes, handshake: Handshake | None = None) -> Handshake:
        """Notes a secret that was found in a copy. A tag has proven it.

        Args:
            label: its label.
            secret: its bytes.
            handshake: the secrets of the same connection; None: it is the first.
        """
        made = Handshake(b"", SNAPSHOT, 0) if handshake is None else handshake
        made.secrets[label] = secret
        made.is_linked = True
        self.counts.seen += 1
        self.counts.linked += 1
        return made

    def lose(self, count: int) -> None:
        """Counts secrets that their source has lost."""
        self.counts.seen += count
        self.counts.lost += count

    def of(self, client_random: bytes) -> Handshake | None:
        """The secrets of a handshake by its client random; None if there are none."""
        return self._named.get(client_random)

    def candidates(self) -> list[Handshake]:
        """The handshakes without a client random that may open a connection, the newest first."""
        return list(islice(reversed(self._free), CANDIDATES_MAX))

    def all(self) -> list[Handshake]:
        """The handshakes that may have opened a connection whose hellos were not seen, the newest first."""
        known = chain(reversed(self._unnamed), reversed(self._named.values()))
        return list(islice((handshake for handshake in known if not handshake.is_linked), CANDIDATES_MAX))

    def masters(self) -> list[Handshake]:
        """The handshakes of TLS 1.2 that have opened a connection, the newest first: one may have been resumed."""
        return list(reversed(self._masters.values()))

    def link(self, handshake: Handshake, client_random: bytes = b"") -> None:
        """Notes that the secrets of a handshake have opened a connection: a tag has proven it.

        Args:
            handshake: the secrets.
            client_random: that of the connection; empty if not known.
        """
        master = handshake.secrets.get(CLIENT_RANDOM)
        if master is not None:
            self._masters[master] = handshake
            self._masters.move_to_end(master)
            if len(self._masters) > CANDIDATES_MAX:
                self._masters.popitem(last=False)
        self._free.pop(handshake, None)
        if not handshake.is_linked:
            handshake.is_linked = True
            self.counts.unused -= len(handshake.secrets)
            self.counts.linked += len(handshake.secrets)
        handshake.opens = client_random
        handshake.openers.clear()
        for label in handshake.secrets:
            self._tell(handshake, label)

    def expect(self, client_random: bytes) -> None:
        """Notes that a connection has begun whose secrets will be wanted by on_opening."""
        if self.on_opening is not None:
            self._lacking.setdefault(client_random, self.turn)

    def expect_no_more(self, client_random: bytes) -> None:
        """Ends expect()."""
        self._lacking.pop(client_random, None)

    def close(self, client_random: bytes) -> None:
        """Notes that a connection has ended, or has begun another handshake."""
        self.expect_no_more(client_random)
        if self.on_closing is not None:
            self.on_closing(client_random)

    @property
    def oldest_turn(self) -> int | None:
        """The turn in which a connection began that lacks a secret, the first of them. None: none lacks any."""
        return next(iter(self._lacking.values()), None)

    def refresh(self) -> None:
        """Adds the secrets that have come by now."""
        if self.refill is not None and not self._is_refilling:
            self._is_refilling = True
            try:
                self.refill()
            finally:
                self._is_refilling = False

    @property
    def is_awaited(self) -> bool:
        """Whether a conversation waits for secrets."""
        return bool(self._waiting)

    def wait(self, take: TakeSecret, client_random: bytes, since_ns: int, give_up: Callable[[], None]) -> None:
        """Calls take with each secret that comes for a client random, or that has none, until leave().

        Args:
            take: takes a secret.
            client_random: the client random; empty: any.
            since_ns: since when the conversation waits, in the source's clock.
            give_up: is called when it has waited long enough. It calls leave().
        """
        self._waiting[take] = Waiter(client_random, since_ns, give_up)
        self._waiting_by.setdefault(client_random, {})[take] = None

    def leave(self, take: TakeSecret) -> None:
        """Ends wait(), and linger()."""
        waiter = self._waiting.pop(take, None)
        if waiter is None:
            return
        some = self._waiting_by[waiter.client_random]
        del some[take]
        if not some:
            del self._waiting_by[waiter.client_random]
        self._ended_bytes -= self._ended.pop(waiter.give_up, 0)

    def linger(self, take: TakeSecret, size: int) -> None:
        """Notes that a connection has ended whose bytes wait for secrets. Those of the oldest give way to it.

        Args:
            take: what it has given to wait().
            size: the bytes that wait.
        """
        self._ended[self._waiting[take].give_up] = size
        self._ended_bytes += size
        while self._ended_bytes > ENDED_BYTES_MAX:
            next(iter(self._ended))()

    def tick(self, now_ns: int) -> None:
        """Gives up those that have waited long enough. now_ns is in the source's clock."""
        while self._waiting:
            waiter = next(iter(self._waiting.values()))
            if now_ns - waiter.since_ns < WAITING_NS:
                return
            waiter.give_up()

    def end(self) -> None:
        """Gives up all that wait: no more secrets will come."""
        self.refresh()
        for waiter in list(self._waiting.values()):
            waiter.give_up()

    def _tell(self, handshake: Handshake, label: str) -> None:
        """Passes on a secret that has opened a connection, with that connection's client random."""
        if self.on_opening is not None and handshake.opens:
            self.on_opening(Secret(label, handshake.secrets[label], handshake.opens, handshake.origin))
            if handshake.is_whole:
                self.expect_no_more(handshake.opens)

    def _of_random(self, secret: Secret) -> Handshake:
        """The handshake with a client random. It is made if it is not known."""
        known = self._named.get(secret.client_random)
        if known is None:
            known = self._named[secret.client_random] = Handshake(secret.client_random, secret.origin, secret.time_ns)
            if len(self._named) > self._max:
                self._named.popitem(last=False)
        return known

    def _of_owner(self, secret: Secret) -> Handshake:
        """The handshake of a secret without a client random. It is made if it is not known."""
        owner = secret.process, secret.owner
        known = self._by_secret.get(secret.secret)
        if known is not None:
            # The other end reports the same secret, or a session of TLS 1.2 is resumed, which has the same again.
            self._by_owner[owner] = known
            known.owners.add(owner)
            if secret.label == CLIENT_RANDOM:
                self._free[known] = None
            if known in self._free:
                self._free.move_to_end(known)
            self._unnamed.move_to_end(known)
            known.time_ns = secret.time_ns
            return known
        known = self._by_owner.get(owner)
        # the address of an object is used again
        if known is None or _begins_another(known, secret.label):
            known = self._by_owner[owner] = Handshake(b"", secret.origin, secret.time_ns)
            known.owners.add(owner)
            self._unnamed[known] = self._free[known] = None
            self._forget(secret.time_ns)
        return known

    def _forget(self, now_ns: int) -> None:
        """Drops the handshakes without a client random that are too old, or too many."""
        while True:
            oldest = next(iter(self._unnamed))
            if len(self._unnamed) <= self._max and now_ns - oldest.time_ns <= UNNAMED_NS:
                return
            del self._unnamed[oldest]
            self._free.pop(oldest, None)
            for secret in oldest.secrets.values():
                self._by_secret.pop(secret, None)
            for owner in oldest.owners:
                if self._by_owner.get(owner) is oldest:
                    del self._by_owner[owner]


def _begins_another(handshake: Handshake, label: str) -> bool:
    """Whether a secret does not belong to the last handshake of its object.

    A label comes once, early data's first, and that of TLS 1.2 alone. The secrets of the handshake come before those of
    the traffic, but with early data the client's comes behind the server's traffic secret. The last handshake may have
    begun before its secrets were reported, so that its first ones are missing.
    """
    has = handshake.secrets
    if label in has or CLIENT_RANDOM in has:
        return True
    if label in (CLIENT_RANDOM, CLIENT_EARLY):
        return bool(has)
    if label == SERVER_HANDSHAKE:
        return SERVER_TRAFFIC in has or CLIENT_TRAFFIC in has
    if label == CLIENT_HANDSHAKE:
        return CLIENT_TRAFFIC in has or (SERVER_TRAFFIC in has and SERVER_HANDSHAKE not in has)
    return False
