"""What begins like TLS is followed if it is wanted, and is counted if it is not."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.support.frames import Talk, over_ipv4, over_ipv6

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.cable import Cable

# The first bytes of a ClientHello and of a ServerHello, and a record of application data (RFC 8446, 5.1).
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(194)
SERVER_HELLO = bytes.fromhex("160303007a020000760303") + bytes(116)
DATA = bytes.fromhex("1703030020") + bytes(32)
NOT_TLS = {
    "alert first": bytes.fromhex("15030100020228"),
    "version 4": bytes.fromhex("16040100c8010000c40303"),
    "long record": bytes.fromhex("160301ffff010000c40303"),
    "data first": DATA,
}


def talks(envelope: object = over_ipv4) -> Iterator[Talk]:
    """Connections, each from a port of its own."""
    return (Talk(envelope, (port, 443)) for port in count(40000))


@pytest.fixture
def keylog(tmp_path: Path) -> str:
    """A key log that has nothing yet."""
    path = tmp_path / "keys.log"
    path.touch()
    return str(path)


@pytest.mark.parametrize("from_syn", [True, False], ids=["from SYN", "mid-stream"])
@pytest.mark.parametrize("envelope", [over_ipv4, over_ipv6])
def test_connection_is_followed_from_its_client_hello_on(
    cable: Cable, keylog: str, from_syn: bool, envelope: object
) -> None:
    talk = next(talks(envelope))
    opening = talk.opening() if from_syn else []
    with cable.capture(keylog=keylog) as capture:
        cable.pass_by(capture, *opening, talk.client(CLIENT_HELLO), talk.server(SERVER_HELLO))
        packets = capture.ledger.packets
    assert (packets["followed"], packets["not_http"], packets["tls"]) == (1, 0, 0)


@pytest.mark.parametrize("from_syn", [True, False], ids=["from SYN", "mid-stream"])
def test_connection_is_followed_if_its_client_hello_was_missed(cable: Cable, keylog: str, from_syn: bool) -> None:
    talk = next(talks())
    opening = talk.opening() if from_syn else []
    with cable.capture(keylog=keylog) as capture:
        cable.pass_by(capture, *opening, talk.server(SERVER_HELLO))
        packets = capture.ledger.packets
    assert (packets["followed"], packets["not_http"], packets["tls"]) == (1, 0, 0)


@pytest.mark.parametrize("protocols", [None, "all"])
def test_client_hello_cut_anywhere(cable: Cable, keylog: str, protocols: str | None) -> None:
    frames: list[bytes] = []
    cuts = range(1, 8)
    for cut, talk in zip(cuts, talks(), strict=False):
        frames += [*talk.opening(), talk.client(CLIENT_HELLO[:cut]), talk.client(CLIENT_HELLO[cut:])]
    with cable.capture(keylog=keylog, protocols=protocols) as capture:
        cable.pass_by(capture, *frames)
        packets = capture.ledger.packets
    assert (packets["followed"], packets["not_http"]) == (len(cuts), 0)


@pytest.mark.parametrize("data", NOT_TLS.values(), ids=NOT_TLS.keys())
@pytest.mark.parametrize("from_syn", [True, False], ids=["from SYN", "mid-stream"])
def test_what_is_no_client_hello_stays_in_the_kernel(cable: Cable, keylog: str, data: bytes, from_syn: bool) -> None:
    talk = next(talks())
    opening = talk.opening() if from_syn else []
    with cable.capture(keylog=keylog) as capture:
        cable.pass_by(capture, *opening, talk.client(data))
        packets = capture.ledger.packets
    # data that come first are those of a connection that was open before
    is_open = data == DATA and not from_syn
    assert (packets["followed"], packets["not_http"], packets["tls"]) == (is_open, not is_open, 0)


def test_without_secrets_each_connection_is_counted_once(cable: Cable) -> None:
    """The ServerHello, and what the handshake still has in the clear, count no second time."""
    frames: list[bytes] = []
    for _, talk in zip(range(3), talks(), strict=False):
        frames += [*talk.opening(), talk.client(CLIENT_HELLO), talk.server(SERVER_HELLO), talk.client(DATA)]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        packets = capture.ledger.packets
    assert (packets["followed"], packets["sent"], packets["not_http"], packets["tls"]) == (0, 0, 9, 3)


@pytest.mark.parametrize("ports", [443, None], ids=["a port that was named", "any port"])
def test_open_connection_is_followed(cable: Cable, keylog: str, ports: int | None) -> None:
    talk = next(talks())
    with cable.capture(keylog=keylog, ports=ports) as capture:
        cable.pass_by(capture, talk.server(DATA), talk.client(DATA))
        packets = capture.ledger.packets
    assert (packets["followed"], packets["not_http"]) == (1, 0)
