"""sockfilter tcp: what is open, who listens, bytes, exchanges beneath connections; without rights; wrong input."""

from __future__ import annotations

import json
import os
import re
import socket
import urllib.request
from functools import partial

import pytest

import sockfilter
from sockfilter.errors import InvalidArgument
from sockfilter.metrics.connections import CONNECTIONS, SENT
from tests.support.command import run
from tests.support.net import ip, namespace, veth_pair
from tests.support.rights import without_rights
from tests.support.servers import python_server
from tests.support.tcp_lives import Follower, client, following, kinds, listening, pair

pytestmark = pytest.mark.usefixtures("root")

US = os.getpid()


def test_what_is_open_now():
    with namespace() as netns, listening(netns) as server:
        one, other = pair(netns, server)
        one.send(b"x" * 300)
        while len(other.recv(1000, socket.MSG_PEEK)) < 300:
            pass
        port = server.getsockname()[1]
        (found,) = run("tcp", "--now", "--netns", netns, "--format", "jsonl").json
        text = run("tcp", "--now", "--netns", netns)
        one.close()
        other.close()
    assert (found["server"]["port"], found["ends_known"]) == (port, True)
    assert found["client"]["process"]["pid"] == found["server"]["process"]["pid"] == US
    assert (found["client"]["sent"], found["server"]["unread"]) == (300, 300)
    assert "ESTABLISHED" in text.lines[0]
    assert "unread at the server: 300 B" in text.lines[0]
    assert text.said == ["sockfilter: 1 open connection"]


def test_a_connection_without_an_answer_is_not_idle():
    with veth_pair() as (netns, _):
        ip("neighbour", "add", "10.9.0.77", "lladdr", "02:00:00:00:00:77", "dev", "veth0", netns=netns)
        with client(netns) as one:
            one.setblocking(False)
            one.connect_ex(("10.9.0.77", 80))
            (found,) = run("tcp", "--now", "--netns", netns, "--format", "jsonl").json
            (line,) = run("tcp", "--now", "--netns", netns).lines
    assert found["client"]["state"] == "SYN-SENT"
    assert "idle" not in found
    assert "SYN-SENT" in line
    assert "idle" not in line


def test_who_listens_and_how_full_the_queues_are():
    with namespace() as netns, listening(netns, backlog=0) as server:
        one = client(netns)
        one.connect(server.getsockname())
        (found,) = run("tcp", "--now", "--listening", "--netns", netns, "--format", "jsonl").json
        one.close()
    assert (found["waiting"], found["backlog"], found["full"]) == (1, 0, True)
    assert [process["pid"] for process in found["processes"]] == [US]


def test_the_bytes_of_processes_and_of_connections():
    for words in ((), ("--by", "connection")):
        with namespace() as netns, listening(netns) as server:
            with Top("tcp", "--top=300ms", *words, "--netns", netns, "--format", "jsonl") as sniffer:
                one, other = pair(netns, server)
                one.send(b"x" * 5000)
                got = 0
                while got < 5000:
                    got += len(other.recv(10000))
                first = json.loads(sniffer.line())
                one.close()
                other.close()
            assert first["kind"] == "top"
            assert f"[{US}]" in first["connection" if words else "process"]
            assert 5000 in (first["sent"], first["received"])


class Top(Follower):
    def _await_capture(self) -> None:
        greeting = self.said()
        assert greeting.startswith("sockfilter: bytes of TCP"), greeting


def test_exchanges_beneath_their_connection():
    with python_server() as site, following(None, "--http", "--ports", str(site.port)) as sniffer:
        with urllib.request.urlopen(site.url("/small")) as response:
            response.read()
        found = [json.loads(sniffer.line()) for _ in range(2)]
    assert [one["kind"] for one in found] == ["connection", "exchange"]
    assert found[0]["connection"] == found[1]["connection"]
    assert found[1]["request"]["target"] == "/small"


def test_without_rights_the_first_line_says_what_is_missing():
    words = ("--format", "jsonl", "-c", "1")
    with listening(None) as server:
        port = server.getsockname()[1]
        with Limited("tcp", "--ports", str(port), *words, prefix=without_rights()) as sniffer:
            one, other = pair(None, server)
            one.send(b"x" * 80)
            other.recv(100)
            one.close()
            other.close()
            done = sniffer.wait()
    (found,) = kinds(done.json, "connection")
    assert found["client"]["sent"] == 80
    assert found["server"]["port"] == port
    assert found["end"] == {"how": "not-known"}


class Limited(Follower):
    def _await_capture(self) -> None:
        greeting = self.said()
        assert greeting.startswith("sockfilter: only the ends of connections"), greeting
        assert "CAP_BPF and CAP_PERFMON missing" in greeting


def test_without_rights_what_needs_them_is_refused():
    for word in ("--states", "--drops", "--resets", "--slow=1s"):
        done = run("tcp", word, prefix=without_rights())
        assert done.status == 1
        assert done.said[-1].endswith("it requires CAP_BPF and CAP_PERFMON, or sudo")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-i", "lo"), "there is no option -i; sockfilter tcp sees connections on all interfaces"),
        (("lo",), "'lo' is none: it sees connections on all interfaces"),
        (("-r", "x.pcap"), "a capture file has no sockets"),
        (("--stacks",), "add --drops"),
        (("--now", "--top"), "--now and --top exclude one another"),
        (("--top", "--states"), "--top and --states exclude one another"),
        (("--http", "--drops"), "--http and --drops exclude one another"),
        (("--slow", "1s", "--resets"), "--slow and --resets exclude one another"),
        (("--by", "process"), "add --top"),
        (("--drops=NONSENSE",), "this kernel has no such reason; it has "),
        (("--ports", "x"), "'x' is not a port"),
        (("--comm", ""), "'' is not a process name"),
        (("--comm", "nginx,"), "'' is not a process name"),
        (("--comm", "x" * 40), "names have 1 to 15 bytes"),
        (("-c", "0"), "a count of lines must be a whole number, 1 or greater"),
        (("--netns", "no-such"), "there is no such namespace"),
        (("--cgroup", "no-such"), "no such cgroup or container"),
    ],
)
def test_wrong_input_is_one_line_with_the_remedy(words, said):
    done = run("tcp", *words)
    assert done.status in (1, 2)
    assert len(done.said) == 1
    assert said in done.said[0]
    assert not done.lines


def test_the_library_yields_connections_and_counts_them():
    with namespace() as netns, listening(netns) as server, sockfilter.connections(netns=netns, states=True) as live:
        one, other = pair(netns, server)
        one.send(b"x" * 80)
        other.recv(100)
        one.close()
        other.recv(1)
        other.close()
        seen = list(live.rest())
        ledger, registry = live.ledger, live.registry
    (found,) = [each for each in seen if isinstance(each, sockfilter.TcpConnection)]
    assert (found.client.process.pid, found.server.process.pid) == (US, US)
    assert 0 < found.connect < found.age
    assert found.tcp[0].rtt_us
    assert str(found.end.how) == "closed"
    assert (registry.total(CONNECTIONS), registry.total(SENT)) == (1, 80)
    assert (ledger["records"], ledger["records_lost"]) == (ledger["read"], 0)
    with pytest.raises(sockfilter.SockfilterError, match="closed"):
        list(live.read())


def test_to_wait_for_a_time_that_is_over_is_not_to_wait():
    with namespace() as netns, sockfilter.connections(netns=netns) as live:
        for _ in range(3):
            live.wait(-1)
        assert not list(live.read())


def test_the_connections_of_a_process_and_of_a_namespace_by_the_number_of_a_process():
    with namespace() as netns, listening(netns) as server, following(netns, "--pid", str(US)) as sniffer:
        one, other = pair(netns, server)
        one.close()
        other.close()
        assert len(kinds(sniffer.end().json, "connection")) == 1
    with namespace() as netns, listening(netns) as server, following(netns, "--pid", "1") as sniffer:
        one, other = pair(netns, server)
        one.close()
        other.close()
        assert not kinds(sniffer.end().json, "connection")
    with sockfilter.connections(netns=US) as live, listening(None) as server:
        one, other = pair(None, server)
        one.close()
        other.close()
        port = server.getsockname()[1]
        assert port in {seen.server.endpoint.port for seen in live.rest()}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"pid": "x"}, "pid='x': it must be a number"),
        ({"pid": 1.5}, "pid=1.5: it must be a number"),
        ({"pid": -1}, "process numbers start at 1"),
        ({"pid": []}, "it must be a number, or a list of numbers"),
        ({"pid": [US, 2**40]}, f"there is no process {2**40}"),
        ({"comm": ""}, "'' is not a process name"),
        ({"comm": ["curl", "x" * 40]}, "names have 1 to 15 bytes"),
        ({"comm": []}, "it must be a name, or a list of names"),
        ({"comm": 7}, "it must be a name, or a list of names"),
    ],
)
@pytest.mark.parametrize("follow", [sockfilter.connections, partial(sockfilter.capture, via="syscalls")])
def test_processes_that_cannot_be_there_are_refused(follow, asked, said):
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        follow(**asked)


def test_services_by_process_port_and_route():
    with (
        python_server() as site,
        Services("services", "--ports", str(site.port), "--format", "jsonl", "-c", "3") as sniffer,
    ):
        for number in range(3):
            with urllib.request.urlopen(site.url(f"/echo/{number}"), data=b"x") as response:
                response.read()
        (found,) = sniffer.wait().json
    assert (found["kind"], found["port"], found["protocol"], found["count"]) == ("service", site.port, "HTTP/1.1", 3)
    assert found["pids"] == [site.pid]
    assert [(route["route"], route["count"]) for route in found["routes"]] == [("POST /echo/{id}", 3)]
    assert found["p50"] <= found["p99"]


@pytest.mark.parametrize("words", [("services",), ("services", "--format", "jsonl"), ("--stats", "-i", "lo")])
def test_a_table_of_what_could_not_be_captured_is_not_written(words):
    done = run(*words, prefix=without_rights())
    assert (done.status, done.output) == (1, b"")
    assert "missing; use sudo" in done.said[-1]


class Services(Follower):
    def _await_capture(self) -> None:
        greeting = self.said()
        assert greeting.startswith("sockfilter: listening on any"), greeting
