"""What of a file cannot be understood, and may have been HTTP: it is counted, and named with its cause."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sockfilter.captures.file import open_file
from sockfilter.captures.wanted import body_policy
from tests.support.captures import enhanced, interface, one_exchange, pcap, section, timed
from tests.support.frames import (
    AH,
    ETHERNET_BYTES,
    IPIP,
    IPV4,
    IPV6,
    OLD_QINQ,
    VLAN,
    Talk,
    ethernet,
    extended,
    ipv4,
    ipv4_fragments,
    ipv6,
    ipv6_fragments,
    over_ipv4,
    over_ipv6,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange

HEADERS = ETHERNET_BYTES + 20 + 20
TLS = b"\x16\x03\x01\x00\xc8\x01" + bytes(199)
CUT = "packets cut before it could be told whether they carry HTTP"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], tuple[list[Exchange], Ledger]]:
    def read(content: bytes) -> tuple[list[Exchange], Ledger]:
        path, found = tmp_path / "file", []
        path.write_bytes(content)
        capture = open_file(str(path), policy=body_policy(None), emit=found.append)
        with capture:
            while not capture.source.is_over:
                capture.pump()
        assert capture.ledger.is_balanced
        return found, capture.ledger

    return read


def lost(ledger: Ledger) -> dict[str, int]:
    return {name: number for name, (number, _) in ledger.losses().items()}


@pytest.mark.parametrize("envelope", [over_ipv4, over_ipv6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("snap", range(0, 110, 3))
def test_a_snap_length_is_never_silent(
    read: Callable[[bytes], tuple[list[Exchange], Ledger]], snap: int, envelope: Callable[[int, bytes], bytes]
):
    """Whatever it is, and wherever it cuts: something is shown whole, or the cut is said."""
    found, ledger = read(pcap(timed(Talk(envelope).whole()), snap=snap))
    whole = [exchange for exchange in found if exchange.complete]
    assert len(whole) + sum(lost(ledger).values()) > 0
    assert not any("-s" in remedy or "ring" in remedy for _, remedy in ledger.losses().values())


@pytest.mark.parametrize(("kept", "is_told"), [(0, False), (1, True), (4, True), (14, True)])
def test_what_a_payload_begins_with_tells_as_far_as_it_goes(
    read: Callable[[bytes], tuple[list[Exchange], Ledger]], kept: int, is_told: bool
):
    """With the SYN, a first segment may be cut within a method, by whomever."""
    _, ledger = read(pcap(timed(Talk().whole()), snap=HEADERS + kept))
    assert ledger.packets["followed"] == is_told
    assert lost(ledger) == ({"packets cut at the snap length": 2} if is_told else {CUT: 2})


@pytest.mark.parametrize(("kept", "number"), [(0, 4), (1, 4), (3, 4), (7, 2), (8, 0)])
def test_in_mid_stream_a_token_has_to_be_whole(
    read: Callable[[bytes], tuple[list[Exchange], Ledger]], kept: int, number: int
):
    talks = [Talk(ports=(40000 + n, 8000)) for n in range(2)]
    frames = [frame for talk in talks for frame in (talk.client(b"OPTIONS * HTTP/1.1\r\n\r\n"), talk.server())]
    _, ledger = read(pcap(timed(frames), snap=HEADERS + kept))
    assert lost(ledger).get(CUT, 0) == number


@pytest.mark.parametrize("kept", [1, 2, 3, 14, 100])
def test_what_is_cut_and_no_http_is_no_loss(read: Callable[[bytes], tuple[list[Exchange], Ledger]], kept: int):
    talk = Talk()
    frames = [*talk.opening(), talk.client(TLS), talk.server(TLS), *talk.closing()]
    _, ledger = read(pcap(timed(frames), snap=HEADERS + kept))
    assert not ledger.losses()
    assert ledger.packets["tls"] >= (kept >= 24)


def test_what_is_whole_is_no_loss(read: Callable[[bytes], tuple[list[Exchange], Ledger]]):
    talk = Talk()
    frames = [*talk.opening(), talk.client(b"G"), talk.client(b"ARBAGE"), *talk.closing(), b"short"]
    found, ledger = read(pcap([*timed(frames), *one_exchange()]))
    assert not ledger.losses()
    assert len(found) == 1


def test_link_types_that_are_not_read(read: Callable[[bytes], tuple[list[Exchange], Ledger]]):
    kinds = [1, 147, 162, 189, 190, 195, 9999]
    blocks = [section(), *(interface(link_type=kind) for kind in kinds)]
    blocks += [enhanced(ns, frame, number) for ns, frame in one_exchange() for number in range(len(kinds))]
    found, ledger = read(b"".join(blocks))
    assert len(found) == 1
    assert ledger.file.link_types == dict.fromkeys(kinds[1:], 8)
    ((name, (number, _)),) = ledger.losses().items()
    assert name == "packets of link types 147, 162, 189, 190, ..., which cannot be read"
    assert number == 48


def test_one_link_type_that_is_not_read(read: Callable[[bytes], tuple[list[Exchange], Ledger]]):
    _, ledger = read(pcap(one_exchange(), link_type=147))
    assert lost(ledger) == {"packets of link type 147, which cannot be read": 8}
    assert ledger.packets["not_ip"] == 8


def test_what_a_link_type_that_is_read_has_of_other_protocols_is_no_loss(
    read: Callable[[bytes], tuple[list[Exchange], Ledger]],
):
    arp = ethernet(0x0806, bytes(28))
    _, ledger = read(pcap(timed([arp, arp]), link_type=1))
    assert not ledger.losses()
    _, ledger = read(pcap(timed([b"\x8f\0\x80\x35" + bytes(20)]), link_type=104, snap=20))
    assert not ledger.losses()


def test_a_frame_that_is_cut_within_its_link_header(read: Callable[[bytes], tuple[list[Exchange], Ledger]]):
    cooked = bytes(14) + b"\x08\0" + ipv4(Talk().segment(0, b"GET / HTTP/1.1\r\n\r\n"))
    for link_type, frame, snap in ((113, cooked, 15), (1, ethernet(IPV4, cooked[16:]), 13)):
        _, ledger = read(pcap(timed([frame]), link_type=link_type, snap=snap))
        assert lost(ledger) == {CUT: 1}


@pytest.mark.parametrize("make", [ipv4_fragments, ipv6_fragments])
def test_fragments_that_are_cut(
    read: Callable[[bytes], tuple[list[Exchange], Ledger]], make: Callable[..., list[bytes]]
):
    talk = Talk()
    segments = [talk.segment(0, b"GET / HTTP/1.1\r\n\r\n"), talk.segment(1, b"HTTP/1.1 204 No Content\r\n\r\n")]
    frames = [frame for end, data in enumerate(segments) for frame in make(data, 24, end, ident=end)]
    found, ledger = read(pcap(timed(frames)))
    assert len(found) == 1
    assert not ledger.losses()
    found, ledger = read(pcap(timed(frames), snap=len(frames[0]) - 1))
    assert not found
    assert lost(ledger)[CUT] >= 2


TAGGED = [(kind, 100) for kind in OLD_QINQ]
ENVELOPES: dict[str, Callable[[int, bytes], bytes]] = {
    **{
        f"{kind:#x}": lambda end, segment, tag=(kind, tci): ethernet(IPV4, ipv4(segment, end), end, (tag, (VLAN, 7)))
        for kind, tci in TAGGED
    },
    "0x9100, IPv6": lambda end, segment: ethernet(IPV6, ipv6(segment, end), end, ((OLD_QINQ[0], 1),)),
    "authenticated": lambda end, segment: ethernet(IPV4, ipv4(extended(segment, AH)[1], end, AH), end),
    "authenticated tunnel": lambda end, segment: ethernet(
        IPV4, ipv4(extended(ipv4(segment, end), AH, following=IPIP)[1], end, AH), end
    ),
}


@pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_headers_that_are_read_live_are_read_from_files(
    read: Callable[[bytes], tuple[list[Exchange], Ledger]], envelope: Callable[[int, bytes], bytes]
):
    (exchange,), ledger = read(pcap(timed(Talk(envelope).whole())))
    assert exchange.complete
    assert not ledger.losses()


def test_bytes_that_a_file_does_not_have_are_nobodys_ring(read: Callable[[bytes], tuple[list[Exchange], Ledger]]):
    frames = Talk().whole(response=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    talk = Talk(ports=(40001, 8000))
    lossy = [*talk.opening(), talk.client(), talk.server(b"HTTP/1.1 200 OK\r\n"), talk.server(b"Content-Length: 2\r\n")]
    lossy += [talk.server(b"\r\nok"), *talk.closing()]
    _, ledger = read(pcap(timed([*frames, *lossy[:5], *lossy[6:]])))
    ((name, (number, remedy)),) = ledger.losses().items()
    assert (name, number) == ("bytes missing in connections", len(b"Content-Length: 2\r\n"))
    assert remedy == "none: they are not in the file"
