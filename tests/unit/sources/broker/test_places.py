"""Each user has a share of the captures and of the kernel's memory, until nobody has the ring any more."""

from __future__ import annotations

import os

import pytest

from sockfilter.errors import BrokerError, InvalidArgument
from sockfilter.sources.broker.places import CAPTURE_BYTES, Places

RING = 1 << 20


def test_a_users_places_are_its_own():
    places = Places({1, 2}, count=4)
    held = [places.enter(1) for _ in range(2)]
    with pytest.raises(BrokerError, match="user 1 has 2 captures or connections, which is the limit"):
        places.enter(1)
    places.enter(2)
    held[0].leave()
    places.enter(1)


def test_a_users_memory_is_its_own():
    places = Places({1, 2}, count=8, kernel=4 * (CAPTURE_BYTES + RING))
    held = [places.enter(1) for _ in range(3)]
    held[0].take(RING)
    held[1].take(RING)
    with pytest.raises(BrokerError, match="user 1 has 26 MiB of kernel memory of 26: 13 more do not fit"):
        held[2].take(RING)
    places.enter(2).take(RING)
    held[0].leave()
    held[2].take(RING)


def test_a_ring_that_the_client_keeps_keeps_its_place():
    places = Places({1}, count=1, kernel=CAPTURE_BYTES + RING)
    place = places.enter(1)
    place.take(RING)
    ring = os.eventfd(0)
    place.watch(ring)
    kept = os.dup(ring)
    os.close(ring)
    place.leave()
    with pytest.raises(BrokerError):
        places.enter(1)
    os.close(kept)
    places.enter(1).take(RING)


def test_more_users_than_places_are_refused():
    with pytest.raises(InvalidArgument, match="3 users: at most 2"):
        Places({1, 2, 3}, count=2)
