"""Every client with every server over loopback, seen by the command."""

from __future__ import annotations

import pytest

from tests.e2e.agreement import assert_agree
from tests.e2e.asks import EVERYTHING, SLOW
from tests.support.clients import CLIENTS, curl, wget_each
from tests.support.command import Sniffer
from tests.support.servers import SERVERS, file_server
from tests.support.site import SLOW_S

WHOLE = ("--format", "jsonl", "--body", "all", "-B", "64M")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("family", [4, 6])
def test_what_the_command_tells_is_what_the_client_knows(loopback, client, server, family):
    site = loopback.get(server, family)
    with Sniffer("-i", "lo", "--ports", str(site.port), *WHOLE) as sniffer:
        replies = CLIENTS[client](site, EVERYTHING)
        done = sniffer.end()
    assert_agree(done.json, replies)
    assert done.status == 0


@pytest.mark.parametrize("server", ["python", "node"])
def test_a_server_that_takes_its_time_shows_in_the_wait(loopback, server):
    site = loopback.get(server)
    with Sniffer("-i", "lo", "--ports", str(site.port), *WHOLE) as sniffer:
        replies = curl(site, [SLOW])
        (line,) = sniffer.end().json
    assert_agree([line], replies)
    assert SLOW_S <= line["timing"]["wait"] <= line["timing"]["total"] < 10 * SLOW_S


@pytest.mark.parametrize("client", CLIENTS)
def test_the_server_everybody_starts_first(tmp_path, client):
    (tmp_path / "small").write_text("small\n")
    with (
        file_server(tmp_path) as site,
        Sniffer("-i", "lo", "--ports", str(site.port), *WHOLE) as sniffer,
    ):
        replies = CLIENTS[client](site, [each for each in EVERYTHING if each.method in ("GET", "HEAD")])
        done = sniffer.end()
    assert_agree(done.json, replies)
    assert {line["response"]["version"] for line in done.json} == {"1.0"}


@pytest.mark.parametrize("server", SERVERS)
def test_wget_stays_on_its_connection_for_the_next_page(loopback, server):
    site = loopback.get(server)
    with Sniffer("-i", "lo", "--ports", str(site.port), *WHOLE) as sniffer:
        told = wget_each(site, ["/small?1", "/small?2", "/small?3"])
        lines = sniffer.end().json
    assert told.count("Reusing existing connection") == 2
    assert [(line["request"]["target"], line["conn_seq"]) for line in lines] == [
        ("/small?1", 1),
        ("/small?2", 2),
        ("/small?3", 3),
    ]
