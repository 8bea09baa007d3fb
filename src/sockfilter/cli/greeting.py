"""What a capture says when it begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture
    from sockfilter.cli.arguments import Options

# TLS libraries that a line names.
NAMED_MAX = 4


def lines(
    options: Options,
    capture: Capture | ArchiveCapture,
    hosts: dict[str, tuple[str, ...]],
    about_filter: Iterable[str],
) -> Iterator[str]:
    """Yields the lines: what is captured, and what cannot be.

    Args:
        options: the options of the command line.
        capture: the capture, open.
        hosts: the addresses of each host given.
        about_filter: what a filter makes the capture do.
    """
    doing = "listening on" if options.read is None else "reading"
    yield f"{doing} {capture.source.name}{_narrowed(options, hosts)}; Ctrl-C ends"
    if options.write_secrets:
        yield f"the secrets of TLS connections go into {options.write}: whoever can read it can open them"
    if options.keylog is not None and not os.path.exists(options.keylog):
        yield f"the key log {options.keylog} does not exist yet: it is read when it does"
    yield from about_filter
    if closed := capture.closed_libraries():
        yield _closed(closed)
    if capture.no_processes:
        yield f"{capture.no_processes}; exchanges are shown without process names, as with --no-processes"
    if capture.no_tcp and not capture.no_processes:
        yield f"{capture.no_tcp}; exchanges are shown without it, as with --no-tcp"
    if capture.no_secrets:
        yield capture.no_secrets


def _narrowed(options: Options, found: dict[str, tuple[str, ...]]) -> str:
    """Returns the conditions of the capture for the greeting. found: the addresses of each host."""
    names = [host if known == (host,) else f"{host} ({', '.join(known)})" for host, known in found.items()]
    parts = [
        f"process {', '.join(map(str, options.pid))} and its children" if options.pid else "",
        f"command {options.comm}" if options.comm else "",
        f"cgroup {options.cgroup}" if options.cgroup else "",
        f"ports {options.ports}" if options.ports else "",
        f"host {', '.join(names)}" if names else "",
        f"IPv{options.family}" if options.family else "",
        f"protocols {options.protocols}" if options.protocols else "",
        f"network namespace {options.netns}" if options.netns else "",
        f"filter {options.pcap}" if options.pcap else "",
    ]
    return "".join(f", {part}" for part in parts if part)


def _closed(paths: list[str]) -> str:
    """Returns a sentence about TLS libraries that give no secrets to probes."""
    names = sorted({os.path.basename(path) for path in paths})
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"not opened: TLS of {', '.join(names[:NAMED_MAX])}{more}; sockfilter tls says why, and what to do"
