"""What is measured: sockfilter, the tools it is compared with, and how to count what each has seen."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

SOCKFILTER = Path(sys.executable).parent / "sockfilter"


class Tool(NamedTuple):
    """One way to look at the traffic of a port.

    Attributes:
        name: what it is called in the table.
        command: the command line, by port and by the file that takes the output.
        ready: what it says on standard error when it has begun to listen.
        count: the HTTP messages that are in its output; None: it does not say.
        takes_stdout: whether the output is what it prints.
        is_slow: left out of the quick run.
    """

    name: str
    command: Callable[[int, str], list[str]]
    ready: bytes
    count: Callable[[Path], int] | None
    takes_stdout: bool = True
    is_slow: bool = False


def lines(path: Path) -> int:
    """Lines in a file."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def matches(pattern: bytes) -> Callable[[Path], int]:
    """How often something is said in a file."""
    found = re.compile(pattern, re.MULTILINE)
    return lambda path: sum(len(found.findall(line)) for line in path.open("rb"))


def sockfilter(*options: str) -> Callable[[int, str], list[str]]:
    """Its command line, with options beside the usual ones."""
    return lambda port, out: [str(SOCKFILTER), "-i", "lo", "--ports", str(port), "--fail-on-loss", *options]


OURS = Tool("sockfilter", sockfilter(), b"listening", lambda path: 2 * lines(path))

PEERS = (
    Tool(
        "tcpdump -w",
        lambda port, out: ["tcpdump", "-i", "lo", "-U", "-w", out, "tcp", "port", str(port)],
        b"listening",
        None,
        takes_stdout=False,
    ),
    Tool(
        "ngrep",
        lambda port, out: ["ngrep", "-q", "-d", "lo", "-W", "byline", "HTTP", "tcp", "port", str(port)],
        b"",
        matches(rb"^T .* \[AP"),
    ),
    Tool(
        "httpry",
        lambda port, out: ["httpry", "-i", "lo", "-o", out, f"tcp port {port}"],
        b"Starting capture",
        matches(rb"^\d{4}-"),
        takes_stdout=False,
    ),
    Tool(
        "tshark -T fields",
        lambda port, out: [
            *("tshark", "-i", "lo", "-f", f"tcp port {port}", "-d", f"tcp.port=={port},http", "-Y", "http", "-l"),
            *("-T", "fields", "-e", "http.request.method", "-e", "http.request.uri", "-e", "http.response.code"),
        ],
        b"Capturing on",
        lines,
        is_slow=True,
    ),
    Tool(
        "tcpdump -A",
        lambda port, out: ["tcpdump", "-i", "lo", "-A", "tcp", "port", str(port)],
        b"listening",
        matches(rb"(GET / HTTP/1|HTTP/1\.1 200)"),
        is_slow=True,
    ),
)
