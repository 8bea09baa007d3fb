"""The Debian package, installed, used and removed on each release of Debian that it is for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import bare_root, packages
from tests.support.installed import EXCHANGE, body_of, in_brotli
from tests.support.skips import need_root, need_tool

LIVE_S = 300
LINTIAN_S = 60

INSTALL = """
set -eu
package=$1 script=$2 body=$3
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq --yes --no-install-recommends install "$package" >/dev/null
sockfilter --version
cd / && PYTHONPATH=/nowhere python3 -c "$script" "$body" sockfilter
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


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_root()
    bare_root.of_debian("bookworm")
    return packages.deb(tmp_path_factory.mktemp("deb"))


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_it_installs_captures_and_leaves_nothing(package: Path, release: str, tmp_path: Path) -> None:
    words = ("sh", "-c", INSTALL, "sh", package, EXCHANGE, in_brotli("from the package"))
    output = bare_root.run(
        *words, seen=package.parent, room=tmp_path, lower=bare_root.of_debian(release), timeout_s=LIVE_S
    )
    program, libbpf, bpf_object, kernel, exchange, loopback, page, *left = output.splitlines()
    assert program.startswith("sockfilter ")
    assert re.match(r"libbpf 1\.\d+$", libbpf)
    assert (bpf_object[:11], kernel[:6]) == ("BPF object ", "Linux ")
    assert body_of(exchange) == "from the package"
    assert "127.0.0.1/8" in loopback
    assert page.startswith(".TH SOCKFILTER 1")
    assert left == ["removed"]


def test_lintian_has_nothing_against_it(package: Path) -> None:
    words = [need_tool("lintian"), "--allow-root", "--fail-on", "error,warning", package]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LINTIAN_S)
    assert done.returncode == 0, done.stdout + done.stderr
