"""What the command says where something is in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.support.command import run
from tests.support.skips import need_tool


def refusal(*arguments: str, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None) -> str:
    """The one line, less the name that each begins with; exit status 1."""
    done = run(*(arguments or ("-i", "lo")), prefix=prefix, env=env)
    assert done.output == b""
    assert len(done.said) == 1, done.said
    assert done.status == 1
    (line,) = done.said
    assert line.startswith("sockfilter: ")
    return line.removeprefix("sockfilter: ")


def without_rights(*kept: str) -> tuple[str, ...]:
    """As nobody, with these capabilities alone, and that of reading files, so that the project may lie anywhere."""
    sets = ",".join(f"+{name}" for name in ("dac_read_search", *kept))
    return need_tool("setpriv"), "--reuid=65534", "--clear-groups", f"--inh-caps={sets}", f"--ambient-caps={sets}"
