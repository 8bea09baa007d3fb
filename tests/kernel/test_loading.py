"""The kernel takes the program, with room to spare."""

from __future__ import annotations

import os
import subprocess
import sys

import sockfilter
from tests.support.bpf import held_by, verified_instructions
from tests.support.net import namespace

# the verifier gives up after a million (BPF_COMPLEXITY_LIMIT_INSNS), and other kernels' verifiers take other paths
INSTRUCTIONS_MAX = 150_000


def test_verifier_is_far_from_giving_up() -> None:
    with namespace() as netns:
        before = held_by(os.getpid())
        with sockfilter.capture("lo", netns=netns):
            (program,) = (held for held in held_by(os.getpid()) - before if held.kind == "prog")
            assert 0 < verified_instructions(program) < INSTRUCTIONS_MAX


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
