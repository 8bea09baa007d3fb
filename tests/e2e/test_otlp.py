"""Traces of the command, taken by a collector, through one that is killed, and to none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sockfilter.errors import installing
from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.captures import START_NS, one_exchange, pcap
from tests.support.clients import curl
from tests.support.collector import Collecting, Rotel, attributes
from tests.support.command import COMMAND, Sniffer, environment, run
from tests.support.net import free_port
from tests.support.skips import need_package

need_package("opentelemetry.proto.trace.v1.trace_pb2")
SOME = 20
# exchanges whose records fill most of a ring of 256 KiB
BURST = 200
# seconds that docs/options.md promises for the end after a signal
ENDED_S = 2.0
RESOURCE = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}


def spans_of(errors: bytes) -> dict[str, Any]:
    """What the ledger of a JSON summary says of spans."""
    summary = json.loads(errors.decode().splitlines()[-1])
    assert summary["ledger"]["balanced"], summary
    found: dict[str, Any] = summary["ledger"]["spans"]
    return found


@pytest.mark.usefixtures("root")
def test_a_collector_that_is_killed_and_started_again(loopback: Sites, tmp_path: Path) -> None:
    """Nothing is lost, and no export is captured, although the capture looks at the collector's port."""
    site = loopback.get("nginx")
    with Collecting() as collecting:
        rotel = Rotel(collecting.url, tmp_path)
        ports = f"{site.port},{rotel.port}"
        words = ("-i", "lo", "--ports", ports, "--otlp", rotel.url, "--summary", "jsonl", "--format", "jsonl")
        try:
            with Sniffer(*words, env=RESOURCE) as sniffer:
                assert "cannot be reached: Connection refused" in sniffer.said()
                rotel.start()
                curl(site, [SMALL] * SOME)
                collecting.wait_for(2 * SOME)
                assert "is reached again" in sniffer.said()
                rotel.kill()
                curl(site, [SMALL] * SOME)
                assert "cannot be reached" in sniffer.said()
                rotel.start()
                spans = collecting.wait_for(4 * SOME)
                done = sniffer.end()
        finally:
            rotel.kill()
    assert done.status == 0
    # as many lines as curl has made exchanges: none is of an export
    assert [line["response"]["status"] for line in done.json] == [200] * 2 * SOME
    assert spans_of(done.errors) == {
        "made": 4 * SOME,
        "exported": 4 * SOME,
        "unsampled": 0,
        "waiting": 0,
        "dropped": {},
    }
    assert len({span.span_id for _, span in spans}) == len(spans) == 4 * SOME
    by_id = {span.span_id: span for _, span in spans}
    servers = [(resource, span) for resource, span in spans if span.kind == 2]
    assert len(servers) == 2 * SOME
    for resource, span in servers:
        client = by_id[span.parent_span_id]
        assert (client.kind, client.trace_id) == (3, span.trace_id)
        assert resource["service.name"] == "nginx"
        assert resource["deployment.environment.name"] == "test"
    assert {resource["service.name"] for resource, span in spans if span.kind == 3} == {"curl"}


@pytest.mark.usefixtures("root")
def test_a_collector_that_is_not_there(loopback: Sites) -> None:
    """It costs the spans and nothing else."""
    site = loopback.get("nginx")
    url = f"http://127.0.0.1:{free_port()}"
    words = ("-i", "lo", "--ports", str(site.port), "--otlp", url, "--summary", "jsonl", "--format", "jsonl")
    with Sniffer(*words, "--fail-on-loss") as sniffer:
        curl(site, [SMALL] * SOME)
        for _ in range(SOME):
            assert sniffer.line()
        done = sniffer.end()
    assert done.status == 3
    found = spans_of(done.errors)
    assert found["dropped"] == {"unsent": 2 * SOME}
    assert (found["made"], found["exported"], found["waiting"]) == (2 * SOME, 0, 0)


@pytest.mark.usefixtures("root")
def test_an_exporter_that_is_killed_is_told_at_once(loopback: Sites) -> None:
    site = loopback.get("nginx")
    words = ("-i", "lo", "--ports", str(site.port), "--summary", "jsonl", "--exit-on-idle", "2s")
    with Collecting() as collecting, Sniffer(*words, "--otlp", collecting.url, "--no-processes") as sniffer:
        curl(site, [SMALL])
        collecting.wait_for(2)
        (child,) = Path(f"/proc/{sniffer.process.pid}/task/{sniffer.process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        assert sniffer.said() == "sockfilter: the process that sends traces has ended; the capture goes on"
        curl(site, [SMALL])
        done = sniffer.wait()  # nothing happens any more
    assert done.status == 0
    assert json.loads(done.said[-1])["reason"] == "idle"
    assert spans_of(done.errors)["dropped"]["exporter_gone"] >= 2


@pytest.mark.usefixtures("root")
def test_spans_give_way_where_the_capture_is_behind(loopback: Sites) -> None:
    """While the ring is more than a quarter full, none are made, and no exchange is lost by them."""
    site = loopback.get("nginx")
    url = f"http://127.0.0.1:{free_port()}"
    words = ("-i", "lo", "--ports", str(site.port), "-B", "256K", "--otlp", url, "--summary", "jsonl")
    with Sniffer(*words, "--format", "jsonl") as sniffer:
        sniffer.send(signal.SIGSTOP)
        curl(site, [SMALL] * BURST)
        sniffer.send(signal.SIGCONT)
        for _ in range(BURST):
            assert sniffer.line()
        curl(site, [SMALL] * SOME)
        for _ in range(SOME):
            assert sniffer.line()
        done = sniffer.end()
    found = spans_of(done.errors)
    assert found["made"] == 2 * (BURST + SOME)
    assert found["dropped"]["behind"] > 0
    assert found["dropped"]["unsent"] >= 2 * SOME  # there is no collector
    assert json.loads(done.errors.decode().splitlines()[-1])["ledger"]["packets"]["ring_full"] == 0


def test_a_file(tmp_path: Path) -> None:
    """Its times are those of the capture."""
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    with Collecting() as collecting:
        done = run("-r", str(path), "--otlp", collecting.url, "--summary", "jsonl", "--format", "jsonl")
        ((resource, span),) = collecting.spans
    assert done.status == 0
    (line,) = done.json
    assert span.kind == 2
    assert "host.name" not in resource  # the file may be of another machine
    assert 0 <= span.start_time_unix_nano - START_NS < 1_000_000_000
    assert span.end_time_unix_nano - span.start_time_unix_nano == round(line["timing"]["total"] * 1e9)
    assert attributes(span)["url.path"] == line["request"]["target"]
    assert spans_of(done.errors)["exported"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_wait_for_a_collector_that_is_not_there(tmp_path: Path, number: int) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    words = ("-r", str(path), "--otlp", f"http://127.0.0.1:{free_port()}", "--summary", "jsonl", "-q")
    with subprocess.Popen(
        [*COMMAND, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"GET /x" in process.stdout.readline()
        assert b"cannot be reached" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(ENDED_S) == 0
        assert spans_of(process.stderr.read())["dropped"] == {"unsent": 1}


def test_sampling(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    with Collecting() as collecting:
        done = run("-r", str(path), "--otlp", collecting.url, "--sample", "0%", "--summary", "jsonl")
        assert collecting.spans == []
    found = spans_of(done.errors)
    assert (found["made"], found["unsampled"]) == (1, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--otlp", "localhost:4318"), "--otlp: 'localhost:4318': use the URL of a collector"),
        (("--otlp", "http://x", "--sample", "2"), "--sample: '2': a share of the traces is a number from 0 to 1"),
        (("--sample", "0.5"), "--sample is for traces: use it with --otlp"),
    ],
)
def test_wrong_words(words: tuple[str, ...], said: str) -> None:
    done = run("-i", "lo", *words)
    assert (done.status, done.output, len(done.said)) == (2, b"", 1)
    assert said in done.said[0]


def test_without_the_package(tmp_path: Path) -> None:
    """One line says what to install."""
    script = "import sys; sys.modules['opentelemetry'] = None; from sockfilter.cli import main; sys.exit(main())"
    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(one_exchange()))
    done = run("-r", str(path), "--otlp", command=(sys.executable, "-c", script))
    assert (done.status, done.output) == (2, b"")
    assert done.said == [f"sockfilter: --otlp needs opentelemetry-proto, which is not installed: {installing('otlp')}"]
