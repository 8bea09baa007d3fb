"""The kernel tells of connections by sock_diag what it tells in /proc."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from sockfilter.model import Endpoint
from sockfilter.system import sock_diag, sockets
from sockfilter.system.namespace import entered
from tests.support.net import namespace
from tests.support.skips import need_root
from tests.support.sockets import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

# of one answer, several pieces
MANY = 300


@pytest.fixture
def netns() -> Iterator[str]:
    need_root()
    with namespace() as made:
        yield made


def end(link: socket.socket) -> Endpoint:
    return Endpoint(*link.getsockname()[:2])


def inode(link: socket.socket) -> str:
    return str(os.fstat(link.fileno()).st_ino)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_ends_of_a_connection(netns: str, host: str):
    with connected(netns, host) as (client, server), entered(netns):
        found = sock_diag.established()
        assert {one.inode: (one.here, one.there) for one in found} == {
            inode(client): (end(client), end(server)),
            inode(server): (end(server), end(client)),
        }
        assert set(found) == set(sockets.table("tcp", sockets.ESTABLISHED))


def test_ipv4_on_a_socket_of_ipv6(netns: str):
    with ExitStack() as stack, entered(netns):
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        port = stack.enter_context(listener).getsockname()[1]
        here = end(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
        there = Endpoint("127.0.0.1", port)
        found = sock_diag.established()
        assert {(one.here, one.there) for one in found} == {(here, there), (there, here)}
        assert set(found) == set(sockets.table("tcp", sockets.ESTABLISHED))


def test_other_namespaces_and_states_are_not_among_them(netns: str):
    with connected(netns), namespace() as other, entered(other):
        assert sock_diag.established() == []
    with entered(netns):
        assert sock_diag.established() == []


def test_what_does_not_fit_into_one_piece(netns: str):
    with ExitStack() as stack, entered(netns):
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=MANY))
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        found = sock_diag.established()
        assert len(found) == len(set(found)) == 2 * MANY
        assert set(found) == set(sockets.table("tcp", sockets.ESTABLISHED))


def test_where_it_is_refused_proc_tells(netns: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sock_diag, "NETLINK_SOCK_DIAG", 31)  # MAX_LINKS of linux/netlink.h is 32; nobody has the last
    with connected(netns) as (client, server), entered(netns):
        assert {one.inode for one in sock_diag.established()} == {inode(client), inode(server)}
