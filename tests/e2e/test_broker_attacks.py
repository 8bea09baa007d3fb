"""A broker under attack: whatever a stranger or a client does, the others capture, and a signal ends it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

import sockfilter
from sockfilter.cli.confinement import ADDRESS_BYTES_MAX
from sockfilter.errors import BrokerError
from sockfilter.sources.broker import messages
from sockfilter.sources.broker.client import first_answer
from sockfilter.sources.broker.places import CAPTURE_BYTES, PLACES_MAX, kernel_bytes
from sockfilter.sources.broker.request import RING_BYTES_MAX
from sockfilter.system.rights import CAP_BPF, CAP_NET_RAW
from tests.support.attaching import asked
from tests.support.broker import NOBODY, broker
from tests.support.command import run
from tests.support.rights import without_rights

pytestmark = pytest.mark.usefixtures("root")

ROOT = "0"
TIMEOUT_S = 60.0
# answers that no queue has room for
UNREAD = 1000
# a permitted client, of another user than the tests'
CLIENT = "import sys, sockfilter; sockfilter.capture('lo', broker=sys.argv[1]).close(); print('captured')"


def captures(path: str) -> bool:
    """Whether nobody, who is permitted, gets a capture."""
    command = [*without_rights(), sys.executable, "-c", CLIENT, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    return done.stdout == "captured\n"


def connected(stack: ExitStack, path: str) -> socket.socket:
    link = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    link.settimeout(TIMEOUT_S)
    link.connect(path)
    return link


def dismissed(link: socket.socket) -> str:
    """The last words to a client, behind which there is nothing."""
    answer, _ = messages.receive(link)
    assert link.recv(1) == b""
    return str(answer["words"])


def attached(stack: ExitStack, path: str, **changed: object) -> tuple[socket.socket, list[int]]:
    """A capture, by the protocol alone; what stays of it is closed with the stack."""
    link = connected(stack, path)
    answer, descriptors = first_answer(link, asked(**changed))
    messages.raise_refusal(answer)
    for fd in descriptors:
        stack.callback(os.close, fd)
    return link, descriptors


def status(process: subprocess.Popen[str], name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    assert found
    return found[1]


def test_it_keeps_two_capabilities_and_bounds(tmp_path: Path):
    keeps = 1 << CAP_NET_RAW | 1 << CAP_BPF
    with broker(tmp_path, user=ROOT) as (path, process):
        sockfilter.capture("lo", broker=path).close()
        assert [int(status(process, name), 16) for name in ("CapEff", "CapPrm")] == [keeps, keeps]
        assert [int(status(process, name), 16) for name in ("CapInh", "CapAmb")] == [0, 0]
        assert status(process, "NoNewPrivs") == "1"
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(rf"^Max address space +{ADDRESS_BYTES_MAX} +{ADDRESS_BYTES_MAX} ", limits, re.MULTILINE)


def test_it_needs_nothing_of_a_folder_that_it_may_not_read_any_more(tmp_path: Path):
    mine = tmp_path / "mine"
    shutil.copytree(Path(sockfilter.__file__).parent, mine / "sockfilter")
    os.chown(mine, int(NOBODY), -1)
    mine.chmod(0o700)
    path = str(tmp_path / "broker.sock")
    command = [sys.executable, "-m", "sockfilter", "broker", "--user", ROOT, "--socket", path]
    environment = {**os.environ, "PYTHONPATH": str(mine)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("sockfilter: broker at")
        try:
            sockfilter.capture("lo", broker=path).close()
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


@pytest.mark.parametrize("user", [NOBODY, ROOT], ids=["stranger", "client"])
@pytest.mark.parametrize(
    "said",
    [b"[" * 60_000, b'{"a":' * 10_000, b'{"do": ' + b"9" * 60_000 + b"}", b'{"do": "att'],
    ids=["brackets", "objects", "digits", "half"],
)
def test_a_bomb_ends_who_sends_it(tmp_path: Path, user: str, said: bytes):
    with broker(tmp_path, "--user", NOBODY, user=user) as (path, process), ExitStack() as stack:
        link = connected(stack, path)
        try:
            link.send(said)
        except BrokenPipeError:
            assert user == NOBODY  # dismissed before it had said anything
        words = dismissed(link)
        assert words.startswith("user 0 is not permitted to capture" if user == NOBODY else "a message is")
        assert captures(path)
        assert process.poll() is None


def test_strangers_take_no_place(tmp_path: Path):
    with broker(tmp_path) as (path, _), ExitStack() as stack:
        silent = [connected(stack, path) for _ in range(PLACES_MAX)]
        assert captures(path)
        assert {dismissed(link) for link in silent} == {
            "user 0 is not permitted to capture; start the broker with --user 0"
        }


def test_a_user_takes_its_own_places_alone(tmp_path: Path):
    with broker(tmp_path, "--user", NOBODY, user=ROOT) as (path, _), ExitStack() as stack:
        for _ in range(PLACES_MAX // 2):
            connected(stack, path)
        with pytest.raises(BrokerError, match="user 0 has 32 captures or connections, which is the limit"):
            sockfilter.capture("lo", broker=path)
        assert captures(path)


def test_who_never_reads_waits_alone(tmp_path: Path):
    with broker(tmp_path, "--user", NOBODY, user=ROOT) as (path, process), ExitStack() as stack:
        link, other = attached(stack, path)[0], attached(stack, path)[0]
        link.setblocking(False)
        for _ in range(UNREAD):
            # one after the other: the broker has answered this one when it answers the other client
            with suppress(BlockingIOError):
                messages.send(link, {"do": "counters"})
            messages.send(other, {"do": "counters"})
            messages.receive(other)
        assert captures(path)
        with sockfilter.capture("lo", broker=path):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


def test_the_kernels_memory_is_shared_out_until_the_ring_is_gone(tmp_path: Path):
    users = [word for number in range(15) for word in ("--user", str(70_000 + number))]
    room = kernel_bytes() // 16
    if room < CAPTURE_BYTES + RING_BYTES_MAX:
        fits = 1 << (room - CAPTURE_BYTES).bit_length() - 1
    else:
        fits = RING_BYTES_MAX
    with broker(tmp_path, *users, user=ROOT) as (path, _), ExitStack() as stack:
        with ExitStack() as held:
            link, _ = attached(held, path, ring=fits)
            with pytest.raises(BrokerError, match="of kernel memory of"):
                attached(stack, path, ring=fits)
            link.close()
            # the client has still the descriptors
            with pytest.raises(BrokerError, match="of kernel memory of"):
                attached(stack, path, ring=fits)
        attached(stack, path, ring=fits)


def test_as_many_captures_as_there_are_places_fit_into_its_bounds(tmp_path: Path):
    with broker(tmp_path, user=ROOT) as (path, process), ExitStack() as stack:
        count = min(PLACES_MAX, kernel_bytes() // (CAPTURE_BYTES + (1 << 16)))
        links = [attached(stack, path)[0] for _ in range(count)]
        with pytest.raises(BrokerError, match="user 0 has "):
            attached(stack, path)
        for link in links:
            messages.send(link, {"do": "counters"})
            assert "counters" in messages.receive(link)[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0


def test_what_is_no_socket_stays(tmp_path: Path):
    path = tmp_path / "file"
    path.write_text("precious")
    done = run("broker", "--user", "root", "--socket", str(path))
    assert done.status == 1
    assert done.said == [
        f"sockfilter: listening at {path}: there is a file that is not a socket; remove it, or use another --socket"
    ]
    assert path.read_text() == "precious"


def test_who_lacks_the_rights_is_told_at_once(tmp_path: Path):
    command = [*without_rights(), sys.executable, "-m", "sockfilter", "broker", "--user", "root"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 1
    assert done.stderr.startswith("sockfilter: starting a broker: CAP_NET_RAW and CAP_BPF missing; use sudo")


def test_frames_for_capture_files_are_a_permission(tmp_path: Path):
    with (
        broker(tmp_path, user=ROOT) as (path, _),
        ExitStack() as stack,
        pytest.raises(BrokerError, match="start it with --capture-files"),
    ):
        attached(stack, path, whole=True)
    with broker(tmp_path, "--capture-files", user=ROOT) as (path, _), ExitStack() as stack:
        attached(stack, path, whole=True)
