"""The processes at the ends of an exchange, as text and as fields of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.escape import printable
from sockfilter.masking import mask_arguments

if TYPE_CHECKING:
    from sockfilter.model.process import Process

# characters of a container's id that are shown, as the tools for containers do
ID_SHOWN = 12


def fields_of(process: Process, show_secrets: bool) -> dict[str, Any]:
    """The known fields of a process, by their names in JSON. Unknown fields are absent."""
    made: dict[str, Any] = {"pid": process.pid, "comm": process.comm}
    if process.exe is not None:
        made["exe"] = process.exe
    if process.cmdline is not None:
        made["cmdline"] = list(process.cmdline if show_secrets else mask_arguments(process.cmdline))
    if process.uid is not None:
        made["uid"] = process.uid
    if process.inner_pid != process.pid:
        made["inner_pid"] = process.inner_pid
    if process.container is not None:
        made["container"] = process.container
    if process.pod is not None:
        made["pod"] = process.pod
    return made


def name_of(process: Process) -> str:
    """The short name and the number of a process: curl[1234]."""
    return printable(str(process))


def line_of(process: Process, show_secrets: bool) -> str:
    """Name, command line and user of a process: curl[1234] /usr/bin/curl -s http://... (uid 1000)."""
    arguments = process.cmdline or ()
    if not show_secrets:
        arguments = mask_arguments(arguments)
    # for a script, exe is the interpreter
    words = [process.exe or "", *arguments[1:]] if process.exe is not None else [*arguments]
    about = "" if process.uid is None else f"uid {process.uid}"
    if process.inner_pid != process.pid:
        about += f", {process.inner_pid} in its own namespace"
    if process.container is not None:
        about += f", container {process.container[:ID_SHOWN]}"
    if process.pod is not None:
        about += f", pod {process.pod}"
    line = " ".join(filter(None, (str(process), *words)))
    return printable(f"{line} ({about.removeprefix(', ')})" if about else line)
