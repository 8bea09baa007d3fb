"""Counts by name and labels: bounded, and their sums are those of what was counted."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.metrics.connections import ALL, CONNECT, CONNECTIONS, QUEUE_FULL, SENT, ConnectionCounts
from sockfilter.metrics.registry import LABEL_MAX, OTHER, Histogram, Metric, MetricKind, Registry
from sockfilter.model import Endpoint
from sockfilter.model.tcp_connection import How, Listener, QueueFull, TcpConnection, TcpEnding, TcpPeer

REQUESTS = Metric("requests_total", MetricKind.COUNTER, "Requests.", ("method",))
TIME = Metric("time_seconds", MetricKind.HISTOGRAM, "Time.", (), (0.1, 1.0))


def test_a_counter_adds_up_by_its_labels():
    registry = Registry()
    registry.declare(REQUESTS)
    for method in ("GET", "GET", "PUT"):
        registry.add(REQUESTS, 1, method)
    assert [(sample.labels, sample.value) for sample in registry.samples(REQUESTS)] == [
        ((("method", "GET"),), 2),
        ((("method", "PUT"),), 1),
    ]
    assert registry.total(REQUESTS) == 3


def test_a_histogram_counts_each_value_in_one_bucket():
    registry = Registry()
    registry.declare(TIME)
    for value in (0.05, 0.1, 0.5, 7.0):
        registry.observe(TIME, value)
    (sample,) = registry.samples(TIME)
    assert isinstance(sample.value, Histogram)
    assert (sample.value.counts, sample.value.count, sample.value.sum) == ([2, 1, 1], 4, pytest.approx(7.65))


def test_labels_without_room_are_counted_together():
    registry = Registry(limit=2)
    registry.declare(REQUESTS)
    for number in range(10):
        registry.add(REQUESTS, 1, f"M{number}")
    samples = list(registry.samples(REQUESTS))
    assert len(samples) == 3
    assert ((("other", "true"),), 8) in [(sample.labels, sample.value) for sample in samples]
    assert registry.total(REQUESTS) == 10
    assert registry.overflowed == 8


def test_a_long_label_is_cut():
    registry = Registry()
    registry.declare(REQUESTS)
    registry.add(REQUESTS, 1, "x" * 1000)
    (sample,) = registry.samples(REQUESTS)
    assert sample.labels == (("method", "x" * LABEL_MAX),)


def test_a_label_called_other_is_no_overflow():
    registry = Registry()
    registry.declare(REQUESTS)
    registry.add(REQUESTS, 1, OTHER)
    (sample,) = registry.samples(REQUESTS)
    assert sample.labels == (("method", OTHER),)


def test_wrong_labels_and_two_metrics_of_one_name_are_errors():
    registry = Registry()
    registry.declare(REQUESTS)
    with pytest.raises(InvalidArgument, match="requests_total has the labels"):
        registry.add(REQUESTS, 1)
    with pytest.raises(InvalidArgument, match="is declared already"):
        registry.declare(REQUESTS._replace(labels=("path",)))


def test_connections_are_counted_by_their_ends():
    registry = Registry()
    counts = ConnectionCounts(registry)
    client, server = TcpPeer(Endpoint("10.0.0.1", 4000), sent=80), TcpPeer(Endpoint("10.0.0.2", 80), sent=194)
    for how in (How.CLOSED, How.CLOSED, How.REFUSED):
        counts.count(TcpConnection(1, client, server, connect_ns=76_000, end=TcpEnding(how)))
    counts.count(QueueFull(0, Listener(server.endpoint, (), None, 2, 1, 9), 9))
    assert {sample.labels[0][1]: sample.value for sample in registry.samples(CONNECTIONS)} == {
        "closed": 2,
        "refused": 1,
    }
    assert {sample.labels[0][1]: sample.value for sample in registry.samples(SENT)} == {"client": 240, "server": 582}
    assert registry.total(CONNECT) == 3
    assert registry.total(QUEUE_FULL) == 9
    assert [metric.name for metric in registry.metrics()] == sorted(metric.name for metric in ALL)
