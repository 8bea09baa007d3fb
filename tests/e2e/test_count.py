"""sockfilter count: what it prints, and what it says where something is wrong."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from sockfilter.system.namespace import entered
from tests.support.cable import FAR, Cable, cable
from tests.support.command import COMMAND, WAIT_S, Done, environment, run
from tests.support.net import ip, namespace
from tests.support.rights import without_rights
from tests.support.running import Running

pytestmark = pytest.mark.usefixtures("root")

UDP_PACKETS = 25


def datagrams(netns: str, count: int = UDP_PACKETS) -> None:
    """Datagrams of 100 bytes with their headers, on loopback, to a socket that is there."""
    with entered(netns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        for _ in range(count):
            link.sendto(b"x" * 58, link.getsockname())


def counting(*arguments: str) -> Running:
    return Running("count", *arguments)


def test_until_a_signal():
    with namespace() as netns:
        counter = counting("-i", "lo", "--netns", netns, "--interval", "1h")
        assert counter.greeting == "sockfilter: counting on lo; Ctrl-C ends"
        datagrams(netns)
        done = counter.end()
    assert done.status == 0
    assert re.search(r"^tap, received +25 ", done.output.decode(), re.MULTILINE)
    assert re.search(r"^IPv4 UDP \(17\) +25 +2\.5 kB +25 +2\.5 kB$", done.output.decode(), re.MULTILINE)
    assert re.fullmatch(r"sockfilter: lo, \d+\.\d s: UDP 50", done.said[-1])


def test_json_lines_and_their_sum():
    with namespace() as netns:
        counter = counting(
            "-i", "lo", "--netns", netns, "--interval", "200ms", "--format", "jsonl", "--at", "device,tcx"
        )
        for _ in range(4):
            datagrams(netns)
            counter.output.next()
        done = counter.end(signal.SIGTERM)
    *parts, total = done.json
    assert {part["kind"] for part in parts} == {"count"}
    assert total["kind"] == "count-total"
    for place in ("tap", "tcx"):
        for direction in ("received", "sent"):
            sums = sum(part[place][direction]["packets"] for part in parts)
            assert sums == total[place][direction]["packets"] == 4 * UDP_PACKETS
            assert total[place][direction]["bytes"] == 4 * UDP_PACKETS * 100
    assert total["device"]["rx_packets"] == 4 * UDP_PACKETS


def test_once_ends_after_one_interval():
    with namespace() as netns:
        done = run("count", "-i", "lo", "--netns", netns, "--once", "--interval", "50ms", "-q")
    assert done.status == 0
    assert done.lines[0].startswith("lo, 0.")
    assert done.said == []


def test_the_duration_ends_it():
    with namespace() as netns:
        done = run("count", "-i", "lo", "--netns", netns, "--interval", "100ms", "--duration", "250ms")
    assert sum(line.startswith("lo, ") for line in done.lines) == 3
    assert done.status == 0


def test_a_place_that_is_taken_is_left_out_and_the_others_are_counted():
    script = f"""if True:
        import sockfilter, sys
        with sockfilter.count("{FAR}", at=["xdp:generic"], netns=sys.argv[1]):
            print(flush=True)
            sys.stdin.read()
    """
    with cable() as wire:
        holder = subprocess.Popen(
            [sys.executable, "-c", script, wire.netns], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "\n"
            done = run("count", "-i", FAR, "--netns", wire.netns, "--at", "xdp,tcx", "--once", "--interval", "50ms")
            holder.communicate()
    assert done.status == 0
    assert re.match(
        rf"sockfilter: veth1 has an XDP program \(generic; id \d+, count_xdp, held by \w+\[{holder.pid}\]\), and an"
        r" interface has room for one: counting without it",
        done.said[0],
    )
    assert any(line.startswith("tcx, received") for line in done.lines)


def test_the_mode_of_xdp_is_always_said():
    with cable() as wire:
        for mode, words in (
            ("xdp:generic", "XDP is generic"),
            ("xdp:native", "XDP is native, which costs a veth device"),
        ):
            done = run("count", "-i", FAR, "--netns", wire.netns, "--at", mode, "--once", "--interval", "50ms")
            assert words in done.said[0]
            assert any(line.startswith(f"xdp ({mode[4:]}), received") for line in done.lines)


def gone(wire: Cable) -> Done:
    counter = counting("-i", FAR, "--netns", wire.netns, "--interval", "50ms", "--at", "xdp:generic,tcx")
    ip("link", "delete", FAR, netns=wire.netns)
    return counter.wait()


def test_an_interface_that_goes_ends_it_with_what_was_counted():
    with cable() as wire:
        done = gone(wire)
    assert done.status == 1
    said = [line for line in done.said if "it has gone" in line]
    assert said == ["sockfilter: counting at interface veth1: it has gone; what was counted before is right"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "which interface? -i NAME; sockfilter -D lists them"),
        (["-i", "nosuch0"], 1, "looking up interface 'nosuch0': there is no such interface"),
        (["-i", "any"], 2, "counting takes one interface, not any"),
        (["-i", "lo", "--at", "xpd"], 2, "'xpd' is no place to count at; there are device, xdp"),
        (["-i", "lo", "--once", "--duration", "3s"], 2, "--once ends after one --interval"),
        (["-i", "lo", "--interval", "0"], 2, "a duration is a number of seconds greater than 0"),
        (["-i", "lo", "--netns", "nosuch"], 1, "there is no such namespace"),
        (["-i", "lo", "--format", "xml"], 2, "invalid choice: 'xml'"),
        (["-i", "lo", "--att", "tcx"], 2, "there is no option --att; did you mean --at?"),
    ],
)
def test_what_it_cannot_mean_is_one_line(arguments: list[str], status: int, said: str):
    done = run("count", *arguments)
    assert (done.status, done.output) == (status, b"")
    (line,) = done.said
    assert said in line


def test_native_xdp_where_the_driver_has_none():
    with namespace() as netns:
        done = run("count", "-i", "lo", "--netns", netns, "--at", "xdp:native", "--once", "--interval", "50ms")
    assert done.status == 0
    assert "its driver has no native XDP: use --at xdp:generic: counting without it" in done.said[0]


@pytest.mark.parametrize(
    ("kept", "at", "lacks"),
    [
        ((), "device", "CAP_NET_RAW and CAP_BPF missing"),
        (("net_raw",), "device", "CAP_BPF missing"),
        (("bpf",), "device", "CAP_NET_RAW missing"),
    ],
)
def test_without_rights_it_says_which(kept: tuple[str, ...], at: str, lacks: str):
    done = run("count", "-i", "lo", "--at", at, "--once", prefix=without_rights(*kept))
    assert done.status == 1
    (line,) = done.said
    assert lacks in line
    assert "use sudo, or grant" in line


@pytest.mark.parametrize(
    ("at", "lacks"),
    [("tcx", "CAP_NET_ADMIN"), ("xdp", "CAP_NET_ADMIN"), ("drops", "CAP_PERFMON"), ("socket,drops", "CAP_PERFMON")],
)
def test_a_place_that_needs_more_rights_is_left_out_and_the_others_are_counted(at: str, lacks: str):
    words = ("count", "-i", "lo", "--at", f"{at},device", "--once", "--interval", "50ms")
    done = run(*words, prefix=without_rights("bpf", "net_raw"))
    assert done.status == 0, done.said
    (line,) = [line for line in done.said if line.endswith("counting without it")]
    assert f"{lacks} missing; use sudo, or grant {lacks} and CAP_BPF: " in line
    rows = [line.partition(",")[0] for line in done.lines[1:]]
    assert rows[:4] == ["device", "device", "tap", "tap"]


@pytest.mark.parametrize(
    ("kept", "at"),
    [
        (("bpf", "net_raw"), "device"),
        (("bpf", "net_raw", "net_admin"), "xdp:generic,tcx"),
        (("bpf", "net_raw", "perfmon"), "socket,drops"),
    ],
)
def test_with_the_rights_that_it_names_it_counts(kept: tuple[str, ...], at: str):
    done = run("count", "-i", "lo", "--at", at, "--once", "--interval", "50ms", prefix=without_rights(*kept))
    assert done.status == 0, done.said
    assert "counting on lo" in done.said[0]


def test_its_help():
    assert "places for --at:" in run("count", "--help").output.decode()


def test_a_reader_that_goes_ends_it():
    with namespace() as netns:
        read, write = os.pipe()
        counter = subprocess.Popen(
            [*COMMAND, "count", "-i", "lo", "--netns", netns, "--interval", "50ms"],
            env=environment(),
            stdout=write,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        assert os.read(read, 1) == b"l"
        os.close(read)
        assert counter.wait(WAIT_S) == 141
