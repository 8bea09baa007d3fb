"""sockfilter top in a real terminal, on real traffic and on files, and where there is no terminal."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("textual")

import sockfilter
from sockfilter.errors import installing
from tests.support.command import Sniffer, run
from tests.support.odd import answering, talking, tell
from tests.support.skips import need_root
from tests.support.terminal import Terminal
from tests.support.tmux import Tmux

GET = b"GET /item?token=abcdefghijkl HTTP/1.1\r\nHost: shop\r\n\r\n"
HOSTILE = b"GET /\x1b[2J[red]x[/red] HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n" + b'{"id": 7}'
FAILED = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A capture of two exchanges, of which the second has failed."""
    need_root()
    path = tmp_path / "web.pcapng"
    with (
        talking(answering(OK, FAILED)) as site,
        Sniffer("-i", "lo", "--ports", str(site.port), "-w", str(path), "-c", "2") as sniffer,
    ):
        tell(site, GET, HOSTILE)
        assert sniffer.wait().status == 0
    return path


def test_live_from_the_first_row_to_the_summary(tmp_path: Path) -> None:
    need_root()
    with (
        talking(answering(OK, FAILED)) as site,
        Tmux("top", "-i", "lo", "--ports", str(site.port), folder=tmp_path) as terminal,
    ):
        terminal.shows("0 of 0 shown")
        tell(site, GET, HOSTILE)
        text = terminal.shows("2 of 2 shown")
        assert "/item?token=***" in text
        assert "\\x1b[2J[red]x[/red]" in text or "\\x1b" in text
        terminal.press("g", "Enter")
        terminal.shows("Exchange 1")
        terminal.press("Enter")
        terminal.shows("Response HTTP/1.1")
        terminal.press("G")
        terminal.shows('"id": 7')
        terminal.resize(160, 50)
        terminal.shows(f"{Path(sys.executable).resolve().name[:6]}")
        terminal.press("q")
        assert terminal.status() == 0
        terminal.shows("2 exchanges, 2 requests, 2 responses")


def test_a_file_is_filtered_and_saved_in_a_real_terminal(file: Path) -> None:
    with Tmux("top", "-r", file.name, "--user", "root", "--show", "status == 500", folder=file.parent) as terminal:
        terminal.shows("1 of 2 shown filter: status == 500")
        terminal.shows("(read)")
        terminal.press("/", "C-u")
        terminal.shows("filter, such as:")
        terminal.press("stat == 2", "Enter")
        terminal.shows("there is no field stat; did you mean status?")
        terminal.press("End", "C-u")
        terminal.shows("filter, such as:")
        terminal.press("Enter")
        terminal.shows("2 of 2 shown")
        terminal.press("g", "w")
        terminal.shows("Save to")
        terminal.press("h")
        terminal.shows("1.har, secrets masked")
        terminal.press("w")
        terminal.shows("n frames of the connection")
        terminal.press("n")
        terminal.shows("1.pcapng")
        terminal.press("4")
        terminal.shows("nothing was lost")
        terminal.press("q")
        assert terminal.status() == 0
    saved = (file.parent / "sockfilter-1.har").read_text()
    assert "/item?token=***" in saved
    with sockfilter.read(str(file.parent / "sockfilter-1.pcapng")) as exchanges:
        assert [exchange.response.status for exchange in exchanges] == [200, 500]


def test_without_colours(file: Path) -> None:
    with Tmux("top", "-r", str(file), env={"NO_COLOR": "1"}, folder=file.parent) as terminal:
        terminal.shows("2 of 2 shown")
        shown = terminal.text("-e")
        assert not re.findall(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|[34]8)(?:;\d+)*m", shown)
        terminal.press("q")
        assert terminal.status() == 0


def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    need_root()
    with Tmux("top", "-i", "lo", "--duration", "0.2s", folder=tmp_path) as terminal:
        terminal.shows("(ended)")  # the capture; its exchanges stay there to be looked at
        terminal.press("C-c")
        assert terminal.status() == 0
        terminal.shows("packets seen")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["-i", "lo"], "needs a terminal, and standard input is none"),
        (["-i", "lo", "--format", "jsonl"], "--format is not for sockfilter top"),
        (["-i", "lo", "--stats"], "--stats is not for sockfilter top"),
        (["-r", "-"], "reads its keys from standard input"),
        (["-i", "lo", "-w", "-"], "needs standard output for its screen"),
        (["-i", "lo", "--keep", "0"], "must be a whole number, 1 or greater"),
        (["-i", "lo", "--save-to", "/nowhere"], "there is no such folder"),
        (["-i", "lo", "--show", "stat == 2"], "did you mean status?"),
        (["-i", "lo", "--colour"], "there is no option --colour; did you mean --color?"),
        ([], "no interface"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_what_it_refuses(words: list[str], wanted: str) -> None:
    done = run("top", *words)
    assert done.status == 2
    assert wanted in done.errors.decode()
    assert b"Traceback" not in done.errors


def test_without_textual(tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text("raise ImportError")
    with Terminal() as terminal:
        import subprocess

        from tests.support.command import COMMAND, environment

        done = subprocess.run(
            [*COMMAND, "top", "-r", "x"],
            env=environment({"PYTHONPATH": str(tmp_path), "TERM": "xterm"}),
            stdin=terminal.fd,
            stdout=terminal.fd,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f"sockfilter: the live screen needs textual, which is not installed: {installing('screen')}\n"
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with Tmux("top", "-r", "nothing.pcap", folder=tmp_path) as terminal:
        assert terminal.status() == 1
        terminal.shows("nothing.pcap: No such file or directory")
