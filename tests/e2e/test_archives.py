"""Archives: datasets of Parquet files that other engines read, and several files at a time."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asks import SMALL
from tests.e2e.conftest import Sites
from tests.support.archives import rotated, timed, varied, write
from tests.support.captures import SECOND, pcap
from tests.support.clients import curl
from tests.support.command import Sniffer, run
from tests.support.documents import ROOT, blocks
from tests.support.skips import need_package

SECONDS = ("connect", "send", "wait", "receive", "total")
NO_DATE = "__HIVE_DEFAULT_PARTITION__"


@pytest.fixture(scope="module")
def duckdb() -> Any:
    need_package("pyarrow")
    return need_package("duckdb")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hosts, one of them with a rotated capture, and packets without a time."""
    folder = tmp_path_factory.mktemp("archive")
    write(folder / "captures/a/all.pcap", timed(varied(), step_ns=100_000_003))
    rotated(folder / "captures/b")
    write(folder / "captures/c/timeless.pcapng", [(0, frame) for _, frame in timed(varied())], is_pcapng=True)
    return folder


@pytest.fixture(scope="module")
def dataset(archive: Path, duckdb: Any) -> Path:
    words = ("-r", str(archive / "captures"), "--jobs", "2", "--format", "parquet", "--body", "all")
    done = run(*words, "-o", str(archive / "dataset"))
    assert (done.status, done.output) == (0, b"")
    assert sum("stays root" in line for line in done.said) <= 1  # not once for each capture
    assert done.said[0].endswith("reading 5 files of 3 captures, 2 at a time; Ctrl-C ends")
    return archive / "dataset"


def rows(duckdb: Any, dataset: Path, table: str, order: str = "capture, id") -> list[dict[str, Any]]:
    files = f"{dataset}/{table}/*/*.parquet"
    found = duckdb.sql(f"SELECT *, epoch_ns(time) AS ns FROM read_parquet('{files}') ORDER BY {order}")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def told(line: dict[str, Any]) -> dict[str, Any]:
    """What a row has to say, by the JSON line."""
    request, response = line["request"] or {}, line["response"] or {}
    made = {"id": line["id"], "client_port": line["client"]["port"], "problems": line["problems"]}
    made |= {"method": request.get("method"), "target": request.get("target"), "status": response.get("status")}
    made |= {f"{name}_ns": to_ns(line["timing"].get(name)) for name in SECONDS}
    for name, half in (("request", request), ("response", response)):
        fields = half.get("headers")
        made[f"{name}_headers"] = fields and [{"name": field, "value": value} for field, value in fields]
        made[f"{name}_wire_len"] = half.get("body", {}).get("wire_len")
        made[f"{name}_text"] = half.get("body", {}).get("text")
    return made


def to_ns(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)


def test_rows_say_what_the_lines_say(duckdb: Any, dataset: Path, archive: Path):
    lines = run("-r", str(archive / "captures"), "--format", "jsonl", "--body", "all").json
    exchanges = [line for line in lines if line["kind"] == "exchange"]
    found = rows(duckdb, dataset, "exchanges")
    key = lambda each: json.dumps(each, sort_keys=True, default=str)  # noqa: E731
    shown = [told(line) for line in exchanges]
    assert sorted(({name: row[name] for name in shown[0]} for row in found), key=key) == sorted(shown, key=key)
    assert len({(row["capture"], row["id"]) for row in found}) == len(found) == 17 + 17 + 24
    # times to the nanosecond, and the day that each is of
    times = sorted(line["time"] or "" for line in exchanges)
    assert sorted(as_text(row["ns"]) for row in found) == times
    assert {str(row["date"]) for row in found} == {"2023-11-14", "2023-11-15", "None"}
    assert all(as_text(row["ns"])[:10] == str(row["date"] or "") for row in found)
    # bytes that are no text; whose route; whose host; no secrets
    assert {bytes(row["response_data"]) for row in found if row["target"] == "/blob"} == {b"\x00\xff\x01\xfe"}
    assert {row["route"] for row in found if (row["target"] or "").startswith("/orders")} == {"/orders/{id}"}
    assert {row["host"] for row in found if row["target"]} == {"shop.example", "x"}
    assert b"s3cret" not in b"".join(path.read_bytes() for path in dataset.rglob("*.parquet"))
    # messages
    messages = [line for line in lines if line["kind"] == "message"]
    assert sorted((row["sender"], row["kind"], row["text"]) for row in rows(duckdb, dataset, "messages", "time")) == (
        sorted((line["from"], line["type"], line["text"]) for line in messages)
    )
    assert len(messages) == 4


def as_text(ns: int | None) -> str:
    from sockfilter.forms.json_dict import time_text

    return "" if ns is None else time_text(ns)


def test_the_queries_of_the_page_run(duckdb: Any, dataset: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(dataset.parent)
    queries = [block.text for block in blocks(ROOT / "docs/archives.md") if block.kind == "sql"]
    slowest, bursts, talkers, fields = [duckdb.sql(query).fetchall() for query in queries[:3]] + [queries[3]]
    assert {route for route, *_ in slowest} >= {"/orders/{id}", "/parts/{id}", "/blob"}
    assert slowest[0][2] is not None
    assert [host for _, host, *_ in bursts] == ["shop.example"] * len(bursts)
    assert sum(errors for *_, errors in bursts) == 6
    assert talkers[0][:4] == ("10.9.0.1", "10.9.0.2", 8000, 58)
    two, said = fields.rstrip().removesuffix(";").split(";")
    assert ("a", 52) in duckdb.sql(two).fetchall()
    assert {row[-1] for row in duckdb.sql(said).fetchall()} == {'{"a":1}', "hello"}


def test_pandas_reads_it(dataset: Path):
    frame = need_package("pandas").read_parquet(dataset / "exchanges", partitioning=None)
    assert len(frame) == 58
    assert str(frame["total_ns"].dtype) in ("float64", "Int64", "int64")
    assert frame["status"].value_counts()[500] == 6


def test_reading_again_doubles_nothing(duckdb: Any, dataset: Path, archive: Path, tmp_path: Path):
    before = {path: path.read_bytes() for path in dataset.rglob("*.parquet")}
    copy = tmp_path / "elsewhere.pcap"
    copy.write_bytes((archive / "captures/a/all.pcap").read_bytes())
    words = ("--format", "parquet", "--body", "all", "-o", str(dataset))
    assert run("-q", "-r", str(copy), *words).status == 0
    assert {path: path.read_bytes() for path in dataset.rglob("*.parquet")} == before
    assert not list(dataset.rglob(".*"))
    assert stat.S_IMODE(dataset.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in before} == {0o600}


def test_files_at_a_time_show_the_same(archive: Path):
    (archive / "bad").mkdir()
    (archive / "bad/x.pcap").write_bytes(b"no capture")
    cut = pcap(timed(varied()))
    (archive / "bad/cut.pcap").write_bytes(cut[:-10])
    places = [str(archive / "captures"), str(archive / "bad"), str(archive / "gone.pcap")]
    words = ("-r", *places, "--format", "jsonl", "--summary", "jsonl", "--summary-fd", "2")
    one, two = run(*words), run(*words, "--jobs", "2")
    assert one.status == two.status == 1
    assert one.output == two.output
    assert len(one.lines) == 58 + 4 + 17 + 2
    *complaints, end = [json.loads(said) if said.startswith("{") else said for said in two.said]
    assert end["ledger"]["balanced"] is True
    assert end["exchanges"] == end["ledger"]["messages"]["exchanges"] == 58 + 17
    assert [name for name in ("x.pcap", "cut.pcap", "gone.pcap") if sum(name in each for each in complaints) != 1] == []


@pytest.mark.parametrize("is_pcapng", [False, True])
def test_a_connection_goes_on_in_the_next_file(tmp_path: Path, is_pcapng: bool):
    paths = [str(path) for path in rotated(tmp_path, 5, is_pcapng=is_pcapng)]
    whole = run("-q", "-r", *paths, "--format", "jsonl")
    assert (whole.status, len(whole.lines)) == (0, 24)
    assert all(line["complete"] and not line["problems"] for line in whole.json)
    assert {line["conn_seq"] for line in whole.json} == set(range(1, 7))
    # what shows all files together reads them in the same way, with a filter behind their names too
    done = run("-q", "-r", *paths, "port", "8000", "-w", str(tmp_path / "all.har"))
    assert (done.status, len(json.loads((tmp_path / "all.har").read_text())["log"]["entries"])) == (0, 24)
    # a part that is missing costs what was in it
    done = run("-q", "-r", *paths[:2], str(tmp_path / "web-10.gone.pcap"), *paths[3:], "--stats")
    assert done.status == 1


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--format", "parquet"], 2, "--format parquet writes a dataset, which is a directory: -o DIR"),
        (["-o", "x"], 2, "-o names the directory of --format parquet"),
        (["--format", "parquet", "-o", "full"], 2, "the directory is not empty, and holds no dataset of sockfilter"),
        (["--format", "parquet", "-o", "newer"], 2, "it has version 99 of the schema, and this sockfilter writes"),
        (["--format", "parquet", "-o", "full/file"], 1, "Not a directory"),
        (
            ["--format", "parquet", "-o", "none/x"],
            1,
            "No such file or directory; the directory is not there: create it",
        ),
        (["--format", "parquet", "--stats", "-o", "x"], 2, "remove --format parquet"),
        (["--stats", "--jobs", "2"], 2, "--stats shows all files together, which one process reads: remove --jobs"),
        (["--jobs", "0"], 2, "a number of processes must be a whole number, 1 or greater"),
    ],
)
def test_wrong_words_get_one_line(tmp_path: Path, words: list[str], status: int, said: str):
    need_package("pyarrow")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer/_sockfilter_dataset").write_text("schema 99\n")
    write(tmp_path / "x.pcap", timed(varied()))
    command = [sys.executable, "-m", "sockfilter", "-q", "-r", "x.pcap", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (status, "", 1)
    assert said in done.stderr
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "full/file").read_text() == "mine"


def test_what_is_wrong_for_all_files_is_told_once(archive: Path):
    need_package("pyarrow")
    done = run("-q", "-r", str(archive / "captures"), "--format", "parquet", "-o", str(archive))
    assert (done.status, len(done.said)) == (2, 1)
    assert "the directory is not empty" in done.said[0]


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path):
    write(tmp_path / "x.pcap", timed(varied()))
    (tmp_path / "without").mkdir()
    (tmp_path / "without/pyarrow.py").write_text("raise ImportError('No module named pyarrow')")
    words = ("-q", "-r", str(tmp_path / "x.pcap"), "--format", "parquet", "-o", str(tmp_path / "d"))
    done = run(*words, env={"PYTHONPATH": str(tmp_path / "without")})
    assert (done.status, len(done.said)) == (2, 1)
    assert "pip install 'sockfilter[parquet]'" in done.said[0]


@pytest.mark.usefixtures("root")
def test_a_live_capture_leaves_whole_files(loopback: Sites, duckdb: Any, tmp_path: Path):
    site, folder = loopback.get("nginx"), tmp_path / "live"
    words = ("-i", "lo", "--ports", str(site.port), "--format", "parquet", "-o", str(folder))
    with Sniffer(*words) as sniffer:
        curl(site, [SMALL] * 3)
        done = sniffer.end()
    assert done.status == 0
    found = rows(duckdb, folder, "exchanges")
    assert [row["client_process"]["comm"] for row in found] == ["curl"] * 3
    assert all(row["ns"] > 1_600_000_000 * SECOND for row in found)
    with Sniffer(*words) as sniffer:
        curl(site, [SMALL])
        sniffer.end(signal.SIGKILL)
    assert len(rows(duckdb, folder, "exchanges")) == 3  # the other has no whole file
    assert all(re.fullmatch(r"\..*\.part|[^.].*\.parquet", name) for name in os.listdir(next(folder.glob("e*/*"))))
