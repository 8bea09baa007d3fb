"""sockfilter tcp: how connections begin, fail and end, with the right process at each end."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockfilter.system.drop_reasons import DropReasons
from sockfilter.system.netstat import Netstat
from tests.support.droppers import dropping_at
from tests.support.net import ip, namespace, veth_pair
from tests.support.skips import need_linux, need_tool
from tests.support.tcp_exchanges import dropping
from tests.support.tcp_lives import RESETS, client, following, kinds, listening, pair
from tests.support.topologies import inside

pytestmark = pytest.mark.usefixtures("root")

HERE = Path(__file__).parent
US = os.getpid()
# A timer ends these connections, in whichever process is running then. Some virtual machines have a kernel that runs no
# tracing programs while their first process is the current one.
TRIES = 3


def counters(netns):
    with inside(netns), Netstat() as counted:
        return counted.read()


def ends(found):
    return [(one["end"]["how"], one["end"].get("by")) for one in kinds(found, "connection")]


def talk(one, other):
    one.send(b"x" * 80)
    other.recv(100)
    other.send(b"y" * 194)
    one.recv(1000)


def test_a_connection_has_both_processes_its_times_and_its_bytes():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        one, other = pair(netns, server)
        talk(one, other)
        one.close()
        other.recv(1)
        other.close()
        done = sniffer.end()
        (found,) = kinds(done.json, "connection")
    assert found["client"]["process"]["pid"] == found["server"]["process"]["pid"] == US
    assert (found["client"]["sent"], found["server"]["sent"]) == (80, 194)
    assert 0 < found["connect"] < found["age"]
    assert found["client"]["tcp"]["rtt"] > 0
    assert found["end"] == {"how": "closed", "by": "client"}
    assert done.said[-1] == "sockfilter: 1 connection"


def test_who_closed():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        for closer in (0, 1):
            both = pair(netns, server)
            both[closer].close()
            both[1 - closer].recv(1)
            both[1 - closer].close()
        assert ends(sniffer.end().json) == [("closed", "client"), ("closed", "server")]


def test_half_closed_by_the_client_that_then_receives():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        one, other = pair(netns, server)
        one.shutdown(socket.SHUT_WR)
        other.recv(1)
        other.send(b"z" * 5000)
        other.close()
        while one.recv(10000):
            pass
        one.close()
        (found,) = kinds(sniffer.end().json, "connection")
    assert found["end"] == {"how": "closed", "by": "client"}
    assert found["server"]["sent"] == 5000


def test_resets_name_who_and_the_kernels_reason():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        one, other = pair(netns, server)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
        one.close()
        other.close()
        one, other = pair(netns, server)
        one.send(b"nobody reads this")
        other.close()
        one.close()
        found = kinds(sniffer.end().json, "connection")
    assert [(each["end"]["how"], each["end"]["by"]) for each in found] == [("reset", "client"), ("reset", "server")]
    assert found[1]["end"].get("reason") in (None, "TCP_ABORT_ON_CLOSE")  # before Linux 6.10 there are no reasons


def test_refused():
    with namespace() as netns, following(netns) as sniffer:
        one = client(netns)
        with pytest.raises(ConnectionRefusedError):
            one.connect(("127.0.0.1", 9))
        one.close()
        done = sniffer.end()
        (found,) = kinds(done.json, "connection")
    assert found["end"]["how"] == "refused"
    assert found["client"]["process"]["pid"] == US
    assert found["client"]["port"]
    assert (found["server"]["ip"], found["server"]["port"]) == ("127.0.0.1", 9)
    # without its reason, the dropped SYN is not known to be the one that was refused
    assert done.said[-1] == "sockfilter: 1 connection, 1 failed" + ("" if DropReasons().names else ", 1 drop")


def asked_for_its_error(netns, server):
    """The error of a connection, which its process asks for after a connect() that does not wait, as curl does."""
    with client(netns) as one:
        one.setblocking(False)
        assert one.connect_ex(server) in (0, errno.EINPROGRESS)
        while not (error := one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
            pass
        return error


def waited_for(netns, server):
    """The error of a connect() that waits."""
    with client(netns) as one:
        return one.connect_ex(server)


@pytest.mark.parametrize("connect", [asked_for_its_error, waited_for])
def test_refused_by_an_icmp_message(connect):
    need_linux("the tracepoint of ICMP messages", 6, 11)
    nft = need_tool("nft")
    with veth_pair() as (left, right), following(left) as sniffer:
        for words in (
            ("add", "table", "ip", "t"),
            ("add", "chain", "ip", "t", "c", "{ type filter hook input priority 0; }"),
            ("add", "rule", "ip", "t", "c", "tcp", "dport", "80", "reject"),
        ):
            subprocess.run(["ip", "netns", "exec", right, nft, *words], check=True)
        assert connect(left, ("10.9.0.2", 80)) == errno.ECONNREFUSED
        (found,) = kinds(sniffer.end().json, "connection")
    assert (found["end"]["how"], found["end"]["reason"]) == ("refused", "ICMP")
    assert "by" not in found["end"]
    assert "NETFILTER_DROP" in found["end"]["dropped"]


@pytest.mark.parametrize("connect", [asked_for_its_error, waited_for])
def test_unreachable_where_a_router_has_no_route(connect):
    need_linux("the tracepoint of ICMP messages", 6, 11)
    with veth_pair() as (left, right), following(left) as sniffer:
        ip("route", "add", "10.99.0.0/16", "via", "10.9.0.2", netns=left)
        with inside(right):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        error = connect(left, ("10.99.0.1", 80))
        assert error in (errno.EHOSTUNREACH, errno.ENETUNREACH)
        (found,) = kinds(sniffer.end().json, "connection")
    assert (found["end"]["how"], found["end"]["reason"]) == ("unreachable", errno.errorcode[error])


def test_no_answer_says_how_often_and_what_dropped_the_syns():
    with veth_pair() as (left, _), following(left) as sniffer:
        with inside(left):
            Path("/proc/sys/net/ipv4/tcp_syn_retries").write_text("1")
        ip("neighbour", "add", "10.9.0.77", "lladdr", "02:00:00:00:00:77", "dev", "veth0", netns=left)
        one = client(left)
        with pytest.raises(TimeoutError):
            one.connect(("10.9.0.77", 80))
        one.close()
        again = counters(left)["TcpRetransSegs"]
        (found,) = kinds(sniffer.end().json, "connection")
    assert found["end"]["how"] == "no-answer"
    assert found["end"]["syns"] == 1 + again > 1
    assert (found["server"]["ip"], found["server"]["port"]) == ("10.9.0.77", 80)


def test_given_up_before_there_was_an_answer():
    with veth_pair() as (left, _), following(left) as sniffer:
        ip("neighbour", "add", "10.9.0.77", "lladdr", "02:00:00:00:00:77", "dev", "veth0", netns=left)
        one = client(left)
        one.setblocking(False)
        assert one.connect_ex(("10.9.0.77", 80))
        one.close()
        assert ends(sniffer.end().json) == [("given-up", "client")]


def test_both_close_at_once():
    # each end sends its FIN before the other's has arrived: packets wait in a veth pair whose ends are not read yet
    with veth_pair() as (left, right), following(None, "--ports", "8125") as sniffer:
        server = listening(right, "10.9.0.2", 8125)
        one = client(left)
        one.connect(("10.9.0.2", 8125))
        other, _ = server.accept()
        ip("link", "set", "veth0", "down", netns=left)
        one.close()
        other.close()
        ip("link", "set", "veth0", "up", netns=left)
        (found,) = kinds([sniffer_line(sniffer)], "connection")
        server.close()
    assert found["end"] == {"how": "closed", "by": "both"}


def sniffer_line(sniffer):
    import json

    return json.loads(sniffer.line())


def test_ports_that_are_used_again_at_once():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        for number in range(20):
            one = client(netns)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
            one.bind(("127.0.0.1", 7777))
            one.connect(server.getsockname())
            one.send(b"x" * (number + 1))
            other, _ = server.accept()
            while len(other.recv(100, socket.MSG_PEEK)) < number + 1:
                pass
            other.recv(100)
            one.close()
            other.close()
        found = kinds(sniffer.end().json, "connection")
    assert [each["client"]["sent"] for each in found] == list(range(1, 21))
    assert {(each["client"]["port"], each["end"]["how"], each["end"]["by"]) for each in found} == {
        (7777, "reset", "client")
    }


def test_the_same_port_out_of_time_wait():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        for _ in range(5):
            one = client(netns)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", 7778))
            one.connect(server.getsockname())
            other, _ = server.accept()
            other.close()  # the server keeps the TIME-WAIT, which a new SYN ends (RFC 6191)
            one.recv(1)
            one.close()
        found = kinds(sniffer.end().json, "connection")
    assert [(each["client"]["port"], each["end"]["by"]) for each in found] == [(7778, "server")] * 5
    assert all("process" in each[end] for each in found for end in ("client", "server"))


def test_a_dual_stack_server_is_shown_by_ipv4():
    with namespace() as netns, following(netns) as sniffer, listening(netns, "::") as server:
        one, other = pair(netns, server)
        one.close()
        other.close()
        (found,) = kinds(sniffer.end().json, "connection")
    assert (found["client"]["ip"], found["server"]["ip"]) == ("127.0.0.1", "127.0.0.1")
    assert found["server"]["process"]["pid"] == US
    assert found["ends_known"]


def test_equal_addresses_in_two_namespaces_are_two_connections():
    with namespace() as left, namespace() as right, following(None, "--ports", "8123") as sniffer:
        servers = [listening(netns, port=8123) for netns in (left, right)]
        made = []
        for netns, server, size in zip((left, right), servers, (10, 20), strict=True):
            one = client(netns)
            one.bind(("127.0.0.1", 7779))
            one.connect(("127.0.0.1", 8123))
            other, _ = server.accept()
            one.send(b"x" * size)
            other.recv(100)
            made.append((one, other))
        for one, other in made:
            one.close()
            other.close()
        for server in servers:
            server.close()
        found = kinds(sniffer.end().json, "connection")
    assert sorted(each["client"]["sent"] for each in found) == [10, 20]
    assert all(each["client"]["netns"] == each["server"]["netns"] for each in found)
    assert len({each["client"]["netns"] for each in found}) == 2


def test_both_ends_in_two_namespaces_are_one_connection():
    with veth_pair() as (left, right), following(None, "--ports", "8124") as sniffer:
        server = listening(right, "10.9.0.2", 8124)
        one = client(left)
        one.connect(("10.9.0.2", 8124))
        other, _ = server.accept()
        one.send(b"x" * 30)
        other.recv(100)
        one.close()
        other.recv(1)
        other.close()
        server.close()
        (found,) = kinds([sniffer_line(sniffer)], "connection")
    assert found["client"]["netns"] != found["server"]["netns"]
    assert found["client"]["process"]["pid"] == found["server"]["process"]["pid"] == US


PREFORK = """
import os, socket, sys
server = socket.socket(fileno=int(sys.argv[1]))
server.setblocking(True)
workers = []
for _ in range(3):
    worker = os.fork()
    if not worker:
        while True:
            one, _ = server.accept()
            if one.recv(100) == b"end":
                os._exit(0)
            one.send(str(os.getpid()).encode())
            one.close()
    workers.append(worker)
for worker in workers:
    os.waitpid(worker, 0)
"""


def test_of_a_prefork_server_the_worker_that_served_is_named():
    with namespace() as netns, following(netns) as sniffer, listening(netns) as server:
        command = [sys.executable, "-c", PREFORK, str(server.fileno())]
        with subprocess.Popen(command, pass_fds=[server.fileno()]) as process:
            served = []
            for _ in range(30):
                one = client(netns)
                one.connect(server.getsockname())
                one.send(b"who?")
                served.append(int(one.recv(100)))
                one.recv(1)
                one.close()
            for _ in range(3):
                one = client(netns)
                one.connect(server.getsockname())
                one.send(b"end")
                one.close()
            process.wait(60)
        found = kinds(sniffer.end().json, "connection")[:30]
    assert [each["server"]["process"]["pid"] for each in found] == served
    assert {each["client"]["process"]["pid"] for each in found} == {US}


def test_a_full_accept_queue_is_told_with_its_listener():
    with namespace() as netns, listening(netns, backlog=0) as server, following(netns) as sniffer:
        waiting = [client(netns) for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        found = sniffer_line(sniffer)
        for one in waiting:
            one.close()
        while found["kind"] != "listener" or not found["turned_away_now"]:
            found = sniffer_line(sniffer)
    assert found["here"]["port"] == server.getsockname()[1] if server.fileno() >= 0 else found["here"]["port"]
    assert found["processes"][0]["pid"] == US
    assert found["full"]


def test_a_full_accept_queue_that_has_turned_nobody_away():
    with namespace() as netns, listening(netns, backlog=1) as server, following(netns, "--format=text") as sniffer:
        waiting = [client(netns) for _ in range(2)]
        for one in waiting:
            one.connect(server.getsockname())
        line = sniffer.line()
        for one in waiting:
            one.close()
    assert line.endswith("accept queue full (2 of 1 waiting)")


def test_changes_of_state_with_the_time_in_each():
    with namespace() as netns, following(netns, "--states") as sniffer, listening(netns) as server:
        one, other = pair(netns, server)
        one.close()
        other.recv(1)
        other.close()
        port = server.getsockname()[1]
        found = kinds(sniffer.end().json, "state")
    of_client = [each["state"] for each in found if each["there"]["port"] == port]
    of_server = [each["state"] for each in found if each["here"]["port"] == port and each["there"]["port"]]
    states = ["ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSE"]
    assert of_client == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE"]
    # older kernels give a socket its first state without a word
    assert of_server in (states, ["SYN-RECV", *states])
    assert len({each["connection"] for each in found if "connection" in each}) == 1


def test_drops_with_their_reasons_and_places():
    need_linux("reasons for drops", 5, 17)
    with namespace() as netns, following(netns, "--drops=NO_SOCKET") as sniffer:
        one = client(netns)
        with pytest.raises(ConnectionRefusedError):
            one.connect(("127.0.0.1", 9))
        one.close()
        (found,) = kinds(sniffer.end().json, "drop")
    assert found["reason"] == "NO_SOCKET"
    assert (found["flags"], found["bytes"]) == ("S", 0)
    assert found["interface"] == "lo"
    assert found["at"].startswith("tcp_v4_rcv")


def test_a_connection_that_loses_nothing_has_no_drops():
    need_linux("reasons for drops", 5, 17)
    with namespace() as netns, following(netns, "--drops") as sniffer, listening(netns) as server:
        for _ in range(20):
            one, other = pair(netns, server)
            talk(one, other)
            one.close()
            other.close()
        done = sniffer.end()
    assert [(each["reason"], each["at"], each["flags"]) for each in kinds(done.json, "drop")] == []
    assert done.said[-1] == "sockfilter: 20 connections"


def test_a_connection_that_was_open_at_the_start_has_its_ends():
    with namespace() as netns, listening(netns) as server:
        one, other = pair(netns, server)
        with following(netns) as sniffer:
            one.send(b"x" * 10)
            other.recv(100)
            one.close()
            other.recv(1)
            other.close()
            (found,) = kinds(sniffer.end().json, "connection")
        port = server.getsockname()[1]
    assert found["server"]["port"] == port
    assert found["ends_known"]
    assert "age" not in found  # nobody knows since when it is open
    assert found["client"]["process"]["pid"] == US


ONE_SHOT = """
import os, signal, socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 8000))
server.listen(512)
workers = []
for _ in range(2):
    worker = os.fork()
    if not worker:
        while True:
            one, _ = server.accept()
            one.recv(100)
            one.send(b"y" * 194)
            one.close()
    workers.append(worker)
for _ in range(int(sys.argv[1])):
    one = socket.create_connection(("127.0.0.1", 8000))
    one.send(b"x" * 80)
    while one.recv(1000):
        pass
    one.close()
for worker in workers:
    os.kill(worker, signal.SIGKILL)
print(os.getpid(), *workers)
"""


def test_many_connections_are_all_there_with_their_processes_and_sums():
    many = 2000
    with namespace() as netns, following(netns) as sniffer:
        before = counters(netns)
        command = ["ip", "netns", "exec", netns, sys.executable, "-c", ONE_SHOT, str(many)]
        pids = [int(word) for word in subprocess.check_output(command).split()]
        after = counters(netns)
        done = sniffer.end()
    found = kinds(done.json, "connection")
    assert after["TcpActiveOpens"] - before["TcpActiveOpens"] == len(found) == many
    assert {each["client"]["process"]["pid"] for each in found} == {pids[0]}
    assert {each["server"]["process"]["pid"] for each in found} == set(pids[1:])
    assert {(each["client"]["sent"], each["server"]["sent"]) for each in found} == {(80, 194)}
    assert done.said[-1] == f"sockfilter: {many} connections"


def without_answer(netns, sniffer):
    """The line of a connection that gets no answer. None: it had none before that of the next connection."""
    for server, error in (("10.9.0.2", 80), TimeoutError), (("127.0.0.1", 9), ConnectionRefusedError):
        one = client(netns)
        with pytest.raises(error):
            one.connect(server)
        one.close()
    found = None
    while (line := json.loads(sniffer.line())).get("end", {}).get("how") != "refused":
        found = line if line["kind"] == "connection" else found
    return found


@pytest.mark.parametrize("where", ["nft", "tcx ingress", "tcx egress"])
def test_no_answer_names_what_dropped_the_syns(where):
    with ExitStack() as stack:
        left, right = stack.enter_context(veth_pair())
        if where == "nft":
            dropped = stack.enter_context(dropping(right, "tcp dport 80"))
            words = "by NETFILTER_DROP at " if DropReasons().names else "at nf_hook_slow"
        else:
            need_linux("tcx", 6, 6)
            netns = left if where == "tcx egress" else right
            dropped = stack.enter_context(dropping_at(where, netns, "veth0", every=1, large=60))
            words = f"by {where.upper().replace('TCX ', 'TC_')} at "
        with inside(left):
            Path("/proc/sys/net/ipv4/tcp_syn_retries").write_text("1")
        sniffer = stack.enter_context(following(left))
        found = next(filter(None, (without_answer(left, sniffer) for _ in range(TRIES))))
        sniffer.end()
        packets, _ = dropped()
    assert found["end"]["how"] == "no-answer"
    assert 1 < found["end"]["syns"] <= packets  # at tcx, also packets of others are dropped
    assert words in found["end"]["dropped"]
