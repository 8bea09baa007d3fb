"""Exchanges for people who look into one, or into what a test has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.text import BODIES, TextOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Exchange

# lines of one exchange, and lines of many: a screen or two
DETAIL_LINES_MAX = 60
LINES_MAX = 40


class _Nowhere:
    """A sink for what is asked for by render()."""

    def write(self, data: memoryview, /) -> int:
        return len(data)


def transcript(exchange: Exchange) -> str:
    """An exchange's line, its heads and bodies, with secrets masked; long ones cut in the middle."""
    text = TextOutput(_Nowhere(), verbosity=BODIES).render(exchange).decode().rstrip("\n")
    return "\n".join(_cut(text.split("\n"), DETAIL_LINES_MAX, "lines"))


def listing(exchanges: Sequence[Exchange]) -> str:
    """A line for each exchange, with secrets masked; of many, the first and the last."""
    output = TextOutput(_Nowhere())
    lines = [output.render(exchange).decode().rstrip("\n") for exchange in exchanges]
    return "\n".join(_cut(lines, LINES_MAX, "exchanges"))


def _cut(lines: list[str], limit: int, what: str) -> list[str]:
    if len(lines) <= limit:
        return lines
    half = limit // 2
    return [*lines[:half], f"... {len(lines) - 2 * half} more {what} ...", *lines[-half:]]
