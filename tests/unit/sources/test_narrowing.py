"""Ports and hosts as people write them, and what cannot be meant."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.sources.narrowing import host_and_mask, port_ranges

MAPPED = bytes(10) + b"\xff\xff"


@pytest.mark.parametrize(
    ("ports", "ranges"),
    [
        (80, [(80, 80)]),
        ("80", [(80, 80)]),
        ("8000,9000-9100", [(8000, 8000), (9000, 9100)]),
        (" 80 , 81", [(80, 80), (81, 81)]),
        ("1-65535", [(1, 65535)]),
        ("80-80", [(80, 80)]),
        (range(80, 90), [(80, 89)]),
        ([80, "443,8000-8001", range(5, 7)], [(80, 80), (443, 443), (8000, 8001), (5, 6)]),
        ((), []),
    ],
)
def test_ports(ports: object, ranges: list[tuple[int, int]]):
    assert port_ranges(ports) == ranges  # type: ignore[arg-type]  # one of each kind


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        ("", "'' is no port: write numbers and ranges"),
        ("80,", "'' is no port"),
        ("http", "'http' is no port"),
        ("80-", "'80-' is no port"),
        ("-80", "'-80' is no port"),
        ("80-90-100", "'80-90-100' is no port"),
        ("80.5", "'80.5' is no port"),
        ("\u00b2", "is no port"),
        ("0", "'0' is no port or range of ports: they go from 1 to 65535"),
        ("70000", "'70000' is no port or range"),
        ("90-80", "'90-80' is no port or range of ports: they go from 1 to 65535, low to high"),
        (0, "0 is no port"),
        (-1, "-1 is no port"),
        (65536, "65536 is no port"),
        (range(9, 9), "it must rise by 1 and hold at least one"),
        (range(1, 9, 2), "it must rise by 1"),
        (range(9, 1, -1), "it must rise by 1"),
        ([80, "x"], "'x' is no port"),
        ("9" * 5000, "is no port: write numbers"),
        (b"80", "b'80' is no set of ports: write it as text"),
        ([b"80"], "b'80' is no set of ports"),
    ],
)
def test_ports_that_cannot_be_meant(ports: object, words: str):
    with pytest.raises(InvalidArgument, match=words.replace("(", r"\(")):
        port_ranges(ports)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("host", "address", "mask"),
    [
        ("10.1.2.3", MAPPED + b"\n\1\2\3", b"\xff" * 16),
        ("10.1.2.3/8", MAPPED + b"\n\0\0\0", b"\xff" * 13 + bytes(3)),
        ("0.0.0.0/0", MAPPED + bytes(4), b"\xff" * 12 + bytes(4)),
        ("::1", bytes(15) + b"\1", b"\xff" * 16),
        ("fd00::/8", b"\xfd" + bytes(15), b"\xff" + bytes(15)),
        ("::/0", bytes(16), bytes(16)),
    ],
)
def test_hosts(host: str, address: bytes, mask: bytes):
    assert host_and_mask(host) == (address, mask)


@pytest.mark.parametrize("host", ["", "x", "10.0.0", "10.0.0.1/33", "localhost", "::1%lo/200", "10.0.0.1:80"])
def test_hosts_that_cannot_be_meant(host: str):
    with pytest.raises(InvalidArgument, match="is no address or network"):
        host_and_mask(host)
