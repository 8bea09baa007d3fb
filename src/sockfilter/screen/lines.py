"""A pane of lines that scrolls: only the visible ones are rendered. Long lines are folded at the pane's width."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from sockfilter.screen.looks import PLAIN

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.binding import BindingType

# columns of margin in front of a folded line
FOLDED_MARGIN = 2


class LinesPane(ScrollView, can_focus=True):
    """Lines of text."""

    DEFAULT_CSS = "LinesPane { overflow-x: hidden; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("j", "scroll_down", "Down"),
        ("k", "scroll_up", "Up"),
        ("g", "scroll_home", "First"),
        ("G", "scroll_end", "Last"),
    ]

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # id and classes
        self._lines: list[Text] = []
        self._folded: list[Text] = []
        self._width = 0

    @property
    def text(self) -> str:
        """The text of all lines."""
        return "\n".join(line.plain for line in self._lines)

    def show(self, lines: list[Text], *, from_top: bool = False) -> None:
        """Shows other lines; the place stays, if they are as many."""
        self._lines = lines
        self._fold()
        if from_top:
            self.scroll_to(y=0, animate=False, immediate=True)

    def _fold(self) -> None:
        width = max(10, self.size.width - 1)
        self._width = self.size.width
        self._folded = [part for line in self._lines for part in folded(line, width)]
        self.virtual_size = Size(self.size.width, len(self._folded))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Folds the lines at the new width."""
        if self.size.width != self._width:
            self._fold()

    def render_line(self, y: int) -> Strip:
        """Renders a line."""
        at = y + round(self.scroll_y)
        if at >= len(self._folded):
            return Strip.blank(self.size.width, self.rich_style)
        segments = list(self._folded[at].render(self.app.console))
        style: Style = PLAIN
        return Strip(segments).adjust_cell_length(self.size.width, style).apply_style(self.rich_style)


def folded(line: Text, width: int) -> list[Text]:
    """Returns a line in parts of this width; parts after the first have a margin."""
    line.end = ""
    line.expand_tabs(4)
    if line.cell_len <= width:
        return [line]
    parts: list[Text] = []
    plain, start = line.plain, 0
    room = width
    while start < len(plain):
        end = min(len(plain), start + room)
        while end - start > 1 and cell_len(plain[start:end]) > room:
            end -= 1
        part = line[start:end]
        if parts:
            part = Text(" " * FOLDED_MARGIN, end="").append_text(part)
        part.end = ""
        parts.append(part)
        start = end
        room = width - FOLDED_MARGIN
    return parts
