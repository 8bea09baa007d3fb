"""fetch() of Node, which is undici: connections are kept, and pieces go as they come."""

from __future__ import annotations

import subprocess

from sockfilter.testing.wire import Wire
from tests.e2e.uses.shop import LINES, ORDERS, TIMEOUT_S, Shop
from tests.support.skips import need_tool


def node(script: str, shop: Shop) -> str:
    """Runs a script, in which `base` is where the shop is."""
    whole = f"const base = '{shop.url('')}';\n(async () => {{ {script} }})()"
    command = [need_tool("node"), "-e", whole]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=2 * TIMEOUT_S).stdout


def test_json_there_and_back(wire: Wire, shop: Shop):
    said = node(
        """
        const answer = await fetch(base + '/orders?dry=yes', {
          method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({item: 'thé'})});
        console.log(answer.status, (await answer.json()).id);
        """,
        shop,
    )
    exchange = wire.expect(
        shop.here,
        method="POST",
        path="/orders",
        query={"dry": "yes"},
        request_json={"item": "thé"},
        response_json=lambda content: content["id"] == 9,
        status=201,
    ).once()
    assert said.split() == [str(exchange.response.status), "9"]
    assert exchange.request.headers["user-agent"] in ("node", "undici")
    assert 0 < exchange.timing.total < TIMEOUT_S


def test_several_at_once_and_one_after_the_other(wire: Wire, shop: Shop):
    node(
        """
        await Promise.all([1, 2, 3].map(async n => (await fetch(base + '/orders?at-once=' + n)).text()));
        for (const n of [4, 5, 6]) await (await fetch(base + '/orders?then=' + n)).text();
        """,
        shop,
    )
    at_once = wire.expect(shop.here, query="at-once").times(3)
    then = wire.expect(shop.here, query="then").times(3)
    assert max(x.began_ns for x in at_once) < min(x.began_ns for x in then)
    assert [x.request.query["then"] for x in sorted(then, key=lambda x: x.began_ns)] == [["4"], ["5"], ["6"]]
    assert max(x.conn_seq for x in then) > 1


def test_an_answer_in_pieces_and_one_that_is_packed(wire: Wire, shop: Shop):
    said = node(
        """
        let size = 0;
        for await (const piece of (await fetch(base + '/stream')).body) size += piece.length;
        console.log(size, (await (await fetch(base + '/packed')).json()).length);
        """,
        shop,
    )
    streamed, packed = wire.expect(shop.here).in_order({"path": "/stream"}, {"path": "/packed"})
    assert said.split() == [str(len(streamed.response.body)), str(len(ORDERS))]
    assert streamed.response.body == b"".join(LINES)
    assert packed.response.json() == ORDERS


def test_a_body_that_is_made_on_the_way(wire: Wire, shop: Shop):
    node(
        """
        const body = new ReadableStream({start(to) { to.enqueue(Buffer.from('one ')); to.enqueue(Buffer.from('two'));
          to.close(); }});
        await (await fetch(base + '/orders', {method: 'PUT', body, duplex: 'half'})).text();
        """,
        shop,
    )
    wire.one(shop.here, method="PUT", request_header={"transfer-encoding": "chunked"}, request_body="one two")


def test_an_answer_that_is_not_waited_for(wire: Wire, shop: Shop):
    said = node(
        """
        const controller = new AbortController();
        const answer = await fetch(base + '/endless', {signal: controller.signal});
        controller.abort();
        await answer.text().catch(error => console.log(answer.status, error.name));
        """,
        shop,
    )
    assert said == "200 AbortError\n"
    exchange = wire.wait_for(shop.here, path="/endless", complete=False)
    assert exchange.response.body == LINES[0]
    assert {"closed", "reset"} & set(exchange.problems)
