"""The kernel takes the program, with room to spare."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sockfilter.errors import Closed, KernelUnsupported
from sockfilter.libbpf.object import BpfObject
from sockfilter.sources.calls import cgroups
from sockfilter.sources.calls.syscalls import Callers, SyscallSource
from sockfilter.sources.narrowing import PROTOCOL_BITS
from sockfilter.sources.packets.attachment import FRAMES, OBJECT, OTHERS, PLAIN
from tests.support.net import namespace
from tests.support.rights import without_rights
from tests.support.skips import need_btf, need_root

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]

# Instructions that the verifier may go through, on every kernel: it refuses the program after a million of them
# (BPF_COMPLEXITY_LIMIT_INSNS), and a kernel that is not tested here may need more than those that are. 5.10 needs most:
# 88 000, where 6.18 needs 27 000
INSTRUCTIONS_MAX = 100_000
# the same with protocols beside HTTP, which the program looks for on each of the many paths that 5.10 follows
INSTRUCTIONS_MAX_WITH_OTHERS = 600_000
# without CAP_PERFMON 5.10 and 6.1 recognize far fewer paths as the same: 325 000, where newer kernels need 23 000
INSTRUCTIONS_MAX_WITHOUT_PERFMON = 400_000

ALL_PROTOCOLS = sum(PROTOCOL_BITS.values())


# whether for a file, the protocols, whether TLS is wanted, and the program
CASES = {
    "usual": (False, 0, False, FRAMES),
    "tls": (False, 0, True, FRAMES),
    "without frames": (False, 0, False, PLAIN),
    "tls without frames": (False, 0, True, PLAIN),
    "tls for a file": (True, 0, True, PLAIN),
    "all protocols": (False, ALL_PROTOCOLS, True, OTHERS),
    "all protocols for a file": (True, ALL_PROTOCOLS, True, OTHERS),
}
ROOT_RIGHTS, TWO_CAPABILITIES = (), ("net_raw", "bpf")


@pytest.mark.parametrize(
    ("rights", "case"),
    [
        *(pytest.param(ROOT_RIGHTS, case, id=f"root-{name}") for name, case in CASES.items()),
        # what leaves out content of HTTP/2 is loaded with CAP_PERFMON alone
        *(pytest.param(TWO_CAPABILITIES, case, id=f"two-{name}") for name, case in CASES.items() if FRAMES not in case),
    ],
)
@pytest.mark.parametrize("link", ["DETECT", "ETHERNET", "NONE"])
def test_verifier_is_far_from_giving_up(
    rights: tuple[str, ...],
    link: str,
    case: tuple[bool, int, bool, str],
    record_property: Callable[[str, object], None],
) -> None:
    need_root()
    whole, protocols, tls, program = case
    settings = [f"SF_LINK_{link}", str(int(whole)), str(protocols), str(int(tls)), program]
    command = [sys.executable, "-m", "tests.support.verifier", *settings]
    prefix = without_rights(*rights) if rights else ()
    done = subprocess.run([*prefix, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    without_perfmon = INSTRUCTIONS_MAX_WITH_OTHERS if protocols else INSTRUCTIONS_MAX_WITHOUT_PERFMON
    assert 0 < int(done.stdout) < (without_perfmon if rights else INSTRUCTIONS_MAX)
    record_property("verified by two capabilities" if rights else "verified by root", int(done.stdout))


@pytest.mark.parametrize(
    "callers",
    [
        pytest.param(Callers(), id="all"),
        pytest.param(Callers(unix_too=True), id="unix"),
        pytest.param(Callers(processes=(os.getpid(),)), id="processes"),
        pytest.param(Callers(comms=("python", "curl")), id="names"),
    ],
)
def test_system_calls_are_loaded(callers: Callers) -> None:
    need_root()
    need_btf()
    SyscallSource(callers).close()


def test_system_calls_of_a_control_group_are_loaded() -> None:
    need_root()
    need_btf()
    folder = Path(cgroups.root(), f"sockfilter-{os.getpid()}")
    folder.mkdir()
    try:
        SyscallSource(Callers(cgroup=str(folder), unix_too=True)).close()
    finally:
        folder.rmdir()


def test_what_is_closed_while_it_is_loaded_leaves_nothing() -> None:
    need_root()
    before = os.listdir("/proc/self/fd")
    opened = BpfObject(OBJECT)
    opened.begin_to_load()
    opened.close()
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(Closed):
        opened.load()


def test_two_objects_are_loaded_at_once() -> None:
    need_root()
    with BpfObject(OBJECT) as one, BpfObject(OBJECT) as other:
        one.begin_to_load()
        other.begin_to_load()
        other.load()
        one.load()
        assert one.program_fd("sockfilter") != other.program_fd("sockfilter")


def test_what_the_kernel_says_of_a_load_is_said_of_that_one() -> None:
    """The verifier's words come from the thread that loads; those of one are not mixed with the other's."""
    need_root()
    with BpfObject(OBJECT) as refused, BpfObject(OBJECT) as loaded:
        refused.set_max_entries("connections", 0)
        refused.begin_to_load()
        loaded.begin_to_load()
        loaded.load()
        with pytest.raises(KernelUnsupported, match=r"creating the BPF maps: .*connections"):
            refused.load()


def test_two_processes_capture_at_once() -> None:
    script = "import sys, sockfilter; c = sockfilter.capture('lo', netns=sys.argv[1]); print('up', flush=True); input()"
    with namespace() as netns:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, netns], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        said = [process.stdout.readline() for process in processes]
        for process in processes:
            process.communicate("\n")
        assert said == ["up\n", "up\n"]
