"""One exchange, seen by a sockfilter that was installed somewhere: run by any Python 3, with nothing beside it."""

from __future__ import annotations

import json

import brotli

# `sockfilter -i lo -c 1` with one request, whose answer is in brotli; takes the body in hex, and the command
EXCHANGE = """
import http.server, subprocess, sys, threading, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = bytes.fromhex(sys.argv[1])
        self.send_response(200)
        self.send_header("Content-Encoding", "br")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = str(server.server_port)
command = [*sys.argv[2:], "-i", "lo", "-c", "1", "--ports", port, "--format", "jsonl", "--body", "all"]
sniffer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
greeting = sniffer.stderr.readline()
assert "listening on lo" in greeting, greeting + sniffer.stderr.read()
urllib.request.urlopen(f"http://127.0.0.1:{port}/packaged").read()
output, said = sniffer.communicate(timeout=120)
assert sniffer.returncode == 0, said
print(output.strip())
"""


def in_brotli(text: str) -> str:
    """The body for EXCHANGE."""
    return str(brotli.compress(text.encode()).hex())


def body_of(line: str) -> str:
    """The body in what EXCHANGE printed."""
    return str(json.loads(line)["response"]["body"]["text"])
