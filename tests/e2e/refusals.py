"""What the command says where something is in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.support.command import run


def refusal(*arguments: str, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None) -> str:
    """The one line, less the name that each begins with; exit status 1."""
    done = run(*(arguments or ("-i", "lo")), prefix=prefix, env=env)
    assert done.output == b""
    assert len(done.said) == 1, done.said
    assert done.status == 1
    (line,) = done.said
    assert line.startswith("sockfilter: ")
    return line.removeprefix("sockfilter: ")
