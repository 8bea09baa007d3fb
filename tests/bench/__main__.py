"""Measures sockfilter beside its peers: `python -m tests.bench [quick] [--rounds N] [--json FILE]`. Needs root."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import bulk, http2, kernel, latency, load, mix, overload, streams
from tests.bench.runs import watch
from tests.bench.table import Row, Verdict, at_least, at_most, row, table
from tests.bench.tools import OURS, PEERS, Tool, lines, sockfilter

if TYPE_CHECKING:
    from tests.bench.load import Server
    from tests.bench.runs import Run

REQUESTS, QUICK_REQUESTS = 200_000, 50_000
CONNECTIONS = 16
# the lane writes lines of text, and no JSON: of heads that come again and again, that costs so much more
JSON_BY_TEXT_MAX = 6.0
# other ways to use what is there: their own row, and no part of the comparison
JSON = Tool("sockfilter json", sockfilter("--format", "jsonl"), b"listening", lambda path: 2 * lines(path))
BODIES = Tool("sockfilter json bodies", sockfilter("--format", "jsonl", "--body", "all"), b"listening", None)


# what is asked for, besides the same thing over and over
KINDS = {
    "unique heads": [f"{load.UNIQUE}{i}?page={i % 7}" for i in range(load.UNIQUE_TARGETS)],
    "chunked": [load.CHUNKED],
}


def main() -> int:
    """Prints the figures. Returns 0 where all targets are met."""
    arguments = _arguments()
    rounds, requests = (1, QUICK_REQUESTS) if arguments.quick else (arguments.rounds, REQUESTS)
    tools = [OURS, *(p for p in PEERS if shutil.which(p.name.split()[0]) and not (arguments.quick and p.is_slow))]
    with load.server() as server:
        rows = _compare(server, tools, rounds, requests)
        verdicts = _against_peers(rows)
        print(table(rows.values()), flush=True)
        verdicts += _loads(server, rounds, requests)
        if not arguments.quick:
            verdicts += _outputs(server, rounds, requests)
            verdicts += _overloaded(server, requests, rows[OURS.name].kept)
    verdicts += _http2(rounds, requests // 2)
    verdicts += _site(rounds)
    verdicts += _latencies()
    verdicts += _kernel()
    verdicts += _streams()
    if not arguments.quick:
        verdicts += _bulk(rounds)
    print()
    for verdict in verdicts:
        print(verdict)
    if arguments.json:
        found = {"tools": [one._asdict() for one in rows.values()], "targets": [one._asdict() for one in verdicts]}
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(verdict.met for verdict in verdicts) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quick", nargs="?", choices=["quick"], help="less of everything, in under a minute")
    parser.add_argument("--rounds", type=int, default=3, help="times that each tool is run (3)")
    parser.add_argument("--json", help="a file for the figures")
    return parser.parse_args()


def _compare(server: Server, tools: list[Tool], rounds: int, requests: int) -> dict[str, Row]:
    """All tools in turn, in each round from another one on, so that none is always the first."""
    runs: dict[str, list[Run]] = {tool.name: [] for tool in tools}
    alone = []
    server.load(requests // 4)  # warm-up
    watch(OURS, server.port, lambda: server.load(requests // 10))
    for number in range(rounds):
        alone.append(server.load(requests, CONNECTIONS).rate)
        for tool in tools[number % len(tools) :] + tools[: number % len(tools)]:
            runs[tool.name].append(watch(tool, server.port, lambda: server.load(requests, CONNECTIONS)))
    print(f"alone: {', '.join(f'{rate:.0f}' for rate in alone)} requests/s; {requests} requests, {rounds} rounds\n")
    return {name: row(name, found, alone) for name, found in runs.items()}


def _against_peers(rows: dict[str, Row]) -> list[Verdict]:
    ours = rows[OURS.name]
    assert ours.messages is not None
    found = [at_least("messages seen, all of", ours.messages, 2 * ours.requests, "{:.0f}".format)]
    for peer, share in (("httpry", 0.8), ("tshark -T fields", 1 / 8)):
        if peer in rows:
            found.append(at_most(f"CPU by that of {peer}", ours.cpu_s / rows[peer].cpu_s, share))
    for peer in ("httpry", "ngrep", "tshark -T fields"):
        if peer in rows:
            found.append(at_least(f"rate kept by that of {peer}", ours.kept / rows[peer].kept, 1.1))
    found.append(at_most("peak memory, MB", ours.peak_mb, 40, "{:.1f}".format))
    return found


def _loads(server: Server, rounds: int, requests: int) -> list[Verdict]:
    """Other numbers of connections, and a new one for each request."""
    found = []
    for connections in (256, 4096):
        seen = [watch(OURS, server.port, lambda c=connections: server.load(requests, c)) for _ in range(rounds)]
        found.append(_all_of(f"{connections} connections", seen))
    with load.server(keep_alive=1) as brief:
        seen = [watch(OURS, brief.port, lambda: brief.load(requests // 4)) for _ in range(rounds)]
        found.append(_all_of("a new connection for each request", seen))
    for what, paths in KINDS.items():
        seen = [watch(OURS, server.port, lambda p=paths: server.load(requests, CONNECTIONS, *p)) for _ in range(rounds)]
        found.append(_all_of(what, seen))
    return found


def _all_of(what: str, runs: list[Run]) -> Verdict:
    figures = ", ".join(f"{run.messages}/{2 * run.requests}" for run in runs)
    is_all = all(run.messages == 2 * run.requests and not run.status for run in runs)
    return Verdict(f"all of {what}", figures, is_all)


def _outputs(server: Server, rounds: int, requests: int) -> list[Verdict]:
    """JSON by text; bodies of 4 KiB by none; and what each kind of traffic costs as text and as JSON."""
    (server.files / "4k").write_bytes(b"x" * 4096)
    asked = [
        ("text", OURS, ["/"]),
        ("json", JSON, ["/"]),
        ("lines", JSON, ["/files/4k"]),
        ("bodies", BODIES, ["/files/4k"]),
        *((f"{kind}, {tool.name}", tool, paths) for kind, paths in KINDS.items() for tool in (OURS, JSON)),
    ]
    by_tool: dict[str, list[float]] = {name: [] for name, _, _ in asked}
    for _ in range(rounds):
        for name, tool, paths in asked:
            run = watch(tool, server.port, lambda paths=paths: server.load(requests // 2, CONNECTIONS, *paths))
            by_tool[name].append(run.cpu_s)
    middle = {name: sorted(found)[len(found) // 2] for name, found in by_tool.items()}
    for name, cpu_s in middle.items():
        print(f"{name:<34} {cpu_s / requests * 1e6:>7.2f} us a message")
    return [
        at_most("CPU of JSON lines by that of text", middle["json"] / middle["text"], JSON_BY_TEXT_MAX),
        at_most("CPU with --body all, 4 KiB each, by that without", middle["bodies"] / middle["lines"], 2.0),
    ]


def _http2(rounds: int, requests: int) -> list[Verdict]:
    """Recordings of HTTP/2, and a live load."""
    costs, found = http2.http2(rounds, requests)
    http2.shown(costs, requests, print)
    return found


def _site(rounds: int) -> list[Verdict]:
    """A real site, and clients as browsers are."""
    runs: dict[str, list[Run]] = {OURS.name: [], JSON.name: []}
    with mix.site() as port:
        for _ in range(rounds):
            for tool in (OURS, JSON):
                runs[tool.name].append(watch(tool, port, lambda: mix.browse(port)))
    for name, found in runs.items():
        middle = sorted(run.cpu_s / run.requests / 2 for run in found)[rounds // 2]
        print(f"{f'a site, {name}':<34} {middle * 1e6:>7.2f} us a message")
    return [_all_of("a site's pages, files, API and forms", [run for found in runs.values() for run in found])]


def _overloaded(server: Server, requests: int, usual: float) -> list[Verdict]:
    found = overload.overload(server, requests)
    figures = f"{found.seen} seen, {found.lost} records lost, peak {found.peak_mb:.0f} MB"
    return [
        at_least("rate kept while sockfilter stands still, by that while it reads", found.kept / usual, 1),
        Verdict("it recovers, and says what it lost", figures, found.recovered and found.lost > 0),
    ]


def _latencies() -> list[Verdict]:
    line, flush = latency.latencies()
    found = []
    for start, limit in zip(latency.starts(), (150, 110), strict=True):
        about = f"shortest {start.seen_min_ms:.0f}; captured from {start.captured_ms:.0f} on"
        beside = f"beside {start.python_ms:.0f} of python -c pass"
        what = f"start, {start.what}: ms from exec to the first line ({about}), the middle, {beside},"
        found.append(at_most(what, start.seen_ms, limit))
    return [
        *found,
        at_most(f"{line.what}, ms (median {line.median_ms:.2f}), the longest", line.max_ms, 20),
        at_most(f"{flush.what}, ms (median {flush.median_ms:.2f}), the longest", flush.max_ms, 1),
    ]


def _kernel() -> list[Verdict]:
    limits = {"not TCP": 20, "no payload": 20, "payload, not HTTP": 100, "a record": 330}
    return [
        at_most(
            f"kernel, {cost.what}: ns above the {cost.empty:.0f} of an empty program", cost.above, limits[cost.what]
        )
        for cost in kernel.costs()
    ]


def _streams() -> list[Verdict]:
    found = [
        at_least(f"{one.what}: messages a second of CPU", one.rate, streams.TARGETS[one.what], "{:,.0f}".format)
        for one in streams.rates()
    ]
    title = f"gRPC: memory for {streams.CALL_MESSAGES:,} messages of a call, in MiB"
    return [*found, at_most(title, streams.growth() / (1 << 20), 1)]


def _bulk(rounds: int) -> list[Verdict]:
    found = []
    for one in bulk.downloads(rounds):
        found.append(at_least(f"{one.what}: rate kept", one.kept, 0.97))
        found.append(at_most(f"{one.what}: CPU by that of the transfer", one.cpu_share, 0.01))
    small = bulk.small_messages()
    found.append(
        at_most(f"{small.messages} small messages in {bulk.MESSAGES_S:.0f} s: CPU share", small.cpu_share, 0.01)
    )
    return found


if __name__ == "__main__":
    sys.exit(main())
