"""Which process has which end of a connection, however it has come by it."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import InvalidArgument
from tests.support import answering
from tests.support.net import free_port, veth_pair
from tests.support.servers import nginx, python_server
from tests.support.skips import need_root, need_tool
from tests.support.topologies import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sockfilter import Capture, Exchange, Process

SCRIPT = answering.__file__
# fewer in an emulator
SHORT, CURLS = (int(number / float(os.environ.get("SOCKFILTER_PATIENCE", "1"))) for number in (3000, 100))
WAIT_S = 60


@contextmanager
def server(how: str, *, prefix: Sequence[str] = (), host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """One that answers with numbers of processes. Its port."""
    need_root()
    command = [*prefix, sys.executable, SCRIPT, how, host, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield int(running.stdout.readline())
        finally:
            running.kill()


def capture(*ports: int, interface: str = "lo", netns: str | None = None) -> Capture:
    need_root()
    return sockfilter.capture(interface, ports=list(ports), netns=netns, processes=True)


def curl(*words: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, need_tool("curl"), "-sS", "--noproxy", "*", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=WAIT_S)


def ask(link: http.client.HTTPConnection, path: str = "/") -> int:
    """Who answers."""
    link.request("GET", path)
    return int(link.getresponse().read())


def number(process: Process | None) -> int | None:
    return None if process is None else process.pid


def owners(exchanges: Sequence[Exchange]) -> list[tuple[int | None, int | None]]:
    return [(number(e.client_process), number(e.server_process)) for e in exchanges]


def assert_all_named(capture: Capture, connections: int) -> None:
    counts = capture.ledger.processes
    assert (counts.ends, counts.named) == (2 * connections, 2 * connections)
    assert capture.ledger.is_balanced


@pytest.mark.parametrize("start", [nginx, python_server], ids=["nginx", "http.server"])
def test_a_client_that_has_gone_and_a_server(start):
    need_root()
    with start() as site, capture(site.port) as wire:
        curl("-o", os.devnull, site.url("/a"))
        exchange = wire.one(path="/a")
    client, served = exchange.client_process, exchange.server_process
    assert client is not None
    assert served is not None
    assert (client.comm, client.uid, client.inner_pid) == ("curl", 0, client.pid)
    # from a chroot, more of the path is seen than in it
    assert str(client.exe).endswith(os.path.realpath(need_tool("curl")))
    assert client.cmdline == (need_tool("curl"), "-sS", "--noproxy", "*", "-o", os.devnull, site.url("/a"))
    assert served.pid == site.pid
    program = need_tool("nginx") if start is nginx else sys.executable
    assert str(served.exe).endswith(os.path.realpath(program))
    assert_all_named(wire, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("how", ["alone", "threads", "prefork", "forking"])
def test_whoever_answers_is_the_server(how: str, host: str):
    with server(how, host=host) as port, capture(port) as wire:
        answered = []
        for _ in range(10):
            with closing(http.client.HTTPConnection(host, port, timeout=WAIT_S)) as link:
                answered += [ask(link), ask(link)]
        found = wire.all()
    assert owners(found) == [(os.getpid(), pid) for pid in answered]
    assert_all_named(wire, 10)


def test_a_connection_that_is_passed_on_is_the_next_ones():
    with server("passed") as port, capture(port) as wire:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as link:
            answered = [ask(link) for _ in range(4)]
        found = wire.all()
    assert len(set(answered)) == 2
    assert [number(e.server_process) for e in found] == answered


def test_a_program_that_is_run_with_a_connection_is_another():
    with server("exec") as port, capture(port) as wire:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as link:
            answered = ask(link)
        served = wire.one().server_process
    assert served is not None
    assert served.pid == answered
    assert served.cmdline == (sys.executable, SCRIPT, "inherited")


def test_a_thread_is_its_process():
    with server("alone") as port, capture(port) as wire:

        def work() -> None:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as link:
                ask(link)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        client = wire.one().client_process
    assert client is not None
    assert (client.pid, client.comm) == (os.getpid(), Path("/proc/self/comm").read_text().strip())


def test_a_proxy_has_an_end_of_each_leg(tmp_path: Path):
    front = free_port()
    with server("alone") as back:
        (tmp_path / "conf").write_text(
            f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
            f" fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;"
            f" server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{back}; }} }} }}"
        )
        command = [need_tool("nginx"), "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "conf")]
        with capture(front, back) as wire, subprocess.Popen(command, stderr=subprocess.DEVNULL) as proxy:
            try:
                said = curl("--retry", "50", "--retry-connrefused", "--retry-delay", "1", f"http://127.0.0.1:{front}/")
                outer, inner = wire.one(port=front), wire.one(port=back)
            finally:
                proxy.terminate()
    assert number(outer.server_process) == number(inner.client_process) == proxy.pid
    assert number(inner.server_process) == int(said.stdout)
    assert outer.client_process is not None
    assert outer.client_process.comm == "curl"


def test_process_namespaces():
    unshare = [need_tool("unshare"), "--pid", "--fork", "--kill-child"]
    with server("alone", prefix=unshare) as port, capture(port) as wire:
        said = curl(f"http://127.0.0.1:{port}/", prefix=unshare).stdout
        found = wire.one()
    for process in (found.client_process, found.server_process):
        assert process is not None
        assert process.inner_pid == 1
        assert process.pid > 1
    assert said == "1"


@pytest.mark.parametrize("looks", ["client", "server"])
def test_network_namespaces(looks: str):
    with veth_pair() as (left, right):
        prefix = ["ip", "netns", "exec"]
        with (
            server("alone", prefix=[*prefix, right], host="10.9.0.2") as port,
            capture(port, interface="veth0", netns=left if looks == "client" else right) as wire,
        ):
            answered = int(curl(f"http://10.9.0.2:{port}/", prefix=[*prefix, left]).stdout)
            found = wire.one()
    assert number(found.server_process) == answered
    assert found.client_process is not None
    assert found.client_process.comm == "curl"


def test_the_loopbacks_of_two_namespaces_keep_apart():
    with veth_pair() as (left, right):
        prefix = ["ip", "netns", "exec"]
        port, local = free_port(), free_port()
        with (
            server("alone", prefix=[*prefix, left], port=port),
            server("alone", prefix=[*prefix, right], port=port),
            capture(port, netns=left) as wire,
        ):
            words = ("--local-port", str(local), f"http://127.0.0.1:{port}/")
            answered = [int(curl(*words, prefix=[*prefix, netns]).stdout) for netns in (left, right)]
            found = wire.one()
    assert answered[0] != answered[1]
    assert number(found.server_process) == answered[0]


def test_the_same_addresses_and_ports_in_two_networks_are_nobodys():
    """One of them may pass packets of the other on."""
    with veth_pair() as (left, right), veth_pair() as (other_left, other_right):
        port, local = free_port(), free_port()
        with (
            server("alone", prefix=["ip", "netns", "exec", right], host="10.9.0.2", port=port),
            server("alone", prefix=["ip", "netns", "exec", other_right], host="10.9.0.2", port=port),
            capture(port, interface="veth0", netns=left) as wire,
        ):
            source = ("10.9.0.1", local)
            link = http.client.HTTPConnection("10.9.0.2", port, timeout=WAIT_S, source_address=source)
            other = http.client.HTTPConnection("10.9.0.2", port, timeout=WAIT_S, source_address=source)
            with closing(link), closing(other):
                with inside(left):
                    first = ask(link)
                with inside(other_left):
                    assert ask(other) != first
                assert ask(link) == first
                found = wire.all()
    assert owners(found) == [(os.getpid(), first), (None, None)]
    assert (wire.ledger.processes.named, wire.ledger.processes.ambiguous) == (0, 2)
    assert wire.ledger.is_balanced


def test_a_connection_that_was_open_before():
    with server("alone") as port, closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as link:
        answered = ask(link)
        with capture(port) as wire:
            ask(link)
            found = wire.one()
    assert owners([found]) == [(os.getpid(), answered)]
    assert found.client_process is not None
    assert found.client_process.cmdline is not None


def test_a_socket_that_several_hold_is_whose_who_receives():
    """Before it is asked again nobody knows which of them it is; afterwards it is known."""
    with server("alone") as port, closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as link:
        ask(link)
        descriptor = link.sock.fileno()
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[descriptor]) as other:
            with capture(port) as wire:
                ask(link)
                wire.flush()
                ask(link)
                found = [number(e.client_process) for e in wire.all()]
            assert other.stdin is not None
            other.stdin.close()
    assert found == [None, os.getpid()]


# closes without TIME_WAIT, so that its ports can be used again at once
CLIENT = """
import socket, struct, sys
host, port, local, path = sys.argv[1:]
link = socket.socket()
link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
link.bind((host, int(local)))
link.connect((host, int(port)))
link.sendall(b"GET %s HTTP/1.1\\r\\n\\r\\n" % path.encode())
received = b""
while b"\\r\\n\\r\\n" not in received or not received.rpartition(b"\\r\\n\\r\\n")[2]:
    received += link.recv(65536)
link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
link.close()
"""


def test_ports_that_are_used_again_at_once_belong_to_whoever_has_them():
    """Many lives of one pair of ports, each of another client and perhaps another server, read in one go."""
    local = free_port()
    with server("forking") as port, capture(port) as wire:
        clients = []
        for i in range(30):
            command = [sys.executable, "-S", "-c", CLIENT, "127.0.0.1", str(port), str(local), f"/{i}"]
            with subprocess.Popen(command) as client:
                clients.append((f"/{i}", client.pid))
            if i % 3 == 2:
                wire.flush()
        found = wire.all()
    assert len(found) == 30
    right = dict(clients)
    for exchange in found:
        assert exchange.request is not None
        assert number(exchange.client_process) in (None, right[exchange.request.target])
        assert number(exchange.server_process) in (None, int(exchange.response.text))  # type: ignore[union-attr]  # it is
    # of three lives that are read together, two are remembered
    named = sum(None not in pair for pair in owners(found))
    assert named >= 20
    assert wire.ledger.is_balanced


def test_names_are_as_they_are():
    source = (
        "import ctypes, sys, http.client\n"
        "ctypes.CDLL(None).prctl(15, b'\\x1b[31m\\xff')\n"
        "link = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
        "link.request('GET', '/'); link.getresponse().read()\n"
    )
    with server("alone") as port, capture(port) as wire:
        subprocess.run([sys.executable, "-c", source, str(port)], check=True, timeout=WAIT_S)
        client = wire.one().client_process
    assert client is not None
    assert client.comm == "\x1b[31m\udcff"
    assert client.cmdline == (sys.executable, "-c", source, str(port))


def test_long_arguments_are_cut():
    with server("alone") as port, capture(port) as wire:
        curl("-A", "x" * 2000, f"http://127.0.0.1:{port}/")
        client = wire.one().client_process
    assert client is not None
    assert client.cmdline is not None
    assert sum(len(word) + 1 for word in client.cmdline) in (512, 513)


def test_many_short_connections_are_all_named():
    with server("prefork") as port, capture(port) as wire:
        answered = []
        for i in range(SHORT):
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as link:
                answered.append(ask(link))
            if not i % 100:
                wire.flush()
        mine = wire.all()
        view = wire.mark()
        curls = [curl(f"http://127.0.0.1:{port}/{i}") for i in range(CURLS)]
        theirs = view.all()
    assert owners(mine) == [(os.getpid(), pid) for pid in answered]
    for i, (exchange, said) in enumerate(zip(theirs, curls, strict=True)):
        client = exchange.client_process
        assert client is not None
        assert client.cmdline is not None
        assert client.cmdline[-1] == f"http://127.0.0.1:{port}/{i}"
        assert number(exchange.server_process) == int(said.stdout)
    assert_all_named(wire, SHORT + CURLS)


def test_processes_that_are_not_asked_for_are_not_there():
    need_root()
    with server("alone") as port, sockfilter.capture("lo", ports=[port], processes=False) as wire:
        curl(f"http://127.0.0.1:{port}/")
        found = wire.one()
    assert found.processes == (None, None)
    assert wire.ledger.processes.ends == 0
    assert wire.no_processes == ""


def test_a_broker_names_none_and_who_asks_is_told():
    with pytest.raises(InvalidArgument, match="processes=True is not possible with a broker"):
        sockfilter.capture(processes=True, broker="/nowhere")


def test_conditions():
    with server("alone") as port, capture(port) as wire:
        answered = int(curl(f"http://127.0.0.1:{port}/").stdout)
        assert wire.one(process="curl").connection is wire.one(pid=answered).connection
        wire.none(process=re.compile("^wget"))


def test_nothing_is_left_open():
    need_root()
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with capture(1):
            pass
    assert set(os.listdir("/proc/self/fd")) == before
