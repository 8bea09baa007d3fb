"""A full disk under -w: one line, status 1, and what was written before is a whole capture file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import Ask, curl
from tests.support.command import Sniffer, run
from tests.support.page_captures import shop
from tests.support.pcapng import blocks
from tests.support.skips import need_tool

pytestmark = pytest.mark.usefixtures("root")

# bytes of the file system: more than a hundred exchanges
DISK_BYTES = 96 << 10
ASKED_MAX = 2000
SOME = 30
# exchanges of a recording that is larger, and bytes that no frame of it has
RECORDED = 400
FRAME_BYTES_MAX = 4096
SECTION, INTERFACE, PACKET, STATISTICS = 0x0A0D0D0A, 1, 6, 5
# a mount namespace of its own with a small file system in it, for as long as somebody holds standard input
HOLDER = f'mount -t tmpfs -o size={DISK_BYTES} tmpfs "$0" && echo there && exec cat'


@dataclass(frozen=True)
class Disk:
    """A small one: where it is for those in its mount namespace, how to get in, and how to see it from outside."""

    path: str
    prefix: list[str]
    seen: Path


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    command = [need_tool("unshare"), "--mount", "--propagation", "private", "sh", "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"there\n"
        prefix = [need_tool("nsenter"), f"--mount=/proc/{holder.pid}/ns/mnt"]
        yield Disk(str(tmp_path), prefix, Path(f"/proc/{holder.pid}/root{tmp_path}"))


@pytest.mark.parametrize("form", ["text", "jsonl"])
def test_what_was_written_is_a_whole_file(loopback: Sites, disk: Disk, form: str):
    site = loopback.get("nginx")
    words = ("-i", "lo", "--ports", str(site.port), "--format", form, "-w", f"{disk.path}/x.pcapng")
    with Sniffer(*words, prefix=disk.prefix) as sniffer:
        asked = 0
        while sniffer.process.poll() is None:
            curl(site, [Ask("GET", f"/small?{asked + i}") for i in range(10)])
            asked += 10
            assert asked < ASKED_MAX
        done = sniffer.wait()
    assert done.status == 1
    assert done.said[1].startswith(f"sockfilter: {len(done.lines)} exchanges, ")
    assert [line for line in done.said if "writing" in line] == done.said[-1:]
    assert done.said[-1] == (
        f"sockfilter: writing '{disk.path}/x.pcapng': No space left on device;"
        " free some space, or write fewer and smaller files (-C and -W)"
    )
    kinds = [kind for kind, _ in blocks((disk.seen / "x.pcapng").read_bytes())]
    assert kinds[:2] == [SECTION, INTERFACE]
    assert set(kinds[2:]) <= {PACKET, STATISTICS}
    read = run("-r", str(disk.seen / "x.pcapng"), "--format", form)
    assert read.status == 0
    # all that was shown is in there, but for what filled the disk
    assert len(read.lines) > SOME


@pytest.fixture
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "shop.pcap"
    path.write_bytes(shop(RECORDED))
    return path


# the size of the disk cuts through a frame; the limit of a file does so after the headers, and before they are whole
LIMITS = [(None, 80), (20_480, 20), (1000, 1), (50, None)]


@pytest.mark.parametrize(("file_bytes", "least"), LIMITS)
@pytest.mark.parametrize("more", [(), ("-Y", "status == 200"), ("-C", "1", "-W", "3")])
def test_a_recording_that_is_copied_keeps_the_frames_that_fit(
    recorded: Path, disk: Disk, file_bytes: int | None, least: int | None, more: tuple[str, ...]
):
    prefix = [*disk.prefix, *([] if file_bytes is None else [need_tool("prlimit"), f"--fsize={file_bytes}"])]
    words = ("-r", str(recorded), "-w", f"{disk.path}/x.pcapng", "-q", "--user", "root", *more)
    # the limit would cut Python's files of compiled modules too
    done = run(*words, prefix=prefix, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.status == 1
    assert len([line for line in done.said if "writing" in line]) == 1
    (path,) = disk.seen.iterdir()
    data = path.read_bytes()
    if least is None:
        assert data == b""
        return
    kinds = [kind for kind, _ in blocks(data)]
    assert kinds[:2] == [SECTION, INTERFACE]
    assert kinds.count(PACKET) >= least
    assert len(data) > (file_bytes or DISK_BYTES) - FRAME_BYTES_MAX
    assert run("-r", str(path)).status == 0


def test_files_that_have_had_their_time_are_no_full_disk(loopback: Sites, disk: Disk):
    """--user root, as the folder is root's."""
    site = loopback.get("nginx")
    words = ("-i", "lo", "--ports", str(site.port), "-w", f"{disk.path}/x", "-G", "1", "-W", "1", "--user", "root")
    with Sniffer(*words, prefix=disk.prefix) as sniffer:
        # the file ends with the first packet after its second; at full speed, one second fills the disk
        while not sniffer.ended_within(1 / SOME):
            curl(site, [SMALL])
        done = sniffer.wait()
    assert done.status == 0
    assert [line for line in done.said if "writing" in line] == []


NO_SPACE = "No space left on device; free some space, or use another disk"
TOO_LARGE = "File too large; raise the limit (ulimit -f), or use another file system"


def test_a_report_is_whole_with_what_found_room(tmp_path: Path):
    (tmp_path / "shop.pcap").write_bytes(shop(20 * RECORDED))
    words = ("report", "-r", str(tmp_path / "shop.pcap"), "-o", str(tmp_path / "x.html"), "-q")
    done = run(*words, prefix=[need_tool("prlimit"), "--fsize=400000"], env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.status == 1
    assert done.said == [f"sockfilter: writing '{tmp_path}/x.html': {TOO_LARGE}"]
    text = (tmp_path / "x.html").read_text()
    assert text.endswith("</html>\n")
    assert 'class="chunk"' in text


def test_a_report_without_room_for_the_page_is_empty(recorded: Path, disk: Disk):
    done = run("report", "-r", str(recorded), "-o", f"{disk.path}/x.html", "-q", prefix=disk.prefix)
    assert (done.status, done.said) == (1, [f"sockfilter: writing '{disk.path}/x.html': {NO_SPACE}"])
    assert (disk.seen / "x.html").read_bytes() == b""


def test_results_without_room_are_an_error_in_junit(recorded: Path, disk: Disk):
    """There is room for the document that says so, and not for the results."""
    words = [word for number in range(1000) for word in ("--once", f'path == "/{number}"')]
    prefix = [*disk.prefix, need_tool("prlimit"), "--fsize=4096"]
    done = run(
        *("check", "-r", str(recorded), *words, "--junit", f"{disk.path}/x.xml", "-q"),
        prefix=prefix,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.status != 0
    assert TOO_LARGE in done.said[-1]
    suite = ElementTree.parse(disk.seen / "x.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")
