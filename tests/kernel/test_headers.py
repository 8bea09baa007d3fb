"""Headers of every right shape are read up to the payload, and not a byte of anything else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.frames import (
    ACK,
    AH,
    DESTINATION,
    FRAGMENT,
    HOP_BY_HOP,
    IPIP,
    IPV4,
    IPV6,
    ROUTING,
    SYN,
    Talk,
    ethernet,
    extended,
    ipv4,
    ipv6,
    over_ipv4,
    over_ipv6,
    padded,
)

if TYPE_CHECKING:
    from sockfilter import Exchange
    from tests.support.cable import Cable
    from tests.support.frames import Envelope

NO_OPERATION, ROUTER_ALERT = b"\x01\x01\x01\x01", b"\x94\x04\x00\x00"
# maximum segment size, SACK permitted, timestamps, window scale: as Linux opens
SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a 00000001 00000000 01 030307")
TIMESTAMPS = bytes.fromhex("0101 080a 00000001 00000002")
# more extension headers than are followed
TOO_LONG = [DESTINATION] * 9


def one_exchange(cable: Cable, envelope: Envelope) -> Exchange:
    """What comes out of a whole exchange in such frames."""
    with cable.capture() as capture:
        cable.pass_by(capture, *Talk(envelope).whole())
        (exchange,) = capture.exchanges
    assert capture.ledger.packets["sent"] == 4
    assert exchange.complete
    assert not exchange.problems
    assert exchange.request.target == "/x"
    assert exchange.response.body == b"hello"
    return exchange


@pytest.mark.parametrize("envelope", [over_ipv4, over_ipv6])
def test_plain(cable: Cable, envelope: Envelope) -> None:
    exchange = one_exchange(cable, envelope)
    assert exchange.connection.interface == "veth1"
    assert exchange.client.port == 40000
    assert exchange.server.ip == ("10.9.0.2" if envelope is over_ipv4 else "fd09::2")


@pytest.mark.parametrize("options", [NO_OPERATION, ROUTER_ALERT, NO_OPERATION * 10])
def test_ipv4_options(cable: Cable, options: bytes) -> None:
    one_exchange(cable, lambda end, segment: ethernet(IPV4, ipv4(segment, end, options=options), end))


@pytest.mark.parametrize(
    "kinds",
    [
        [HOP_BY_HOP],
        [ROUTING],
        [DESTINATION],
        [AH],
        [FRAGMENT],
        [HOP_BY_HOP, DESTINATION, ROUTING, FRAGMENT, AH, DESTINATION],
        TOO_LONG[:8],
    ],
    ids=lambda kinds: "-".join(map(str, kinds)),
)
def test_ipv6_extension_headers(cable: Cable, kinds: list[int]) -> None:
    def envelope(end: int, segment: bytes) -> bytes:
        following, data = extended(segment, *kinds)
        return ethernet(IPV6, ipv6(data, end, following), end)

    one_exchange(cable, envelope)


@pytest.mark.parametrize("options", [b"", ROUTER_ALERT], ids=["plain", "options"])
def test_ipv4_authenticated(cable: Cable, options: bytes) -> None:
    """In the clear behind its authentication header."""

    def envelope(end: int, segment: bytes) -> bytes:
        return ethernet(IPV4, ipv4(extended(segment, AH)[1], end, AH, options=options), end)

    one_exchange(cable, envelope)


def test_a_tunnel_authenticated(cable: Cable) -> None:
    def envelope(end: int, segment: bytes) -> bytes:
        inner = extended(ipv4(segment, end), AH, following=IPIP)[1]
        return ethernet(IPV4, ipv4(inner, end, AH), end)

    one_exchange(cable, envelope)


def test_ipv6_chain_beyond_the_bound_is_malformed(cable: Cable) -> None:
    following, data = extended(Talk().segment(0, b"GET /x HTTP/1.1\r\n\r\n"), *TOO_LONG)
    with cable.capture() as capture:
        cable.pass_by(capture, ethernet(IPV6, ipv6(data, 0, following)))
    assert capture.ledger.packets["malformed"] == 1
    assert not capture.exchanges


def test_tcp_options(cable: Cable) -> None:
    talk = Talk()
    opening = [talk.frame(0, flags=SYN, options=SYN_OPTIONS), talk.frame(1, flags=SYN | ACK, options=SYN_OPTIONS)]
    request = talk.frame(0, b"GET /options HTTP/1.1\r\n\r\n", options=TIMESTAMPS)
    response = talk.frame(1, b"HTTP/1.1 204 No Content\r\n\r\n", options=NO_OPERATION * 10)
    with cable.capture() as capture:
        cable.pass_by(capture, *opening, request, response)
        (exchange,) = capture.exchanges
    assert exchange.request.target == "/options"
    assert exchange.response.status == 204


@pytest.mark.parametrize("filler", [b"\x00", b"\xaa", b"GET "])
def test_padding_is_not_payload(cable: Cable, filler: bytes) -> None:
    """The last byte of the request comes alone, in a frame that is padded; so does the end of the connection."""
    talk = Talk(lambda end, segment: padded(over_ipv4(end, segment), filler))
    frames = [*talk.opening(), talk.client(b"GET /x HTTP/1.1\r\n\r"), talk.client(b"\n"), talk.server()]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames, *talk.closing())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == b"GET /x HTTP/1.1\r\n\r\n"
    assert not exchange.problems
    assert capture.ledger.packets["no_payload"] == 4
    assert capture.ledger.segments.overlapping == capture.ledger.segments.retransmitted == 0


def test_padded_acknowledgement_is_no_payload(cable: Cable) -> None:
    with cable.capture() as capture:
        cable.pass_by(capture, padded(Talk().opening()[2], b"GET / HTTP/1.1\r\n"))
    assert capture.ledger.packets["no_payload"] == 1


@pytest.mark.parametrize(
    "envelope",
    [
        lambda end, segment: ethernet(IPV4, ipv4(segment, end, total=0), end),
        lambda end, segment: ethernet(IPV6, ipv6(segment, end, length=0), end),
    ],
    ids=["ipv4", "ipv6"],
)
def test_ip_length_0_means_all_that_is_there(cable: Cable, envelope: Envelope) -> None:
    """As segmentation offload leaves it for more bytes than the field can count."""
    one_exchange(cable, envelope)
