"""What seeing system calls costs: each call, work that is full of them, and a server at full load."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sockfilter
from tests.bench.kernel import Statistics, _statistics
from tests.support.command import COMMAND, environment
from tests.support.servers import nginx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS, ROUNDS = 100_000, 5
# calls of more than some bytes, of which the body of one request is made
LARGE_CALLS = 2_000
REQUESTS, CONNECTIONS = 100_000, 16
# pairs of a work with and without, of which the middle counts
PAIRS = 7
SOURCES = ("bpf", "src", "tests", "docs")
EMPTY = """
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
SEC("raw_tp/sys_exit") int empty(void *ctx) { return 0; }
char LICENSE[] SEC("license") = "GPL";
"""
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n"
# the buffers of one call
CALLS_OF = {
    "a byte": [b"x"],
    "3 buffers of 100 bytes": [b"x" * 100] * 3,
    "1000 buffers of a byte": [b"x"] * 1000,
    "64 KiB": [b"x" * 65536],
}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def _empty() -> Iterator[Statistics]:
    """A program of the same kind that does nothing."""
    from sockfilter.libbpf import tracing
    from sockfilter.libbpf.object import BpfObject

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        source, made = Path(folder, "empty.bpf.c"), Path(folder, "empty.bpf.o")
        source.write_text(EMPTY)
        words = ["clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Ivmlinux", "-c", str(source), "-o", str(made)]
        subprocess.run(words, check=True)
        opened = stack.enter_context(BpfObject(made))
        opened.load()
        tracing.attach(opened, ["empty"], stack)
        yield Statistics(opened.program_fd("empty"))


@contextmanager
def _works() -> Iterator[dict[str, Callable[[], None]]]:
    with ExitStack() as stack:
        zero = os.open("/dev/zero", os.O_RDONLY)
        stack.callback(os.close, zero)
        left, right = socket.socketpair()
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server, _ = listener.accept()
        for link in (left, right, server):
            stack.enter_context(link)

        def read() -> None:
            for _ in range(CALLS):
                os.read(zero, 1)

        def pass_on(one: socket.socket, other: socket.socket) -> None:
            for _ in range(CALLS // 2):
                one.send(b"x")
                other.recv(1)

        def ask() -> None:
            for _ in range(CALLS // 4):
                client.send(GET)
                server.recv(100)
                server.send(OK)
                client.recv(100)

        yield {
            "no socket": read,
            "not TCP": lambda: pass_on(left, right),
            "TCP, not HTTP": lambda: pass_on(client, server),
            "HTTP": ask,
        }


def costs() -> None:
    """Nanoseconds a call above the empty program, the middle of some rounds."""
    with _statistics(), _works() as works, subprocess.Popen(["sleep", "1000"]) as other:
        with _empty() as empty:
            found = []
            for _ in range(ROUNDS):
                empty.ns()
                works["no socket"]()
                found.append(empty.ns())
            base = statistics.median(found)
        print(f"an empty program              {base:6.0f} ns")
        for whose, options in (
            ("another process's", {"pid": other.pid}),
            ("another command's", {"comm": "nobody"}),
            ("everybody's", {}),
        ):
            with sockfilter.capture(
                via="syscalls",
                processes=False,
                ring=64 << 20,
                **options,  # type: ignore[arg-type]
            ) as capture:
                ours = Statistics(capture.source._attachment._object.program_fd("calls_exit"))  # type: ignore[union-attr]
                for what, work in works.items():
                    if options and what != "no socket":
                        continue
                    found = []
                    for _ in range(ROUNDS):
                        ours.ns()
                        work()
                        found.append(ours.ns() - base)
                    print(f"{whose:<18} {what:<14} {statistics.median(found):6.0f} ns above it")
        other.kill()


def shapes() -> None:
    """Nanoseconds that sending takes more, of the tenth of the calls that is quickest, and bytes of the ring."""
    for what, buffers in CALLS_OF.items():
        without_ns = _send_ns(buffers, lambda: None)
        with sockfilter.capture(via="syscalls", processes=False, pid=os.getpid(), body=None, ring=64 << 20) as capture:
            ring = capture.source._ring  # type: ignore[union-attr]
            sent, produced = capture.ledger.records_sent, ring.produced()
            with_ns = _send_ns(buffers, lambda: capture.source.drain_all(lambda *_: None))  # type: ignore[union-attr]
            records = (capture.ledger.records_sent - sent) / LARGE_CALLS
            size = (ring.produced() - produced) / LARGE_CALLS
        print(f"{what:<24} {with_ns - without_ns:+8.0f} ns, {records:6.1f} records, {size:8.0f} bytes of the ring")


def _send_ns(buffers: list[bytes], drain: Callable[[], object]) -> float:
    """Of one call. drain: makes room in the ring."""
    size, took = sum(map(len, buffers)), []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        client.sendall(POST)
        server.recv(1 << 16)
        for number in range(LARGE_CALLS):
            if not number % 50:
                drain()
            began = time.perf_counter_ns()
            client.sendmsg(buffers)
            took.append(time.perf_counter_ns() - began)
            server.recv(size, socket.MSG_WAITALL)
    return sorted(took)[LARGE_CALLS // 10]


def _took_s(command: list[str], folder: str) -> float:
    """Seconds of processor time: others use this machine too."""
    before = os.times()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def slowdown() -> None:
    """Work without sockets: with, between two without."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SOURCES:
            shutil.copytree(name, f"{folder}/{name}", ignore=shutil.ignore_patterns("__pycache__", "*.o"))
        shutil.copytree("vmlinux", f"{folder}/vmlinux")
        tar = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do tar cf - . | cat > /dev/null; done"]
        clang = ["clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Ivmlinux", "-Ibpf", "-c"]
        compile_all = ["sh", "-c", 'for f in bpf/*.bpf.c; do "$@" $f -o /dev/null || exit; done', "sh", *clang]
        dd = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=300000"]
        for what, command in (("tar", tar), ("compile", compile_all), ("dd bs=1", dd)):
            _took_s(command, folder)
            ratios = []
            for _ in range(PAIRS):
                before = _took_s(command, folder)
                with sockfilter.capture(via="syscalls", processes=False) as capture:
                    during = _took_s(command, folder)
                    calls = capture.ledger.calls["seen"]
                ratios.append(2 * during / (before + _took_s(command, folder)))
            more = 100 * (statistics.median(ratios) - 1)
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            print(f"{what:<8} takes {more:+6.1f} % ({spread}), {calls} calls in {during:.2f} s")


def _rate(url: str) -> float:
    command = ["h2load", "--h1", "-n", str(REQUESTS), "-c", str(CONNECTIONS), "-t", "1", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{REQUESTS} succeeded" in said, said
    found = re.search(r", ([\d.]+) req/s", said)
    assert found, said
    return float(found[1])


def server() -> None:
    """A server at full load: the rate that it keeps, and what is seen; strace is what people would use instead."""
    with nginx() as site:
        _rate(site.url("/small"))
        for _ in range(3):
            base = _rate(site.url("/small"))
            print(f"nothing          {base:8.0f} requests/s")
            for name, words in (
                ("-i lo", ["-i", "lo", "--ports", str(site.port)]),
                ("--via syscalls", ["--via", "syscalls", "--ports", str(site.port)]),
                ("--pid", ["--pid", str(site.pid)]),
            ):
                command = [*COMMAND, *words, "--user", "root"]
                with subprocess.Popen(
                    command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
                ) as sniffer:
                    assert sniffer.stderr is not None
                    sniffer.stderr.readline()
                    kept = _rate(site.url("/small")) / base
                    sniffer.send_signal(signal.SIGINT)
                    print(f"{name:<16} keeps {kept:.2f}; {sniffer.stderr.readline().partition(': ')[2].rstrip()}")
            calls = "trace=network,read,write,readv,writev,sendfile"
            words = ["strace", "-f", "-q", "-s", "4096", "-e", calls, "-o", os.devnull, "-p", str(site.pid)]
            with subprocess.Popen(words) as strace:
                time.sleep(1)  # until it has attached, which it does not say
                print(f"strace           keeps {_rate(site.url('/small')) / base:.2f}")
                strace.send_signal(signal.SIGINT)


PARTS = {"costs": costs, "shapes": shapes, "slowdown": slowdown, "server": server}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
