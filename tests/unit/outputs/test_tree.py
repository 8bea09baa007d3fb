"""Exchanges as trees."""

from __future__ import annotations

import io

from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.tree import TreeOutput
from tests.unit.model.test_lineage import APP, CLIENT, PROXY, exchange


def test_children_are_below_their_parent_in_the_order_of_time() -> None:
    sink = io.BytesIO()
    output = TreeOutput(sink, TextOutput(sink, time="none"))
    outer, later = exchange(0, 100, CLIENT, PROXY), exchange(200, 300, CLIENT, PROXY)
    second, first = exchange(50, 60, PROXY, APP), exchange(10, 40, PROXY, APP)
    for one in (second, first, later, outer):
        output.write(one)
    output.flush()
    assert not sink.getvalue()  # something may come that belongs to these
    output.close()
    lines = sink.getvalue().decode().splitlines()
    clients = [one.client.port for one in (outer, first, second, later)]
    assert [str(port) in line for port, line in zip(clients, lines, strict=True)] == [True] * 4
    assert [line.startswith("`- ") for line in lines] == [False, True, True, False]
    assert lines[1].endswith("(by process)")


def test_json_has_the_parent() -> None:
    sink = io.BytesIO()
    output = TreeOutput(sink, JsonOutput(sink))
    outer, inner = exchange(0, 100, CLIENT, PROXY), exchange(10, 40, PROXY, APP)
    for one in (inner, outer):
        output.write(one)
    output.close()
    first, second = sink.getvalue().decode().splitlines()
    assert '"parent"' not in first
    assert f'"parent":{{"id":{outer.id},"why":"process"}}' in second
