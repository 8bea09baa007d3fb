"""Several hosts: the kernel compares with one network, and what it lets through too much is dropped and counted."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_pton
from struct import calcsize

import pytest

import sockfilter
from sockfilter.libbpf import binding
from sockfilter.sources import hosts
from tests.support.captures import pcap, timed
from tests.support.frames import HOSTS4, HOSTS6, REQUEST, Talk, ipv4_fragments, over_ipv4, over_ipv6

# in place of the client's address of HOSTS4
CLIENTS4 = ("10.9.0.1", "10.9.0.9", "10.200.0.1", "192.168.1.1")


def from_client(frames: list[bytes], client: str) -> list[bytes]:
    """The frames with another client."""
    family, usual = (AF_INET6, HOSTS6[0]) if ":" in client else (AF_INET, HOSTS4[0])
    return [frame.replace(inet_pton(family, usual), inet_pton(family, client)) for frame in frames]


def connections(client: str, number: int) -> list[bytes]:
    """Two of a client, one of them with its request in fragments, and with a body that goes on for a while."""
    if ":" in client:
        return from_client(Talk(over_ipv6).whole(), client)
    pieces = Talk(over_ipv4, ports=(50000 + number, 8000))
    body = b"x" * 1000
    frames = [
        *Talk(over_ipv4).whole(),
        *ipv4_fragments(pieces.segment(0, REQUEST), 16, ident=number),
        pieces.server(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n"),
        *(pieces.server(body) for _ in range(20)),
        *pieces.closing(),
    ]
    return from_client(frames, client)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with connections of all clients to one server, one client after the other."""
    clients = [*CLIENTS4, "fd09::1", "fd09::77"]
    frames = [frame for number, client in enumerate(clients) for frame in connections(client, number)]
    file = tmp_path_factory.mktemp("hosts") / "file.pcap"
    file.write_bytes(pcap(timed(frames)))
    return str(file)


def seen(path: str, host: str | list[str] | None) -> tuple[list[tuple[str, int, int, list[str]]], sockfilter.Ledger]:
    reading = sockfilter.read(path, host=host)
    found = [(e.client.ip, e.client.port, e.start_ns, [p.value for p in e.problems]) for e in reading]
    return found, reading.ledger


@pytest.mark.parametrize(
    "wanted",
    [
        ["10.9.0.1", "10.9.0.9"],
        ["10.9.0.1", "192.168.1.1"],
        ["10.9.0.9", "fd09::77"],
        ["192.168.0.0/16", "10.200.0.0/16"],
        ["fd09::1", "fd09::77"],
        ["10.9.0.9", "203.0.113.7"],
        ["10.9.0.0/24", "10.9.0.9"],
    ],
    ids=" ".join,
)
def test_several_hosts_are_the_sum_of_each(path: str, wanted: list[str]) -> None:
    found, ledger = seen(path, wanted)
    alone = [seen(path, host) for host in wanted]
    assert sorted(found) == sorted({tuple(map(str, one)): one for each, _ in alone for one in each}.values())
    assert found
    assert ledger.is_balanced, ledger.imbalance
    assert ledger.packets["filtered"] > 0
    if wanted != ["10.9.0.0/24", "10.9.0.9"]:
        assert ledger.records_read == sum(each.records_read for _, each in alone)
        assert ledger.packets["fragments"] == sum(each.packets["fragments"] for _, each in alone)
    assert not ledger.losses()


def test_hosts_that_nobody_has(path: str) -> None:
    found, ledger = seen(path, ["203.0.113.7", "198.51.100.1"])
    assert (found, ledger.records_read, ledger.is_balanced) == ([], 0, True)


def test_the_record_is_read_as_it_is() -> None:
    ffi, _ = binding.load()
    places = {field: member.offset for field, member in ffi.typeof("struct sf_record").fields}
    at, found = 0, []
    for name, code in (
        *(("time_ns", "8x"), ("stream", "Q"), ("seq", "I"), ("ack", "4x"), ("payload_len", "I")),
        *(("payload_kept", "I"), ("frame_len", "8x"), ("payload_off", "H"), ("tcp_flags", "x"), ("kind", "B")),
        ("marks", "B"),
    ):
        assert places[name] == at, name
        at += calcsize(f"={code}")
        found.append(code)
    assert "=" + "".join(found) == hosts.RECORD.format
