"""Finds containers by the names that runtimes give to control groups, without asking a daemon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

# Under systemd a scope is named after the runtime (crio-conmon- and libpod-conmon- are the scopes of monitors). With
# the cgroupfs driver, the id is the whole name.
CONTAINER = re.compile(r"(?:(?:docker|cri-containerd|containerd|nerdctl|crio|libpod)-)?([0-9a-f]{64})(?:\.scope)?")
# kubepods-burstable-pod<uid>.slice, where the uid has _ in place of -; pod<uid> with the cgroupfs driver. The uid of
# a static pod is a hash
POD = re.compile(
    r"(?:kubepods(?:-\w+)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?"
)


class Container(NamedTuple):
    """The ids of a container and its pod; None if there is none."""

    id: str | None = None
    pod: str | None = None


def container_of(groups: Iterable[str]) -> Container:
    """Returns the container of a process.

    Args:
        groups: the names of its control group and of all parent groups, the innermost first.
    """
    found = pod = None
    for name in groups:
        if found is None and (match := CONTAINER.fullmatch(name)):
            found = match[1]
        elif match := POD.fullmatch(name):
            pod = match[1].replace("_", "-")
            break
    return Container(found, pod)
