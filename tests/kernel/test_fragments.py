"""HTTP in IP fragments: put together, or counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sockfilter.packets.fragments import WAITING_BYTES_MAX
from tests.support.frames import (
    IPIP,
    IPV4,
    Talk,
    ethernet,
    ipv4,
    ipv4_fragments,
    ipv6_fragment,
    ipv6_fragments,
    over_ipv4,
    over_ipv6,
    padded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import FragmentCounts
    from tests.support.cable import Cable
    from tests.support.frames import Envelope

    Fragmenter = Callable[..., list[bytes]]

REQUEST = b"GET /in-fragments HTTP/1.1\r\nHost: fragments.test\r\nUser-Agent: test\r\n\r\n"
ORDERS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "in order": list,
    "reversed": lambda frames: frames[::-1],
    "last first": lambda frames: [frames[-1], *frames[:-1]],
    "first twice": lambda frames: [frames[0], *frames],
    "all but the last twice": lambda frames: [*frames[:-1], *frames],
}
VERSIONS = pytest.mark.parametrize(
    ("envelope", "fragments"), [(over_ipv4, ipv4_fragments), (over_ipv6, ipv6_fragments)], ids=["ipv4", "ipv6"]
)


def accounted(counts: FragmentCounts) -> int:
    return counts.used + counts.waiting + counts.expired + counts.undecodable


@VERSIONS
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_request_comes_out_whole(
    cable: Cable, envelope: Envelope, fragments: Fragmenter, order: Callable[[list[bytes]], list[bytes]]
) -> None:
    talk = Talk(envelope)
    pieces = order(fragments(talk.segment(0, REQUEST), 32))
    with cable.capture() as capture:
        cable.pass_by(capture, *pieces, talk.server())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST
    assert exchange.response.status == 200
    counts = capture.ledger.fragments
    assert (counts.reassembled, counts.used, counts.waiting) == (1, len(pieces), 0)
    assert capture.ledger.packets["fragments"] == len(pieces)


@VERSIONS
def test_whole_connection_with_a_request_in_fragments(cable: Cable, envelope: Envelope, fragments: Fragmenter) -> None:
    talk = Talk(envelope)
    frames = [*talk.opening(), *fragments(talk.segment(0, REQUEST), 32), talk.server(), *talk.closing()]
    with cable.capture() as capture:
        cable.pass_by(capture, *frames)
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert exchange.connection.connect_ns is not None


@VERSIONS
def test_response_in_fragments(cable: Cable, envelope: Envelope, fragments: Fragmenter) -> None:
    talk = Talk(envelope)
    frames = [*talk.opening(), talk.client()]
    pieces = fragments(talk.segment(1, b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n" + b"x" * 600), 128, end=1)
    with cable.capture() as capture:
        cable.pass_by(capture, *frames, *pieces, *talk.closing())
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert exchange.response.body == b"x" * 600
    assert exchange.connection.connect_ns is not None


def test_first_fragment_is_not_dropped(cable: Cable) -> None:
    pieces = ipv4_fragments(Talk().segment(0, REQUEST), 64)
    with cable.capture() as capture:
        cable.pass_by(capture, pieces[0])
    assert capture.ledger.packets["sent"] == capture.ledger.packets["fragments"] == 1


def test_padding_behind_the_last_fragment_is_not_data(cable: Cable) -> None:
    talk = Talk()
    pieces = ipv4_fragments(talk.segment(0, REQUEST), 88)
    assert len(pieces[-1]) < 60
    with cable.capture() as capture:
        cable.pass_by(capture, *map(padded, pieces), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST


def test_fragments_in_a_tunnel(cable: Cable) -> None:
    talk = Talk()
    inner = [frame[14:] for frame in ipv4_fragments(talk.segment(0, REQUEST), 32)]
    with cable.capture() as capture:
        cable.pass_by(capture, *(ethernet(IPV4, ipv4(packet, protocol=IPIP)) for packet in inner), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST


@VERSIONS
def test_overlap_drops_the_packet(cable: Cable, envelope: Envelope, fragments: Fragmenter) -> None:
    """RFC 5722: which of the two is meant cannot be known, and one may be there to hide the other."""
    segment = Talk().segment(0, REQUEST)
    good, bad = fragments(segment, 32), fragments(segment.replace(b"fragments.test", b"elsewhere.test"), 48)
    with cable.capture() as capture:
        cable.pass_by(capture, *good[:-1], bad[1], good[-1])
    counts = capture.ledger.fragments
    assert not capture.exchanges
    assert counts.reassembled == 0
    assert accounted(counts) == len(good) + 1
    assert capture.ledger.losses()


@VERSIONS
def test_never_completing_expires(cable: Cable, envelope: Envelope, fragments: Fragmenter) -> None:
    pieces = fragments(Talk().segment(0, REQUEST), 32)
    with cable.capture() as capture:
        cable.pass_by(capture, *pieces[:-1])
        assert capture.ledger.fragments.waiting == len(pieces) - 1
    counts = capture.ledger.fragments
    assert (counts.waiting, counts.expired) == (0, len(pieces) - 1)
    assert capture.ledger.losses()["IP fragments given up"][0] == len(pieces) - 1


def test_oldest_of_too_many_expire(cable: Cable) -> None:
    """Each lacks its end; together they are more than is kept."""
    size = 8000
    packets = range(WAITING_BYTES_MAX // (2 * size) + 10)
    pieces = [piece for i in packets for piece in ipv4_fragments(bytes(3 * size), size, ident=i)[:2]]
    with cable.capture() as capture:
        for at in range(0, len(pieces), 100):  # as the ring takes them
            cable.pass_by(capture, *pieces[at : at + 100])
        counts = capture.ledger.fragments
    assert counts.waiting * size <= WAITING_BYTES_MAX < (counts.waiting + 2) * size
    assert accounted(counts) == len(pieces)


def test_smallest_fragments_there_are(cable: Cable) -> None:
    """As many as a datagram can have, last first: each is looked at once, not with all the others."""
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n".ljust(60_000 + 44, b"x")
    talk = Talk()
    frames = [*talk.opening(), talk.client()]
    pieces = ipv4_fragments(talk.segment(1, response), 8, end=1)
    with cable.capture() as capture:
        cable.pass_by(capture, *frames, *pieces[::-1])
        (exchange,) = capture.exchanges
    assert exchange.response.body.wire_len == 60_000
    assert capture.ledger.fragments.used == len(pieces) > 7500


def test_packets_with_interleaved_fragments_are_kept_apart(cable: Cable) -> None:
    talks = [Talk(ports=(port, 8000)) for port in (40001, 40002)]
    first, second = (
        ipv4_fragments(talk.segment(0, REQUEST.replace(b"fragments", b"%d" % i, 1)), 32, ident=i)
        for i, talk in enumerate(talks)
    )
    mixed = [frame for pair in zip(first, second, strict=True) for frame in pair]
    with cable.capture() as capture:
        cable.pass_by(capture, *mixed, *(talk.server() for talk in talks))
        targets = [exchange.request.target for exchange in capture.exchanges]
    assert targets == ["/in-0", "/in-1"]


def test_fragments_of_another_port_are_not_wanted(cable: Cable) -> None:
    pieces = ipv4_fragments(Talk().segment(0, REQUEST), 32)
    with cable.capture(ports=9999) as capture:
        cable.pass_by(capture, *pieces)
    assert not capture.exchanges
    assert capture.ledger.fragments.undecodable == len(pieces)


def test_fragments_of_another_host_stay_in_the_kernel(cable: Cable) -> None:
    pieces = ipv4_fragments(Talk().segment(0, REQUEST), 32)
    with cable.capture(host="10.9.0.7") as capture:
        cable.pass_by(capture, *pieces)
    assert capture.ledger.packets["filtered"] == len(pieces)


def test_single_fragment_that_is_a_whole_packet(cable: Cable) -> None:
    """Offset 0 and none to follow, behind a fragment header: a packet like any other (RFC 6946)."""
    talk = Talk(over_ipv6)
    with cable.capture() as capture:
        cable.pass_by(capture, ipv6_fragment(talk.segment(0, REQUEST), 0, more=False), talk.server())
        (exchange,) = capture.exchanges
    assert exchange.request.raw == REQUEST
    assert capture.ledger.packets["fragments"] == 0


@VERSIONS
def test_fragments_amid_whole_packets(cable: Cable, envelope: Envelope, fragments: Fragmenter) -> None:
    talk = Talk(envelope)
    with cable.capture() as capture:
        cable.pass_by(capture, *talk.opening())
        for _ in range(3):
            cable.pass_by(capture, talk.client(), talk.server())
        cable.pass_by(capture, *fragments(talk.segment(0, REQUEST), 32), talk.server())
        cable.pass_by(capture, talk.client(), talk.server())
        found = capture.exchanges
    assert [exchange.conn_seq for exchange in found] == [1, 2, 3, 4, 5]
    assert [exchange.request.raw == REQUEST for exchange in found] == [False, False, False, True, False]
    assert not any(exchange.problems for exchange in found)
