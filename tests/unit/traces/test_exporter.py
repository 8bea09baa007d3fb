"""What becomes of spans, whatever the collector does: each is counted once."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.traces.address import address_of
from sockfilter.traces.collector import CollectorLink
from sockfilter.traces.exporter import Exporter, ExportLimits, line_of
from sockfilter.traces.pipe import SpanPipe
from tests.support.collector import Collecting
from tests.support.https import certificate
from tests.support.net import free_port
from tests.support.skips import need_package

need_package("opentelemetry.proto.trace.v1.trace_pb2")
SMALL = ExportLimits(batch_spans=5, batch_s=0.01)


class Sending:
    """An exporter on a thread, and the pipe to it."""

    def __init__(self, url: str, limits: ExportLimits, tls: ssl.SSLContext | None = None) -> None:
        reading, writing = os.pipe()
        hearing, telling = os.pipe()
        self.said: list[str] = []
        self.reports: list[Mapping[str, Any]] = []
        self.pipe = SpanPipe(writing, hearing, waits=False)
        address = address_of(url)
        collector = CollectorLink(
            address, {"x-key": "k"}, tls, 5.0, compresses=True, opening=lambda ends: self.reports.append({"ends": ends})
        )

        def report(counts: Mapping[str, Any]) -> None:
            self.reports.append(counts)
            os.write(telling, line_of(counts))

        def run() -> None:
            exporter.run(reading)
            os.close(telling)
            os.close(reading)

        exporter = Exporter(collector, url, limits, "1", waits=False, report=report, say=self.said.append)
        self.thread = threading.Thread(target=run)
        self.thread.start()

    def put(self, count: int, name: str = "") -> None:
        from opentelemetry.proto.trace.v1.trace_pb2 import Span

        for number in range(count):
            assert self.pipe.write(b"", Span(name=name or str(number)).SerializeToString())
        self.pipe.push()

    def end(self, seconds: float = 60.0) -> Mapping[str, Any]:
        """The last report."""
        list(self.pipe.finish(lambda: seconds))
        self.thread.join()
        self.pipe.close()
        return self.reports[-1]


@contextmanager
def sending(url: str, limits: ExportLimits = SMALL, tls: ssl.SSLContext | None = None) -> Iterator[Sending]:
    made = Sending(url, limits, tls)
    try:
        yield made
    finally:
        if made.thread.is_alive():
            made.end(0.0)


def names(collecting: Collecting) -> list[str]:
    return [span.name for _, span in collecting.spans]


def test_spans_are_sent_in_batches() -> None:
    with Collecting() as collecting, sending(collecting.url) as to:
        to.put(12)
        assert to.end() == {"exported": 12, "dropped": {}}
        assert names(collecting) == [str(number) for number in range(12)]
        assert collecting.requests[0][":path"] == "/v1/traces"
        assert collecting.requests[0]["x-key"] == "k"
        assert [*map(len, (batch.resource_spans[0].scope_spans[0].spans for batch in collecting.batches))] == [5, 5, 2]
        (ends,) = [report["ends"] for report in to.reports if "ends" in report]
        assert ends[1] == ("127.0.0.1", collecting.port)
        assert to.said == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_the_collector_cannot_take_now_is_sent_again(status: int) -> None:
    with Collecting() as collecting, sending(collecting.url) as to:
        collecting.answers = [(status, {"Retry-After": "0"}, b"")] * 2
        to.put(5)
        collecting.wait_for(5)
        assert to.end() == {"exported": 5, "dropped": {}}
        assert len(to.said) == 2  # that it is not reached, once, and that it is again
        assert f"cannot be reached: {status} " in to.said[0]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 500])
def test_what_the_collector_refuses_is_not_sent_again(status: int) -> None:
    with Collecting() as collecting, sending(collecting.url) as to:
        collecting.answers = [(status, {}, b"")]
        to.put(5)
        collecting.wait_for_requests(2)
        to.put(5)
        assert to.end() == {"exported": 5, "dropped": {"refused": 5}}
        assert len(collecting.requests) == 3  # the first has no spans
        assert f"refuses spans: {status}" in to.said[0]


def test_what_the_collector_rejects_of_a_request() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    partial = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="too\nold\n")
    )
    with Collecting() as collecting, sending(collecting.url) as to:
        collecting.answers = [(200, {}, partial.SerializeToString())]
        to.put(5)
        assert to.end() == {"exported": 3, "dropped": {"rejected": 2}}
        assert to.said[0].endswith("rejects some spans: too old")


def test_what_waits_is_bounded_and_is_sent_when_the_collector_comes() -> None:
    port = free_port()
    with sending(f"http://127.0.0.1:{port}", SMALL._replace(waiting_spans=10)) as to:
        to.put(30)
        # the reports say when all have been read: 20 found no room
        while not any(report.get("dropped") == {"full": 20} for report in list(to.reports)):
            to.thread.join(0.01)
        with Collecting(port) as collecting:
            collecting.wait_for(10)
            to.put(3)
            assert to.end() == {"exported": 13, "dropped": {"full": 20}}
            assert names(collecting) == [*map(str, range(10)), "0", "1", "2"]
    assert [words.partition("traces ")[2] or words for words in to.said] == [
        f"the collector http://127.0.0.1:{port} cannot be reached: Connection refused; up to 10 spans wait for it",
        f"the collector http://127.0.0.1:{port} is reached again",
    ]


def test_bytes_are_bounded_too() -> None:
    with sending(f"http://127.0.0.1:{free_port()}", SMALL._replace(waiting_bytes=100)) as to:
        to.put(1, "x" * 97)
        to.put(2, "x" * 97)
        assert to.end(0.5) == {"exported": 0, "dropped": {"full": 1, "unsent": 2}}


def test_a_wrong_certificate_is_said(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made)
    with Collecting(tls=context) as collecting:
        with sending(collecting.url, tls=ssl.create_default_context()) as to:
            to.put(1)
            assert to.end(0.5) == {"exported": 0, "dropped": {"unsent": 1}}
            assert "its certificate is not accepted: self-signed certificate; OTEL_EXPORTER_OTLP_CERT" in to.said[0]
        with sending(collecting.url, tls=ssl.create_default_context(cafile=str(made.certificate))) as to:
            to.put(1)
            assert to.end() == {"exported": 1, "dropped": {}}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
        ("https://otel.example/otlp", "https://otel.example:443/otlp/v1/traces"),
        ("https://otel.example/v1/traces?key=hush", "https://otel.example:443/v1/traces"),
    ],
)
def test_addresses(url: str, found: str) -> None:
    assert str(address_of(url)) == found


@pytest.mark.parametrize(
    "url", ["localhost:4318", "ftp://x", "http://", "http://x:99999", "http://u:p@x", "http://x y"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidArgument):
        address_of(url)
