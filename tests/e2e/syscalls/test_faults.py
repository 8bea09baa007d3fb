"""What goes wrong around it: nothing leaks, what is lost is counted, and nobody is taken for somebody else."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

import sockfilter
from tests.e2e.conftest import THOROUGH
from tests.e2e.syscalls.sides import GET, OK, connected, connection, exchange, listening
from tests.support.bpf import entries

pytestmark = pytest.mark.usefixtures("root")

OTHERS, FORKS = 60, 300
FAR_DESCRIPTOR = 5000
# processes that have them, as each may open only so many
HOLDERS, HOLD_S = 4, 600
# one exchange, in as little time as Python takes to start
SHORT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    client.sendall(b"GET /other HTTP/1.0\\r\\n\\r\\n")
    client.recv(100)
"""
FORKING = f"""
for i in $(seq {FORKS}); do (true & true | true); done
exec 3<>/dev/tcp/127.0.0.1/$0
printf 'GET /last HTTP/1.0\\r\\n\\r\\n' >&3
cat <&3
"""


def members_of(capture: sockfilter.Capture) -> int:
    attachment = capture.source._attachment  # type: ignore[union-attr]
    return entries(attachment._object.map_fd("members"))  # type: ignore[attr-defined]


def connections_of(capture: sockfilter.Capture) -> int:
    attachment = capture.source._attachment  # type: ignore[union-attr]
    return entries(attachment._object.map_fd("connections"))  # type: ignore[attr-defined]


def test_killed_in_a_call() -> None:
    with connected() as (client, server):
        child = os.fork()
        if not child:
            server.recv(1 << 16)
            server.recv(1 << 16)  # for ever
        with sockfilter.capture(via="syscalls", pid=child) as capture:
            client.sendall(GET)
            while not capture.pending:
                capture.flush()
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            exchange(client, server)  # another's
            capture.flush()
            assert not capture.exchanges
            assert members_of(capture) == 0
        (found,) = capture.exchanges
    assert found.request is not None
    assert found.response is None


def test_numbers_of_processes_and_descriptors_are_used_again() -> None:
    """Of one process alone, among many short ones that do the same on the same descriptors."""
    with listening() as listener:
        port = listener.getsockname()[1]
        with sockfilter.capture_command(["sleep", "100"]) as capture:
            for _ in range(OTHERS // 10):
                others = [subprocess.Popen([sys.executable, "-I", "-S", "-c", SHORT, str(port)]) for _ in range(10)]
                for _ in others:
                    server, _ = listener.accept()
                    with server:
                        server.recv(1 << 16)
                        server.sendall(OK)
                for other in others:
                    other.wait()
            capture.flush()
            assert not capture.exchanges
            assert members_of(capture) == 1
            assert connections_of(capture) == 0
            assert capture.process is not None
            capture.process.kill()
            capture.process.wait()
            assert members_of(capture) == 0


def test_many_forks() -> None:
    """All are followed, and nothing of them stays."""
    with (
        listening() as listener,
        sockfilter.capture_command(
            ["bash", "-c", FORKING, str(listener.getsockname()[1])], popen={"stdout": subprocess.DEVNULL}
        ) as capture,
    ):
        server, _ = listener.accept()
        with server:
            asked = b""
            while not asked.endswith(b"\r\n\r\n"):  # line by line
                asked += server.recv(1 << 16)
            server.sendall(OK)
        assert capture.process is not None
        assert capture.process.wait() == 0
        found = capture.one(path="/last")
        assert found.complete
        assert members_of(capture) == 0
        assert connections_of(capture) == 0


def test_a_descriptor_far_out() -> None:
    """The kernel has moved the table of descriptors by then."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    try:
        with (
            connected() as (client, server),
            sockfilter.capture(via="syscalls", ports=server.getsockname()[1]) as capture,
        ):
            far = os.dup2(client.fileno(), FAR_DESCRIPTOR)
            with socket.socket(fileno=far) as same:
                exchange(same, server)
            assert capture.one().complete
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def hold_connections(count: int, write: int, go: int) -> None:
    """In a process of its own: both ends of so many, an exchange on each, and another once it is told to."""
    signal.alarm(HOLD_S)  # when the test ends before them
    with listening() as listener, ExitStack() as stack:
        ends = [stack.enter_context(connection(listener)) for _ in range(count)]
        for word in (b"1", b"2"):
            for client, server in ends:
                exchange(client, server)
            os.write(write, word)
            os.read(go, 1)
    os.write(write, b"3")
    os._exit(0)


@pytest.mark.parametrize("count", [5_000, pytest.param(20_000, marks=getattr(pytest.mark, THOROUGH))])
def test_thousands_of_connections(count: int) -> None:
    """Open at once, each with exchanges of its own."""
    seen: dict[str, list[int]] = {}

    def take(found: sockfilter.Exchange) -> None:
        assert found.complete, found.problems
        seen.setdefault(found.connection.route, []).append(found.conn_seq)

    read, write = os.pipe2(os.O_NONBLOCK)
    go, come = os.pipe()
    os.set_blocking(write, True)
    with sockfilter.capture(via="syscalls", pid=os.getpid(), emit=take) as capture:
        children = []
        for _ in range(HOLDERS):
            child = os.fork()
            if not child:
                hold_connections(count // HOLDERS, write, go)
            children.append(child)
        for stage in range(3):
            said = b""
            while len(said) < HOLDERS:
                if not capture.pump():
                    capture.wait(0.1)
                try:
                    said += os.read(read, HOLDERS)
                except BlockingIOError:
                    continue
            capture.flush()
            if stage < 2:
                assert len(seen) == count
                assert connections_of(capture) == count
                os.write(come, b"!" * HOLDERS)
        for child in children:
            os.waitpid(child, 0)
        assert connections_of(capture) == 0
        assert not capture.ledger.losses()
    assert all(numbers == [1, 2] for numbers in seen.values())
    for fd in (read, write, go, come):
        os.close(fd)


def test_a_reader_that_does_not_read() -> None:
    """What found no room is counted, exchange by exchange; what came before and after is whole."""
    with connected() as (client, server):
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1], ring=1 << 16) as capture:
            for _ in range(1000):
                exchange(client, server)
            lost = capture.ledger.records_lost
            assert lost
            capture.flush()
            for _ in range(10):
                exchange(client, server)
                capture.flush()
        whole = [found for found in capture.exchanges if found.complete and not found.problems]
        assert whole[-9:] == capture.exchanges[-9:]
        assert capture.ledger.is_balanced
        assert "records lost for want of room in the ring" in capture.ledger.losses()
