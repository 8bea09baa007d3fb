"""Connections whose bytes go past the network, from socket to socket: packets cannot show them, system calls do."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import sockfilter
from tests.e2e.syscalls.sides import GET, OK, connected, far
from tests.support.command import run
from tests.support.redirector import cgroup, member_of, redirecting

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("root")

FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
MANY = 300


def receive(link: socket.socket, wanted: bytes) -> None:
    """Reads it all: a socket in a sockhash gives less at once, now and then."""
    got = b""
    while len(got) < len(wanted):
        got += link.recv(1 << 16)
    assert got == wanted


def exchange(client: socket.socket, server: socket.socket) -> None:
    client.sendall(GET)
    receive(server, GET)
    server.sendall(OK)
    receive(client, OK)


def assert_whole(capture: sockfilter.Capture, count: int) -> None:
    capture.flush()
    assert len(capture.exchanges) == count
    for one in capture.exchanges:
        assert not one.problems
        assert one.request
        assert one.response
        assert one.response.body == b"hi"
    assert not capture.ledger.losses()
    assert capture.ledger.is_balanced


@FAMILIES
@pytest.mark.parametrize("redirects", [True, False], ids=["redirected", "merely in a sockhash"])
def test_both_ends_show_each_exchange_once(tmp_path: Path, family: socket.AddressFamily, redirects: bool) -> None:
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path, redirects=redirects))
        stack.enter_context(member_of(group))
        capture = stack.enter_context(sockfilter.capture(via="syscalls", pid=os.getpid()))
        with connected(family) as (client, server):
            for _ in range(MANY):
                exchange(client, server)
        for _ in range(2):
            with connected(family) as (client, server):
                exchange(client, server)
        assert_whole(capture, MANY + 2)


@pytest.mark.parametrize("redirects", [True, False], ids=["redirected", "merely in a sockhash"])
@pytest.mark.parametrize("before", [0, 1])
def test_a_connection_that_was_open_before(tmp_path: Path, redirects: bool, before: int) -> None:
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path, redirects=redirects))
        stack.enter_context(member_of(group))
        client, server = stack.enter_context(connected())
        for _ in range(before):
            exchange(client, server)
        capture = stack.enter_context(sockfilter.capture(via="syscalls", pid=os.getpid()))
        for _ in range(MANY):
            exchange(client, server)
        assert_whole(capture, MANY)


@pytest.mark.parametrize("side", ["client", "server"])
def test_one_end_alone(tmp_path: Path, side: str) -> None:
    """Only one process is captured; the other end is somebody else's."""
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path))
        stack.enter_context(member_of(group))
        other = stack.enter_context(far())
        client, server = stack.enter_context(connected())
        capture = stack.enter_context(sockfilter.capture(via="syscalls", pid=other.pid))
        if side == "client":
            other.take(client)
            for _ in range(10):
                other.sendall(GET)
                receive(server, GET)
                server.sendall(OK)
                assert other.recv(1 << 16) == OK
        else:
            other.take(server)
            for _ in range(10):
                client.sendall(GET)
                assert other.recv(1 << 16) == GET
                other.sendall(OK)
                receive(client, OK)
        assert_whole(capture, 10)


def test_a_file_that_the_server_sends(tmp_path: Path) -> None:
    """The bytes of sendfile() are in no buffer: the end that reads them has them."""
    page = tmp_path / "page"
    page.write_bytes(b"0123456789" * 10_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path))
        stack.enter_context(member_of(group))
        capture = stack.enter_context(sockfilter.capture(via="syscalls", pid=os.getpid(), body=None))
        with connected() as (client, server):
            exchange(client, server)  # the first connection tells that there are such maps
        with connected() as (client, server), page.open("rb") as file:
            client.sendall(GET)
            receive(server, GET)
            sender = threading.Thread(target=lambda: (server.sendall(head), server.sendfile(file)))
            sender.start()
            receive(client, head + page.read_bytes())
            sender.join()
        capture.flush()
        assert [len(one.response.body) for one in capture.exchanges if one.response] == [2, 100_000]
        assert not capture.ledger.losses()


def test_packets_see_sockets_that_are_merely_in_a_sockhash(tmp_path: Path) -> None:
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path, redirects=False))
        stack.enter_context(member_of(group))
        client, server = stack.enter_context(connected())
        capture = stack.enter_context(sockfilter.capture("lo", ports=[server.getsockname()[1]]))
        for _ in range(MANY):
            exchange(client, server)
        assert_whole(capture, MANY)


def test_a_connection_that_ends_and_one_that_is_aborted(tmp_path: Path) -> None:
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path))
        stack.enter_context(member_of(group))
        capture = stack.enter_context(sockfilter.capture(via="syscalls", pid=os.getpid()))
        with connected() as (client, server):
            exchange(client, server)
        until_end = b"HTTP/1.1 200 OK\r\n\r\nhi"
        with connected() as (client, server):
            client.sendall(GET)
            receive(server, GET)
            server.sendall(until_end)
            receive(client, until_end)
            server.close()
            assert not client.recv(1)
        with connected() as (client, server):
            client.sendall(GET)
            receive(server, GET)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            server.close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        capture.flush()
        whole, to_the_end, aborted = capture.exchanges
        for one in (whole, to_the_end):
            assert one.response
            assert one.response.body == b"hi"
            assert not one.problems
        assert aborted.request
        assert not aborted.response
        assert not capture.ledger.losses()


def test_the_command_names_what_goes_past_the_network(tmp_path: Path) -> None:
    with ExitStack() as stack:
        group = stack.enter_context(cgroup())
        stack.enter_context(redirecting(group, tmp_path))
        stack.enter_context(member_of(group))
        client, server = stack.enter_context(connected())
        exchange(client, server)
        doctor = run("doctor")
        packets = run("-i", "lo", "--duration", "0.1")
        with sockfilter.capture(via="syscalls", pid=os.getpid()) as capture:
            exchange(client, server)
            exchange(client, server)
            capture.flush()
    for said in (doctor.output.decode(), packets.errors.decode()):
        assert "1 connection may go past the network" in said
        assert "sockhash sf_test_ends" in said
        assert f"[{os.getpid()}]" in said
        assert f"sf_test_note on /{group.name}" in said
    assert capture.ledger.calls["past_network"] == 1
