"""The ssh session that a command runs in is known from its environment, or from that of processes above it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sockfilter.cli.ssh_session import NAME, SshSession, ssh_session


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("203.0.113.9 40112 198.51.100.7 22", SshSession("203.0.113.9", 22)),
        ("fe80::1%eth0 40112 fe80::2%eth0 2222", SshSession("fe80::1", 2222)),
        ("::ffff:203.0.113.9 40112 ::ffff:198.51.100.7 22", SshSession("203.0.113.9", 22)),
    ],
)
def test_by_its_own_environment(value: str, found: SshSession):
    assert ssh_session({NAME: value}) == found


def test_by_the_environment_of_a_process_above():
    """As below sudo, which removes the variable."""
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], env={}, check=True)"
    inner = "from sockfilter.cli.ssh_session import ssh_session; print(ssh_session({}))"
    done = subprocess.run(
        [sys.executable, "-c", script, inner],
        env={**os.environ, NAME: "192.0.2.1 1 192.0.2.2 2200"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(SshSession("192.0.2.1", 2200))
