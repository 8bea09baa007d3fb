"""Containers by the names that runtimes give to control groups: no daemon is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# Under systemd a scope is named after the runtime (crio-conmon- and libpod-conmon- are those that watch one);
# with plain groups (cgroupfs) the id is all of the name.
CONTAINER = re.compile(r"(?:(?:docker|cri-containerd|containerd|nerdctl|crio|libpod)-)?([0-9a-f]{64})(?:\.scope)?")
# kubepods-burstable-pod<uid>.slice, where the uid has _ for -; pod<uid> with plain groups. A static pod has a hash
POD = re.compile(
    r"(?:kubepods(?:-\w+)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?"
)


class Container(NamedTuple):
    """The ids of a container and its pod, where there are such."""

    id: str | None = None
    pod: str | None = None


def container_of(groups: Iterable[str]) -> Container:
    """The container of a process.

    Args:
        groups: the names of its control group and those that hold it, the innermost first.
    """
    found = pod = None
    for name in groups:
        if found is None and (match := CONTAINER.fullmatch(name)):
            found = match[1]
        elif match := POD.fullmatch(name):
            pod = match[1].replace("_", "-")
            break
    return Container(found, pod)
