"""Counts are subtracted without what did not change, and are shown as tables, lines and dicts."""

from __future__ import annotations

import json

import pytest

from sockfilter.cli.count_text import summary, table
from sockfilter.counting.counting import places
from sockfilter.counting.counts import Counted, DirectionCounts, DropCounts, PacketCounts, StationCounts
from sockfilter.errors import InvalidArgument
from sockfilter.system.devices import DeviceCounts

BEFORE = PacketCounts(
    "eth0",
    1.0,
    {"tap": StationCounts(DirectionCounts({(4, 6): Counted(5, 500, 5)}, {0x0806: Counted(1, 60, 1)}))},
    DeviceCounts(6, 0, 560, 0, 0, 0, 0, 0),
    Counted(5, 500, 5),
    DropCounts({"NO_SOCKET": Counted(1, 60, 1)}),
)
AFTER = PacketCounts(
    "eth0",
    3.0,
    {
        "tap": StationCounts(
            DirectionCounts(
                {(4, 6): Counted(7, 700, 9), (6, 58): Counted(1, 86, 1), (6, 253): Counted(2, 100, 2)},
                {0x0806: Counted(1, 60, 1), 0x88CC: Counted(2, 120, 2)},
                {4: Counted(1, 20, 1)},
                vlans={(7,): Counted(2, 200, 2), (100, 7): Counted(1, 100, 1)},
                extensions={0: Counted(1, 86, 1)},
            ),
            DirectionCounts({(4, 6): Counted(4, 400, 4)}),
        )
    },
    DeviceCounts(20, 4, 1586, 400, 0, 0, 3, 0),
    Counted(6, 600, 6),
    DropCounts({"NO_SOCKET": Counted(3, 180, 3)}),
)


def test_a_difference_has_what_came_in_between():
    found = AFTER - BEFORE
    assert found.seconds == 2.0
    assert found.tap.received.protocols == {(4, 6): (2, 200, 4), (6, 58): (1, 86, 1), (6, 253): (2, 100, 2)}
    assert found.tap.received.ether_types == {0x88CC: (2, 120, 2)}
    assert found.tap.received.total == (8, 526, 10)
    assert found.delivered == (1, 100, 1)
    assert found.drops == DropCounts({"NO_SOCKET": Counted(2, 120, 2)})
    assert found.device is not None
    assert found.device.rx_packets == 14


@pytest.mark.parametrize(
    "before",
    [
        BEFORE._replace(interface="lo"),
        BEFORE._replace(device=None),
        BEFORE._replace(stations={**BEFORE.stations, "tcx": StationCounts()}),
    ],
)
def test_counts_of_different_places_have_no_difference(before: PacketCounts):
    for one, other in ((AFTER, before), (before, AFTER)):
        with pytest.raises(InvalidArgument, match="take snapshots of one counting"):
            one - other


def test_the_sum_of_differences_is_the_whole():
    nothing = BEFORE - BEFORE
    parts = [BEFORE - nothing, AFTER - BEFORE]
    whole = AFTER - nothing
    assert sum(part.tap.received.total.packets for part in parts) == whole.tap.received.total.packets


def test_the_line_at_the_end():
    assert summary(AFTER - BEFORE) == (
        "eth0, 2.0 s: TCP 6, protocol 253 2, ICMPv6 1; not IP: LLDP 2; malformed IP headers: 1; VLAN 7: 2,"
        " VLAN 100.7: 1; with offload: 12 packets, which are 14 on the wire; dropped: 2"
    )
    assert summary(PacketCounts("lo", 1.0, {"tap": StationCounts()})) == "lo, 1.0 s: no packets"


def test_the_table_has_places_and_kinds():
    text = table(AFTER - BEFORE, {})
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert rows[:3] == [
        "eth0, 2.0 s packets packets/s bytes bytes/s",
        "device, received 14 7 1.0 kB 513 B",
        "device, sent 4 2 400 B 200 B",
    ]
    assert "device, received, dropped 3" in rows
    assert "tap, received 8 4 526 B 263 B" in rows
    assert "dropped, received, NO_SOCKET 2 1 120 B 60 B" in rows
    assert "IPv4 TCP (6) 2 200 B 4 400 B" in rows
    assert "IPv6 protocol 253 2 100 B 0 0 B" in rows
    assert "not IP: LLDP 2 120 B 0 0 B" in rows
    assert "of these in VLAN 100.7 1 100 B 0 0 B" in rows
    assert "of these with IPv6 header hop-by-hop (0) 1 86 B 0 0 B" in rows


def test_a_table_fits_on_the_screen():
    assert len(table(AFTER, {}, 8).splitlines()) == 6
    assert table(AFTER, {}, 8).splitlines()[-1].endswith("more lines")


def test_as_json():
    made = json.loads(json.dumps((AFTER - BEFORE).as_dict()))
    assert made["interface"] == "eth0"
    assert made["tap"]["received"]["packets"] == 8
    assert {"version": 6, "protocol": 58, "packets": 1, "bytes": 86, "segments": 1} in made["tap"]["received"][
        "protocols"
    ]
    assert made["tap"]["received"]["vlans"][1]["vlan"] == [100, 7]
    assert made["drops"]["received"] == {"NO_SOCKET": {"packets": 2, "bytes": 120, "segments": 2}}


@pytest.mark.parametrize("at", ["device, tcx", ["device", "tcx"], ("device", "tcx", "device")])
def test_places_are_a_list_or_a_text(at: str | list[str]):
    assert places(at) == ["device", "tcx"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("device, nowhere", "'nowhere' is no place to count at"),
        (["nowhere"], "'nowhere' is no place to count at; there are device, xdp, xdp:native, xdp:generic, tcx, socket"),
        (["xdp:native", "xdp:generic"], "room for one XDP program"),
    ],
)
def test_places_that_are_none(at: str | list[str], said: str):
    with pytest.raises(InvalidArgument, match=said):
        places(at)
