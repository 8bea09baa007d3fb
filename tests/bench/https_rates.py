"""What a server of HTTPS keeps of its rate: `python -m tests.bench.https_rates [REQUESTS [ROUNDS]]`. Needs root, clang.

nginx and h2load on loopback, over connections that are kept alive, and with a new connection for each request. In each
round all ways are taken in turn: alone, beside packets that are captured and not opened, beside --tls, and beside
probes on each SSL_read() and SSL_write(), as other tools have them.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.libbpf import binding
from sockfilter.libbpf.object import BpfObject
from tests.bench import load
from tests.bench.runs import cpu_s, watch
from tests.bench.tools import OURS, Tool, lines, sockfilter
from tests.support import https
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("data_probes.bpf.c")
REQUESTS, ROUNDS = 20_000, 3
# requests with a new connection each take so many times as long
DEAR = 10
PROBED = ("SSL_read", "SSL_write")
LIBRARY = "libssl.so.3"
ALONE, PACKETS, TLS, PROBES = "alone", "packets", "--tls", "data probes"
WITH_TLS = Tool(TLS, sockfilter("--tls"), b"listening", lambda path: 2 * lines(path))


class Seen(NamedTuple):
    """A run.

    Attributes:
        rate: of the load, in requests a second.
        share: how much of it was seen: exchanges by requests, or calls of the functions by requests.
        server_us: processor time that the server took for a request.
    """

    rate: float
    share: float
    server_us: float


def compiled(folder: Path) -> Path:
    """Compiles the program."""
    product = folder / "data_probes.bpf.o"
    target = {"x86_64": "x86", "aarch64": "arm64"}[platform.machine()]
    flags = [
        "-g",
        "-O2",
        "-target",
        "bpf",
        f"-D__TARGET_ARCH_{target}",
        f"-I/usr/include/{platform.machine()}-linux-gnu",
    ]
    subprocess.run([need_tool("clang"), *flags, "-c", str(SOURCE), "-o", str(product)], check=True)
    return product


def places() -> tuple[str, list[int]]:
    """The file of the TLS library, and the offsets of the functions in it."""
    library = ctypes.CDLL(LIBRARY)
    addresses = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in PROBED]
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, offset, _, _, *path = line.split()
        start, end = (int(part, 16) for part in span.split("-"))
        if "x" in rights and start <= addresses[0] < end:
            return path[0], [address - start + int(offset, 16) for address in addresses]
    raise AssertionError(f"{LIBRARY} is not mapped")


@contextmanager
def probes(program: Path) -> Iterator[BpfObject]:
    """The probes, on all processes."""
    _, lib = binding.load()
    path, offsets = places()
    with ExitStack() as stack:
        made = stack.enter_context(BpfObject(program))
        made.load()
        for offset in offsets:
            for name, is_return in (("at_entry", False), ("at_return", True)):
                link = lib.bpf_program__attach_uprobe(made.program(name), is_return, -1, path.encode(), offset)
                assert link, "the kernel refuses the probe"
                stack.callback(lib.bpf_link__destroy, link)
        yield made


def run(way: str, server: load.Server, requests: int, program: Path) -> Seen:
    """One load beside one way to look at it."""
    used: list[float] = []

    def loaded() -> load.Load:
        before = cpu_s(server.pid)
        done = server.load(requests)
        used.append((cpu_s(server.pid) - before) * 1e6 / requests)
        return done

    if way == ALONE:
        return Seen(loaded().rate, 1.0, used[0])
    if way == PROBES:
        with probes(program) as made:
            rate = loaded().rate
            with made.mapped(".bss", 16) as memory:
                calls, _ = struct.unpack("=QQ", memory[:16])
        return Seen(rate, calls / requests, used[0])
    done = watch(WITH_TLS if way == TLS else OURS, server.port, loaded)
    return Seen(done.rate, (done.messages or 0) / 2 / requests, used[0])


def rates(server: load.Server, requests: int, rounds: int, program: Path) -> dict[str, list[Seen]]:
    """All ways in turn, in each round from another one on."""
    ways = [ALONE, PACKETS, TLS, PROBES]
    found: dict[str, list[Seen]] = {way: [] for way in ways}
    server.load(requests // 4)  # warm-up
    for number in range(rounds):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            found[way].append(run(way, server, requests, program))
    return found


def main() -> None:
    """Prints a table."""
    given = [int(word) for word in sys.argv[1:]]
    requests, rounds = *given, *(REQUESTS, ROUNDS)[len(given) :]
    print(f"{'':16} {'':14} {'requests/s':>10} {'by alone':>9} {'by packets':>11} {'server us':>10} {'seen':>6}")
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        folder.chmod(0o755)
        made, program = https.certificate(folder), compiled(folder)
        for what, keep_alive, count in (
            ("kept alive", load.KEEP_ALIVE, requests),
            ("new connections", 1, requests // DEAR),
        ):
            with load.server(keep_alive, made=made) as server:
                found = rates(server, count, rounds, program)
            for way, runs in found.items():
                by = {
                    other: median(one.rate / beside.rate for one, beside in zip(runs, found[other], strict=True))
                    for other in (ALONE, PACKETS)
                }
                rate, share, server_us = (median(values) for values in zip(*runs, strict=True))
                shown = f"{rate:10.0f} {by[ALONE]:9.2f} {by[PACKETS]:11.2f} {server_us:10.0f} {share:6.2f}"
                print(f"{what:16} {way:14} {shown}", flush=True)


if __name__ == "__main__":
    main()
