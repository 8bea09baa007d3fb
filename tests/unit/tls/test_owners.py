"""Secrets without a client random are grouped by the object that reported them, whose address is used again."""

from __future__ import annotations

import pytest

from sockfilter.model import secret as secrets
from sockfilter.model.secret import CLIENT_RANDOM, PROBE, Secret
from sockfilter.tls.store import SecretStore

TLS_1_2 = (CLIENT_RANDOM,)
# the orders in which OpenSSL and GnuTLS report them
OPENSSL = (secrets.SERVER_HANDSHAKE, secrets.CLIENT_HANDSHAKE, secrets.SERVER_TRAFFIC, secrets.CLIENT_TRAFFIC)
GNUTLS = (secrets.CLIENT_HANDSHAKE, secrets.SERVER_HANDSHAKE, secrets.CLIENT_TRAFFIC, secrets.SERVER_TRAFFIC)
# the client's handshake secret waits until the early data has ended
EARLY = (
    *(secrets.CLIENT_EARLY, secrets.SERVER_HANDSHAKE, secrets.SERVER_TRAFFIC),
    *(secrets.CLIENT_HANDSHAKE, secrets.CLIENT_TRAFFIC),
)
ORDERS = [TLS_1_2, OPENSSL, GNUTLS, EARLY]


def report(store: SecretStore, number: int, labels: tuple[str, ...]) -> None:
    """One object reports the secrets of a handshake."""
    for label in labels:
        made = f"{number} {label}".encode().ljust(48)
        store.add(Secret(label, made, b"", PROBE, process=1, owner=2))


@pytest.mark.parametrize("first", ORDERS)
@pytest.mark.parametrize("second", ORDERS)
def test_one_object_makes_two_handshakes(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    store = SecretStore()
    for number, labels in enumerate((first, second)):
        report(store, number, labels)
    assert [set(handshake.secrets) for handshake in store.candidates()] == [set(second), set(first)]


@pytest.mark.parametrize("first", ORDERS)
@pytest.mark.parametrize("second", ORDERS)
def test_the_first_handshake_had_begun_before(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    """Its last secrets are not taken for those of the next one."""
    for missed in range(1, len(first)):
        store = SecretStore()
        report(store, 0, first[missed:])
        report(store, 1, second)
        newest = store.candidates()[0]
        assert {label: made[:1] for label, made in newest.secrets.items()} == dict.fromkeys(second, b"1")
