"""Probes give the secrets of handshakes: those that the library's own key log has, of whom they are wanted."""

from __future__ import annotations

import mmap
import os
import select
import shutil
import signal
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sockfilter.model.secret import LABELS, Secret
from sockfilter.sources.secrets import ring
from sockfilter.sources.secrets.finding import find
from sockfilter.sources.secrets.probed import ProbedSecrets
from sockfilter.sources.secrets.probes import EVERYBODY, Probes, Scope
from sockfilter.sources.secrets.ring import SecretRing
from tests.support import https
from tests.support.skips import Skip, need_root, skip

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def root() -> None:
    need_root()


# seconds until something has been probed that was loaded after the start
PROBED_S = 30.0
# of which both ends are here: more than the ring has room for
HANDSHAKES = 10

# loads a library, waits for a line, and makes a handshake with itself
CLIENT = """
import ssl, sys
print(flush=True)
sys.stdin.readline()
certificate, key, log = sys.argv[1:4]
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(certificate, key)
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.check_hostname, client.verify_mode, client.keylog_filename = False, ssl.CERT_NONE, log
(a, b), (c, d) = ((ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2))
ends = client.wrap_bio(a, b), server.wrap_bio(b, a, server_side=True)
for _ in range(4):
    for end in ends:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> https.Certificate:
    return https.certificate(tmp_path_factory.mktemp("certificate"))


def libssl() -> str:
    """The library that this Python uses."""
    import _ssl

    assert _ssl
    with open("/proc/self/maps") as lines:
        path = next((line.split()[-1] for line in lines if "/libssl" in line), None)
    if path is None:
        skip(Skip.TOOL, "a Python that uses a shared libssl")
    return path


def handshake(made: https.Certificate, log: Path, version: ssl.TLSVersion) -> None:
    """Makes a handshake in memory, both ends in this process. The client writes a key log."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    client = https.client_context(made, log)
    client.minimum_version = client.maximum_version = version
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(one, other, server_hostname="localhost"), server.wrap_bio(other, one, server_side=True)
    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()


def logged(log: Path) -> set[tuple[str, str]]:
    """The labels and secrets in a key log that open records."""
    lines = (line.split() for line in log.read_text().splitlines() if not line.startswith("#"))
    return {(label, secret) for label, _, secret in lines if label in LABELS}


@contextmanager
def probes(path: str, got: list[Secret], whose: Scope = EVERYBODY) -> Iterator[SecretRing]:
    """Probes on one library."""
    with Probes(whose) as made:
        fd = os.open(path, os.O_RDONLY)
        try:
            made.attach(fd, find(fd))
        finally:
            os.close(fd)
        ring_fd, counts_fd, _ = made.descriptors
        with SecretRing(os.dup(ring_fd), os.dup(counts_fd), got.append, lambda count: None) as reader:
            yield reader


def mine(got: list[Secret]) -> list[Secret]:
    """Those of this process: other programs use the library too."""
    return [secret for secret in got if secret.process == os.getpid()]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_ends_report_what_the_key_log_has(
    certificate: https.Certificate, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    got: list[Secret] = []
    log = tmp_path / "log"
    with probes(libssl(), got) as reader:
        began_ns = time.monotonic_ns()
        handshake(certificate, log, version)
        reader.read()
        counts = reader.counts
    secrets = mine(got)
    assert {(secret.label, secret.secret.hex()) for secret in secrets} == logged(log)
    assert len({secret.owner for secret in secrets}) == 2
    assert len(secrets) == 2 * len(logged(log))
    assert all(began_ns <= secret.time_ns <= time.monotonic_ns() for secret in secrets)
    assert all(secret.origin == "probe" for secret in secrets)
    assert counts["seen"] == sum(counts.values()) - counts["seen"]


@pytest.mark.parametrize("whose", [Scope(pid=1), Scope(uid=12345)])
def test_secrets_of_others_are_not_taken(certificate: https.Certificate, tmp_path: Path, whose: Scope) -> None:
    got: list[Secret] = []
    with probes(libssl(), got, whose) as reader:
        handshake(certificate, tmp_path / "log", ssl.TLSVersion.TLSv1_3)
        reader.read()
        assert reader.counts["excluded"] >= 10
    assert not mine(got)


def test_secrets_of_this_process_alone(certificate: https.Certificate, tmp_path: Path) -> None:
    got: list[Secret] = []
    with probes(libssl(), got, Scope(pid=os.getpid(), uid=os.getuid())) as reader:
        handshake(certificate, tmp_path / "log", ssl.TLSVersion.TLSv1_3)
        reader.read()
    assert len(got) == 8


class SmallProbes(Probes):
    """With a ring of one page, which has room for 30 secrets."""

    def _configure(self, whose: Scope) -> None:
        super()._configure(whose)
        self._object.set_max_entries("secrets", mmap.PAGESIZE)


def test_secrets_that_find_no_room_are_counted(
    certificate: https.Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads the ring meanwhile."""
    got: list[Secret] = []
    lost: list[int] = []
    monkeypatch.setattr(ring, "RING_BYTES", mmap.PAGESIZE)
    with SmallProbes(Scope(pid=os.getpid())) as made:
        fd = os.open(libssl(), os.O_RDONLY)
        made.attach(fd, find(fd))
        os.close(fd)
        ring_fd, counts_fd, _ = made.descriptors
        with SecretRing(os.dup(ring_fd), os.dup(counts_fd), got.append, lost.append) as small:
            for _ in range(HANDSHAKES):
                handshake(certificate, tmp_path / "log", ssl.TLSVersion.TLSv1_3)
            small.read()
            counts = small.counts
    assert sum(lost) == counts["lost"] > 0
    assert len(got) == counts["sent"]
    assert counts["sent"] + counts["lost"] == 8 * HANDSHAKES


def test_a_library_that_is_loaded_later(certificate: https.Certificate, tmp_path: Path) -> None:
    """It is a file of its own, which nobody used before."""
    own = tmp_path / "lib"
    own.mkdir()
    original = libssl()
    path = shutil.copy(original, own / os.path.basename(original))
    got: list[Secret] = []
    with ProbedSecrets(got.append, lambda count: None) as probed:
        probed.wait_ready()
        assert path not in [file.path for file in probed.files]
        files = map(str, (certificate.certificate, certificate.key, tmp_path / "log"))
        command = [sys.executable, "-c", CLIENT, *files]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "LD_LIBRARY_PATH": str(own)},
        ) as client:
            assert client.stdout is not None
            client.stdout.readline()
            deadline = time.monotonic() + PROBED_S
            while str(path) not in [file.path for file in probed.files]:
                assert time.monotonic() < deadline, probed.files
                probed.read()
                time.sleep(0.001)
            client.communicate(b"\n")
        probed.read()
    own_secrets = {(secret.label, secret.secret.hex()) for secret in got if secret.process == client.pid}
    assert own_secrets == logged(tmp_path / "log")


def test_a_program_is_probed_before_it_starts(certificate: https.Certificate, tmp_path: Path) -> None:
    path = shutil.copy(libssl(), tmp_path / "libssl.so.3")
    with ProbedSecrets(lambda secret: None, lambda count: None) as probed:
        probed.wait_ready()
        program = tmp_path / "program"
        program.write_text("#!/bin/sh\n")
        probed.look_at(str(program))
        assert str(path) in [file.path for file in probed.files]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_capture_is_killed(number: signal.Signals) -> None:
    program = (
        "import time\n"
        "from sockfilter.sources.secrets.probed import ProbedSecrets\n"
        "probed = ProbedSecrets(print, print)\n"
        "probed.wait_ready()\n"
        "print(probed._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as capture:
        assert capture.stdout is not None
        attacher = os.pidfd_open(int(capture.stdout.readline()))
        capture.send_signal(number)
    # its end is the end of all probes: they are links that only it holds
    assert select.select([attacher], [], [], PROBED_S)[0]
    os.close(attacher)


def test_the_process_that_attaches_has_few_rights() -> None:
    with ProbedSecrets(lambda secret: None, lambda count: None) as probed:
        probed.wait_ready()
        status = Path(f"/proc/{probed._process.pid}/status").read_text()
        held = {int(line.split()[1], 16) for line in status.splitlines() if line.startswith(("CapEff", "CapPrm"))}
        sockets = [os.readlink(path) for path in Path(f"/proc/{probed._process.pid}/fd").iterdir()]
    # CAP_SYS_PTRACE, CAP_PERFMON, CAP_BPF, CAP_CHECKPOINT_RESTORE; before Linux 6.6 CAP_SYS_ADMIN too
    assert all(one & ~(1 << 19 | 1 << 21 | 1 << 38 | 1 << 39 | 1 << 40) == 0 for one in held)
    assert "NoNewPrivs:\t1" in status
    assert len([name for name in sockets if name.startswith("socket:")]) == 1


def test_when_the_process_that_attaches_has_ended_it_is_said() -> None:
    with ProbedSecrets(lambda secret: None, lambda count: None) as probed:
        probed.wait_ready()
        probed._process.kill()
        probed._process.wait()
        probed.read()
        assert "has ended" in probed.problem
        probed.look_at("/bin/true")
