"""How connections end: as on the wire, and at once, though calls are heard after what ended them."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import pytest

import sockfilter
from sockfilter import Problem
from tests.e2e.syscalls.same import both_ways, in_order
from tests.e2e.syscalls.sides import GET, OK, connection, exchange, far, listening
from tests.e2e.syscalls.test_faults import connections_of

pytestmark = pytest.mark.usefixtures("root")

Way = Callable[[socket.socket, socket.socket], object]

HEAD, BODY = OK[:-2], OK[-2:]
TOO_LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome"
AS_LONG_AS_IT_TAKES = b"HTTP/1.0 200 OK\r\n\r\nas long as it takes"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"
# seconds that a packet may take to the other end of a connection on loopback
ARRIVAL_S = 60


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + ARRIVAL_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.0002)


def tcp_state(link: socket.socket) -> int:
    """struct tcp_info, its first byte: include/net/tcp_states.h."""
    return link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def await_state(link: socket.socket, *states: int) -> None:
    wait_for(lambda: tcp_state(link) in states)


ESTABLISHED, FIN_WAIT2, CLOSE, CLOSE_WAIT = 1, 5, 7, 8


def break_off(link: socket.socket) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def send_if_it_goes(link: socket.socket, *parts: bytes) -> None:
    for part in parts:
        try:
            link.sendall(part)
        except OSError:
            return


def read_if_it_goes(link: socket.socket) -> None:
    try:
        while link.recv(1 << 16):
            pass
    except OSError:
        pass


def asked(client: socket.socket, server: socket.socket) -> None:
    client.sendall(GET)
    assert server.recv(1 << 16) == GET


def late_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.close()
    assert not server.recv(1 << 16)
    send_if_it_goes(server, HEAD, BODY)


def late_answer_of_who_has_not_looked(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.close()
    await_state(server, CLOSE_WAIT)
    send_if_it_goes(server, HEAD, BODY)


def late_answer_in_one(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.close()
    await_state(server, CLOSE_WAIT)
    send_if_it_goes(server, OK)
    read_if_it_goes(server)


def late_answers(client: socket.socket, server: socket.socket) -> None:
    client.sendall(GET * 3)
    server.recv(1 << 16)
    server.sendall(OK)
    client.recv(1 << 16)
    client.close()
    await_state(server, CLOSE_WAIT)
    send_if_it_goes(server, OK, OK)


def half_closed(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.shutdown(socket.SHUT_WR)
    assert not server.recv(1)
    server.sendall(AS_LONG_AS_IT_TAKES)
    server.close()
    read_if_it_goes(client)


def half_closed_then_closed(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.shutdown(socket.SHUT_WR)
    await_state(server, CLOSE_WAIT)
    client.close()
    send_if_it_goes(server, HEAD, BODY)


def half_closed_then_broken_off(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.shutdown(socket.SHUT_WR)
    await_state(client, FIN_WAIT2)
    break_off(client)
    await_state(server, CLOSE)


def both_halves_closed_by_the_client(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    client.shutdown(socket.SHUT_RDWR)
    await_state(server, CLOSE_WAIT)
    send_if_it_goes(server, HEAD, BODY)


def closed_in_the_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(TOO_LONG)
    server.close()
    read_if_it_goes(client)


def half_closed_in_the_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(TOO_LONG)
    server.shutdown(socket.SHUT_WR)
    read_if_it_goes(client)
    client.close()


def closed_without_an_answer(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.close()
    read_if_it_goes(client)
    client.close()


def closed_unread(client: socket.socket, server: socket.socket) -> None:
    """Nobody reads the other's end of the stream."""
    exchange(client, server)
    server.close()
    await_state(client, CLOSE_WAIT)
    client.close()


def asked_after_the_close(client: socket.socket, server: socket.socket) -> None:
    exchange(client, server)
    server.close()
    await_state(client, CLOSE_WAIT)
    client.sendall(GET)
    await_state(client, CLOSE)


def asked_after_the_close_and_read(client: socket.socket, server: socket.socket) -> None:
    asked_after_the_close(client, server)
    read_if_it_goes(client)


def asked_first_after_the_close(client: socket.socket, server: socket.socket) -> None:
    server.close()
    await_state(client, CLOSE_WAIT)
    client.sendall(GET)
    await_state(client, CLOSE)


def broken_off_by_the_server(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(TOO_LONG)
    client.recv(1 << 16)
    break_off(server)
    await_state(client, CLOSE)


def broken_off_by_the_server_unread(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(TOO_LONG)
    break_off(server)
    await_state(client, CLOSE)
    read_if_it_goes(client)


def closed_with_more_to_read(client: socket.socket, server: socket.socket) -> None:
    client.sendall(GET + b"and more")
    server.recv(len(GET))
    server.sendall(OK)
    server.close()
    await_state(client, CLOSE)
    read_if_it_goes(client)


def broken_off_by_the_client(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    break_off(client)
    await_state(server, CLOSE)
    send_if_it_goes(server, OK)


def answer_that_nobody_reads(client: socket.socket, server: socket.socket) -> None:
    asked(client, server)
    server.sendall(OK)
    client.close()
    await_state(server, CLOSE)


def answer_before_the_question(client: socket.socket, server: socket.socket) -> None:
    server.sendall(REFUSED)
    client.sendall(GET)
    assert client.recv(1 << 16) == REFUSED
    client.close()


def answer_to_what_was_not_read(client: socket.socket, server: socket.socket) -> None:
    client.sendall(GET)
    server.sendall(REFUSED)
    server.close()
    read_if_it_goes(client)
    client.close()


def answer_on_accept(client: socket.socket, server: socket.socket) -> None:
    server.sendall(REFUSED)
    server.close()
    await_state(client, CLOSE_WAIT)
    client.sendall(GET)
    read_if_it_goes(client)


def question_after_an_answer(client: socket.socket, server: socket.socket) -> None:
    server.sendall(OK)
    assert client.recv(1 << 16) == OK
    exchange(client, server)


def something_else_first(client: socket.socket, server: socket.socket) -> None:
    server.sendall(b"hello\r\n")
    client.recv(1 << 16)
    exchange(client, server)


WAYS: list[Way] = [
    late_answer,
    late_answer_of_who_has_not_looked,
    late_answer_in_one,
    late_answers,
    half_closed,
    half_closed_then_closed,
    half_closed_then_broken_off,
    both_halves_closed_by_the_client,
    closed_in_the_answer,
    half_closed_in_the_answer,
    closed_without_an_answer,
    closed_unread,
    asked_after_the_close,
    asked_after_the_close_and_read,
    asked_first_after_the_close,
    broken_off_by_the_server,
    broken_off_by_the_server_unread,
    closed_with_more_to_read,
    broken_off_by_the_client,
    answer_that_nobody_reads,
    answer_before_the_question,
    answer_to_what_was_not_read,
    answer_on_accept,
    question_after_an_answer,
    something_else_first,
]


# what nobody can know who hears one end alone: what the other said that was never read, and which came first
UNHEARD = {
    "server": {
        asked_after_the_close,
        asked_after_the_close_and_read,
        asked_first_after_the_close,
        answer_before_the_question,
        answer_to_what_was_not_read,
        answer_on_accept,
    },
    "client": {
        late_answer,
        late_answer_of_who_has_not_looked,
        late_answer_in_one,
        late_answers,
        half_closed_then_closed,
        both_halves_closed_by_the_client,
        answer_that_nobody_reads,
        answer_before_the_question,
        answer_on_accept,
    },
}
HEARD = [(side, way) for side, unheard in UNHEARD.items() for way in WAYS if way not in unheard]


def now(capture: sockfilter.Capture | None) -> list[dict[str, object]]:
    """What is known by now."""
    assert capture is not None
    capture.flush()
    return in_order(capture.exchanges)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_as_on_the_wire(way: Way) -> None:
    """While the capture and both processes go on."""
    with listening() as listener, both_ways(listener.getsockname()[1], processes=False) as seen:
        with connection(listener) as (client, server):
            way(client, server)
            wire, calls = now(seen.of_wire), now(seen.of_calls)
            assert calls == wire
        assert seen.of_calls is not None
        assert connections_of(seen.of_calls) == 0
    assert seen.wire
    assert seen.calls == seen.wire


@pytest.mark.parametrize(("side", "way"), HEARD, ids=lambda given: getattr(given, "__name__", given))
def test_where_one_end_is_heard(side: str, way: Way) -> None:
    with (
        listening() as listener,
        far() as there,
        both_ways(listener.getsockname()[1], pid=there.pid, processes=False) as seen,
        connection(listener) as (client, server),
    ):
        there.take(server if side == "server" else client)
        way(*((client, there) if side == "server" else (there, server)))
        wire, calls = now(seen.of_wire), now(seen.of_calls)
        assert calls == wire
        assert seen.of_calls is not None
        assert not seen.of_calls.ledger.losses()


def test_an_answer_that_is_not_heard_any_more() -> None:
    """Where the client alone is heard, its question stays without an answer, once the server's end is gone too."""
    with (
        listening() as listener,
        far() as there,
        sockfilter.capture(via="syscalls", pid=there.pid, ports=listener.getsockname()[1]) as capture,
    ):
        with connection(listener) as (client, server):
            there.take(client)
            late_answer(there, server)  # type: ignore[arg-type]
            capture.flush()
            (found,) = capture.exchanges
            assert found.problems == (Problem.NO_RESPONSE, Problem.CLIENT_CLOSED)
        assert not capture.ledger.losses()


def test_a_server_that_ends_without_having_taken_the_connection() -> None:
    """Nobody has the other end: the kernel resets it as the server goes, when the client is gone already."""
    with listening() as listener, both_ways(listener.getsockname()[1], processes=False) as seen:
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(GET)
            client.shutdown(socket.SHUT_WR)
            await_state(client, FIN_WAIT2)
        listener.close()
        wire, calls = now(seen.of_wire), now(seen.of_calls)
        assert calls == wire
    (made,) = seen.wire
    assert made["problems"] == ["no-response", "reset"]


def test_ports_that_are_used_again() -> None:
    """By a connection that begins before the process has closed its end of the one before."""
    with (
        listening() as listener,
        both_ways(listener.getsockname()[1], processes=False) as seen,
        # an address of which nobody else uses a port
        connection(listener, "127.83.7.1") as (client, server),
        socket.socket() as again,
    ):
        exchange(client, server)
        break_off(server)
        await_state(client, CLOSE)
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(client.getsockname())
        again.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            exchange(again, accepted)
            client.close()
            exchange(again, accepted)
    assert [made["conn_seq"] for made in seen.wire] == [1, 1, 2]
    assert seen.calls == seen.wire
