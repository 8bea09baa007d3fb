"""What is said where the kernel answered that it is not permitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockfilter.system import rights
from sockfilter.system.rights import CAP_BPF, CAP_NET_RAW, CAP_SYS_ADMIN, advice, effective


def with_rights(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> str:
    monkeypatch.setattr(rights, "effective", lambda: sum(1 << number for number in numbers))
    return advice()


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ((), "CAP_NET_RAW and CAP_BPF missing; use sudo"),
        ((CAP_NET_RAW,), "CAP_BPF missing; use sudo"),
        ((CAP_BPF,), "CAP_NET_RAW missing; use sudo"),
        ((CAP_SYS_ADMIN,), "CAP_NET_RAW missing; use sudo"),
        ((0, 1, 2), "CAP_NET_RAW and CAP_BPF missing"),
    ],
)
def test_what_is_missing_is_named_with_a_way_to_grant_it(
    monkeypatch: pytest.MonkeyPatch, held: tuple[int, ...], words: str
):
    said = with_rights(monkeypatch, *held)
    assert said.startswith(words)
    assert "setpriv" in said
    assert "AmbientCapabilities=CAP_NET_RAW CAP_BPF" in said


@pytest.mark.parametrize("held", [(CAP_NET_RAW, CAP_BPF), (CAP_NET_RAW, CAP_SYS_ADMIN)])
def test_with_all_of_them_something_else_is_in_the_way(monkeypatch: pytest.MonkeyPatch, held: tuple[int, ...]):
    assert "the kernel is locked down, or a sandbox refuses bpf(2)" in with_rights(monkeypatch, *held)


def test_with_all_of_them_the_limit_of_locked_memory_may_be_in_the_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rights, "effective", lambda: 1 << CAP_NET_RAW | 1 << CAP_BPF)
    monkeypatch.setattr(rights.resource, "getrlimit", lambda number: (65536, 65536))
    assert "locked memory, whose limit is 64 KiB; raise the limit: ulimit -l unlimited" in advice(True)
    assert "CAP_BPF missing" in with_rights(monkeypatch, CAP_NET_RAW)


def test_this_threads_own_are_those_the_kernel_tells():
    assert effective() == int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16)
