"""Capture files out and in: what was written says the same when it is read."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import dpkt
import pytest

import sockfilter
from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.refusals import refusal
from tests.support.captures import interface, one_exchange, pcap, section, simple, timed
from tests.support.clients import curl
from tests.support.command import COMMAND, Sniffer, run
from tests.support.frames import ACK, PSH, RST, SYN, Talk
from tests.support.rights import for_everybody, let_everybody_in
from tests.support.skips import need_tool

# of one_exchange(), the packets that the client has sent
CLIENTS = (0, 2, 3, 5, 7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "capture.pcapng"


def without_ids(lines: list[str]) -> list[dict]:
    """All fields but the numbers that count exchanges and connections; a file has its name, not the interface's."""
    exchanges = [json.loads(line) for line in lines]
    for exchange in exchanges:
        del exchange["id"], exchange["connection"]
    return sorted(exchanges, key=lambda exchange: exchange["time"])


@pytest.mark.parametrize("server", ["python", "nginx", "node"])
def test_live_and_read_back_are_the_same(loopback, server, file):
    site = loopback.get(server)
    shown = ("--format", "jsonl", "--body", "all")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file), "--no-processes", *shown) as sniffer:
        curl(site, EVERYTHING)
        curl(site, [SMALL, SMALL])
        live = sniffer.end()
    assert live.status == 0
    read = run("-r", str(file), *shown)
    assert read.status == 0
    assert without_ids(read.lines) == without_ids(live.lines)
    assert read.lines


def test_other_tools_read_it_without_complaint(loopback, file):
    tshark = need_tool("tshark")
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file)) as sniffer:
        curl(site, [SMALL])
        sniffer.end()
    fields = ("-T", "fields", "-e", "http.request.uri", "-e", "http.response.code", "-e", "_ws.malformed")
    command = [tshark, "-r", file, "-d", f"tcp.port=={site.port},http", "-Y", "http", *fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [SMALL.target, "200"]


def test_to_a_pipe_and_from_a_pipe(loopback):
    site = loopback.get("python")
    reader = subprocess.Popen([*COMMAND, "-r", "-", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", "-") as sniffer:
        curl(site, [SMALL])
        written = sniffer.end().output
    out, _ = reader.communicate(written)
    assert b"GET /small" in out
    assert reader.returncode == 0


def test_nobody_else_may_read_it(loopback, file):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file)) as sniffer:
        sniffer.end()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_belongs_to_who_ran_sudo(file):
    env = {"SUDO_UID": "65534", "SUDO_GID": "65534"}
    assert run("-i", "lo", "--ports", "1", "--duration", "0.01", "-w", str(file), env=env).status == 0
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)


def test_files_one_after_the_other_lose_nothing(loopback, tmp_path):
    site = loopback.get("nginx")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(tmp_path / "part"), "-C", "1") as sniffer:
        curl(site, [SMALL] * 30)
        for _ in range(4):
            curl(site, EVERYTHING)
        live = sniffer.end()
    parts = sorted(tmp_path.iterdir())
    assert len(parts) > 1
    read = [exchange for part in parts for exchange in sockfilter.read(part) if exchange.response]
    good = [exchange for exchange in read if exchange.response.status == 200]
    assert len(good) >= len([line for line in live.lines if "200" in line])


def flags_in(path: Path) -> list[int]:
    """TCP's flags of each frame of Ethernet and IPv4 in a file, of one connection."""
    with path.open("rb") as file:
        return [frame[47] for _, frame in dpkt.pcapng.Reader(file)]


def test_a_file_has_the_handshake_whole(loopback, file, tmp_path):
    """Written live, and written again from that."""
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(file), "-4") as sniffer:
        curl(site, [SMALL])
        sniffer.end()
    copy = tmp_path / "copy.pcapng"
    assert run("-q", "-r", str(file), "-w", str(copy)).status == 0
    for flags in (flags_in(file), flags_in(copy)):
        assert flags[:3] == [SYN, SYN | ACK, ACK]
        assert flags[3] & PSH
    assert len(flags_in(copy)) == len(flags_in(file))


def test_what_is_no_http_has_no_frames_of_its_handshake(file):
    talks = [Talk(ports=(40000 + n, 8000)) for n in range(2)]
    said = [talks[0].client(b"\x16\x03\x01"), talks[0].frame(1, flags=ACK), talks[1].client(), talks[1].server()]
    path = file.with_suffix(".pcap")
    path.write_bytes(pcap(timed([*talks[0].opening(), *talks[1].opening(), *said])))
    assert run("-q", "-r", str(path), "-w", str(file)).status == 0
    assert flags_in(file) == [SYN, SYN | ACK, ACK, PSH | ACK, PSH | ACK]


@pytest.mark.parametrize("name", ["file", "link", "folder/../file"])
@pytest.mark.parametrize("options", [(), ("-C", "1"), ("-G", "5")], ids=["one", "by size", "by time"])
def test_the_file_that_is_read_is_not_written_over(tmp_path, name, options):
    path = tmp_path / "file"
    path.write_bytes(pcap(one_exchange()))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(path)
    done = run("-r", str(path), "-w", str(tmp_path / name), *options)
    assert done.status == 2
    assert "this is the file that is being read; use another name" in done.said[-1]
    assert path.read_bytes() == pcap(one_exchange())


@pytest.mark.parametrize("read", ["-", "/dev/stdin", "/proc/self/fd/0"])
@pytest.mark.parametrize("write", ["-", "/dev/stdout", "FILE"])
def test_nor_is_it_by_a_redirection(tmp_path, read, write):
    path = tmp_path / "file"
    path.write_bytes(pcap(one_exchange()))
    words = [*COMMAND, "-r", read, "-w", write.replace("FILE", str(path)), "--no-config"]
    with path.open("rb") as stdin, path.open("ab") as stdout:
        done = subprocess.run(words, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "is being read" in done.stderr or "is the file that -r reads" in done.stderr
    assert path.read_bytes() == pcap(one_exchange())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pcap(one_exchange(), link_type=147), "packets of link type 147, which cannot be read: 8 (none: capture "),
        (
            pcap(one_exchange(), snap=54),
            "packets cut before it could be told whether they carry HTTP: 2 (capture the file with a larger snap",
        ),
        (
            pcap(one_exchange(), snap=60),
            "packets cut at the snap length: 2 (capture the file with a larger snap",
        ),
        (pcap([one_exchange()[n] for n in CLIENTS]), "connections of which one direction was not seen: 1 ("),
    ],
    ids=["link type", "nothing of the payload", "a little of it", "one direction"],
)
def test_what_is_not_understood_is_said_and_is_loss(tmp_path, content, words):
    path = tmp_path / "in.pcap"
    path.write_bytes(content)
    for options, status in (((), 0), (("--fail-on-loss",), 3)):
        done = run("-r", str(path), *options)
        assert done.status == status
        assert any(words in line for line in done.said)


def test_segments_after_the_close_are_said_and_are_loss(tmp_path):
    talk = Talk()
    frames = [*talk.whole(), talk.client(), talk.server()]
    path = tmp_path / "in.pcap"
    path.write_bytes(pcap(timed(frames)))
    done = run("-r", str(path), "--fail-on-loss")
    assert done.status == 3 or len(done.lines) == 2
    path.write_bytes(pcap(timed([*talk.whole(), *talk.closing(), talk.frame(0, flags=RST)])))
    assert run("-r", str(path), "--fail-on-loss").status == 0


def test_packets_without_times_have_none(tmp_path):
    path = tmp_path / "in.pcapng"
    path.write_bytes(section() + interface(snap=65535) + b"".join(simple(frame) for _, frame in one_exchange()))
    (line,) = run("-r", str(path), "-v").lines[:1]
    assert line.startswith("--:--:--.---  10.9.0.1:40000 > 10.9.0.2:8000 ")
    assert line.rstrip().endswith("-")
    (exchange,) = run("-r", str(path), "--format", "jsonl").json
    assert (exchange["time"], exchange["timing"]) == (None, {})


def test_reading_takes_no_rights(tmp_path):
    path = tmp_path / "in.pcap"
    path.write_bytes(pcap(one_exchange()))
    path.chmod(0o644)
    let_everybody_in(tmp_path)
    nobody = ("setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
    python, packages = for_everybody()
    where = {"PYTHONPATH": os.pathsep.join(packages)}
    done = run("-r", str(path), prefix=nobody, command=[python, *COMMAND[1:]], env=where)
    assert done.status == 0
    assert len(done.lines) == 1


def test_a_file_that_is_cut_short_gives_what_it_has(tmp_path):
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(one_exchange()) + b"\0" * 7)
    done = run("-r", str(path))
    assert done.status == 1
    assert len(done.lines) == 1
    assert done.said[-1].endswith("it is cut short; what came before was read")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "x", "-i", "lo"), "-i is for live captures, and -r reads a file"),
        (("-r", "x", "-B", "64"), "-B is for live captures"),
        (("-r", ""), "the name of the file is empty"),
        (("-i", "lo", "-w", ""), "the name of the file is empty"),
        (("-i", "lo", "-W", "3"), "-C, -G and -W need a file name: -w FILE"),
        (("-i", "lo", "-w", "x", "-W", "3"), "-W needs -C (million bytes of each file)"),
        (("-i", "lo", "-w", "-", "-C", "1"), "-C, -G and -W need a file name: -w FILE"),
        (("-i", "lo", "-w", "x", "-C", "0"), "a whole number, 1 or greater"),
        (("-i", "lo", "-w", "-", "--format", "jsonl"), "-w - uses standard output"),
    ],
)
def test_what_cannot_be_meant(arguments, words):
    done = run(*arguments)
    assert done.status == 2
    assert words in done.said[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "/nonexistent/file"), "opening the capture file /nonexistent/file: No such file or directory"),
        (("-r", "/dev/pts"), "reading the directory /dev/pts: there is no capture file in it"),
        (("-i", "lo", "-w", "/nonexistent/file"), "create its folder first"),
    ],
)
def test_what_is_in_the_way(arguments, words):
    assert words in refusal(*arguments)
