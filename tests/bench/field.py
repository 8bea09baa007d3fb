"""What count, guard, accelerate and paths say, beside their anchors, in one run: `python -m tests.bench.field`. Root.

The anchors are the driver's own statistics, nftables with the same rules, TCP, and tshark on each interface.
"""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TYPE_CHECKING

import sockfilter
from sockfilter.accelerating.self_test import tried
from tests.bench.counting import flood
from tests.bench.guarding import _nft, segment, syn_of
from tests.e2e.test_hops import HEADER_BYTES, drop, dropped, serving
from tests.support.cable import FAR, NEAR, cable
from tests.support.frames import ACK, IPV4, ethernet, ipv4
from tests.support.net import ip
from tests.support.skips import need_tool
from tests.support.topologies import bridged, inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cable import Cable

RULES = {"allow": [22, 8000], "per_source": "3/m"}
SOURCES, OPENINGS, SEGMENTS = 100, 5, 1000
REQUESTS, BODY_UNITS = 20, 40_000
PATIENCE_S = 30.0


def main() -> int:
    """Prints the tables. Returns 0 if each figure is that of its anchor."""
    with cable() as wire:
        for end in (NEAR, FAR):
            ip("link", "set", end, "mtu", "1500", netns=wire.netns)
        verdicts = [counted(wire), guarded(wire)]
    verdicts.append(crossed())
    accelerated()
    return 0 if all(verdicts) else 1


def counted(wire: Cable) -> bool:
    """Packets of a flood, at each place and in the driver's statistics."""
    found, sent = flood(wire)
    assert found.device is not None
    print(f"count: a flood of {sent} packets\n{'place':34} {'packets':>9} {'bytes':>12}")
    print(f"{'device (anchor)':34} {found.device.rx_packets:9} {found.device.rx_bytes:12}")
    same = True
    for name, station in found.stations.items():
        total = station.received.total
        print(f"{name:34} {total.packets:9} {total.bytes:12}")
        same = same and total.packets == found.device.rx_packets
    return same


def guarded(wire: Cable) -> bool:
    """What is refused of the same frames by a dry run, by a guard that enforces, and by nftables."""
    frames = [syn_of(source, port) for source in range(SOURCES) for port in (8000, 81) for _ in range(OPENINGS)]
    frames += [ethernet(IPV4, ipv4(segment(ACK, 81)))] * SEGMENTS
    print(f"\nguard: {len(frames)} packets, {SEGMENTS} of them of open connections\n{'':34} {'refused':>9}")
    found = {}
    for name, enforce in (("dry run", False), ("enforced", True)):
        with sockfilter.guard(FAR, netns=wire.netns, enforce=enforce, **RULES) as guard:  # type: ignore[arg-type]
            arrive(wire, frames)
            found[name] = guard.counts.refused
    with _nft(wire.netns, FAR, **RULES):
        arrive(wire, frames)
        listed = ["ip", "netns", "exec", wire.netns, need_tool("nft"), "list", "ruleset"]
        text = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
        found["nftables (anchor)"] = sum(map(int, re.findall(r"counter packets (\d+) bytes \d+ drop", text)))
    for name, refused in found.items():
        print(f"{name:34} {refused:9}")
    return len(set(found.values())) == 1


def arrive(wire: Cable, frames: list[bytes]) -> None:
    """Sends frames, and returns when the far end has taken them."""
    with sockfilter.count(FAR, netns=wire.netns) as counting:
        wire.send(*frames)
        deadline = monotonic() + PATIENCE_S
        while counting.snapshot().tap.received.total.packets < len(frames) and monotonic() < deadline:
            sleep(0.01)


def crossed() -> bool:
    """Requests over a bridge that loses packets: what the path says, and what tshark sees on each interface."""
    with bridged() as (network, second), TemporaryDirectory() as folder, ExitStack() as stack:
        host = network.server or ""
        stack.enter_context(serving(second, "10.8.0.12"))
        files = {name: Path(folder, name) for name in ("port1", "port2")}
        with ExitStack() as sharks:
            for name, file in files.items():
                sharks.enter_context(shark(host, name, file))
            drop(host, "tcp sport 8000 meta length > 1000 numgen inc mod 13 == 3 counter drop", "bridge")
            capture = stack.enter_context(sockfilter.capture("any", netns=host, body=None, ring=1 << 26))
            with inside(network.client):
                client = HTTPConnection("10.8.0.12", 8000, timeout=30)
                client.connect()
            for _ in range(REQUESTS):
                client.request("GET", f"/x?{BODY_UNITS}")
                client.getresponse().read()
            client.close()
            capture.flush()
        packets, size = dropped(host)
        losses = [loss for one in capture.exchanges for step in one.path for loss in step.lost]
        print(f"\nhops: {REQUESTS} requests over a bridge that drops one packet in 13")
        form = "{:34} {:>9} {:>15} {:>11}"
        print(form.format("", "requests", "payload back", "bytes lost"))
        passed = {name: seen(file, "tcp.srcport == 8000") for name, file in files.items()}
        for name, file in files.items():
            requests = len(seen(file, "http.request"))
            print(form.format(f"tshark on {name} (anchor)", requests, sum(passed[name]), ""))
        anchors = (sum(passed["port2"]) - sum(passed["port1"]), size - packets * HEADER_BYTES)
        print(form.format("the difference of the two (anchor)", "", "", anchors[0]))
        print(form.format("nftables' own counter (anchor)", "", "", anchors[1]))
        lost = sum(loss.size for loss in losses)
        print(form.format("sockfilter -i any", len(capture.exchanges), "", lost))
        return len(capture.exchanges) == REQUESTS and anchors == (lost, lost)


@contextmanager
def shark(netns: str, interface: str, file: Path) -> Iterator[None]:
    """Captures an interface with tshark."""
    command = ["ip", "netns", "exec", netns, need_tool("tshark"), "-q", "-i", interface, "-w", str(file), "-B", "64"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "apturing on" not in process.stderr.readline():
        pass
    deadline = monotonic() + PATIENCE_S
    while not file.exists() and monotonic() < deadline:
        sleep(0.05)
    try:
        yield
    finally:
        sleep(1)  # it writes what it has once a second
        process.terminate()
        process.wait()


def seen(file: Path, what: str) -> list[int]:
    """The payload bytes of each frame that matches a filter of Wireshark."""
    command = [need_tool("tshark"), "-r", str(file), "-d", "tcp.port==8000,http", "-Y", what]
    command += ["-T", "fields", "-e", "tcp.len"]
    return list(map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))


def accelerated() -> None:
    """What an application sees past TCP, and by TCP."""
    form = "{:34} {:42} {:42} {}"
    print("\n" + form.format("accelerate", "by TCP (anchor)", "past TCP", "rate"))
    for one in tried():
        rate = f"{one.ratio:.1f}" if one.hazard.is_load else ""
        print(form.format(one.hazard.name, str(one.plain), str(one.accelerated), rate).rstrip())


if __name__ == "__main__":
    sys.exit(main())
