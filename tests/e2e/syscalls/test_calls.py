"""Every call that moves bytes, as programs use them, and those that must not count."""

from __future__ import annotations

import array
import os
import socket
import threading
from collections.abc import Callable

import pytest

import sockfilter
from sockfilter import Problem
from tests.e2e.syscalls.sides import GET, OK, connected, exchange

pytestmark = pytest.mark.usefixtures("root")

PIECES = [GET[:1], b"", GET[1:9], GET[9:]]


def send_in_pieces_later(client: socket.socket) -> None:
    for piece in PIECES:
        client.send(piece)


def sendmmsg(client: socket.socket) -> None:
    """By the C library: Python has none."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    class Iovec(ctypes.Structure):
        _fields_ = (("base", ctypes.c_char_p), ("len", ctypes.c_size_t))

    class Message(ctypes.Structure):
        _fields_ = (
            ("name", ctypes.c_void_p),
            ("name_len", ctypes.c_uint),
            ("pieces", ctypes.POINTER(Iovec)),
            ("count", ctypes.c_size_t),
            ("control", ctypes.c_void_p),
            ("control_len", ctypes.c_size_t),
            ("flags", ctypes.c_size_t),
            ("moved", ctypes.c_size_t),
        )

    halves = [(Iovec * 1)(Iovec(half, len(half))) for half in (GET[:9], GET[9:])]
    messages = (Message * 2)(*(Message(pieces=half, count=1) for half in halves))
    assert libc.sendmmsg(client.fileno(), messages, 2, 0) == 2


SENDING: dict[str, Callable[[socket.socket], object]] = {
    "write": lambda client: os.write(client.fileno(), GET),
    "writev": lambda client: os.writev(client.fileno(), PIECES),
    "send": lambda client: client.send(GET),
    "sendto": lambda client: client.sendto(GET, client.getpeername()),
    "sendmsg": lambda client: client.sendmsg(PIECES),
    "sendmmsg": sendmmsg,
    "many": send_in_pieces_later,
    "thousand pieces": lambda client: client.sendmsg([GET[i : i + 1] for i in range(len(GET))] + [b""] * 900),
}


def recv_into_two(client: socket.socket) -> None:
    first, second = bytearray(10), bytearray(1 << 16)
    size, *_ = client.recvmsg_into([first, second])
    assert (bytes(first) + bytes(second))[:size] == OK


def readv(client: socket.socket) -> None:
    first, second = bytearray(10), bytearray(1 << 16)
    size = os.readv(client.fileno(), [first, second])
    assert (bytes(first) + bytes(second))[:size] == OK


def byte_by_byte(client: socket.socket) -> None:
    assert b"".join(client.recv(1) for _ in OK) == OK


def peek_first(client: socket.socket) -> None:
    assert client.recv(1 << 16, socket.MSG_PEEK) == OK
    assert client.recv(1 << 16) == OK


def try_first(client: socket.socket) -> None:
    assert client.recv(1 << 16) == OK
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(1 << 16)


RECEIVING: dict[str, Callable[[socket.socket], object]] = {
    "read": lambda client: os.read(client.fileno(), 1 << 16),
    "recvfrom": lambda client: client.recvfrom(1 << 16),
    "recv_into": lambda client: client.recv_into(bytearray(1 << 16)),
    "recvmsg": lambda client: client.recvmsg(1 << 16),
    "recvmsg_into": recv_into_two,
    "readv": readv,
    "byte by byte": byte_by_byte,
    "peek": peek_first,
    "nothing there": try_first,
}


def only(capture: sockfilter.Capture) -> sockfilter.Exchange:
    capture.flush()
    (found,) = capture.exchanges
    return found


def assert_whole(found: sockfilter.Exchange) -> None:
    assert found.complete
    assert not found.problems
    assert found.request is not None
    assert found.response is not None
    assert (found.request.raw, found.response.raw, found.response.body) == (GET, OK[:-2], b"hi")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("send", SENDING)
def test_sending(send: str, family: int) -> None:
    with connected(family) as (client, server):
        port = server.getsockname()[1]
        with sockfilter.capture(via="syscalls", ports=port) as capture:
            SENDING[send](client)
            assert server.recv(len(GET), socket.MSG_WAITALL) == GET
            server.sendall(OK)
            assert client.recv(1 << 16) == OK
            assert_whole(only(capture))


@pytest.mark.parametrize("receive", RECEIVING)
def test_receiving(receive: str) -> None:
    with (
        connected() as (client, server),
        sockfilter.capture(via="syscalls", ports=server.getsockname()[1]) as capture,
    ):
        client.sendall(GET)
        server.recv(1 << 16)
        server.sendall(OK)
        RECEIVING[receive](client)
        assert_whole(only(capture))


def test_a_thousand_pieces_are_one_message() -> None:
    body = os.urandom(1024)
    head = b"POST /x HTTP/1.1\r\nContent-Length: 1024\r\n\r\n"
    with (
        connected() as (client, server),
        sockfilter.capture(via="syscalls", ports=server.getsockname()[1]) as capture,
    ):
        client.sendmsg([head] + [body[i : i + 2] for i in range(0, 1024, 2)])
        server.recv(1 << 16)
        server.sendall(OK)
        client.recv(1 << 16)
        found = only(capture)
    assert found.request is not None
    assert found.request.body == body


def test_a_call_of_ten_megabytes_arrives_whole() -> None:
    body = os.urandom(10 << 20)
    head = b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    with connected() as (client, server):
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1], body=None, ring=64 << 20) as capture:
            sending = threading.Thread(target=os.writev, args=(client.fileno(), [head, body]))
            sending.start()
            left = len(head) + len(body)
            while left:
                left -= len(server.recv(1 << 20))
            sending.join()
            server.sendall(OK)
            client.recv(1 << 16)
            found = only(capture)
        assert not capture.ledger.losses()
    assert found.request is not None
    assert found.request.body == body


def test_what_was_open_inherited_duplicated_and_passed_on() -> None:
    """What socket a descriptor is, is asked each time; 0 is one like others."""
    with connected() as (client, server):
        exchange(client, server)  # before the capture
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1]) as capture:
            child = os.fork()
            if not child:
                os.dup2(client.fileno(), 0)
                os.write(0, GET)
                os._exit(0)
            os.waitpid(child, 0)
            left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            with left, right:
                left.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [server.fileno()]))])
                _, ancillary, *_ = right.recvmsg(1, socket.CMSG_SPACE(4))
                (passed,) = array.array("i", ancillary[0][2])
            os.read(passed, 1 << 16)
            os.write(passed, OK)
            os.close(passed)
            with socket.socket(fileno=os.dup(client.fileno())) as again:
                assert again.recv(1 << 16) == OK
            assert_whole(only(capture))


def test_addresses_of_ipv4_on_a_socket_of_ipv6() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        port = listener.getsockname()[1]
        with (
            sockfilter.capture(via="syscalls", ports=port) as capture,
            socket.create_connection(("127.0.0.1", port)) as client,
        ):
            server, _ = listener.accept()
            with server:
                exchange(client, server)
            found = only(capture)
    assert_whole(found)
    assert (found.client.ip, found.server.ip) == ("127.0.0.1", "127.0.0.1")


def test_two_threads_on_one_socket() -> None:
    """One writes what the other reads the answers to; each exchange is whole, and none waits for another."""
    count = 2000
    with connected() as (client, server):

        def answer() -> None:
            for _ in range(count):
                assert server.recv(len(GET), socket.MSG_WAITALL) == GET
                server.sendall(OK)

        answering = threading.Thread(target=answer)
        answering.start()
        go = threading.Semaphore(1)

        def ask() -> None:
            for _ in range(count):
                go.acquire()
                client.sendall(GET)

        asking = threading.Thread(target=ask)
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1]) as capture:
            asking.start()
            for _ in range(count):
                assert client.recv(len(OK), socket.MSG_WAITALL) == OK
                go.release()
            answering.join()
            asking.join()
            capture.flush()
            found = capture.exchanges
    assert len(found) == count
    assert all(exchange.complete and not exchange.problems for exchange in found)
    assert not capture.ledger.losses()


def test_other_things_do_not_count() -> None:
    """Files, pipes, datagrams, sockets of other kinds, and a protocol that is not HTTP."""
    with connected() as (client, server), sockfilter.capture(via="syscalls", pid=os.getpid()) as capture:
        read, write = os.pipe()
        os.write(write, GET)
        os.read(read, 1 << 16)
        os.close(read)
        os.close(write)
        with open(os.devnull, "wb", buffering=0) as null:
            null.write(GET)
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with left, right:
            left.send(GET)
            right.recv(1 << 16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind(("127.0.0.1", 0))
            datagrams.sendto(GET, datagrams.getsockname())
            datagrams.recv(1 << 16)
        client.sendall(b"\x16\x03\x01 no HTTP")
        server.recv(1 << 16)
        capture.flush()
        assert not capture.exchanges
    calls = capture.ledger.calls
    assert calls["not_http"] >= 2
    assert calls["not_stream"] >= 4
    assert calls["not_socket"] >= 3
    assert calls["http"] == 0
    assert capture.ledger.is_balanced


def test_bytes_that_no_call_has_in_a_buffer() -> None:
    """splice() moves them: at the other end they are heard; where that is not listened to, they are missing."""
    with connected() as (client, server):
        port = server.getsockname()[1]
        go, come = os.pipe()
        child = os.fork()
        if not child:
            os.read(go, 1)
            client.sendall(GET)
            client.recv(1 << 16)
            read, write = os.pipe()
            os.write(write, GET)
            splice(read, client.fileno(), len(GET))
            client.recv(1 << 16)
            os._exit(0)
        with (
            sockfilter.capture(via="syscalls", ports=port) as both,
            sockfilter.capture(via="syscalls", ports=port, pid=child) as asking,
        ):
            os.write(come, b"!")
            for _ in range(2):
                assert server.recv(1 << 16) == GET
                server.sendall(OK)
            os.waitpid(child, 0)
            both.flush()
            assert [found.complete for found in both.exchanges] == [True, True]
        first, second = asking.exchanges
        os.close(go)
        os.close(come)
    assert_whole(first)
    assert second.request is None
    assert second.reason is Problem.GAP
    assert asking.ledger.segments.gap_bytes == len(GET)
    ((name, (size, remedy)),) = asking.ledger.losses().items()
    assert (name, size) == ("bytes missing in connections", len(GET))
    assert "splice" in remedy
    assert not both.ledger.losses()


def splice(source: int, target: int, size: int) -> int:
    """Python has it from 3.10 on."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True).splice(source, None, target, None, ctypes.c_size_t(size), 0)
