"""Finds the secrets of a connection. Nothing but the tag of a record proves that they belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.secret import CLIENT_TRAFFIC, SERVER_TRAFFIC
from sockfilter.tls.opening import traffic_opener
from sockfilter.tls.suites import tls13_suites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.tls.reading import Record
    from sockfilter.tls.session import TlsSession
    from sockfilter.tls.store import Handshake, SecretStore
    from sockfilter.tls.suites import Suite

# Record numbers that are tried on a connection that was open before the capture began, for each secret and suite.
NUMBERS_MAX = 256
# Tries for one such connection; each takes 5 us.
GUESSES_MAX = 16384


class Guess(NamedTuple):
    """What opens a record of a connection whose hellos were not seen.

    Attributes:
        handshake: the secrets.
        label: the label of the one that opens the record.
        suite: the cipher suite.
        number: the number of the record.
    """

    handshake: Handshake
    label: str
    suite: Suite
    number: int


def by_random(session: TlsSession, store: SecretStore) -> Handshake | None:
    """The secrets with the client random of the connection; None if there are none."""
    return None if session.client is None else store.of(session.client.random)


def by_trial(
    session: TlsSession, handshakes: Iterable[Handshake], label: str, end: int, record: Record
) -> Handshake | None:
    """The secrets that open the first protected record of an end; None if none do.

    Args:
        session: the connection's.
        handshakes: the secrets to try.
        label: the label of the secret that opens the record.
        end: the end that sent it.
        record: the record.
    """
    for handshake in handshakes:
        opener = session.opener(label, end, handshake)
        if opener is not None and opener.open(record.header, record.body, 0) is not None:
            return handshake
    return None


def guess(
    handshakes: Iterable[Handshake], suite: Suite | None, record: Record, tries_max: int
) -> tuple[Guess | None, int]:
    """Finds what opens a record of a connection whose hellos were not seen.

    TLS 1.3 alone can be guessed: the keys of the versions before depend on the hellos.

    Args:
        handshakes: the secrets to try.
        suite: the suite; None if not known.
        record: the record.
        tries_max: the number of tries after which no further secret is tried.

    Returns what opens it, or None; and the number of tries.
    """
    tries = 0
    for handshake, label, tried in _ways(handshakes, suite):
        if tries >= tries_max:
            break
        opener = traffic_opener(tried, handshake.secrets[label])
        for number in range(NUMBERS_MAX):
            tries += 1
            if opener.open(record.header, record.body, number) is not None:
                return Guess(handshake, label, tried, number), tries
    return None, tries


def _ways(handshakes: Iterable[Handshake], known: Suite | None) -> Iterator[tuple[Handshake, str, Suite]]:
    for handshake in handshakes:
        for label in (SERVER_TRAFFIC, CLIENT_TRAFFIC):
            secret = handshake.secrets.get(label)
            if secret is not None:
                for suite in tls13_suites(len(secret)) if known is None else [known]:
                    yield handshake, label, suite
