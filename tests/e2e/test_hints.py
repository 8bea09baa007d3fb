"""A person who watches a capture that shows nothing is told why, once: a test for each cause."""

from __future__ import annotations

import mmap
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import rights
from tests.support.net import ip, namespace, veth_pair
from tests.support.terminal import Terminal
from tests.support.topologies import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.usefixtures("root")

# the command, but the hint is due when there is something to read on standard input, and not after some seconds
SCRIPT = """
import math, select, sys
from sockfilter.cli import hints, main
asked = select.poll()
asked.register(0, select.POLLIN)
hints.Start.due_s = property(lambda start: 0.0 if asked.poll(0) else math.inf)
sys.exit(main())
"""
COMMAND = (sys.executable, "-c", SCRIPT)
WAIT_S = 60.0
HINT = "sockfilter: nothing captured so far: "


class Watched:
    """The command in a network namespace, watched by a person at a terminal."""

    def __init__(self, stack: ExitStack, netns: str, *words: str, prefix: Sequence[str] = ()) -> None:
        self.terminal = stack.enter_context(Terminal())
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", netns, *prefix, *COMMAND, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.terminal.fd,
        )
        stack.callback(self._end)
        assert self.terminal.next().startswith("sockfilter: listening on ")

    def hint(self) -> str:
        self.make_due()
        lines = [self.terminal.next(), self.terminal.next()]
        (hint,) = [line for line in lines if line.startswith(HINT)]
        return hint.removeprefix(HINT)

    def make_due(self) -> None:
        """Makes the hint due; so that the command looks at once, the counters are asked for too."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"x")
        self.process.stdin.flush()
        self.process.send_signal(signal.SIGUSR1)

    def _end(self) -> None:
        self.process.terminate()
        self.process.wait(WAIT_S)
        assert self.process.stdin is not None
        self.process.stdin.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@contextmanager
def connected(
    netns: str, kind: socket.SocketKind = socket.SOCK_STREAM, port: int = 0
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection on lo."""
    with inside(netns), ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_INET, kind))
        server.bind(("127.0.0.1", port))
        client = stack.enter_context(socket.socket(socket.AF_INET, kind))
        if kind == socket.SOCK_STREAM:
            server.listen()
        client.connect(server.getsockname())
        yield client, (stack.enter_context(server.accept()[0]) if kind == socket.SOCK_STREAM else server)


def test_no_packets_here_and_some_elsewhere(stack: ExitStack):
    left, _ = stack.enter_context(veth_pair())
    ip("link", "set", "lo", "up", netns=left)
    watched = Watched(stack, left, "-i", "veth0", "--ports", "1")
    with connected(left) as (client, _):
        client.sendall(b"x" * 100)
        assert "there are some on lo: -i lo, or -i any" in watched.hint()


def test_no_packets_here_and_another_namespace(stack: ExitStack):
    netns = stack.enter_context(namespace())
    said = Watched(stack, netns, "-i", "lo").hint()
    assert said.startswith("no packets on lo; other network namespaces: --netns ")


def test_tls(stack: ExitStack):
    netns = stack.enter_context(namespace())
    watched = Watched(stack, netns, "-i", "lo")
    with connected(netns) as (client, _):
        client.sendall(b"\x16\x03\x01\x00\x06\x01hello")
        assert watched.hint().startswith("1 TLS connection passed: --tls opens th")


def test_who_speaks_tls(stack: ExitStack, tmp_path: Path):
    """This process has a connection and two TLS libraries: one whose secrets probes can take, and one by its name."""
    netns = stack.enter_context(namespace())
    library = tmp_path / "libnss3.so"
    library.write_bytes(bytes(mmap.PAGESIZE))
    with library.open("rb") as file:
        stack.enter_context(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC))
    name = Path("/proc/self/comm").read_text().strip()
    watched = Watched(stack, netns, "-i", "lo")
    with connected(netns) as (client, _):
        client.sendall(b"\x16\x03\x01\x00\x06\x01hello")
        said = watched.hint()
        assert said.startswith(f"1 TLS connection passed: --tls opens those of {name} (")
        assert Path(ssl_library()).name in said
        assert f"--tls does not open those of {name} (libnss3.so): NSS gives handles instead of secrets" in said
        assert "SSLKEYLOGFILE" in said


def test_who_speaks_tls_is_not_said_without_the_rights(stack: ExitStack):
    netns = stack.enter_context(namespace())
    watched = Watched(stack, netns, "-i", "lo", prefix=rights.without_rights("net_raw", "bpf"))
    with connected(netns) as (client, _):
        client.sendall(b"\x16\x03\x01\x00\x06\x01hello")
        assert watched.hint().startswith(
            "1 TLS connection passed: --tls is not possible here: probes for TLS: CAP_PERFMON missing"
        )


def ssl_library() -> str:
    """The file of the TLS library that this process uses."""
    ssl.create_default_context()
    maps = Path("/proc/self/maps").read_text().splitlines()
    return next(line.split()[-1] for line in maps if "/libssl.so" in line)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "1 TLS connection passed, and no secret has come"),
        (
            f"CLIENT_RANDOM {'00' * 32} {'11' * 48}\n",
            "1 TLS connection passed, and the secrets that came are of others",
        ),
    ],
)
def test_tls_without_its_secrets(stack: ExitStack, tmp_path: Path, content: str, said: str):
    netns = stack.enter_context(namespace())
    keylog = tmp_path / "keys.log"
    keylog.write_text(content)
    watched = Watched(stack, netns, "-i", "lo", "--keylog", str(keylog), "--user", "root")
    with connected(netns) as (client, _):
        client.sendall(b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(193))
        assert watched.hint().startswith(said)


def test_something_else(stack: ExitStack):
    netns = stack.enter_context(namespace())
    watched = Watched(stack, netns, "-i", "lo")
    with connected(netns) as (client, _):
        client.sendall(b"SSH-2.0-x\r\n")
        assert "none was HTTP;" in watched.hint()


def test_left_out_by_options(stack: ExitStack):
    netns = stack.enter_context(namespace())
    watched = Watched(stack, netns, "-i", "lo", "--ports", "1")
    with connected(netns) as (client, _):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert "were excluded by --ports" in watched.hint()


def test_udp_on_443(stack: ExitStack):
    netns = stack.enter_context(namespace())
    watched = Watched(stack, netns, "-i", "lo")
    with connected(netns, socket.SOCK_DGRAM, 443) as (client, _):
        client.send(b"x")
        assert watched.hint() == "there is UDP on port 443: HTTP/3, which sockfilter does not decode"


def test_no_carrier(stack: ExitStack):
    left, right = stack.enter_context(veth_pair())
    watched = Watched(stack, left, "-i", "veth0")
    ip("link", "set", "veth0", "down", netns=right)
    assert watched.hint() == "veth0 has no carrier: the cable is missing, or the other end is down"


def test_taken_away_below(stack: ExitStack):
    left, _ = stack.enter_context(veth_pair())
    ip("link", "set", "lo", "up", netns=left)
    with connected(left) as (client, _):
        # open before, and nothing of it passes
        watched = Watched(stack, left, "-i", "veth0", "--ports", str(client.getpeername()[1]))
        assert "redirected from socket to socket (sockmap)" in watched.hint()


def test_it_is_said_once_and_not_where_something_came(stack: ExitStack):
    netns = stack.enter_context(namespace())
    watched = Watched(stack, netns, "-i", "lo")
    with connected(netns) as (client, server):
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        watched.make_due()
        lines = [watched.terminal.next()]
        watched.process.terminate()
        lines.append(watched.terminal.next())
    assert not any(line.startswith(HINT) for line in lines)
    assert lines[-1].startswith("sockfilter: 1 exchange,")
