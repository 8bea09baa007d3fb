"""The kernel takes the program, with room to spare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.net import namespace
from tests.support.rights import without_rights
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]

# the verifier gives up after a million (BPF_COMPLEXITY_LIMIT_INSNS), and other kernels' verifiers take other paths
INSTRUCTIONS_MAX = 150_000
# without CAP_PERFMON those of 5.10 and 6.1 find far fewer paths alike: 780 000 at most, where newer ones need 22 000
INSTRUCTIONS_MAX_WITHOUT_PERFMON = 850_000


@pytest.mark.parametrize("whole", [False, True], ids=["usual", "for a file"])
@pytest.mark.parametrize("link", ["DETECT", "ETHERNET", "NONE"])
@pytest.mark.parametrize("rights", [(), ("net_raw", "bpf")], ids=["root", "two capabilities"])
def test_verifier_is_far_from_giving_up(
    rights: tuple[str, ...], link: str, whole: bool, record_property: Callable[[str, object], None]
) -> None:
    need_root()
    command = [sys.executable, "-m", "tests.support.verifier", f"SF_LINK_{link}", str(int(whole))]
    prefix = without_rights(*rights) if rights else ()
    done = subprocess.run([*prefix, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < (INSTRUCTIONS_MAX_WITHOUT_PERFMON if rights else INSTRUCTIONS_MAX)
    record_property("verified by two capabilities" if rights else "verified by root", int(done.stdout))


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
