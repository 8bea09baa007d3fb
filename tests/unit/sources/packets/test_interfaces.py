"""Interfaces by name: the one that is meant, or the nearest ones there are."""

from __future__ import annotations

import socket

import pytest

from sockfilter.errors import NoSuchInterface
from sockfilter.sources.packets import interfaces
from sockfilter.sources.packets.interfaces import ANY, NameCache, find


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    found = list(enumerate(["lo", "eth0", "eth1", "docker0", "wlan0"], 1))
    monkeypatch.setattr(interfaces.socket, "if_nameindex", lambda: found)


def test_loopback():
    lo = find("lo")
    assert (lo.name, lo.index, lo.is_loopback, lo.has_link_header) == ("lo", 1, True, True)


def test_any_stands_for_all():
    assert (find(ANY).index, find(ANY).is_loopback, find(ANY).has_link_header) == (0, False, None)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("eth", r"interface 'eth': there is no such interface; did you mean eth[01] or eth[01]\?"),
        ("dokcer0", r"did you mean docker0\?"),
        ("loo", r"did you mean lo\?"),
        ("zzz", "; there are lo, eth0, eth1, docker0, wlan0, any$"),
        ("", "interface '': there is no such interface; there are lo"),
        ("x" * 16, "there is no such interface"),
        ("lo\0", "there is no such interface"),
        ("lo:1", r"there is no such interface; did you mean lo\?"),
        ("l\u00f6", "there is no such interface"),
        ("l\udcff", "there is no such interface"),
    ],
)
def test_a_name_that_is_not_there(name: str, words: str):
    with pytest.raises(NoSuchInterface, match=words):
        find(name)


def test_names_by_index():
    with NameCache() as known:
        assert known.of(1) == "lo"
        assert known.of(987_654) == "987654"


def test_names_of_interfaces_that_came_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(interfaces.socket, "if_nameindex", list)
    with NameCache() as known:
        assert known.of(1) == socket.if_indextoname(1)
