"""HAR files of the command: complete whatever happens to it, and the same as what was shown."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.conftest import Sites
from tests.support.captures import one_exchange, pcap
from tests.support.clients import Ask, curl
from tests.support.command import Sniffer, run

# exchanges that fit into a small file
SOME = 10


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    return path


def refusal(*words: str) -> str:
    """The one line on what is wrong with the options."""
    done = run(*words)
    assert (done.status, done.output, len(done.said)) == (2, b"", 1)
    return done.said[0]


def entries(data: bytes) -> list[dict[str, Any]]:
    return json.loads(data)["log"]["entries"]


def test_it_has_what_was_shown(loopback: Sites, tmp_path: Path):
    site, path = loopback.get("nginx"), tmp_path / "x.har"
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(path), "--format", "jsonl") as sniffer:
        curl(site, EVERYTHING)
        done = sniffer.end()
    shown, found = done.json, entries(path.read_bytes())
    assert [entry["_id"] for entry in found] == [line["id"] for line in shown]
    assert [entry["response"]["status"] for entry in found] == [line["response"]["status"] for line in shown]
    assert [entry["_client"]["comm"] for entry in found] == ["curl"] * len(shown)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    read = run("-r", str(path), "--format", "jsonl")
    assert read.status == 0
    for line, again in zip(shown, read.json, strict=True):
        for name in ("authority", "scheme"):
            again["request"].pop(name)
        assert again["time"] == line["time"]
        assert again["request"] == line["request"]
        assert again["response"]["headers"] == line["response"]["headers"]
        assert again["timing"].get("total") == pytest.approx(line["timing"].get("total"))


@pytest.mark.usefixtures("root")
def test_it_is_complete_after_kill_9(loopback: Sites, tmp_path: Path):
    site, path = loopback.get("nginx"), tmp_path / "x.har"
    words = ("-i", "lo", "--ports", str(site.port), "-w", str(path), "--format", "jsonl")
    with Sniffer(*words) as sniffer:
        curl(site, [SMALL] * SOME)
        for _ in range(SOME):
            assert sniffer.line()  # so that its batch is in the file too, or is about to be
        curl(site, [SMALL])
        assert sniffer.line()
        sniffer.end(signal.SIGKILL)
    assert len(entries(path.read_bytes())) >= SOME


@pytest.mark.usefixtures("root")
def test_a_full_disk(loopback: Sites, tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    site = loopback.get("nginx")
    # the shell's file size limit stands for a full disk
    limited = ["sh", "-c", 'ulimit -f 100 && trap "" XFSZ && exec "$@"', "sh"]
    words = ("-i", "lo", "--ports", str(site.port), "-w", f"{disk}/x.har")
    with Sniffer(*words, prefix=limited) as sniffer:
        asked = 0
        while sniffer.process.poll() is None:
            curl(site, [Ask("GET", f"/small?{asked + i}") for i in range(10)])
            asked += 10
            assert asked < 2000
        done = sniffer.wait()
    assert done.status == 1
    advice = "raise the limit (ulimit -f), or use another file system"
    assert done.said[-1] == f"sockfilter: writing '{disk}/x.har': File too large; {advice}"
    assert len(entries((disk / "x.har").read_bytes())) >= SOME


def test_standard_output_as_a_file_and_as_a_pipe(recorded: Path, tmp_path: Path):
    piped = run("-q", "-r", str(recorded), "--format", "har")
    assert len(entries(piped.output)) == 1
    path = tmp_path / "shown.har"
    path.write_bytes(b"x" * 10_000)
    with path.open("r+b") as file:
        os.ftruncate(file.fileno(), 0)
        assert run("-q", "-r", str(recorded), "--format", "har", stdout=file).status == 0
        file.write(b"after")
    assert path.read_bytes() == piped.output + b"after"


def test_a_closed_pipe(recorded: Path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = run("-q", "-r", str(recorded), "--format", "har", stdout=pipe)
    assert (done.status, done.errors) == (141, b"")


def test_only_so_many(recorded: Path, tmp_path: Path):
    path = tmp_path / "x.har"
    run("-r", str(recorded), "-c", "1", "-w", str(path))
    assert len(entries(path.read_bytes())) == 1


@pytest.mark.parametrize("form", ["curl", "pytest"])
def test_it_is_repeated(loopback: Sites, tmp_path: Path, form: str):
    site, path = loopback.get("nginx"), tmp_path / "x.har"
    with Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(path), "-c", "2") as sniffer:
        curl(site, [SMALL, Ask("POST", "/echo", b"a=1")])
        sniffer.wait()
    made = run("-q", "-r", str(path), "--format", form).output.decode()
    if form == "curl":
        for line in made.splitlines():
            assert subprocess.run([*line_of(line), "-sf"], check=True, capture_output=True).stdout
        return
    module = tmp_path / "test_made.py"
    module.write_text(made)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout


def line_of(line: str) -> list[str]:
    import shlex

    return shlex.split(line)


def test_secrets_are_masked_in_what_repeats(tmp_path: Path):
    path = tmp_path / "x.har"
    request: dict[str, Any] = {
        "httpVersion": "HTTP/1.1",
        "method": "GET",
        "url": "http://x/?token=abcdefghijkl",
        "headers": [{"name": "Cookie", "value": "a=bcd"}],
    }
    response = {"status": 200, "headers": [], "content": {"text": "x"}}
    path.write_text(json.dumps({"log": {"entries": [{"request": request, "response": response}]}}))
    for form in ("curl", "pytest"):
        masked = run("-q", "-r", str(path), "--format", form)
        assert b"abcdefghijkl" not in masked.output
        assert b"a=bcd" not in masked.output
        assert b"# *** stands for a secret" in masked.output
        assert b"abcdefghijkl" in run("-q", "-r", str(path), "--format", form, "--show-secrets").output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-w", "x.har", "-C", "1"), "-C and -G begin new files"),
        (("-w", "x.har", "--format", "raw"), "--format raw keeps bodies as they were sent"),
        (("--stats", "--format", "raw"), "--stats shows a table"),
        (("--by", "nosuch"), "it is one of route"),
        (("--by", "stauts"), "did you mean status?"),
        (("--routes", "users"), "a route begins with a slash"),
        (("--stats", "-w", "-"), "remove --stats"),
    ],
)
def test_bad_options(recorded: Path, words: tuple[str, ...], said: str):
    assert said in refusal("-r", str(recorded), *words)


@pytest.mark.parametrize("words", [("-w", "y.pcapng"), ("--ports", "80"), ("--host", "::1"), ("-4",)])
def test_a_har_file_has_no_packets(tmp_path: Path, words: tuple[str, ...]):
    path = tmp_path / "x.har"
    path.write_text('{"log": {"entries": []}}')
    assert "which has no packets" in refusal("-r", str(path), *words)


@pytest.mark.parametrize("text", ["", "hello", "{}", '{"log": {"entries": [{}, '])
def test_a_file_that_is_none(tmp_path: Path, text: str):
    path = tmp_path / "x.har"
    path.write_text(text)
    done = run("-q", "-r", str(path))
    assert done.status == 1
    assert len(done.said) == 1
    assert done.said[0].startswith(f"sockfilter: reading '{path}': ")
