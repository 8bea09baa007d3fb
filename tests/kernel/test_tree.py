"""Which connections belong to a process and what it starts, however they come about."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sockfilter.model import Connection, Endpoint
from sockfilter.observers.processes.tree import Tree
from sockfilter.system.namespace import entered
from tests.support.net import namespace
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Iterator

# a process that does what its input says, line by line, and answers each with a line
PUPPET = """
import os, socket, subprocess, sys, threading
kept = []
def listen(host="127.0.0.1"):
    s = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    kept.append(s)
    return s.getsockname()[1]
def connect(port, host="127.0.0.1"):
    s = socket.create_connection((host, int(port)))
    kept.append(s)
    return s.getsockname()[1]
def connect_in_thread(port):
    made = []
    thread = threading.Thread(target=lambda: made.append(connect(port)))
    thread.start(); thread.join()
    return made[0]
def child(what):
    words = [sys.executable, "-c", PUPPET]
    return subprocess.run(words, input=what + "\\n", text=True, capture_output=True).stdout.strip()
def daemon(what):
    # forked twice: its parent is none of the tree's any more
    read, write = os.pipe()
    if not os.fork():
        if not os.fork():
            os.setsid()
            os.write(write, str(eval(what)).encode())
        os._exit(0)
    os.wait()
    return os.read(read, 100).decode()
for line in sys.stdin:
    print(eval(line), flush=True)
"""
SOURCE = f"PUPPET = {PUPPET!r}\n{PUPPET}"


class Puppet:
    """A process outside of every other tree but its own."""

    def __init__(self, *prefix: str) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, what: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    need_root()
    with closing(Puppet()) as made:
        yield made


@pytest.fixture
def tree(puppet: Puppet) -> Iterator[Tree]:
    with Tree(puppet.process.pid) as made:
        yield made


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """One that belongs to nobody in question."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def connection(client_port: int, server_port: int, host: str = "127.0.0.1", turned: bool = False) -> Connection:
    ends = (Endpoint(host, client_port), Endpoint(host, server_port))
    return Connection(1, "lo", ends[::-1] if turned else ends, 0)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "what", ["connect({})", "connect_in_thread({})", "child('connect({})')", "daemon('connect({})')"]
)
def test_what_it_and_its_own_open(puppet: Puppet, tree: Tree, server: socket.socket, what: str, turned: bool):
    port = server.getsockname()[1]
    assert tree.owns(connection(puppet.do(what.format(port)), port, turned=turned))


def test_what_others_open_is_not_its_own(puppet: Puppet, tree: Tree, server: socket.socket):
    port = server.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        assert not tree.owns(connection(client.getsockname()[1], port))


@pytest.mark.parametrize("before", [False, True], ids=["listens then", "listened before"])
def test_what_others_open_to_it(puppet: Puppet, before: bool):
    port = puppet.do("listen()") if before else 0
    with Tree(puppet.process.pid) as tree:
        port = port or puppet.do("listen()")
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert tree.owns(connection(client.getsockname()[1], port))


def test_what_was_open_before(puppet: Puppet, server: socket.socket):
    port = server.getsockname()[1]
    mine = puppet.do(f"connect({port})")
    with Tree(puppet.process.pid) as tree:
        assert tree.owns(connection(mine, port))


def test_what_it_held_before_in_a_network_namespace_of_its_own():
    """The one who looks is in another one."""
    with namespace() as netns, closing(Puppet("ip", "netns", "exec", netns)) as puppet:
        port = puppet.do("listen()")
        other = puppet.do("listen()")
        mine = puppet.do(f"connect({other})")
        with Tree(puppet.process.pid) as tree:
            assert tree.owns(connection(mine, other))
            with entered(netns), socket.create_connection(("127.0.0.1", port)) as client:
                assert tree.owns(connection(client.getsockname()[1], port))


def test_ipv6(puppet: Puppet, tree: Tree):
    port = puppet.do("listen('::1')")
    with socket.create_connection(("::1", port)) as client:
        assert tree.owns(connection(client.getsockname()[1], port, "::1"))


def test_ipv4_on_a_socket_of_ipv6(puppet: Puppet, tree: Tree):
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        assert tree.owns(connection(puppet.do(f"connect({port}, '::ffff:127.0.0.1')"), port))


def test_a_port_that_it_gave_back_is_not_its_own(puppet: Puppet, tree: Tree):
    port = puppet.do("listen()")
    assert puppet.do("kept.pop().close() or 1")
    with (
        socket.create_server(("127.0.0.1", port)),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        assert not tree.owns(connection(client.getsockname()[1], port))


def test_a_port_that_it_goes_on_listening_on_after_an_accept(puppet: Puppet, tree: Tree):
    port = puppet.do("listen()")
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert tree.owns(connection(client.getsockname()[1], port))


def test_two_trees_keep_apart(puppet: Puppet, server: socket.socket):
    port = server.getsockname()[1]
    with closing(Puppet()) as other, Tree(puppet.process.pid) as mine, Tree(other.process.pid) as theirs:
        ports = [who.do(f"connect({port})") for who in (puppet, other)]
        owners = [[tree.owns(connection(p, port)) for tree in (mine, theirs)] for p in ports]
    assert owners == [[True, False], [False, True]]


def test_this_process_is_the_root_of_its_own(server: socket.socket):
    need_root()
    port = server.getsockname()[1]
    with Tree(os.getpid()) as tree, socket.create_connection(("127.0.0.1", port)) as client:
        assert tree.owns(connection(client.getsockname()[1], port))
