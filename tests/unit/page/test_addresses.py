"""Where the page's server listens, and which connections are its own."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.model import Connection, Endpoint
from sockfilter.page.addresses import OwnConnections, WebAddress, listen, place
from sockfilter.page.guard import RequestGuard


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("127.0.0.1", 0)),
        ("8080", ("127.0.0.1", 8080)),
        ("localhost:1", ("127.0.0.1", 1)),
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        ("[::1]:80", ("::1", 80)),
        ("::1:80", ("::1", 80)),
    ],
)
def test_places(text: str, found: tuple[str, int]) -> None:
    assert place(text) == found


@pytest.mark.parametrize("text", ["x", "65536", "1.2.3:4", "example.org:80", ":80", "127.0.0.1:", "\uff11", "9" * 5000])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(InvalidArgument):
        place(text)


def connection(client: tuple[str, int], server: tuple[str, int]) -> Connection:
    return Connection(1, "lo", (Endpoint(*client), Endpoint(*server)), 0)


@pytest.mark.parametrize(
    ("at", "server", "is_own"),
    [
        (("127.0.0.1", 80), ("127.0.0.1", 80), True),
        (("127.0.0.1", 80), ("10.0.0.1", 80), False),
        (("127.0.0.1", 80), ("127.0.0.1", 81), False),
        (("0.0.0.0", 80), ("10.0.0.1", 80), True),
        (("0.0.0.0", 80), ("127.0.0.9", 80), True),
        (("0.0.0.0", 80), ("10.0.0.2", 80), False),
    ],
)
def test_own_connections(at: tuple[str, int], server: tuple[str, int], is_own: bool) -> None:
    own = OwnConnections(WebAddress(*at), frozenset(("127.0.0.1", "10.0.0.1")))
    assert own.are_others(connection(("10.0.0.7", 40000), server)) is not is_own
    assert own.are_others(connection(server, ("10.0.0.7", 40000))) is not is_own  # whichever end is known first


def test_a_port_below_1024_and_an_address_of_others() -> None:
    with pytest.raises(InvalidArgument, match="this machine does not have the address"):
        listen(WebAddress("192.0.2.1", 0))


def test_the_usual_port_is_left_out_by_browsers() -> None:
    guard = RequestGuard(WebAddress("127.0.0.1", 80), "t")
    assert guard.refusal({"Host": "127.0.0.1"}) is None
    assert guard.refusal({"Host": "127.0.0.1:80", "Origin": "http://127.0.0.1:80"}) is None
    assert guard.refusal({"Host": "attacker.example"}) is not None
    assert guard.refusal({}) is not None
    assert guard.knows("t")
    assert not guard.knows("")
