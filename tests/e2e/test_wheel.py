"""The wheel with libbpf inside, in an empty environment, on a root without compilers, headers and libbpf."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from tools.sbom import LOCKED, pinned

from tests.e2e.conftest import THOROUGH
from tests.support import bare_root, packages
from tests.support.interpreters import VERSIONS, interpreter
from tests.support.skips import need_root

INSTALL_S = 180

SCRIPT = """
import glob, http.client, http.server, shutil, sys, threading
import sockfilter

assert sys.version_info[:2] == tuple(map(int, sys.argv[1].split("."))), sys.version
for tool in ("gcc", "cc", "clang", "ld", "pkg-config"):
    assert shutil.which(tool) is None, tool
assert not glob.glob("/usr/lib/**/libbpf*", recursive=True) and not glob.glob("/usr/include/*")
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sockfilter.capture("lo", ports=server.server_port) as capture:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("HEAD", "/")
    connection.getresponse()
    connection.close()
    capture.flush()
    (exchange,) = capture.exchanges
server.shutdown()
mapped = {line.split()[-1] for line in open("/proc/self/maps") if "/lib" in line}
assert any("/sockfilter.libs/libelf-" in path for path in mapped), mapped
assert not any("/libbpf.so" in path for path in mapped), mapped
assert sockfilter.__file__.startswith(sys.prefix), sockfilter.__file__
print(exchange.request.method, exchange.response.status, exchange.complete, capture.ledger.is_balanced)
"""
LIBRARIES = {"libbpf", "elfutils"}
INSTALL = """
set -eu
python=$1 wheel=$2 version=$3 script=$4
"$python" -m venv /venv
/venv/bin/python -m pip install --quiet --no-compile --only-binary :all: "$wheel"
/venv/bin/python -W error -c "$script" "$version"
/venv/bin/sockfilter --version
"""


def test_its_name_says_where_it_runs(wheel: Path) -> None:
    assert re.search(r"-cp310-abi3-manylinux_2_\d\d_x86_64\.whl$|-manylinux_2_\d\d_aarch64\.whl$", wheel.name)
    command = [sys.executable, "-m", "auditwheel", "show", wheel]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert f'consistent\nwith the following platform tag: "{wheel.stem.rpartition("-")[2]}"' in shown.stdout


@getattr(pytest.mark, THOROUGH)  # tests/contracts/test_build.py compares what is compiled
def test_the_same_sources_make_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    again = packages.wheel(tmp_path)
    assert again.name == wheel.name
    assert sha256(again.read_bytes()).digest() == sha256(wheel.read_bytes()).digest()


def test_it_says_what_it_is_made_of(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        (name,) = (name for name in content.namelist() if name.endswith(".dist-info/sboms/sockfilter.cdx.json"))
        bill = json.loads(content.read(name))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    found = {each["name"]: each["version"] for each in bill["components"]}
    assert {each.name for each in pinned(LOCKED / "run.txt") if "win32" not in each.marker} | LIBRARIES == set(found)
    assert all(found.values())


def test_it_holds_what_runs_and_the_licences(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        (metadata,) = (content.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    assert not [name for name in names if name.endswith((".c", ".h", ".a"))]
    assert sum(name.endswith(".so") for name in names) == 2  # the extension, and libelf
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "LIBRARIES", "LGPL-3", "GPL-3", "libelf-copyright", "libbpf-LICENSE.BSD-2-Clause"}
    assert set(re.findall("^License-File: (.*)$", metadata, re.MULTILINE)) == licences


# one wheel is for all; test_interpreters.py tries each of them
@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_it_sees_an_exchange_where_nothing_else_is(wheel: Path, version: str, tmp_path: Path) -> None:
    need_root()
    python = Path(interpreter(version))
    headers = str(python.resolve().parent.parent / "include")
    output = bare_root.run(
        *("sh", "-c", INSTALL, "sh", python, wheel, version, SCRIPT),
        seen=wheel.parent,
        room=tmp_path,
        hidden=(*bare_root.BUILDERS, headers),
        timeout_s=INSTALL_S,
    )
    exchange, program, *_ = output.splitlines()
    assert exchange == "HEAD 200 True True"
    assert program.startswith("sockfilter ")
