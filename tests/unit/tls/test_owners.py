"""Secrets without a client random are grouped by the object that reported them, whose address is used again."""

from __future__ import annotations

import pytest

from sockfilter.model import secret as secrets
from sockfilter.model.secret import CLIENT_RANDOM, PROBE, Secret
from sockfilter.tls.store import SecretStore

TLS_1_2 = (CLIENT_RANDOM,)
TLS_1_3 = (secrets.CLIENT_HANDSHAKE, secrets.SERVER_HANDSHAKE, secrets.SERVER_TRAFFIC, secrets.CLIENT_TRAFFIC)
EARLY = (secrets.CLIENT_EARLY, *TLS_1_3)


@pytest.mark.parametrize("first", [TLS_1_2, TLS_1_3, EARLY])
@pytest.mark.parametrize("second", [TLS_1_2, TLS_1_3, EARLY])
def test_one_object_makes_two_handshakes(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    store = SecretStore()
    for number, labels in enumerate((first, second)):
        for label in labels:
            made = f"{number} {label}".encode().ljust(48)
            store.add(Secret(label, made, b"", PROBE, process=1, owner=2))
    assert [set(handshake.secrets) for handshake in store.candidates()] == [set(second), set(first)]
