"""What is attached to a socket counts towards its memory for options, which is little before Linux 6.7."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import KernelUnsupported
from sockfilter.sources.packets import attachment
from sockfilter.system.namespace import entered
from tests.support.net import namespace
from tests.support.skips import Skip, need_root, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

LITTLE = 8192


@contextmanager
def limited(value: int) -> Iterator[str]:
    """A network namespace with this limit."""
    need_root()
    limit = Path(attachment.OPTION_MEMORY)
    if not limit.exists():
        skip(Skip.KERNEL, "the limit in this network namespace")
    before = limit.read_text()
    with namespace() as netns:
        with entered(netns):
            if not limit.exists():
                skip(Skip.KERNEL, "a limit for each network namespace")
            limit.write_text(str(value))
        if limit.read_text() != before:
            limit.write_text(before)
            skip(Skip.KERNEL, "a limit for each network namespace")
        yield netns


@pytest.mark.parametrize("protocols", ["http", "all"])
def test_little_is_enough_to_capture(protocols: str) -> None:
    with limited(LITTLE) as netns, sockfilter.capture("lo", netns=netns, protocols=protocols):
        pass


def test_a_filter_that_is_too_long_says_what_to_raise() -> None:
    addresses = " or ".join(f"host 10.0.{number >> 8}.{number & 255}" for number in range(300))
    said = r"\(8192 bytes\); raise it: sysctl -w net\.core\.optmem_max=131072"
    with limited(LITTLE) as netns, pytest.raises(KernelUnsupported, match=said):
        sockfilter.capture("lo", netns=netns, pcap=addresses)
