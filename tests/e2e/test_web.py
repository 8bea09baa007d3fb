"""--web and report on the command line: who may read the page, and what is said where it cannot be."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import zlib
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sockfilter.errors import installing
from tests.support.command import COMMAND, Sniffer, environment, run
from tests.support.page_captures import shop
from tests.support.servers import file_server
from tests.support.skips import need_root

FIELD = "Sockfilter-Token"


class Page:
    """The server of a page, as a program reaches it."""

    def __init__(self, words: str) -> None:
        found = re.search(r"http://\S+", words)
        assert found, words
        parts = urlsplit(found[0])
        assert parts.hostname
        assert parts.port
        self.host, self.port = parts.hostname, parts.port
        (self.token,) = parse_qs(parts.query)["token"]

    def get(self, path: str, method: str = "GET", **fields: str) -> tuple[int, str, dict[str, str]]:
        connection = HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in fields.items()})
            answer = connection.getresponse()
            content = answer.read()
            if answer.getheader("Content-Encoding") == "deflate":
                content = zlib.decompress(content)
            return answer.status, content.decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def lines(self, start: int = 0) -> tuple[list[dict[str, object]], int]:
        """The lines from a number on that the server has, and the number of the next."""
        status, text, fields = self.get(f"/lines?from={start}", **{FIELD: self.token})
        assert status == 200
        return [json.loads(line) for line in text.splitlines()], int(fields["Sockfilter-Next"])


def fetch(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()


def test_only_who_knows_the_token_reads_it() -> None:
    need_root()
    with Sniffer("-i", "lo", "--web", "--no-processes") as sniffer:
        page = Page(sniffer.said())
        good = {FIELD: page.token}
        assert page.get(f"/?token={page.token}")[0] == 200
        for path, fields in (
            ("/", {}),
            ("/?token=wrong", {}),
            ("/about", {}),
            ("/about", {FIELD: "é"}),
            ("/lines?from=0", {FIELD: page.token[:-1]}),
            (f"/lines?from=0&token={page.token}", {}),
        ):
            status, words, _ = page.get(path, **fields)
            assert status == 403
            assert words.startswith("sockfilter: the address lacks its token")
        # names of others that lead here, and other sites in the same browser
        own = f"127.0.0.1:{page.port}"
        for fields, status in (
            ({"Host": f"attacker.example:{page.port}"}, 421),
            ({"Host": "127.0.0.1"}, 421),
            ({"Origin": "http://attacker.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, 403),
            ({"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors"}, 403),
            ({"Host": own, "Origin": f"http://{own}", "Sec_Fetch_Site": "same-origin"}, 200),
            ({"Host": f"localhost:{page.port}"}, 200),
        ):
            assert page.get("/about", **good, **fields)[0] == status, fields
            assert page.get("/page.js", **fields)[0] == status, fields
        assert page.get("/about", "POST", **good)[0] == 405
        assert page.get("/lines?from=-1", **good)[0] == 400
        assert page.get(f"/lines?from={'9' * 400}", **good)[0] == 400
        assert page.get("/../../etc/passwd", **good)[0] == 404
        _, _, fields = page.get("/nothing")
        assert "script-src 'self'" in fields["Content-Security-Policy"]
        assert "unsafe" not in fields["Content-Security-Policy"]
        assert (fields["Referrer-Policy"], fields["Cache-Control"]) == ("no-referrer", "no-store")
        assert sniffer.end().status == 0


def test_lines_are_those_of_jsonl_without_the_pages_own(tmp_path: Path) -> None:
    need_root()
    (tmp_path / "small").write_text("small\n")
    with file_server(tmp_path) as site, Sniffer("-i", "lo", "--web", "--format", "jsonl", "--body", "9") as sniffer:
        page = Page(sniffer.said())
        fetch(site.port, "/small?token=abcdef0123456789")
        fetch(page.port, "/?token=x")
        fetch(site.port, "/small?2")
        written, kept, next_line = [], [], 0
        while sum(line["server"]["port"] == site.port for line in written) < 2:
            written.append(json.loads(sniffer.line()))
        while len(kept) < len(written):
            more, next_line = page.lines(next_line)
            kept += more
        assert kept[: len(written)] == written
        assert page.port not in {line["server"]["port"] for line in written}
        assert "***" in next(line for line in written if line["server"]["port"] == site.port)["request"]["target"]
        assert sniffer.end().status == 0
    # the server has ended with the capture
    with pytest.raises(ConnectionRefusedError), socket.create_connection((page.host, page.port), timeout=60):
        pass


def test_a_browser_that_hangs_does_not_stop_the_capture(tmp_path: Path) -> None:
    need_root()
    (tmp_path / "small").write_text("small\n")
    with file_server(tmp_path) as site, Sniffer("-i", "lo", "--ports", str(site.port), "--web", "-c", "200") as sniffer:
        page = Page(sniffer.said())
        with socket.create_connection((page.host, page.port)) as hanging:
            hanging.sendall(
                f"GET /lines?from=0 HTTP/1.1\r\nHost: {page.host}:{page.port}\r\n{FIELD}: {page.token}\r\n\r\n".encode()
            )
            for number in range(200):
                fetch(site.port, f"/small?{number}")
            assert sniffer.said().startswith("sockfilter: 200 exchanges")
            assert len(page.lines()[0]) == 200
        assert sniffer.end().status == 0


def kill_server(sniffer: Sniffer) -> None:
    """Kills the only process beside the capture."""
    (child,) = Path(f"/proc/{sniffer.process.pid}/task/{sniffer.process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)


def test_a_server_that_is_killed_is_told_and_what_it_misses_is_counted(tmp_path: Path) -> None:
    need_root()
    (tmp_path / "small").write_text("small\n")
    words = ("--web", "--no-processes", "--format", "text", "--summary", "jsonl", "--exit-on-idle", "2s")
    with file_server(tmp_path) as site, Sniffer("-i", "lo", "--ports", str(site.port), *words) as sniffer:
        assert "the page is at" in sniffer.said()
        fetch(site.port, "/small")
        assert "/small" in sniffer.line()
        kill_server(sniffer)
        # at once, without any traffic
        assert sniffer.said() == "sockfilter: the server of the page has ended; the capture goes on"
        fetch(site.port, "/small?2")
        assert "/small?2" in sniffer.line()
        done = sniffer.wait()  # nothing happens any more
    assert done.status == 0
    summary = json.loads(done.said[-1])
    assert summary["reason"] == "idle"
    assert summary["ledger"]["missed"] == {"page": 1}


def test_a_server_that_is_killed_does_not_end_the_reading_of_a_pipe() -> None:
    words = [*COMMAND, "-r", "-", "--web"]
    with subprocess.Popen(words, env=environment(), stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(shop()[:24])
        process.stdin.flush()
        assert b"reading " in process.stderr.readline()
        assert b"the page is at" in process.stderr.readline()
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        process.stdin.write(shop()[24:])
        process.stdin.close()
        said = process.stderr.read()
    assert b"the server of the page has ended; the capture goes on" in said
    assert b"60 exchanges" in said
    assert b"the output page did not get: 60" in said
    assert process.returncode == 0


def page_of_a_file(folder: Path) -> Sniffer:
    (folder / "a.pcap").write_bytes(shop())
    sniffer = Sniffer("-r", str(folder / "a.pcap"), "--web")
    sniffer._await_capture = lambda: None  # type: ignore[method-assign]  # it listens to nothing
    return sniffer


def test_a_page_that_stays_ends_with_its_server(tmp_path: Path) -> None:
    need_root()
    with page_of_a_file(tmp_path) as sniffer:
        while (said := sniffer.said()) and "stays until Ctrl-C" not in said:
            pass
        kill_server(sniffer)
        done = sniffer.wait()
    assert done.status == 0
    assert done.said[-1] == "sockfilter: the server of the page has ended"


def test_the_page_of_a_file_stays_until_the_end_is_asked_for(tmp_path: Path) -> None:
    need_root()
    with page_of_a_file(tmp_path) as sniffer:
        assert sniffer.said().startswith("sockfilter: reading ")
        page = Page(sniffer.said())
        assert sniffer.said().startswith("sockfilter: 60 exchanges")
        assert sniffer.said() == "sockfilter: the page of what was read stays until Ctrl-C"
        assert len(page.lines()[0]) == 60
        assert sniffer.end().status == 0


def test_everywhere_says_what_it_means() -> None:
    need_root()
    with Sniffer("-i", "lo", "--web", "0.0.0.0:0", "--no-processes") as sniffer:
        page = Page(sniffer.said())
        assert "without encryption" in sniffer.said()
        for host, status in ((f"192.0.2.7:{page.port}", 200), (f"attacker.example:{page.port}", 421)):
            assert page.get("/about", **{FIELD: page.token, "Host": host})[0] == status
        assert sniffer.end().status == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--web", "1:2:3"], "--web: '1:2:3': '1:2' is not an address, such as 127.0.0.1, 0.0.0.0 or ::1"),
        (["--web=nowhere"], "--web: 'nowhere': use a port, or an address and a port: 8080, 127.0.0.1:8080, [::1]:8080"),
        (["--web", "70000"], "--web: '70000': use a port, or an address and a port: 8080, 127.0.0.1:8080, [::1]:8080"),
        (
            ["--web", "--format", "raw"],
            "--format raw keeps bodies as they were sent, and the page has them decoded: use one of them",
        ),
    ],
)
def test_wrong_words_are_explained(words: list[str], said: str) -> None:
    done = run("-r", "none.pcap", *words)
    assert (done.status, done.said) == (2, [f"sockfilter: {said}"])


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(shop(1))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("-r", str(tmp_path / "a.pcap"), "--web", str(port))
    words = "Address already in use: another program listens there; use another port, or --web without one"
    assert (done.status, done.said) == (2, [f"sockfilter: --web 127.0.0.1:{port}: {words}"])


def test_without_the_library_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(shop(1))
    script = "import sys; sys.modules['aiohttp'] = None; from sockfilter.cli import main; main()"
    done = run("-r", str(tmp_path / "a.pcap"), "--web", command=(sys.executable, "-c", script))
    words = f"--web needs aiohttp, which is not installed: {installing('web')}"
    assert (done.status, done.said) == (2, [f"sockfilter: {words}"])


def test_a_report_needs_no_library(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(shop(1))
    script = "import sys; sys.modules['aiohttp'] = None; from sockfilter.cli import main; main()"
    words = ["report", "-r", str(tmp_path / "a.pcap"), "-o", str(tmp_path / "a.html")]
    done = run(*words, command=(sys.executable, "-c", script))
    assert done.status == 0
    assert done.said[-1] == f"sockfilter: {tmp_path / 'a.html'} has 1 exchange; open it in a browser"
    text = (tmp_path / "a.html").read_text()
    assert not re.search(r"\b(src|href)=", re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL))
    assert (tmp_path / "a.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["-r", "a.pcap"], 2, "a report needs a file: -o report.html"),
        (["-o", "a.html"], 2, "no interface: use -i NAME"),
        (["-r", "none.pcap", "-o", "a.html"], 1, "opening the capture file none.pcap: No such file or directory"),
        (
            ["-r", "a.pcap", "-o", "none/a.html"],
            1,
            "writing 'none/a.html': No such file or directory; create its folder first",
        ),
        (
            ["-r", "a.pcap", "-o", "a.pcap"],
            1,
            "writing 'a.pcap': this is the file that is being read; use another name",
        ),
        (["-r", "a.pcap", "-o", "-", "-w", "-"], 2, "-w - and -o - both write to standard output; use a file name"),
        (["-r", "a.pcap", "-o", "a.html", "--format", "jsonl"], 2, "--format is not for sockfilter report"),
        (["-r", "a.pcap", "-o", "a.html", "--web"], 2, "--web is not for sockfilter report"),
    ],
)
def test_wrong_reports_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pcap").write_bytes(shop(1))
    done = run("report", *words)
    assert done.status == status
    assert len([line for line in done.said if said in line]) == 1, done.said
    assert not any("Traceback" in line for line in done.said)


def test_a_report_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(shop(0))
    done = run("report", "-r", str(tmp_path / "a.pcap"), "-o", str(tmp_path / "a.html"))
    assert done.status == 0
    assert done.said[-1].endswith("has no exchanges; open it in a browser")


def test_a_report_on_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.pcap").write_bytes(shop(20))
    assert run("report", "-r", "a.pcap", "-o", "a.html").status == 0
    done = run("report", "-r", "a.pcap", "-o", "-")
    assert (done.status, done.output) == (0, Path("a.html").read_bytes())
    assert done.said[-1].startswith("sockfilter: 20 exchanges, ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.pcap"]
    with open("/dev/full", "wb") as full:
        done = run("report", "-r", "a.pcap", "-o", "-", stdout=full)
    assert (done.status, done.said[-1]) == (1, "sockfilter: writing to standard output: No space left on device")


def test_a_report_of_a_file_that_is_cut(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(shop(20)[:-100])
    done = run("report", "-r", str(tmp_path / "a.pcap"), "-o", str(tmp_path / "a.html"))
    assert done.status == 1
    assert (tmp_path / "a.html").read_text().endswith("</html>\n")
