"""Capture files as a source: joins the reader of files with the functions that find the packets in frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.packets import inside, links
from sockfilter.sources.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.model.secret import Secret
    from sockfilter.sources.narrowing import KernelFilter


def file_source(
    path: str,
    kernel_filter: KernelFilter,
    *,
    every: bool = False,
    whole: bool = False,
    take_secret: Callable[[Secret], None] | None = None,
    searched: int = 0,
    others: Sequence[str] = (),
) -> FileSource:
    """Returns a capture file as a source. The arguments are those of FileSource."""
    return FileSource(
        path,
        kernel_filter,
        links.network,
        inside.Inside().step,
        is_read=links.is_read,
        is_cut=links.is_cut,
        every=every,
        whole=whole,
        take_secret=take_secret,
        searched=searched,
        others=others,
    )
