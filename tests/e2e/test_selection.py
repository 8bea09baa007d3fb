"""What to take: ports, a host, a family, a namespace, a number of exchanges, a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.e2e.asks import SMALL
from tests.support.clients import Ask, curl
from tests.support.command import WAIT_S, Done, Sniffer, run
from tests.support.net import free_port
from tests.support.odd import talking, tell
from tests.support.servers import Site, python_server
from tests.support.topologies import inside

pytestmark = pytest.mark.usefixtures("root")


def targets(done: Done) -> list[str]:
    return [line["request"]["target"] for line in done.json]


def asked(sites: Sequence[Site], *options: str) -> list[str]:
    """The targets that the command shows, of one for each site named /0, /1, ..."""
    with Sniffer("-i", "lo", "--format", "jsonl", *options) as sniffer:
        for i, site in enumerate(sites):
            curl(site, [Ask("GET", f"/{i}")])
        return targets(sniffer.end())


@pytest.fixture(scope="module")
def three() -> Iterator[tuple[Site, Site, Site]]:
    with python_server() as one, python_server() as two, python_server(family=6) as three:
        yield one, two, three


@pytest.mark.parametrize("form", ["{0}", "{0},{1}", " {1} , {0}", "{0}-{0},{1}", "{1},{1},{0}"])
def test_a_list_of_ports(three, form):
    one, two, _ = three
    wanted = ["/0", "/1"] if "{1}" in form else ["/0"]
    assert asked(three, "--ports", form.format(one.port, two.port)) == wanted


def test_a_range_of_ports(three):
    one = three[0]
    others = [i for i in (1, 2) if not one.port - 5 <= three[i].port <= one.port + 5]
    shown = asked(three, "--ports", f"{one.port - 5}-{one.port + 5}")
    assert shown[0] == "/0"
    assert not {f"/{i}" for i in others} & set(shown)


def test_a_port_at_the_clients_end(three):
    port = free_port()
    with Sniffer("-i", "lo", "--format", "jsonl", "--ports", str(port)) as sniffer:
        curl(three[0], [SMALL], "--local-port", str(port))
        curl(three[0], [SMALL])
        (line,) = sniffer.end().json
    assert line["client"]["port"] == port


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["-4"], ["/0", "/1"]),
        (["-6"], ["/2"]),
        (["--host", "127.0.0.1"], ["/0", "/1"]),
        (["--host", "127.0.0.0/8"], ["/0", "/1"]),
        (["--host", "::1"], ["/2"]),
        (["--host", "10.0.0.0/8"], []),
        (["--host", "0.0.0.0/0"], ["/0", "/1"]),
        (["-4", "--host", "::1"], []),
        (["--host", "::1", "--host", "127.0.0.1"], ["/0", "/1", "/2"]),
        (["--host", "127.0.0.1,10.0.0.1"], ["/0", "/1"]),
        (["--host", "10.0.0.1,::1"], ["/2"]),
        (["-4", "--host", "localhost"], ["/0", "/1"]),
        (["host", "localhost", "and", "ip"], ["/0", "/1"]),
        (["net", "127.0.0.0/8"], ["/0", "/1"]),
        (["ip6"], ["/2"]),
        (["-nnl", "tcp", "and", "host", "::1"], ["/2"]),
    ],
    ids=" ".join,
)
def test_a_family_or_a_host(three, options, wanted):
    assert asked(three, "--ports", ",".join(str(site.port) for site in three), *options) == wanted


def test_a_filter_as_tcpdump_has_it(three):
    one, two, _ = three
    assert asked(three, "port", str(one.port)) == ["/0"]
    assert asked(three, "-U", f"tcp port {two.port} and host 127.0.0.1") == ["/1"]


def test_ports_that_are_said_again(three):
    one, two, _ = three
    assert asked(three, "--ports", str(one.port), "--ports", str(two.port)) == ["/0", "/1"]


@pytest.mark.parametrize("words", [["-i", "lo", "-i", "veth0"], ["-i", "lo,veth0"], ["-i", "veth0", "-i", "lo,veth0"]])
def test_several_interfaces(veth, words):
    """Each line says which of them."""
    site = veth.get("python")
    with Sniffer(*words, "--netns", site.server_netns, "--ports", str(site.port)) as sniffer:
        curl(site, [SMALL])
        with inside(site.server_netns):
            link = socket.create_connection((site.host, site.port), timeout=WAIT_S)
        with link:
            link.sendall(b"GET /here HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while link.recv(1 << 16):
                pass
        done = sniffer.end()
    assert [line.split()[0] for line in done.lines] == ["veth0", "lo"]


def test_several_names_of_commands_and_processes(three):
    with Sniffer("--comm", "curl,other", "--comm", "none", "--ports", str(three[0].port)) as sniffer:
        curl(three[0], [SMALL])
        assert "GET /small" in sniffer.line()
        assert sniffer.end().status == 0


def test_a_namespace_by_name_and_by_a_process_in_it(veth):
    site = veth.get("python")
    for name in (site.server_netns, str(site.pid)):
        with Sniffer("-i", "veth0", "--netns", name, "-c", "1") as sniffer:
            curl(site, [SMALL])
            done = sniffer.wait()
        assert "GET /small" in done.lines[0]


def test_another_namespaces_loopback_is_not_this_ones(veth, three):
    with Sniffer("-i", "lo", "--netns", veth.network.client) as sniffer:
        curl(three[0], [SMALL])
        done = sniffer.end()
    assert done.lines == []


@pytest.mark.parametrize("count", [1, 3])
def test_it_ends_by_itself_after_the_number_asked_for(three, count):
    with Sniffer("-i", "lo", "--ports", str(three[0].port), "-c", str(count), "--format", "jsonl") as sniffer:
        curl(three[0], [Ask("GET", f"/{i}") for i in range(5)])
        done = sniffer.wait()
    assert targets(done) == [f"/{i}" for i in range(count)]
    assert done.status == 0


def test_what_came_behind_the_last_one_is_counted_and_not_shown():
    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n" * 3)

    with talking(talk) as site, Sniffer("-i", "lo", "--ports", str(site.port), "-c", "1") as sniffer:
        tell(site, b"GET / HTTP/1.1\r\n\r\n" * 3)
        done = sniffer.wait()
    assert len(done.lines) == 1
    assert done.said[-1].startswith("sockfilter: 1 of 3 exchanges, 3 requests, 3 responses, ")


def test_it_ends_by_itself_after_the_time_asked_for():
    started = time.monotonic()
    done = run("-i", "lo", "--ports", "1", "--duration", "0.3")
    assert time.monotonic() - started >= 0.3
    assert done.status == 0
    assert done.said[-1].startswith("sockfilter: 0 exchanges, 0 requests, 0 responses, ")


def test_a_snap_length_cuts_what_is_behind_it_and_says_so(three):
    options = ("--ports", str(three[0].port), "--format", "jsonl", "-s", "400", "--body", "all")
    with Sniffer("-i", "lo", *options) as sniffer:
        curl(three[0], [Ask("GET", "/long", fields=(("X-Long", "x" * 500),)), SMALL])
        done = sniffer.end()
    assert "sockfilter: packets cut at the snap length: 1 (a larger -s, or none)" in done.said
    assert targets(done) == ["/long", "/small"]
    assert [line["problems"] for line in done.json] == [["truncated"], []]


@pytest.mark.parametrize("size", ["4", "64K", "8M", "1k", "5000"])
def test_ring_sizes_in_each_way_of_writing_them(three, size):
    with Sniffer("-i", "lo", "--ports", str(three[0].port), "-c", "1", "-B", size) as sniffer:
        curl(three[0], [SMALL])
        assert sniffer.wait().status == 0


def test_quiet_says_nothing_but_the_exchanges(three):
    with Sniffer("-q", "-i", "lo", "--ports", str(three[0].port)) as sniffer:
        curl(three[0], [SMALL])
        done = sniffer.end()
    assert len(done.lines) == 1
    assert done.said == []


def test_two_at_once_on_one_interface_see_the_same(three):
    ports = str(three[0].port), f"1,{three[0].port}-{three[0].port}"
    with Sniffer("-i", "lo", "--ports", ports[0]) as one, Sniffer("-i", "lo", "--ports", ports[1], "-c", "1") as two:
        curl(three[0], [SMALL])
        assert one.line().split()[1:6] == two.line().split()[1:6]
        assert one.end().status == two.wait().status == 0
