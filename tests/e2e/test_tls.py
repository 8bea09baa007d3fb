"""TLS of capture files with the real command: what is shown, and what is said of wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import installing
from tests.support.captures import pcap, timed
from tests.support.command import BETWEEN_LOOKS_S, COMMAND, WAIT_S, descriptors, environment, run
from tests.support.frames import Talk
from tests.support.talk import CLIENT, SERVER
from tests.support.tls import Ends

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """It has a capture of one exchange, and its key log."""
    ends = Ends().connect().send(CLIENT, b"GET /a?token=x HTTP/1.1\r\nHost: shop.test:80\r\n\r\n")
    ends.send(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close()
    talk = Talk()
    frames = [*talk.opening(), *(talk.frame(end, data) for end, data in ends.said), *talk.closing()]
    (tmp_path / "web.pcap").write_bytes(pcap(timed(frames)))
    (tmp_path / "keys.log").write_bytes(ends.keys)
    return tmp_path


def test_what_is_shown(folder: Path) -> None:
    read = ("-r", str(folder / "web.pcap"), "--keylog", str(folder / "keys.log"))
    text = run(*read)
    assert text.status == 0
    (line,) = text.lines
    assert line.endswith("[https]")
    assert "TLS: 1 of 1 connection opened" in text.errors.decode()
    done = run(*read, "--format", "jsonl", "--summary", "jsonl", "-q")
    (exchange,) = done.json
    assert exchange["tls"] == {
        "version": "1.3",
        "suite": "TLS_AES_256_GCM_SHA384",
        "alpn": None,
        "sni": "shop.test",
        "resumed": False,
        "opened": "keylog",
    }
    ledger = json.loads(done.said[-1])["ledger"]
    assert ledger["balanced"]
    assert ledger["tls"]["opened"] == ledger["tls"]["seen"] > 2
    raw = run(*read, "--format", "raw", "--show-secrets")
    assert b"\nGET /a?token=x HTTP/1.1\r\n" in raw.output


def test_repeating_it_uses_https(folder: Path) -> None:
    (exchange,) = sockfilter.read(str(folder / "web.pcap"), keylog=str(folder / "keys.log"))
    command = exchange.as_curl()
    server = exchange.server
    assert command.endswith(f"--connect-to ::{server} 'https://shop.test:{server.port}/a?token=x'")
    assert "server_hostname='shop.test'" in exchange.as_pytest()
    compile(exchange.as_pytest(), "test", "exec")


def test_har_says_https_and_is_read_back(folder: Path) -> None:
    read = ("-r", str(folder / "web.pcap"), "--keylog", str(folder / "keys.log"))
    path = folder / "web.har"
    written = run(*read, "-w", str(path), "--format", "jsonl")
    assert path.read_bytes() == run(*read, "--format", "har").output
    (entry,) = json.loads(path.read_bytes())["log"]["entries"]
    assert entry["request"]["url"].startswith("https://shop.test:80/a?token=")
    (again,) = run("-r", str(path), "--format", "jsonl").json
    assert again["tls"] == entry["_tls"] == written.json[0]["tls"]
    assert run("-r", str(path)).lines[0].endswith("[https]")
    command = run("-r", str(path), "--format", "curl").output
    assert command == run(*read, "--format", "curl").output
    assert b" 'https://shop.test:" in command


def test_without_the_secrets(folder: Path) -> None:
    other = folder / "other.log"
    other.write_bytes(Ends().connect().keys)
    done = run("-r", str(folder / "web.pcap"), "--keylog", str(other))
    assert (done.status, done.lines) == (0, [])
    assert "TLS: 0 of 1 connection opened" in done.errors.decode()
    assert "1 TLS connection passed: --keylog FILE opens them" in run("-r", str(folder / "web.pcap")).errors.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_key_log_that_is_a_pipe_which_nobody_writes(folder: Path, number: int) -> None:
    keylog = folder / "pipe"
    os.mkfifo(keylog)
    words = [*COMMAND, "-r", str(folder / "web.pcap"), "--keylog", str(keylog)]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        await_open(process.pid, keylog)
        process.send_signal(number)
        output, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, output) == (0, b"")
    assert b"sockfilter: 0 exchanges" in errors


def test_a_key_log_that_is_a_pipe(folder: Path) -> None:
    keylog = folder / "pipe"
    os.mkfifo(keylog)
    words = [*COMMAND, "-r", str(folder / "web.pcap"), "--keylog", str(keylog)]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        keylog.write_bytes((folder / "keys.log").read_bytes())
        output, _ = process.communicate(timeout=WAIT_S)
    assert output.rstrip().endswith(b"[https]")


def await_open(pid: int, path: Path) -> None:
    """Waits until a process has opened a file."""
    deadline = time.monotonic() + WAIT_S
    while str(path) not in descriptors(pid):
        assert time.monotonic() < deadline, f"process {pid} does not open {path}"
        time.sleep(BETWEEN_LOOKS_S)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-r", "web.pcap", "--keylog", "absent"], "reading the key log absent: No such file or directory"),
        (["-r", "web.pcap", "--keylog", "web.pcap"], "no line of it has a label, a client random and a secret"),
        (["-r", "web.pcap", "--keylog", ""], "the name of the file is empty"),
        (["-r", "web.pcap", "--keylog", os.devnull], "it is empty; give the file that SSLKEYLOGFILE names"),
        (["-r", "web.pcap", "--keylog", "comments.log"], "no line of it has a label, a client random and a secret"),
    ],
)
def test_wrong_input(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str) -> None:
    monkeypatch.chdir(folder)
    (folder / "comments.log").write_text("# nothing else\n")
    done = run(*arguments)
    assert done.status == 2
    (line,) = done.said
    assert words in line


def test_without_libcrypto_and_the_package(folder: Path) -> None:
    script = """if True:
        import importlib.util, sys
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name: None if name == "cryptography" else find(name)
        from sockfilter.tls import opening
        opening.native = None
        import sockfilter
        try:
            list(sockfilter.read(sys.argv[1], keylog=sys.argv[2]))
        except sockfilter.SockfilterError as error:
            print(error)
    """
    arguments = [sys.executable, "-c", script, str(folder / "web.pcap"), str(folder / "keys.log")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "opening TLS needs libcrypto (OpenSSL 1.1.1 or newer) or the package cryptography;"
        f" {installing('tls')} installs the latter\n"
    )
