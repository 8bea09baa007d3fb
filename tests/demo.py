"""make demo: a real server, real clients on loopback, and sockfilter showing what they say.

Exits with 0 only if every exchange that the clients made is among those that were captured.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("sockfilter"))
PAGE = b"<h1>Hello from the demo</h1>\n"
# seconds that anything here may take before it counts as broken
PATIENCE_S = 10


class Handler(BaseHTTPRequestHandler):
    """A page, an echo, a chunked answer; everything else is a 404."""

    protocol_version = "HTTP/1.1"
    # head and body are two writes: with Nagle's algorithm, the second waits 40 ms for the client's delayed ACK
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers GET and HEAD."""
        if self.path.partition("?")[0] == "/":
            self.answer(200, PAGE)
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for word in (b"one ", b"two ", b"three\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(word), word))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(404, b"nothing here\n")

    do_HEAD = do_GET  # noqa: N815  # the name that http.server calls

    def do_POST(self) -> None:
        """Gives back what it is sent."""
        self.answer(201, self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, status: int, body: bytes) -> None:
        """Sends a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Says nothing: sockfilter is to do the talking."""


class Server(ThreadingHTTPServer):
    """On one of the two loopback addresses."""

    daemon_threads = True

    def __init__(self, host: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def talk(host: str, port: int) -> list[tuple[str, str, int]]:
    """Makes some requests on one connection, and one on another. Returns method, target and status of each."""
    made = []
    kept = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    for method, target, body in (
        ("GET", "/", None),
        ("HEAD", "/", None),
        ("POST", "/echo", b"name=value&other=value"),
        ("GET", "/nowhere", None),
        ("GET", "/chunked", None),
        ("GET", "/", None),
    ):
        kept.request(method, target, body, {"User-Agent": "demo"})
        answer = kept.getresponse()
        answer.read()
        made.append((method, target, answer.status))
    kept.close()
    once = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    once.request("GET", "/?token=not-for-your-eyes", headers={"Connection": "close"})
    made.append(("GET", "/?token=***", once.getresponse().status))
    once.close()
    return made


def start(ports: str, *options: str, **streams: int | None) -> subprocess.Popen[str]:
    """Starts sockfilter and returns when it listens: it says so on its standard error."""
    process = subprocess.Popen(
        [COMMAND, "-i", "lo", "--ports", ports, *options], stderr=subprocess.PIPE, text=True, **streams
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    if "listening" not in line:
        sys.exit(line.strip() + process.stderr.read())
    return process


def main() -> int:
    """Returns the exit status."""
    servers = [Server("127.0.0.1")]
    try:
        servers.append(Server("::1"))
    except OSError:
        print("demo: no IPv6 on this machine's loopback; IPv4 alone", flush=True)
    ports = ",".join(str(server.server_port) for server in servers)
    print(f"$ sudo sockfilter -i lo --ports {ports}\n", flush=True)
    shown = start(ports)
    checked = start(ports, "--format", "jsonl", stdout=subprocess.PIPE)
    made = [exchange for server in servers for exchange in talk(str(server.server_address[0]), server.server_port)]
    for process in (shown, checked):
        process.send_signal(signal.SIGINT)
    lines = checked.communicate(timeout=PATIENCE_S)[0].splitlines()
    summary = shown.communicate(timeout=PATIENCE_S)[1]
    print(f"\n{summary}", end="", flush=True)
    seen = [
        (line["request"]["method"], line["request"]["target"], line["response"]["status"])
        for line in map(json.loads, lines)
        if line["request"] and line["response"]
    ]
    missing = Counter(made) - Counter(seen)
    if missing or shown.returncode or checked.returncode:
        print(f"demo: missing of {len(made)} exchanges: {dict(missing)}; status {shown.returncode}", flush=True)
        return 1
    print(f"demo: {len(made)} exchanges were made, and all of them were seen", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
