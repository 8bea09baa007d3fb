"""A program counts towards the memory for options of its socket, which is little before Linux 6.7."""

from __future__ import annotations

from pathlib import Path

import pytest

import sockfilter
from sockfilter.errors import KernelUnsupported
from sockfilter.sources.packets import attachment
from sockfilter.system.namespace import entered
from tests.support.net import namespace
from tests.support.skips import Skip, need_root, skip

LITTLE = 8192


@pytest.mark.parametrize("protocols", ["http", "all"])
def test_too_little_says_what_to_raise(protocols: str) -> None:
    need_root()
    limit = Path(attachment.OPTION_MEMORY)
    before = limit.read_text()
    with namespace() as netns:
        with entered(netns):
            limit.write_text(str(LITTLE))
        if limit.read_text() != before:
            limit.write_text(before)
            skip(Skip.KERNEL, "a limit for each network namespace")
        with pytest.raises(
            KernelUnsupported, match=r"\(8192 bytes\); raise it: sysctl -w net\.core\.optmem_max=131072"
        ):
            sockfilter.capture("lo", netns=netns, protocols=protocols)


def test_less_than_the_third_program_takes_is_enough_to_capture() -> None:
    need_root()
    limit = Path(attachment.OPTION_MEMORY)
    before = limit.read_text()
    with namespace() as netns:
        with entered(netns):
            limit.write_text(str(attachment.FRAMES_OPTION_MEMORY - 1))
        if limit.read_text() != before:
            limit.write_text(before)
            skip(Skip.KERNEL, "a limit for each network namespace")
        with sockfilter.capture("lo", netns=netns):
            pass
