"""Where capturing is not permitted: tests skip, or fail, or borrow the rights of a broker."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.plugin.conftest import CONFTEST
from tests.support.broker import broker
from tests.support.rights import let_everybody_in, without_rights

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("root")

# its own path: without all rights, wire sees all processes
PATH = f"/rights-{os.getpid()}"
TEST = f"""
def test_it(wire, get):
    get("{PATH}")
    wire.expect(path="{PATH}", status=200).once()
"""


def run(pytester: pytest.Pytester, *words: str, rights: tuple[str, ...] = ()) -> tuple[int, str]:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    command = [*without_rights(*rights), sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pytester.path, timeout=120)
    return done.returncode, done.stdout


def test_without_rights_the_test_skips_and_says_what_to_do(pytester: pytest.Pytester):
    status, said = run(pytester, "--wire-broker=")
    assert status == 0
    assert "1 skipped" in said
    assert "sockfilter cannot capture: " in said
    assert "CAP_BPF missing; use sudo" in " ".join(said.split())


def test_where_it_is_required_the_test_fails(pytester: pytest.Pytester):
    status, said = run(pytester, "--wire=require")
    assert status == 1
    assert "CAP_BPF missing; use sudo" in said


def test_a_broker_captures_in_its_place(pytester: pytest.Pytester, tmp_path: Path):
    with broker(tmp_path) as (path, _):
        status, said = run(pytester, f"--wire-broker={path}", "--wire=require")
    assert (status, "1 passed" in said) == (0, True), said


def test_a_tree_cannot_be_followed_without_rights_and_that_is_said(pytester: pytest.Pytester):
    status, said = run(pytester, "--wire-scope=tree", rights=("net_raw", "bpf"))
    assert status == 0
    assert "1 skipped" in said
    assert "CAP_PERFMON" in said


def test_two_capabilities_are_enough_for_the_rest(pytester: pytest.Pytester):
    status, said = run(pytester, rights=("net_raw", "bpf"))
    assert (status, "1 passed" in said) == (0, True), said


def test_a_broker_that_has_ended_is_an_error_and_no_skip(pytester: pytest.Pytester, tmp_path: Path):
    path = tmp_path / "broker.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.bind(str(path))
    path.chmod(0o666)
    let_everybody_in(tmp_path)
    status, said = run(pytester, f"--wire-broker={path}")
    assert status == 1
    assert f"connecting to the broker at {path}: Connection refused; start one:" in said, said
