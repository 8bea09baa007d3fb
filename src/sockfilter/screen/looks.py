"""The colours and signs of the screen. Nothing is said by a colour alone."""

from __future__ import annotations

from rich.style import Style

PLAIN = Style()
DIM = Style(dim=True)
BOLD = Style(bold=True)
TITLE = Style(bold=True, underline=True)
CHOSEN = Style(reverse=True)
GOOD = Style(color="green")
MOVED = Style(color="cyan")
WARNING = Style(color="yellow")
BAD = Style(color="red", bold=True)
NAME = Style(color="cyan")
TEXT = Style(color="green")
NUMBER = Style(color="yellow")
WORD = Style(color="magenta")
NOTE = Style(italic=True, dim=True)

# by the hundreds of a status
OF_STATUS = {1: MOVED, 2: GOOD, 3: MOVED, 4: WARNING, 5: BAD}
# Of each phase: its character, so that phases differ without colours too, and its style.
OF_PHASE = {
    "connect": ("-", Style(color="magenta")),
    "send": ("=", Style(color="blue")),
    "wait": (".", Style(color="yellow")),
    "receive": ("#", Style(color="green")),
}


def of_status(status: int) -> Style:
    """Returns the style of a status."""
    return OF_STATUS.get(status // 100, PLAIN)
