"""Every CPython from 3.10 on imports the package, loads the object and sees an exchange.

The extension keeps to the stable ABI: the one that is built for the interpreter of the tests is what all run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import sockfilter
from tests.e2e.conftest import THOROUGH
from tests.support.interpreters import VERSIONS, interpreter
from tests.support.skips import Skip, need_root, need_tool, skip

DEPENDENCIES = ["cffi", "dpkt", "lark", "pyroute2", "tomli; python_version < '3.11'"]
INSTALL_S = 120
# uv has certificates of its own; these are both of its names for the machine's
SYSTEM_CERTIFICATES = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}

SCRIPT = """
import http.client, http.server, sys, threading
import dpkt, lark, pyroute2
import sockfilter

assert sys.version_info[:2] == tuple(map(int, sys.argv[1].split("."))), sys.version
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sockfilter.capture("lo", ports=server.server_port) as capture:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("HEAD", "/")
    status = connection.getresponse().status
    connection.close()
    capture.flush()
    (exchange,) = capture.exchanges
assert exchange.response.status == status == 200, exchange
assert capture.ledger.is_balanced, capture.ledger.imbalance
server.shutdown()
print(exchange.request.method, exchange.complete)
"""


def environment_of(version: str, folder: Path) -> Path:
    """A virtual environment with the dependencies; gives its python."""
    uv = need_tool("uv")
    subprocess.run([interpreter(version), "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    command = [uv, "pip", "install", "--quiet", "--python", python, *DEPENDENCIES]
    env = os.environ | SYSTEM_CERTIFICATES
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    if done.returncode:
        skip(Skip.NETWORK, done.stderr.strip().splitlines()[-1])
    return python


# the first and the last; those between are of make thorough
ENDS = (VERSIONS[0], VERSIONS[-1])
BETWEEN = [pytest.param(each, marks=getattr(pytest.mark, THOROUGH)) for each in VERSIONS if each not in ENDS]


@pytest.mark.parametrize("version", [*ENDS, *BETWEEN])
def test_it_sees_an_exchange(version, tmp_path):
    need_root()
    python = environment_of(version, tmp_path / "venv")
    package = tmp_path / "package/sockfilter"
    # a copy: beside an installed one stand the dependencies of its own interpreter
    shutil.copytree(Path(sockfilter.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [python, "-W", "error", "-c", SCRIPT, version],
        env={"PYTHONPATH": str(package.parent), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "HEAD True\n", done.stderr
    config = tmp_path / "config/sockfilter/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("ports = 1\n")
    command = [python, "-m", "sockfilter", "-i", "lo", "--duration", "0.01"]
    env = {"PYTHONPATH": str(package.parent), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    assert (done.returncode, b"listening on lo, ports 1;" in done.stderr) == (0, True), done.stderr
