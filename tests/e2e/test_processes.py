"""The command names processes: in JSON, with heads, on lines where it is asked to, and says where it cannot."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Sniffer, run
from tests.support.rights import without_rights
from tests.support.servers import python_server
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Site

pytestmark = pytest.mark.usefixtures("root")
TIMEOUT_S = 60
WITHOUT = "exchanges are shown without process names, as with --no-processes"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with python_server() as running:
        yield running


def curl(site: Site, *words: str) -> int:
    """Asks once. The number of the process that did, which has ended."""
    command = [need_tool("curl"), "-s", "-o", os.devnull, *words, site.url("/a?token=abc")]
    with subprocess.Popen(command) as client:
        client.wait(TIMEOUT_S)
    return client.pid


def test_json_names_both_ends_after_rights_were_given_up(site: Site) -> None:
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "-q") as sniffer:
        client = curl(site, "-H", "Authorization: Bearer abc")
        line = json.loads(sniffer.line())
        done = sniffer.end()
    assert line["client"]["pid"] == client
    assert line["client"]["comm"] == "curl"
    assert line["client"]["exe"] == os.path.realpath(need_tool("curl"))
    assert line["client"]["cmdline"][-3:] == ["-H", "Authorization: Bearer ***", site.url("/a?token=***")]
    assert line["client"]["uid"] == 0
    assert "inner_pid" not in line["client"]
    assert line["server"]["pid"] == site.pid
    assert line["server"]["cmdline"][-1] == str(site.port)
    assert (done.status, done.said) == (0, [])


def test_json_names_both_ends_of_all_exchanges_of_a_connection(site: Site, tmp_path: Path) -> None:
    """Those too whose lines are written in the lane."""
    config = tmp_path / "curl"
    config.write_text(f'output = "{os.devnull}"\nurl = "{site.url("/a")}"\n' * 300)
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "-q") as sniffer:
        client = curl(site, "-K", str(config))
        lines = sniffer.end().json
    assert len(lines) == 301
    assert {(line["client"]["pid"], line["server"]["pid"]) for line in lines} == {(client, site.pid)}
    assert {line["connection"] for line in lines} == {1}


def test_who_asks_while_it_starts_is_named_from_the_first_exchange_on(site: Site) -> None:
    """Their connections may be older than the capture, and they have ended when their lines are written."""
    clients: list[int] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            clients.append(curl(site))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "-q") as sniffer:
            sniffer.line()
            seen = len(clients) + 1  # one may be under way
            while len(clients) <= seen:
                sniffer.line()
            is_over.set()
            asking.join()
            lines = sniffer.end().json
    finally:
        is_over.set()
        asking.join()
    assert {line["server"].get("pid") for line in lines} == {site.pid}
    assert [line["client"].get("pid") for line in lines] == clients[-len(lines) :]


def test_no_processes_says_nothing_of_them(site: Site) -> None:
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "--no-processes") as sniffer:
        curl(site)
        assert set(json.loads(sniffer.line())["client"]) == {"ip", "port"}
        sniffer.end()


def test_a_line_names_them_where_it_is_asked_to(site: Site) -> None:
    with Sniffer("-i", "lo", "--ports", str(site.port), "--processes") as sniffer:
        client = curl(site)
        line = sniffer.line()
        sniffer.end()
    server = f"{os.path.basename(sys.executable)[:15]}[{site.pid}] {site.authority}"
    assert f"  curl[{client}] 127.0.0.1:" in line
    assert f" > {server}  GET /a?token=***" in line or f"[{site.pid}] {site.authority}  GET" in line


def test_heads_come_with_what_the_processes_run(site: Site) -> None:
    with Sniffer("-i", "lo", "--ports", str(site.port), "-v") as sniffer:
        client = curl(site, "-u", "joe:secret")
        line, of_client, of_server = sniffer.line(), sniffer.line(), sniffer.line()
        done = sniffer.end()
    assert "curl" not in line
    assert of_client.startswith(f"    client curl[{client}] {os.path.realpath(need_tool('curl'))} -s -o ")
    assert of_client.endswith(" (uid 0)")
    assert f"[{site.pid}] " in of_server
    assert b"secret" not in done.output


def test_names_are_escaped_before_a_terminal_sees_them(site: Site) -> None:
    source = (
        "import ctypes, http.client, sys\n"
        "ctypes.CDLL(None).prctl(15, b'\\x1b[31m')\n"
        "link = http.client.HTTPConnection(sys.argv[1])\n"
        "link.request('GET', '/a'); link.getresponse().read()\n"
    )
    for options in (["-v"], ["--processes"]):
        with Sniffer("-i", "lo", "--ports", str(site.port), *options) as sniffer:
            subprocess.run([sys.executable, "-c", source, site.authority, "\x1b[2J"], check=True, timeout=TIMEOUT_S)
            sniffer.line()
            done = sniffer.end()
        assert b"\\x1b[31m[" in done.output
        assert b"\x1b" not in done.output


def test_without_rights_it_goes_on_and_says_so_once(site: Site) -> None:
    prefix = without_rights("net_raw", "bpf")
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", prefix=prefix) as sniffer:
        assert sniffer.said().endswith(WITHOUT)
        curl(site)
        assert set(json.loads(sniffer.line())["client"]) == {"ip", "port"}
        done = sniffer.end()
    assert "CAP_PERFMON missing" in done.said[1]
    assert sum(WITHOUT in line for line in done.said) == 1


def test_without_rights_and_quiet_it_says_nothing(site: Site) -> None:
    prefix = without_rights("net_raw", "bpf")
    with Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", "-q", prefix=prefix) as sniffer:
        assert sniffer.end().said == []


def test_without_rights_what_is_asked_for_is_an_error() -> None:
    done = run("-i", "lo", "--processes", prefix=without_rights("net_raw", "bpf"))
    assert (done.status, done.output) == (1, b"")
    assert len(done.said) == 1
    assert "naming processes: CAP_PERFMON missing; it requires CAP_BPF and CAP_PERFMON, or sudo" in done.said[0]


def test_a_file_has_no_processes() -> None:
    done = run("-r", "nowhere", "--processes")
    assert done.status == 2
    assert "--processes is for live captures, and -r reads a file" in done.errors.decode()


def test_three_capabilities_are_enough(site: Site) -> None:
    prefix = without_rights("net_raw", "bpf", "perfmon")
    with Sniffer("-i", "lo", "--ports", str(site.port), "--processes", prefix=prefix) as sniffer:
        client = curl(site)
        assert f" curl[{client}] " in sniffer.line()
        sniffer.end()


def test_the_doctor_says_whether_they_can_be_named() -> None:
    (line,) = [line for line in run("doctor").lines if " processes " in line]
    assert shlex.split(line) == ["ok", "processes", "can", "be", "named"]
    lines = run("doctor", prefix=without_rights("net_raw", "bpf")).lines
    (line,) = [line for line in lines if " processes " in line]
    assert line.split() == ["note", "processes", "not", "named:", "CAP_PERFMON", "missing"]
