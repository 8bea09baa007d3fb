"""HTTP on Unix sockets has no wire: system calls are where it is seen."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import sockfilter
from sockfilter import Problem
from tests.e2e.conftest import Sites
from tests.e2e.syscalls.sides import GET, OK, exchange
from tests.e2e.syscalls.test_ends import Way, asked, read_if_it_goes, send_if_it_goes
from tests.e2e.syscalls.test_faults import connections_of
from tests.support.clients import Ask, curl

pytestmark = pytest.mark.usefixtures("root")


@contextmanager
def local(path: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        client.connect(path)
        server, _ = listener.accept()
        with server:
            yield client, server


def here(**options: object) -> sockfilter.Capture:
    return sockfilter.capture(via="syscalls", unix=True, pid=os.getpid(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["{}/a socket.sock", "\0{}/abstract"])
def test_an_exchange(tmp_path: Path, name: str) -> None:
    path = name.format(tmp_path)
    with here() as capture, local(path) as (client, server):
        exchange(client, server)
        exchange(client, server)
        capture.flush()
        first, second = capture.exchanges
    shown = path.replace("\0", "@")
    assert str(first.server) == f"unix:{shown}"
    assert (first.client.ip, first.client.port) == ("unix", 0)
    assert [(found.conn_seq, found.complete, found.problems) for found in (first, second)] == [
        (1, True, ()),
        (2, True, ()),
    ]
    assert first.connection is second.connection
    assert first.response is not None
    assert (first.response.raw, first.response.body) == (OK[:-2], b"hi")
    assert not capture.ledger.losses()


def test_a_pair() -> None:
    """It has no name at all."""
    client, server = socket.socketpair()
    with client, server, here() as capture:
        exchange(client, server)
        capture.flush()
        (found,) = capture.exchanges
    assert found.complete
    assert str(found.server) == "unix"


def test_until_the_end(tmp_path: Path) -> None:
    with here() as capture, local(f"{tmp_path}/x") as (client, server):
        client.sendall(GET)
        server.recv(1 << 16)
        server.sendall(b"HTTP/1.0 200 OK\r\n\r\nas long as it takes")
        server.close()
        while client.recv(5):
            pass
        capture.flush()
        (found,) = capture.exchanges
    assert found.complete
    assert found.response is not None
    assert found.response.body == b"as long as it takes"


def late_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.close()
    assert not server.recv(1)
    send_if_it_goes(server, OK)


def late_answer_of_who_has_not_looked(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.close()
    send_if_it_goes(server, OK)


def closed_without_an_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.close()
    read_if_it_goes(client)


def closed_with_the_question_unread(client: socket.socket, server: socket.socket) -> None:
    client.sendall(GET)
    server.close()
    read_if_it_goes(client)


def asked_after_the_close(client: socket.socket, server: socket.socket) -> None:
    """The kernel takes no more bytes: there is no second question."""
    exchange(client, server)
    server.close()
    send_if_it_goes(client, GET)


def asked_after_the_close_with_an_answer_unread(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(OK)
    server.close()
    send_if_it_goes(client, GET)
    read_if_it_goes(client)


def half_closed(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.shutdown(socket.SHUT_WR)
    assert not server.recv(1)
    server.sendall(b"HTTP/1.0 200 OK\r\n\r\nhi")
    server.close()
    read_if_it_goes(client)


def closed_in_the_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(OK[:-1])
    server.close()
    read_if_it_goes(client)


NO_ANSWER = (None, (Problem.NO_RESPONSE, Problem.CLOSED))
WHOLE = (b"hi", ())
ENDS: dict[Way, tuple[bytes | None, tuple[Problem, ...]]] = {
    late_answer: NO_ANSWER,
    late_answer_of_who_has_not_looked: NO_ANSWER,
    closed_without_an_answer: NO_ANSWER,
    closed_with_the_question_unread: (None, (Problem.NO_RESPONSE, Problem.RESET)),
    asked_after_the_close: WHOLE,
    asked_after_the_close_with_an_answer_unread: WHOLE,
    half_closed: WHOLE,
    closed_in_the_answer: (b"h", (Problem.CLOSED,)),
}


@pytest.mark.parametrize("is_pair", [False, True], ids=["named", "pair"])
@pytest.mark.parametrize("way", ENDS, ids=lambda way: way.__name__)
def test_it_ends_at_once(way: Way, is_pair: bool, tmp_path: Path) -> None:
    """Nothing tells that a Unix socket is closed but what its calls say, and those of the other end."""
    with here(processes=False) as capture, ExitStack() as stack:
        if is_pair:
            client, server = map(stack.enter_context, socket.socketpair())
        else:
            client, server = stack.enter_context(local(f"{tmp_path}/x"))
        way(client, server)
        capture.flush()
        (found,) = capture.exchanges
        assert not capture.connections
        assert connections_of(capture) == 0
    assert (found.response and found.response.body, found.problems) == ENDS[way]
    assert not capture.ledger.losses()


def test_one_after_the_other_keep_apart(tmp_path: Path) -> None:
    """The kernel uses the memory of sockets again."""
    count = 200
    with here() as capture:
        for number in range(count):
            with local(f"{tmp_path}/{number}") as (client, server):
                client.sendall(GET[:20])  # of half of them, the rest never comes
                if number % 2:
                    client.sendall(GET[20:])
                    server.recv(1 << 16)
                    server.sendall(OK)
                    client.recv(1 << 16)
        capture.flush()
        whole = [found for found in capture.exchanges if found.complete]
    assert [str(found.server) for found in whole] == [f"unix:{tmp_path}/{n}" for n in range(1, count, 2)]


def test_both_processes_at_once(tmp_path: Path) -> None:
    """Either may be heard first; each exchange comes once."""
    count = 500
    with here() as capture, local(f"{tmp_path}/x") as (client, server):

        def answer() -> None:
            for _ in range(count):
                assert server.recv(1 << 16) == GET
                server.sendall(OK)

        answering = threading.Thread(target=answer)
        answering.start()
        for _ in range(count):
            client.sendall(GET)
            assert client.recv(1 << 16) == OK
        answering.join()
        capture.flush()
        found = capture.exchanges
    assert len(found) == count
    assert all(one.complete and not one.problems for one in found)


def test_what_is_lost_is_missed(tmp_path: Path) -> None:
    """The kernel does not number these bytes: what found no room in the ring is a gap nevertheless."""
    body = b"x" * 300_000
    with here(ring=1 << 16, body=None) as capture, local(f"{tmp_path}/x") as (client, server):
        sending = threading.Thread(
            target=client.sendall, args=(b"POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + body,)
        )
        sending.start()
        left = len(body)
        while left > 0:
            left -= len(server.recv(20_000))
        sending.join()
        capture.flush()
        server.sendall(OK)
        client.recv(1 << 16)
        capture.flush()
        found = capture.exchanges
    assert capture.ledger.records_lost
    assert not found or not found[0].complete


def test_a_proxy_and_what_is_behind_it(loopback: Sites) -> None:
    """Each leg is one exchange."""
    site = loopback.get("nginx")
    with sockfilter.capture(via="syscalls", unix=True, pid=site.pid) as capture:
        curl(site, [Ask("POST", "/echo", b"some")])
        capture.flush()
    asked = {str(found.server).partition(":")[0]: found for found in capture.exchanges}
    assert set(asked) == {"127.0.0.1", "unix"}
    assert all(found.request is not None and found.request.target == "/echo" for found in capture.exchanges)


def test_not_without_being_asked_for(tmp_path: Path) -> None:
    with sockfilter.capture(via="syscalls", pid=os.getpid()) as capture, local(f"{tmp_path}/x") as (client, server):
        exchange(client, server)
        capture.flush()
        assert not capture.exchanges
