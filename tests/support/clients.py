"""Real clients: what they are to ask, and what they know of the answers."""

from __future__ import annotations

import http.client
import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.servers import Site

TIMEOUT_S = 60


@dataclass(frozen=True)
class Ask:
    """A request to make."""

    method: str
    target: str
    body: bytes | None = None
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reply:
    """What the client knows: its request, the answer as it came, and its place on its connection.

    Attributes:
        body: after de-chunking, before content decoding.
        statuses: those before the final one, and that.
        conn_seq: which exchange of the connection this was, from 1.
        client_port: None where the client does not tell.
    """

    ask: Ask
    statuses: tuple[int, ...]
    body: bytes
    conn_seq: int
    client_port: int | None = None


@contextmanager
def load(site: Site) -> Iterator[None]:
    """A client that asks without a pause, until the end."""
    command = ["curl", "--disable", "--silent", "--noproxy", "*", "--output", "/dev/null"]
    process = subprocess.Popen([*command, site.url("/small?[1-10000000]")], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def curl(site: Site, asks: Sequence[Ask], *options: str) -> list[Reply]:
    """One curl, one connection as far as the server lets it."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        command = [need_tool("curl"), "--disable"]
        for i, ask in enumerate(asks):
            command += ["--next"] if i else []
            command += [*_curl_request(site, ask, work, i), *options]
        done = _run(command, site)
        told = [line.split() for line in done.stdout.splitlines()]
        assert len(told) == len(asks), done.stderr
        replies: list[Reply] = []
        for i, (ask, (connects, port)) in enumerate(zip(asks, told, strict=True)):
            statuses = re.findall(r"^HTTP/\S+ (\d+)", (work / f"head{i}").read_text("latin-1"), re.MULTILINE)
            body = b"" if ask.method == "HEAD" else (work / f"body{i}").read_bytes()
            number = 1 if int(connects) else replies[-1].conn_seq + 1
            replies.append(Reply(ask, tuple(map(int, statuses)), body, number, int(port)))
        return replies


def _curl_request(site: Site, ask: Ask, work: Path, number: int) -> list[str]:
    command = ["--silent", "--show-error", "--globoff", "--noproxy", "*", "--max-time", str(TIMEOUT_S)]
    command += ["--dump-header", str(work / f"head{number}"), "--output", str(work / f"body{number}")]
    command += ["--write-out", r"%{num_connects} %{local_port}\n"]
    (work / f"body{number}").touch()  # curl makes none for an empty one
    for name, value in ask.fields:
        command += ["--header", f"{name}: {value}"]
    if ask.method == "HEAD":
        command += ["--head"]
    elif ask.method != "GET":
        command += ["--request", ask.method]
    if ask.body is not None:
        sent = work / f"sent{number}"
        sent.write_bytes(ask.body)
        command += ["--data-binary", f"@{sent}", "--header", "Content-Type: application/octet-stream"]
    return [*command, site.url(ask.target)]


def wget(site: Site, asks: Sequence[Ask]) -> list[Reply]:
    """One wget for each request: its options hold for all that one asks for."""
    return [_wget(site, ask) for ask in asks]


def _wget(site: Site, ask: Ask) -> Reply:
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        command = [need_tool("wget"), "--no-config", "--no-proxy", "--tries=1", f"--timeout={TIMEOUT_S}"]
        command += ["--no-verbose", "--server-response", "--content-on-error", f"--output-document={work / 'body'}"]
        command += [f"--header={name}: {value}" for name, value in ask.fields]
        if ask.method != "GET":
            command += [f"--method={ask.method}"]
        if ask.body is not None:
            (work / "sent").write_bytes(ask.body)
            command += [f"--body-file={work / 'sent'}"]
        done = _run([*command, site.url(ask.target)], site, may_fail=True)
        statuses = re.findall(r"^ +HTTP/\S+ (\d+)", done.stderr, re.MULTILINE)
        assert statuses, done.stderr
        return Reply(ask, tuple(map(int, statuses)), (work / "body").read_bytes(), 1)


def wget_each(site: Site, targets: Sequence[str]) -> str:
    """One wget for several pages; gives what it says on the way."""
    command = [need_tool("wget"), "--no-config", "--no-proxy", "--tries=1", f"--timeout={TIMEOUT_S}"]
    return _run([*command, "--output-document=/dev/null", *map(site.url, targets)], site).stderr


def http_client(site: Site, asks: Sequence[Ask]) -> list[Reply]:
    """Python's own, over one connection as far as the server lets it."""
    connection = http.client.HTTPConnection(site.host, site.port, timeout=TIMEOUT_S)
    replies: list[Reply] = []
    number = 0
    try:
        for ask in asks:
            if connection.sock is None:
                connection.sock = site.connect()
                number = 0
            number += 1
            port = connection.sock.getsockname()[1]
            connection.request(ask.method, ask.target, ask.body, dict(ask.fields))
            response = connection.getresponse()
            replies.append(Reply(ask, (response.status,), response.read(), number, port))
    finally:
        connection.close()
    return replies


def _run(command: list[str], site: Site, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    if site.client_netns:
        command = ["ip", "netns", "exec", site.client_netns, *command]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=60)
    assert may_fail or done.returncode == 0, f"{command[0]}: {done.returncode} {done.stderr}"
    return done


CLIENTS: dict[str, Callable[[Site, Sequence[Ask]], list[Reply]]] = {
    "curl": curl,
    "wget": wget,
    "http.client": http_client,
}
