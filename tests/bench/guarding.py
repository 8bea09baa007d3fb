"""What a guard costs, beside nftables with the same rules: `python -m tests.bench.guarding`. Needs root."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from statistics import median
from struct import pack
from typing import TYPE_CHECKING

import sockfilter
from sockfilter.guarding.nft import nft_rules
from sockfilter.guarding.rules import made
from sockfilter.libbpf import binding, links
from sockfilter.system.namespace import entered
from tests.bench.counting import _of_type
from tests.bench.kernel import ROUNDS, Statistics, _programs, _statistics
from tests.bench.table import at_least, at_most
from tests.support.cable import FAR, cable
from tests.support.frames import ACK, IPV4, IPV6, SYN, ethernet, ipv4, ipv6
from tests.support.net import free_port, veth_pair
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cable import Cable

PACKETS = 20_000
PASS_NS_MAX, SYN_NS_MAX, KEPT_MIN = 80, 350, 0.95
PROG_TYPE_SCHED_CLS = 3
TCX_NEXT = -1
SOURCES = 100_000
FLOOD_A_SECOND = 100_000
EXCHANGES_S = 0.7
FLOOD_ROUNDS = 9
FLOOD_RULES = {"allow": [22], "per_source": "50/s"}
RULES = {"allow": [22, 8000], "per_source": "1000000/s"}


def segment(flags: int, port: int = 8000) -> bytes:
    return pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, flags, 1000, 0, 0)


KINDS = {
    "a segment that passes, IPv4": [ethernet(IPV4, ipv4(segment(ACK) + b"x" * 100))] * PACKETS,
    "a segment that passes, IPv6": [ethernet(IPV6, ipv6(segment(ACK) + b"x" * 100))] * PACKETS,
    "a judged SYN of one source": [ethernet(IPV4, ipv4(segment(SYN)))] * PACKETS,
    "a SYN refused by its port": [ethernet(IPV4, ipv4(segment(SYN, 81)))] * PACKETS,
}


def syn_of(number: int, port: int = 8000) -> bytes:
    frame = bytearray(ethernet(IPV4, ipv4(segment(SYN, port))))
    frame[26:30] = pack("!I", 0x0A000000 + number)
    return bytes(frame)


def costs(wire: Cable) -> Iterator[tuple[str, float, float]]:
    """Nanoseconds of an empty program at tcx, and of the guard, for each kind of packet."""
    kinds = {**KINDS, "a judged SYN of 20 000 sources": [syn_of(number) for number in range(PACKETS)]}
    for what, frames in kinds.items():
        found = []
        for _ in range(ROUNDS):
            with _empty(wire) as statistics:
                empty = _ns(wire, statistics, frames)
            before = _programs()
            with sockfilter.guard(FAR, netns=wire.netns, enforce=True, **RULES):
                program = _of_type(sorted(_programs() - before), PROG_TYPE_SCHED_CLS)
                found.append((empty, _ns(wire, Statistics(program), frames)))
        yield (what, *sorted(found, key=lambda pair: pair[1] - pair[0])[ROUNDS // 2])


def _ns(wire: Cable, statistics: Statistics, frames: list[bytes]) -> float:
    wire.send(*frames[: PACKETS // 10])
    statistics.ns()
    wire.send(*frames)
    return statistics.ns()


@contextmanager
def _empty(wire: Cable) -> Iterator[Statistics]:
    ffi, lib = binding.load()
    code = pack("=BBhi", 0xB7, 0, 0, TCX_NEXT) + pack("=BBhi", 0x95, 0, 0, 0)
    fd = lib.bpf_prog_load(PROG_TYPE_SCHED_CLS, b"empty", b"GPL", ffi.from_buffer(code), 2, ffi.NULL)
    assert fd >= 0
    with entered(wire.netns):
        link = links.create(fd, socket.if_nametoindex(FAR), links.TCX_INGRESS)
    try:
        yield Statistics(fd)
    finally:
        os.close(link)
        os.close(fd)


@contextmanager
def _nft(netns: str, interface: str, **rules: object) -> Iterator[None]:
    with entered(netns):
        text = nft_rules(interface, made(**rules))  # type: ignore[arg-type]  # as guard() takes them
    run = ["ip", "netns", "exec", netns, need_tool("nft")]
    subprocess.run([*run, "-f", "-"], input=text, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*run, "delete", "table", "netdev", "sockfilter_guard"], check=True)


PEER = """if True:
    import socket, sys
    server = socket.create_server(("10.9.0.2", int(sys.argv[1])))
    print(flush=True)
    link, _ = server.accept()
    while link.recv(65536):
        link.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
"""
CLIENT = """if True:
    import socket, sys, time
    link = socket.create_connection(("10.9.0.2", int(sys.argv[1])))
    for line in sys.stdin:
        count, end = 0, time.monotonic() + float(line)
        while time.monotonic() < end:
            link.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
            link.recv(65536)
            count += 1
        print(count, flush=True)
"""
FLOODER = """if True:
    import socket, sys, time
    from tests.bench.guarding import FLOOD_A_SECOND, SOURCES, syn_of
    mac = bytes.fromhex(sys.argv[1].replace(":", ""))
    frames = [mac + syn_of(number)[6:] for number in range(SOURCES)]
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.bind(("veth0", 0))
    print(flush=True)
    sys.stdin.readline()
    sent, began, end = 0, time.monotonic(), time.monotonic() + float(sys.argv[2])
    while (now := time.monotonic()) < end:
        if sent > (now - began) * FLOOD_A_SECOND:
            time.sleep(0.0005)
            continue
        for frame in frames[sent % SOURCES : sent % SOURCES + 200]:
            sender.send(frame)
        sent += 200
    print(sent / (time.monotonic() - began), flush=True)
"""


def _python(netns: str, script: str, *words: str) -> subprocess.Popen[str]:
    with entered(netns):
        return subprocess.Popen(
            [sys.executable, "-c", script, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )


def exchanges() -> Iterator[tuple[str, float, float, float]]:
    """The exchanges a second of one open connection, as a share of those in a flood alone, and the SYNs a second.

    The situations take turns, and the share is the middle of all turns: the machine has other things to do.
    """
    with veth_pair() as (left, right), ExitStack() as stack:
        port = free_port()
        server = stack.enter_context(_python(right, PEER, str(port)))
        stack.callback(server.kill)
        assert server.stdout is not None
        server.stdout.readline()
        client = stack.enter_context(_python(left, CLIENT, str(port)))
        stack.callback(client.kill)
        mac = _address(right)
        situations = ("alone", "flood", "flood, dry run", "flood, enforced", "flood, nftables")
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in situations}
        for _ in range(FLOOD_ROUNDS):
            for name in situations:
                with _guarded(name, right):
                    found[name].append(_rates(client, left, mac if "flood" in name else ""))
        for name, rates in found.items():
            share = median(rate / base for (rate, _), (base, _) in zip(rates, found["flood"], strict=True))
            yield name, median(rate for rate, _ in rates), share, median(flood for _, flood in rates)


def _address(netns: str) -> str:
    command = ["ip", "-n", netns, "-br", "link", "show", "veth0"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[2]


@contextmanager
def _guarded(name: str, netns: str) -> Iterator[None]:
    if "nftables" in name:
        with _nft(netns, "veth0", **FLOOD_RULES):
            yield
    elif "," in name:
        with sockfilter.guard("veth0", netns=netns, enforce="enforced" in name, **FLOOD_RULES):
            yield
    else:
        yield


def _rates(client: subprocess.Popen[str], netns: str, mac: str) -> tuple[float, float]:
    assert client.stdin is not None
    assert client.stdout is not None
    with ExitStack() as stack:
        flood = None
        if mac:
            flood = stack.enter_context(_python(netns, FLOODER, mac, str(EXCHANGES_S)))
            assert flood.stdin is not None
            assert flood.stdout is not None
            flood.stdout.readline()
            flood.stdin.write("\n")
            flood.stdin.flush()
        client.stdin.write(f"{EXCHANGES_S * 0.8}\n")
        client.stdin.flush()
        rate = int(client.stdout.readline()) / (EXCHANGES_S * 0.8)
        return rate, float(flood.stdout.readline()) if flood is not None and flood.stdout is not None else 0.0


def main() -> int:
    """Prints a table and the verdicts. Returns 0 where all targets are met."""
    verdicts = []
    with cable() as wire, _statistics():
        print(f"{'packet':34} {'empty':>7} {'guard':>7} {'above':>7}   ns a packet, median of {ROUNDS}")
        for what, empty, ours in costs(wire):
            print(f"{what:34} {empty:7.1f} {ours:7.1f} {ours - empty:7.1f}")
            most = PASS_NS_MAX if "passes" in what else SYN_NS_MAX
            verdicts.append(at_most(f"ns above an empty program, {what}", ours - empty, most))
    shares = {}
    print(f"\n{'situation':34} {'exchanges/s':>12} {'share':>6} {'SYNs/s':>9}")
    for name, rate, share, flood in exchanges():
        shares[name] = share
        print(f"{name:34} {rate:12.0f} {share:6.2f} {flood:9.0f}")
    for name in ("flood, dry run", "flood, enforced", "flood, nftables"):
        verdicts.append(at_least(f"exchanges of an open connection, {name}, of those without", shares[name], KEPT_MIN))
    print(*verdicts, sep="\n")
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
