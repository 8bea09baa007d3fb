"""TCP's own view: the object loads on every kernel, with all of its programs, and its records are right."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sockfilter.libbpf import binding, tracepoints
from sockfilter.observers.tcp.program import TcpProgram, TcpWants, unpacked
from sockfilter.system.drop_reasons import DropReasons
from tests.support.skips import need_root

ROOT = Path(__file__).resolve().parents[2]
CLOSE, LISTEN, SYN_SENT, SYN_RECV, ESTABLISHED = 7, 10, 2, 3, 1


def every_kind() -> int:
    _, lib = binding.load()
    return int(sum(getattr(lib, name) for name in dir(lib) if name.startswith("SF_TCP_WANT_")))


@pytest.fixture
def program() -> Any:
    need_root()
    with TcpProgram(TcpWants(every_kind())) as opened:
        yield opened


def records(program: TcpProgram, port: int) -> list[Any]:
    ffi, _ = binding.load()
    found = []
    for record in program.records():
        if port in (record.end.local_port, record.end.peer_port):
            found.append(ffi.new("struct sf_tcp_event *", record[0]))
    return found


def converse(family: int = socket.AF_INET, address: str = "127.0.0.1", dual: bool = False) -> tuple[Any, Any]:
    """Connects, sends five bytes, answers with seven, and closes. Returns both addresses."""
    with socket.socket(socket.AF_INET6 if dual else family) as listener:
        if dual:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::" if dual else address, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection((address, port)) as client:
            server, _ = listener.accept()
            client.sendall(b"hello")
            assert server.recv(100) == b"hello"
            server.sendall(b"answers")
            assert client.recv(100) == b"answers"
            here = client.getsockname()[:2]
            server.close()
            assert client.recv(100) == b""
        return here, (address, port)


@pytest.mark.parametrize(
    ("family", "address", "dual"),
    [(socket.AF_INET, "127.0.0.1", False), (socket.AF_INET6, "::1", False), (socket.AF_INET, "127.0.0.1", True)],
    ids=["ipv4", "ipv6", "ipv4 to a dual-stack server"],
)
def test_a_connection_from_its_beginning_to_its_end(program: TcpProgram, family: int, address: str, dual: bool) -> None:
    ffi, lib = binding.load()
    client, server = converse(family, address, dual)
    found = records(program, server[1])
    states = [(r.end.local_port == server[1], r.before, r.state) for r in found if r.kind == lib.SF_TCP_STATE]
    assert (False, CLOSE, SYN_SENT) in states
    assert (False, SYN_SENT, ESTABLISHED) in states
    assert (True, SYN_RECV, ESTABLISHED) in states
    assert (True, CLOSE, LISTEN) in states
    assert {(is_server, after) for is_server, _, after in states if after == CLOSE} == {(True, CLOSE), (False, CLOSE)}
    whole = [r for r in found if r.kind == lib.SF_TCP_STATE and r.end.peer_port == server[1] and r.state == CLOSE]
    assert whole[-1].figures.bytes_received in (7, 8)  # the FIN may count
    assert {unpacked(ffi.buffer(r.end.peer_addr)[:]) for r in found if r.end.peer_port == server[1]} == {address}
    first = [r for r in found if r.kind == lib.SF_TCP_RECEIVE and r.is_first]
    assert {(r.end.local_port, r.is_passive) for r in first} == {(server[1], 1), (client[1], 0)}
    assert all(r.pid for r in first)
    assert program.shared.lost == 0


def test_an_end_says_when_it_received(program: TcpProgram) -> None:
    client, server = converse()
    (slot,) = program.slots(server, client)
    assert slot.is_passive
    assert slot.receives == 1
    assert slot.received[0].unread == 0
    assert slot.begun_ns < slot.first_ns == slot.received[0].time_ns
    assert slot.end.netns
    (other,) = program.slots(client, server)
    assert not other.is_passive
    assert other.figures.bytes_received >= 7


def test_a_refused_connection(program: TcpProgram) -> None:
    _, lib = binding.load()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    found = records(program, port)
    kinds = [r.kind for r in found]
    if tracepoints.find(["tcp_send_reset"], "")["tcp_send_reset"] > 2:  # before, only resets of sockets are traced
        assert lib.SF_TCP_RESET_SENT in kinds
    assert lib.SF_TCP_RESET_RECEIVED in kinds
    (drop,) = [r for r in found if r.kind == lib.SF_TCP_DROP]
    assert drop.end.peer_port == port
    assert drop.frames > 3
    assert DropReasons().name(drop.reason) in (None, "NO_SOCKET")
    assert any(count for count in program.places().values())


def test_a_reset_says_so_at_both_ends(program: TcpProgram) -> None:
    _, lib = binding.load()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server, _ = listener.accept()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
            with pytest.raises(ConnectionResetError):
                client.recv(1)
    kinds = [r.kind for r in records(program, port)]
    assert kinds.count(lib.SF_TCP_RESET_SENT) == 1
    assert kinds.count(lib.SF_TCP_RESET_RECEIVED) == 1


def test_connections_of_other_ports_are_left_out() -> None:
    need_root()
    with TcpProgram(TcpWants(every_kind(), ports=[1])) as opened:
        _, server = converse()
        assert records(opened, server[1]) == []


def test_records_without_room_are_counted() -> None:
    need_root()
    with TcpProgram(TcpWants(every_kind(), ring_bytes=4096)) as opened:
        threads = [threading.Thread(target=converse) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert opened.shared.lost > 0


def test_reasons_are_those_of_this_kernel() -> None:
    names = tracepoints.enumeration("skb_drop_reason")
    if names:  # since Linux 5.17
        assert "SKB_DROP_REASON_NO_SOCKET" in names.values()
        assert DropReasons().name(0xFFFF0000 | 7) is not None
    else:
        assert DropReasons().name(3) is None
    assert tracepoints.enumeration("no such enumeration") == {}


def test_nothing_is_left_behind() -> None:
    need_root()
    code = "from tests.kernel.test_tcp import *\nwith TcpProgram(TcpWants(every_kind())): pass\nimport os\n"
    code += "before = len(os.listdir('/proc/self/fd'))\nwith TcpProgram(TcpWants(every_kind())): pass\n"
    code += "assert len(os.listdir('/proc/self/fd')) == before"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
