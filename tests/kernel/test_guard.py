"""A guard judges openings of connections alone, a dry run as one that enforces, and nftables with the same rules."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from struct import pack
from typing import TYPE_CHECKING, Any

import pytest

import sockfilter
from sockfilter.guarding.nft import nft_rules
from sockfilter.guarding.rules import made
from sockfilter.system.namespace import entered
from tests.support.cable import FAR, NEAR, Cable
from tests.support.frames import (
    ACK,
    ARP,
    DESTINATION,
    FIN,
    HOP_BY_HOP,
    ICMP,
    IPV4,
    IPV6,
    MORE_FRAGMENTS,
    RST,
    SYN,
    TCP,
    UDP,
    VLAN,
    ethernet,
    extended,
    ipv4,
    ipv6,
    udp,
)
from tests.support.net import free_port, namespace
from tests.support.skips import need_linux, need_tool

if TYPE_CHECKING:
    from sockfilter import Guard, RefusedOpening

PATIENCE_S = 60.0
PORT, OTHER = 8000, 5432


@pytest.fixture(autouse=True)
def tcx() -> None:
    need_linux("tcx", 6, 6)


def segment(port: int, flags: int = SYN, data: bytes = b"", source: int = 40000) -> bytes:
    return pack("!HHIIBBHHH", source, port, 1, 0, 0x50, flags, 1000, 0, 0) + data


def over4(data: bytes, protocol: int = TCP, **changes: Any) -> bytes:
    return ethernet(IPV4, ipv4(data, protocol=protocol, **changes))


def over6(data: bytes, following: int = TCP) -> bytes:
    return ethernet(IPV6, ipv6(data, following=following))


def from_source(number: int, port: int = PORT) -> bytes:
    """A SYN of one of many sources."""
    frame = bytearray(over4(segment(port)))
    frame[26:30] = pack("!I", 0x0A000000 + number)
    return bytes(frame)


# what opens a connection to a port, in every guise
OPENINGS = {
    "SYN": lambda port: over4(segment(port)),
    "SYN with data (TCP Fast Open)": lambda port: over4(segment(port, data=b"GET / HTTP/1.1\r\n\r\n")),
    "SYN and PSH": lambda port: over4(segment(port, SYN | 0x08)),
    "SYN and ECN": lambda port: over4(segment(port, SYN | 0xC0)),
    "with IP options": lambda port: over4(segment(port), options=b"\x01\x01\x01\x00"),
    "in a VLAN": lambda port: ethernet(IPV4, ipv4(segment(port)), tags=((VLAN, 7),)),
    "IPv6": lambda port: over6(segment(port)),
    "IPv6 with extension headers": lambda port: over6(*extended(segment(port), HOP_BY_HOP, DESTINATION)[::-1]),
}
# what opens none, although its port is refused
OTHERS = {
    "ACK": over4(segment(OTHER, ACK)),
    "SYN and ACK": over4(segment(OTHER, SYN | ACK)),
    "RST": over4(segment(OTHER, RST)),
    "FIN": over4(segment(OTHER, FIN | ACK)),
    "IPv6 ACK": over6(segment(OTHER, ACK)),
    "ARP": ethernet(ARP, b"\0" * 46),
    "ICMP": over4(b"\x08\0" + bytes(30), ICMP),
    "UDP": over4(udp(b"x" * 30, OTHER), UDP),
    "first fragment": over4(segment(OTHER), fragment=MORE_FRAGMENTS),
    "later fragment": over4(segment(OTHER), fragment=1),
    "cut": over4(segment(OTHER)[:10]),
    "not IP": ethernet(0x88CC, b"\0" * 46),
}


def arrived(cable: Cable, frames: list[bytes], **rules: Any) -> tuple[Guard, list[RefusedOpening]]:
    """A guard that frames have passed, and what it refused of them."""
    with sockfilter.guard(FAR, netns=cable.netns, **rules) as guard:
        cable.send(*frames)
        deadline = time.monotonic() + PATIENCE_S
        while guard.counts.seen < len(frames):
            assert time.monotonic() < deadline, guard.counts
            os.sched_yield()
        found = guard.refused
    assert guard.counts.is_balanced, guard.counts
    assert len(found) == guard.counts.refused
    return guard, found


def behind(cable: Cable) -> int:
    """How many packets a chain of nftables behind tcx has counted."""
    done = nft(cable, "list", "chain", "netdev", "behind", "every")
    found = re.search(r"counter packets (\d+)", done)
    assert found is not None, done
    return int(found[1])


def count_behind(cable: Cable, priority: int = 0) -> None:
    hook = f'type filter hook ingress device "{FAR}" priority {priority};'
    nft(cable, "-f", "-", text=f"table netdev behind {{\n chain every {{\n {hook}\n counter\n }}\n}}\n")


def nft(cable: Cable, *words: str, text: str | None = None) -> str:
    command = [need_tool("ip"), "netns", "exec", cable.netns, need_tool("nft"), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{done.stderr}\n{text}"
    return done.stdout


@pytest.mark.parametrize("guise", OPENINGS)
def test_openings_are_refused_by_port_in_every_guise(cable: Cable, guise: str) -> None:
    make = OPENINGS[guise]
    count_behind(cable)
    frames = [make(PORT), make(OTHER), make(22), make(OTHER)]
    _, found = arrived(cable, frames, allow=[22, PORT], enforce=True)
    assert [refused.target.port for refused in found] == [OTHER, OTHER]
    assert {refused.rule.value for refused in found} == {"port"}
    assert behind(cable) == 2
    _, found = arrived(cable, frames, deny=[22], enforce=True)
    assert [refused.target.port for refused in found] == [22]
    assert behind(cable) == 5


@pytest.mark.parametrize("name", OTHERS)
def test_all_else_passes(cable: Cable, name: str) -> None:
    count_behind(cable)
    guard, found = arrived(cable, [OTHERS[name]] * 3, allow=[PORT], per_source="1/m", enforce=True)
    assert not found
    assert behind(cable) == 3
    assert guard.counts.openings == 0


def traffic() -> list[bytes]:
    """Openings of many kinds, from many sources, between all that passes."""
    frames = []
    for number in range(40):
        frames += [make(port) for make in OPENINGS.values() for port in (PORT, OTHER)]
        frames += OTHERS.values()
        frames += [from_source(number % 7), from_source(number % 3, OTHER)]
    return frames


RULES: dict[str, dict[str, Any]] = {
    "allow": {"allow": "22,8000"},
    "deny": {"deny": "5432"},
    "rate": {"per_source": "1/m:5"},
    "both": {"allow": [PORT], "per_source": "2/m:11"},
    "sources": {"allow": [22], "sources": ["10.0.0.2", "fd09::/64"]},
    "not sources": {"allow": [22], "not_sources": ["10.0.0.0/30"], "per_source": "1/m:3"},
    "udp": {"allow": [22], "udp": True},
}


@pytest.mark.parametrize("name", RULES)
def test_a_dry_run_judges_as_one_that_enforces_and_as_nftables(cable: Cable, name: str) -> None:
    rules, frames = RULES[name], traffic()

    def of(found: list[RefusedOpening]) -> list[tuple[object, ...]]:
        return [refused[1:] for refused in found]

    count_behind(cable)
    _, dry = arrived(cable, frames, **rules)
    assert dry
    assert behind(cable) == len(frames)  # a dry run drops nothing
    _, enforced = arrived(cable, frames, enforce=True, **rules)
    assert of(enforced) == of(dry)
    assert behind(cable) == 2 * len(frames) - len(dry)
    nft(cable, "delete", "table", "netdev", "behind")
    with entered(cable.netns):
        text = nft_rules(FAR, made(**rules))
    nft(cable, "-c", "-f", "-", text=text)
    nft(cable, "-f", "-", text=text)
    count_behind(cable, priority=10)
    with sockfilter.count(FAR, netns=cable.netns) as counting:
        cable.send(*frames)
        deadline = time.monotonic() + PATIENCE_S
        while counting.snapshot().tap.received.total.packets < len(frames):
            assert time.monotonic() < deadline
            os.sched_yield()
    dropped = sum(map(int, re.findall(r"counter packets (\d+) bytes \d+ drop", nft(cable, "list", "ruleset"))))
    assert dropped == len(dry)
    deadline = time.monotonic() + PATIENCE_S
    while behind(cable) != len(frames) - len(dry):
        assert time.monotonic() < deadline, (behind(cable), len(frames), len(dry))
        os.sched_yield()


def test_each_source_has_a_rate_of_its_own(cable: Cable) -> None:
    frames = [from_source(number) for number in range(50) for _ in range(4)]
    _, found = arrived(cable, frames, per_source="1/m:3")
    assert [refused.source.ip for refused in found] == [f"10.0.0.{number}" for number in range(50)]
    assert {refused.rule.value for refused in found} == {"rate"}


def test_addresses_of_one_ipv6_network_are_one_source(cable: Cable) -> None:
    frames = []
    for host in range(5):
        frame = bytearray(over6(segment(PORT)))
        frame[22:38] = socket.inet_pton(socket.AF_INET6, f"2001:db8:0:7::{host + 1}")
        frames.append(bytes(frame))
    _, found = arrived(cable, frames, per_source="1/m:3")
    assert [refused.source.ip for refused in found] == ["2001:db8:0:7::4", "2001:db8:0:7::5"]


def test_time_brings_openings_back(cable: Cable) -> None:
    with sockfilter.guard(FAR, netns=cable.netns, per_source="50/s:1") as guard:
        deadline = time.monotonic() + PATIENCE_S
        while guard.counts.allowed < 3:
            cable.send(from_source(1))
            assert time.monotonic() < deadline
    assert guard.counts.refused_rate


def test_more_sources_than_the_table_has_room_for(cable: Cable) -> None:
    sources = 80_000
    frames = [from_source(number) for number in range(sources)]
    with sockfilter.guard(FAR, netns=cable.netns, per_source="1/m") as guard:
        for at in range(0, sources, 1000):
            cable.send(*frames[at : at + 1000])
        deadline = time.monotonic() + PATIENCE_S
        while guard.counts.openings < sources:
            assert time.monotonic() < deadline
            os.sched_yield()
        counts = guard.counts
    assert counts.new_sources + counts.no_room == counts.allowed == sources
    assert counts.sources <= 65_536
    assert counts.forgotten == counts.new_sources - counts.sources >= sources - 65_536 - counts.no_room


def test_what_finds_no_room_in_the_ring_is_counted(cable: Cable) -> None:
    with sockfilter.guard(FAR, netns=cable.netns, deny=[PORT]) as guard:
        for _ in range(30):
            cable.send(*[from_source(1)] * 1000)
        deadline = time.monotonic() + PATIENCE_S
        while guard.counts.openings < 30_000:
            assert time.monotonic() < deadline
            os.sched_yield()
    assert guard.counts.refused_port == 30_000
    assert guard.counts.unreported
    assert len(guard.refused) + guard.counts.unreported == 30_000


def test_established_connections_live_on_and_new_ones_wait() -> None:
    with namespace() as netns, entered(netns):
        port = free_port()
        with (
            socket.create_server(("127.0.0.1", port)) as server,
            socket.create_connection(("127.0.0.1", port)) as before,
        ):
            peer, _ = server.accept()
            with peer, sockfilter.guard("lo", deny=[port], enforce=True) as guard:
                before.sendall(b"still here")
                assert peer.recv(10) == b"still here"
                peer.sendall(b"and back")
                assert before.recv(10) == b"and back"
                with socket.socket() as late:
                    late.settimeout(0.2)
                    with pytest.raises(TimeoutError):
                        late.connect(("127.0.0.1", port))
                assert guard.refused[0].target == ("127.0.0.1", port)
            # what the guard refused is let in afterwards
            socket.create_connection(("127.0.0.1", port)).close()


def test_other_programs_at_tcx_run_as_before(cable: Cable) -> None:
    frames = [from_source(1), from_source(1, OTHER)] * 20
    with (
        sockfilter.count(FAR, at=["tcx"], netns=cable.netns) as before,
        sockfilter.guard(FAR, netns=cable.netns, deny=[OTHER]) as dry,
        sockfilter.guard(FAR, netns=cable.netns, deny=[OTHER], enforce=True) as guard,
        sockfilter.count(FAR, at=["tcx"], netns=cable.netns) as behind_it,
    ):
        cable.send(*frames)
        deadline = time.monotonic() + PATIENCE_S
        while guard.counts.seen < len(frames):
            assert time.monotonic() < deadline
            os.sched_yield()
        assert dry.counts.refused == guard.counts.refused == 20
        assert before.snapshot().stations["tcx"].received.total.packets == 40
        assert behind_it.snapshot().stations["tcx"].received.total.packets == 20


def test_generic_xdp_of_others_does_not_confuse_it(cable: Cable) -> None:
    """Behind it, the kernel may not know how long the link header is."""
    with sockfilter.count(FAR, at=["xdp:generic"], netns=cable.netns):
        _, found = arrived(cable, [from_source(1), over6(segment(OTHER)), from_source(1, OTHER)], allow=[PORT])
    assert [refused.target.port for refused in found] == [OTHER, OTHER]


def test_kill_ends_it(cable: Cable) -> None:
    script = f"""if True:
        import sockfilter, time
        guard = sockfilter.guard("{FAR}", netns="{cable.netns}", deny=[{PORT}], enforce=True)
        print(flush=True)
        time.sleep(1000)
    """
    count_behind(cable)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + PATIENCE_S
    while not behind(cable):
        cable.send(from_source(1))
        assert time.monotonic() < deadline


def test_it_closes_once_and_keeps_what_it_knows(cable: Cable) -> None:
    guard, found = arrived(cable, [from_source(1)], deny=[PORT])
    guard.close()
    assert guard.refused == found
    assert guard.counts.refused == 1


def test_both_ends_of_a_cable_are_apart(cable: Cable) -> None:
    with sockfilter.guard(NEAR, netns=cable.netns, deny=[PORT], enforce=True) as near:
        _, found = arrived(cable, [from_source(1)], deny=[PORT])
        assert found
        assert not near.refused
