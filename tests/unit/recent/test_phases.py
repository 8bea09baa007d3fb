"""The phases of an exchange and its place in time."""

from __future__ import annotations

from sockfilter.model import Connection, Endpoint
from sockfilter.recent.phases import PHASES, Phase, TimeSpan, phases, span, window
from tests.support.exchanges import exchange

ENDS = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))


def test_phases_in_order():
    assert phases(exchange()) == (Phase("send", 0, 1000), Phase("wait", 1000, 1000), Phase("receive", 2000, 1000))
    assert span(exchange()) == TimeSpan(2000, 3000)


def test_the_first_exchange_of_a_connection_begins_with_it():
    made = exchange(connection=Connection(1, "lo", ENDS, 0, syn_ns=500, synack_ns=1200))
    assert phases(made) == (
        Phase("connect", 0, 700),
        Phase("send", 1500, 1000),
        Phase("wait", 2500, 1000),
        Phase("receive", 3500, 1000),
    )
    assert span(made) == TimeSpan(500, 4500)


def test_the_second_one_does_not():
    made = exchange(connection=Connection(1, "lo", ENDS, 0, syn_ns=500, synack_ns=1200))
    made.conn_seq = 2
    assert [each.name for each in phases(made)] == ["send", "wait", "receive"]


def test_what_is_not_known_is_absent():
    assert [each.name for each in phases(exchange(response=None))] == ["send"]
    assert [each.name for each in phases(exchange(request=None))] == ["receive"]
    clocks = Connection(1, "lo", ENDS, 0, syn_ns=500, synack_ns=1200)
    clocks.clocks_differ = True
    assert [each.name for each in phases(exchange(connection=clocks))] == ["send"]


def test_all_names_are_those_of_the_timing():
    assert [phase.name for phase in PHASES] == list(exchange().timing._fields[: len(PHASES)])


def test_the_window_of_several():
    assert window([TimeSpan(10, 5), None, TimeSpan(12, None), TimeSpan(3, 1)]) == TimeSpan(3, 12)
    assert window([None]) is None
