"""Programs that talk HTTPS with TLS libraries of all kinds: clients that ask for a path, and servers that answer."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.https import await_port, nginx
from tests.support.net import free_port
from tests.support.servers import START_S
from tests.support.skips import need_package, need_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.https import Certificate

ANSWER = "it is /path\n"

HTTP_CLIENT = """
import http.client, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[3])
client = http.client.HTTPSConnection("localhost", int(sys.argv[1]), context=context)
client.request("GET", sys.argv[2])
client.getresponse().read()
"""
REQUESTS = """
import requests, sys
requests.get(f"https://localhost:{sys.argv[1]}{sys.argv[2]}", verify=sys.argv[3]).raise_for_status()
"""
HTTPX = """
import httpx, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[3])
httpx.get(f"https://localhost:{sys.argv[1]}{sys.argv[2]}", verify=context).raise_for_status()
"""
AIOHTTP = """
import aiohttp, asyncio, ssl, sys
async def main():
    context = ssl.create_default_context(cafile=sys.argv[3])
    async with aiohttp.ClientSession() as session:
        async with session.get(f"https://localhost:{sys.argv[1]}{sys.argv[2]}", ssl=context) as response:
            await response.read()
asyncio.run(main())
"""
CURL_CFFI = """
import curl_cffi, sys
curl_cffi.get(f"https://localhost:{sys.argv[1]}{sys.argv[2]}", verify=sys.argv[3]).raise_for_status()
"""
NODE_CLIENT = """
const [port, path, certificate] = process.argv.slice(1);
const ca = require("fs").readFileSync(certificate);
require("https").get({host: "localhost", port, path, ca}, answer => answer.resume());
"""
GO_CLIENT = """
package main
import ("crypto/tls"; "crypto/x509"; "io"; "net/http"; "os")
func main() {
    certificate, _ := os.ReadFile(os.Args[3])
    pool := x509.NewCertPool()
    pool.AppendCertsFromPEM(certificate)
    client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
    answer, err := client.Get("https://localhost:" + os.Args[1] + os.Args[2])
    if err != nil { panic(err) }
    io.Copy(io.Discard, answer.Body)
    answer.Body.Close()
}
"""
NODE_SERVER = """
const fs = require("fs"), [port, certificate, key] = process.argv.slice(1);
require("https").createServer({cert: fs.readFileSync(certificate), key: fs.readFileSync(key)},
    (request, answer) => answer.end(`it is ${request.url}\\n`)).listen(port, "127.0.0.1");
"""
AIOHTTP_SERVER = """
import ssl, sys
from aiohttp import web
async def answer(request):
    return web.Response(text=f"it is {request.path}\\n")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
app = web.Application()
app.router.add_get("/{path}", answer)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), ssl_context=context, print=None)
"""
PYTHON_SERVER = """
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = f"it is {self.path}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
UVICORN_SERVER = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"it is {scope['path']}\\n".encode()})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), ssl_certfile=sys.argv[2], ssl_keyfile=sys.argv[3],
            log_level="error")
"""
GO_SERVER = """
package main
import ("fmt"; "net/http"; "os")
func main() {
    http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "it is %s\\n", r.URL.Path) })
    panic(http.ListenAndServeTLS("127.0.0.1:" + os.Args[1], os.Args[2], os.Args[3], nil))
}
"""
PYTHON = {"http.client": HTTP_CLIENT, "requests": REQUESTS, "httpx": HTTPX, "aiohttp": AIOHTTP, "curl_cffi": CURL_CFFI}
TLS_1_2 = "TLS 1.2"
CLIENTS = (
    *("curl", "curl HTTP/1.1", "curl TLS 1.2", "wget", "gnutls-cli", "gnutls-cli TLS 1.2", "openssl s_client"),
    *PYTHON,
    *("node", "go", "go stripped"),
)
SERVERS = ("nginx", "http.server", "aiohttp", "uvicorn", "node", "go", "go stripped", "openssl s_server")


def go_program(source: str, folder: Path, *, stripped: bool) -> str:
    """Builds a Go program."""
    go = need_tool("go")
    made, text = folder / "program", folder / "program.go"
    text.write_text(source)
    flags = ["-ldflags", "-s -w"] if stripped else []
    environment = {**os.environ, "GOCACHE": str(folder.parent / "go-cache"), "GOFLAGS": "", "GO111MODULE": "off"}
    subprocess.run([go, "build", *flags, "-o", made, text], check=True, env=environment, capture_output=True)
    return str(made)


def client(name: str, folder: Path, prefix: Sequence[str] = ()) -> Callable[[int, str, Certificate], None]:
    """Returns a function that asks a port for a path, by a program that starts then. Builds it, or skips the test.

    prefix: what runs the program.
    """
    kind, _, more = name.partition(" ")
    if name in PYTHON:
        if name != "http.client":
            need_package(name)
        words = [sys.executable, "-c", PYTHON[name]]
    elif kind == "node":
        words = [need_tool("node"), "-e", NODE_CLIENT]
    elif kind == "go":
        words = [go_program(GO_CLIENT, folder, stripped=more == "stripped")]
    else:
        return lambda port, path, made: _ask(name, port, path, made, prefix)
    return lambda port, path, made: _run([*prefix, *words, str(port), path, str(made.certificate)])


def _run(words: list[str], said: bytes | None = None) -> None:
    """Runs a program. One that takes what it sends from its input may complain that the server ended without notice."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(words, input=said, capture_output=True, env=environment, timeout=START_S, check=False)
    assert done.returncode == 0 or said is not None, (words, done.stdout, done.stderr)


def _ask(name: str, port: int, path: str, made: Certificate, prefix: Sequence[str]) -> None:
    kind, _, more = name.partition(" ")
    address, program = f"https://localhost:{port}{path}", need_tool(kind)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    if kind == "curl":
        options = {"": [], "HTTP/1.1": ["--http1.1"], TLS_1_2: ["--tls-max", "1.2"]}[more]
        _run([*prefix, program, "-sSf", "--cacert", str(made.certificate), *options, address])
    elif kind == "wget":
        _run([*prefix, program, "-qO-", f"--ca-certificate={made.certificate}", address])
    elif kind == "gnutls-cli":
        priority = ["--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2"] if more == TLS_1_2 else []
        words = [
            *prefix,
            program,
            f"--x509cafile={made.certificate}",
            "--logfile=/dev/null",
            *priority,
            f"--port={port}",
        ]
        _run([*words, f"--port={port}", "localhost"], request)
    else:
        _run([*prefix, program, "s_client", "-quiet", "-connect", f"localhost:{port}"], request)


@contextmanager
def server(name: str, made: Certificate, folder: Path) -> Iterator[int]:
    """A server that says which path was asked for. Yields its port."""
    kind, _, more = name.partition(" ")
    if kind == "nginx":
        with nginx(made, folder) as port:
            yield port
        return
    port = free_port()
    files = [str(made.certificate), str(made.key)]
    words = {
        "http.server": lambda: [sys.executable, "-c", PYTHON_SERVER, str(port), *files],
        "aiohttp": lambda: [sys.executable, "-c", AIOHTTP_SERVER, str(port), *files],
        "uvicorn": lambda: [sys.executable, "-c", UVICORN_SERVER, str(port), *files],
        "node": lambda: [need_tool("node"), "-e", NODE_SERVER, str(port), *files],
        "go": lambda: [go_program(GO_SERVER, folder, stripped=more == "stripped"), str(port), *files],
        "openssl": lambda: [
            *(need_tool("openssl"), "s_server", "-HTTP", "-quiet", "-port", str(port)),
            *("-cert", files[0], "-key", files[1]),
        ],
    }
    if kind in ("aiohttp", "uvicorn"):
        need_package(kind)
    (folder / "path").write_text(f"HTTP/1.0 200 OK\r\nContent-Length: {len(ANSWER)}\r\n\r\n{ANSWER}")
    with subprocess.Popen(
        words[kind](), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            await_port(port)
            yield port
        finally:
            process.terminate()
