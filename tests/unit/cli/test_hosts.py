"""Hosts by name and by address."""

from __future__ import annotations

import pytest

from sockfilter.cli import hosts
from sockfilter.errors import InvalidArgument


def test_addresses_stand_for_themselves() -> None:
    text = "10.0.0.1, ::1 ,fd00::/8"
    assert hosts.addresses(text, None) == {"10.0.0.1": ("10.0.0.1",), "::1": ("::1",), "fd00::/8": ("fd00::/8",)}


def test_a_name_is_looked_up() -> None:
    found = hosts.addresses("localhost,10.0.0.1", 4)
    assert found == {"localhost": ("127.0.0.1",), "10.0.0.1": ("10.0.0.1",)}


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.0/33", "a/8", "::g", "10.0.0.1:80", "localhost:80", "a,,b", "a b"]
)
def test_what_can_be_neither(text: str) -> None:
    for look in (lambda: hosts.check(text), lambda: hosts.addresses(text.partition("a,")[2] or text, None)):
        with pytest.raises(InvalidArgument, match="is not an address or network"):
            look()


@pytest.mark.parametrize("name", ["no-such-name.invalid", "x" * 70, "\udcff"])
def test_a_name_that_has_no_address(name: str) -> None:
    hosts.check(name)
    with pytest.raises(InvalidArgument, match="resolving it as a name failed: "):
        hosts.addresses(name, None)
