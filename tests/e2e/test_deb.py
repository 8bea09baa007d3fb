"""The Debian package, installed, used and removed on each release of Debian that it is for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import brotli
import pytest

from tests.support import bare_root
from tests.support.skips import Skip, need_root, need_tool, skip

ROOT = Path(__file__).resolve().parents[2]
# `make test-deb` makes them
RELEASES = ROOT / "build/roots"
BUILD_S = 300
LIVE_S = 300
# a maintainer whom lintian takes
MAINTAINER = {"DEBFULLNAME": "sockfilter", "DEBEMAIL": "sockfilter@packages.debian.org"}

INSTALL = """
set -eu
package=$1 script=$2 body=$3
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq --yes --no-install-recommends install "$package" >/dev/null
sockfilter --version
cd / && PYTHONPATH=/nowhere python3 -c "$script" "$body"
sockfilter -D | grep '^lo '
gzip -dc /usr/share/man/man1/sockfilter.1.gz | head -n 1
test -s /usr/share/bash-completion/completions/sockfilter
test -s /usr/share/zsh/vendor-completions/_sockfilter
test -s /usr/share/fish/vendor_completions.d/sockfilter.fish
test -d /usr/lib/sockfilter/sockfilter/cli/__pycache__
apt-get -qq --yes purge sockfilter >/dev/null
test ! -e /usr/lib/sockfilter
find / -xdev -name '*sockfilter*' ! -path '/tmp/*'
echo removed
"""
# `sockfilter -i lo -c 1` with one request, whose answer is in brotli
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
command = ["sockfilter", "-i", "lo", "-c", "1", "--ports", port, "--format", "jsonl", "--body", "all"]
sniffer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
greeting = sniffer.stderr.readline()
assert "listening on lo" in greeting, greeting + sniffer.stderr.read()
urllib.request.urlopen(f"http://127.0.0.1:{port}/packaged").read()
output, said = sniffer.communicate(timeout=30)
assert sniffer.returncode == 0, said
print(output.strip())
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_root()
    if not RELEASES.exists():
        skip(Skip.TOOL, f"roots of Debian in {RELEASES.relative_to(ROOT)}, which make test-deb makes")
    for tool in ("clang", "dpkg-deb", "dpkg-shlibdeps"):
        need_tool(tool)
    folder = tmp_path_factory.mktemp("deb")
    command = [sys.executable, "-m", "tools.deb", folder]
    environment = {**os.environ, **MAINTAINER}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_S
    )
    if done.returncode and "No matching distribution" in done.stderr:
        skip(Skip.NETWORK, "brotli and backports.zstd")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.deb")
    return found


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_it_installs_captures_and_leaves_nothing(package: Path, release: str, tmp_path: Path) -> None:
    lower = RELEASES / release
    if not lower.exists():
        skip(Skip.TOOL, f"a root of Debian {release}")
    words = ("sh", "-c", INSTALL, "sh", package, EXCHANGE, brotli.compress(b"from the package").hex())
    output = bare_root.run(*words, seen=package.parent, room=tmp_path, lower=lower, timeout_s=LIVE_S)
    program, libbpf, bpf_object, kernel, exchange, loopback, page, *left = output.splitlines()
    assert program.startswith("sockfilter ")
    assert re.match(r"libbpf 1\.\d+$", libbpf)
    assert (bpf_object[:11], kernel[:6]) == ("BPF object ", "Linux ")
    line = json.loads(exchange)
    assert (line["request"]["target"], line["response"]["body"]["text"]) == ("/packaged", "from the package")
    assert "127.0.0.1/8" in loopback
    assert page.startswith(".TH SOCKFILTER 1")
    assert left == ["removed"]


def test_lintian_has_nothing_against_it(package: Path) -> None:
    words = [need_tool("lintian"), "--allow-root", "--fail-on", "error,warning", package]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=BUILD_S)
    assert done.returncode == 0, done.stdout + done.stderr
