"""Ports and hosts as people write them, and what cannot be meant."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.sources.narrowing import KernelFilter, host_and_mask, host_list, port_ranges

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
        ("", "'' is not a port: use numbers and ranges"),
        ("80,", "'' is not a port"),
        ("http", "'http' is not a port"),
        ("80-", "'80-' is not a port"),
        ("-80", "'-80' is not a port"),
        ("80-90-100", "'80-90-100' is not a port"),
        ("80.5", "'80.5' is not a port"),
        ("\u00b2", "is not a port"),
        ("0", "'0' is not a port or a range of ports: ports are 1 to 65535"),
        ("70000", "'70000' is not a port or a range"),
        ("90-80", "'90-80' is not a port or a range of ports: ports are 1 to 65535, the lower one first"),
        (0, "0 is not a port"),
        (-1, "-1 is not a port"),
        (65536, "65536 is not a port"),
        (range(9, 9), "its step must be 1, and it must not be empty"),
        (range(1, 9, 2), "its step must be 1"),
        (range(9, 1, -1), "its step must be 1"),
        ([80, "x"], "'x' is not a port"),
        ("9" * 5000, "is not a port: use numbers"),
        (b"80", "b'80' is not a set of ports: use a string"),
        ([b"80"], "b'80' is not a set of ports"),
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
    with pytest.raises(InvalidArgument, match="is not an address or network"):
        host_and_mask(host)


class Config:
    """In place of struct sf_config."""

    by_host = 0
    host = host_mask = b""


@pytest.mark.parametrize(
    ("hosts", "address", "mask", "left"),
    [
        (("10.1.2.3",), MAPPED + b"\n\1\2\3", b"\xff" * 16, 0),
        (("10.1.2.3", "10.1.2.3"), MAPPED + b"\n\1\2\3", b"\xff" * 16, 0),
        (("10.1.2.3", "10.0.0.0/8"), MAPPED + b"\n\0\0\0", b"\xff" * 13 + bytes(3), 0),
        (("10.1.2.2", "10.1.2.3"), MAPPED + b"\n\1\2\2", b"\xff" * 15 + b"\xfe", 2),
        (("10.1.2.3", "10.130.0.1"), MAPPED + b"\n\0\0\0", b"\xff" * 13 + bytes(3), 2),
        (("10.0.0.1", "192.168.0.1"), MAPPED + bytes(4), b"\xff" * 12 + bytes(4), 2),
        (("127.0.0.1", "::1"), bytes(16), b"\xff" * 10 + bytes(6), 2),
        (("10.0.0.1", "fd00::1"), bytes(16), bytes(16), 2),
        (("fd00::1", "fd00::8000:0:0:1"), b"\xfd" + bytes(15), b"\xff" * 8 + bytes(8), 2),
    ],
)
def test_the_kernel_compares_with_one_network_that_holds_all(
    hosts: tuple[str, ...], address: bytes, mask: bytes, left: int
):
    config = Config()
    kernel_filter = KernelFilter(hosts=hosts)
    kernel_filter.configure(config)
    assert (config.by_host, config.host, config.host_mask) == (1, address, mask)
    assert len(kernel_filter.left_to_compare()) == left


def test_no_hosts_are_all():
    config = Config()
    KernelFilter().configure(config)
    assert (config.by_host, KernelFilter().left_to_compare(), host_list(None)) == (0, [], ())


@pytest.mark.parametrize("hosts", [[], [""], ["10.0.0.1", "x"], [5], b"10.0.0.1", [b"::1"]])
def test_lists_of_hosts_that_cannot_be_meant(hosts: object):
    with pytest.raises(InvalidArgument, match=r"host is empty|is not an address or network"):
        host_list(hosts)  # type: ignore[arg-type]  # that is the point
