"""The library as docs/library.md shows it: a capture around anything that talks HTTP."""

from __future__ import annotations

import os
import threading

import pytest

import sockfilter
from sockfilter import Capture, ExpectationFailed
from sockfilter.errors import Closed
from sockfilter.forms.json_dict import to_dict
from tests.e2e.agreement import assert_agree
from tests.e2e.asks import EVERYTHING, SMALL
from tests.e2e.conftest import Sites
from tests.support.clients import Ask, http_client
from tests.support.servers import Site

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def site(loopback: Sites) -> Site:
    return loopback.get("python")


def targets(capture: Capture) -> list[str]:
    return [exchange.request.target for exchange in capture.exchanges]


def test_as_the_readme_shows_it(site):
    with sockfilter.capture("lo", ports=[site.port]) as capture:
        http_client(site, [SMALL, Ask("GET", "/missing")])
        capture.flush()
    found = [(exchange.request.method, exchange.response.status) for exchange in capture.exchanges]
    assert found == [("GET", 200), ("GET", 404)]


def test_flush_has_all_that_crossed_and_only_that(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        for i in range(50):
            http_client(site, [Ask("GET", f"/{i}")])
            capture.flush()
            assert targets(capture) == [f"/{j}" for j in range(i + 1)]


def test_an_exchange_gives_all_that_it_knows(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        (reply,) = http_client(site, [SMALL])
    (exchange,) = capture.exchanges
    assert exchange.request.headers["host"] == site.authority
    assert exchange.response.body == reply.body
    assert (exchange.client.port, exchange.server.port) == (reply.client_port, site.port)
    assert exchange.connection.interface == "lo"
    assert exchange.complete
    assert exchange.timing.total >= exchange.timing.wait > 0
    assert repr(exchange).endswith("GET /small 200>")


def test_bodies_are_kept_whole_where_asked_for(site):
    with sockfilter.capture("lo", ports=site.port, body=None, ring=64 << 20) as capture:
        replies = http_client(site, EVERYTHING)
    assert_agree([to_dict(exchange) for exchange in capture.exchanges], replies)


def test_the_ledger_balances_once_the_capture_is_closed(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        http_client(site, EVERYTHING)
    ledger = capture.ledger
    assert ledger.is_balanced, ledger.imbalance
    assert ledger.messages.exchanges == len(EVERYTHING)
    assert ledger.losses() == {}


def test_each_exchange_can_be_taken_when_it_ends(site):
    taken = []
    with sockfilter.capture("lo", ports=site.port, emit=taken.append) as capture:
        http_client(site, [SMALL])
        capture.flush()
        assert [exchange.request.target for exchange in taken] == ["/small"]
    assert capture.exchanges == []


def test_waiting_and_pumping(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        asking = threading.Thread(target=http_client, args=(site, [SMALL]))
        asking.start()
        while not capture.exchanges:
            capture.wait(1.0)
            while capture.pump():
                pass
        asking.join()
    assert targets(capture) == ["/small"]


@pytest.mark.parametrize(
    "ports",
    [
        lambda port: port,
        str,
        lambda port: f"1,{port}-{port}",
        lambda port: range(port, port + 1),
        lambda port: [1, str(port)],
        lambda port: {port},
        lambda port: iter([port]),
    ],
    ids=["number", "text", "list in text", "range", "list", "set", "iterator"],
)
def test_ports_in_every_form(site, ports):
    with sockfilter.capture("lo", ports=ports(site.port)) as capture:
        http_client(site, [SMALL])
    assert targets(capture) == ["/small"]


def test_captures_in_threads_see_their_own_ports(loopback):
    sites = [loopback.get(name) for name in ("python", "nginx", "node")]
    found = {}
    barrier = threading.Barrier(len(sites), timeout=60)

    def work(site: Site, name: str) -> None:
        with sockfilter.capture("lo", ports=site.port) as capture:
            barrier.wait()
            for i in range(20):
                http_client(site, [Ask("GET", f"/{name}/{i}")])
                capture.flush()
                assert len(capture.exchanges) == i + 1
        found[name] = targets(capture)

    threads = [threading.Thread(target=work, args=(site, site.name)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {site.name: [f"/{site.name}/{i}" for i in range(20)] for site in sites}


def test_many_captures_at_once(site):
    captures = [sockfilter.capture("lo", ports=site.port) for _ in range(8)]
    http_client(site, [SMALL])
    for capture in captures:
        capture.close()
    assert [targets(capture) for capture in captures] == [["/small"]] * 8


def test_a_child_of_fork_leaves_its_parents_capture_alone_and_opens_its_own(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        http_client(site, [SMALL])
        child = os.fork()
        if not child:
            status = 1
            try:
                with pytest.raises(Closed, match="belongs to process"):
                    capture.flush()
                capture.close()
                with sockfilter.capture("lo", ports=site.port) as own:
                    http_client(site, [Ask("GET", "/child")])
                    status = 0 if own.one().request.target == "/child" else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        capture.flush()
    assert targets(capture) == ["/small", "/child"]
    assert capture.ledger.is_balanced


def test_one_thread_may_look_while_another_waits(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        waiting = threading.Thread(target=capture.wait_for, kwargs={"path": "/last", "timeout": 30})
        waiting.start()
        for i in range(100):
            http_client(site, [Ask("GET", f"/{i}")])
            capture.one(path=f"/{i}")
        http_client(site, [Ask("GET", "/last")])
        waiting.join(30)
        assert not waiting.is_alive()
    assert len(capture.exchanges) == 101


def test_exchanges_as_they_end(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        http_client(site, [SMALL, Ask("GET", "/missing")])
        assert [exchange.request.target for exchange in capture.each(timeout=0)] == ["/small", "/missing"]
        assert next(iter(capture)).request.target == "/small"
        since = capture.mark()
        http_client(site, [Ask("GET", "/next")])
        assert [exchange.request.target for exchange in since.each(timeout=0)] == ["/next"]
        capture.clear()
        assert capture.all() == []
    assert list(capture) == []


def test_what_is_looked_for_is_found_after_the_end_too(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        http_client(site, [SMALL])
    assert capture.one(path="/small") is capture.wait_for(path="/small")
    capture.none(status=500)
    with pytest.raises(ExpectationFailed, match="within 5 s"):
        capture.wait_for(path="/never")


def test_closing_twice_is_once(site):
    with sockfilter.capture("lo", ports=site.port) as capture:
        http_client(site, [SMALL])
        capture.close()
    capture.close()
    assert targets(capture) == ["/small"]
    assert capture.ledger.is_balanced


def test_the_oldest_exchanges_make_room_and_are_counted(site, monkeypatch):
    monkeypatch.setattr("sockfilter.captures.capture.EXCHANGES_MAX", 3)
    with sockfilter.capture("lo", ports=site.port) as capture:
        http_client(site, [Ask("GET", f"/{i}") for i in range(5)])
    assert targets(capture) == ["/2", "/3", "/4"]
    assert capture.forgotten == 2
