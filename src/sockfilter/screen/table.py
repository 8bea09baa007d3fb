"""The table of exchanges. Only the visible rows are rendered, so that their number does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from sockfilter.recent.phases import span, window
from sockfilter.screen.bars import waterfall
from sockfilter.screen.looks import BAD, CHOSEN, DIM, PLAIN
from sockfilter.screen.rows import WATERFALL, cell_segments, columns_of, title_segments

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.binding import BindingType

    from sockfilter.model import Exchange
    from sockfilter.recent.chosen import ChosenExchanges
    from sockfilter.recent.phases import TimeSpan
    from sockfilter.recent.store import RecentExchange, RecentExchanges
    from sockfilter.screen.rows import ShownColumn

# columns before the cells: a sign for the chosen row, and one for a mark or an error
SIGNS = 2
# rows whose cells are kept: some screens
CACHED_MAX = 1000
ERROR_STATUS = 400


def is_error(exchange: Exchange) -> bool:
    """Whether an exchange has an error status, a problem, or no response."""
    response = exchange.response
    return response is None or response.status >= ERROR_STATUS or bool(exchange.problems)


class TableHead(Widget):
    """The titles of the columns. A click sorts."""

    DEFAULT_CSS = "TableHead { height: 1; background: $panel; }"

    class Clicked(Message):
        """A title was clicked."""

        def __init__(self, title: str) -> None:
            super().__init__()
            self.title = title

    order = reactive("")
    is_descending = reactive(False)

    def render_line(self, y: int) -> Strip:
        """Renders the line."""
        columns = columns_of(self.size.width - SIGNS - 1)
        segments = [Segment(" " * SIGNS, PLAIN), *title_segments(columns, self.order, self.is_descending)]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style).apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Finds the column."""
        x = event.x - SIGNS
        for column in columns_of(self.size.width - SIGNS - 1):
            if 0 <= x < column.width:
                self.post_message(self.Clicked(column.title))
                return
            x -= column.width + 1


class ExchangeTable(ScrollView, can_focus=True):
    """The exchanges that a viewer has chosen, a row for each.

    Args:
        store: where the exchanges are.
        chosen: which of them are shown, in which order.

    Attributes:
        at: the place of the row with the cursor.
        follows: whether the cursor goes to each new exchange.
        show_secrets: whether secrets are shown.
    """

    DEFAULT_CSS = "ExchangeTable { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up,k", "move(-1)", "Up"),
        ("down,j", "move(1)", "Down"),
        ("pageup,ctrl+b", "page(-1)", "Page up"),
        ("pagedown,ctrl+f", "page(1)", "Page down"),
        ("home,g", "first", "First"),
        ("end,G", "last", "Last"),
        ("enter", "open", "Details"),
    ]

    at: reactive[int] = reactive(0, repaint=False)
    follows: reactive[bool] = reactive(True, repaint=False)

    class Moved(Message):
        """The cursor is on another exchange."""

    class OpenedRow(Message):
        """Details are wanted."""

    def __init__(self, store: RecentExchanges, chosen: ChosenExchanges) -> None:
        super().__init__(id="table")
        self._store = store
        self._chosen = chosen
        self.show_secrets = False
        self.number: int | None = None  # that of the exchange with the cursor
        self._cells: dict[tuple[int, bool], list[Segment]] = {}
        self._columns: list[ShownColumn] = []
        self._drawn_width = self._drawn_top = 0
        self._style: Style | None = None
        self._window: TimeSpan | None = None

    @property
    def recent(self) -> RecentExchange | None:
        """The exchange with the cursor."""
        return None if self.number is None else self._store.get(self.number)

    def renew(self) -> None:
        """Shows what has come and what was let go. The cursor stays on its exchange, or follows."""
        count = len(self._chosen)
        self.virtual_size = Size(self.size.width, count)
        if not count:
            self._put(0, None)
        elif self.follows:
            at = 0 if self._chosen.is_descending and self._chosen.order is None else count - 1
            self._put(at, self._chosen[at])
            self._show_cursor()
        else:
            place = None if self.number is None else self._chosen.place_of(self.number)
            shift = 0 if place is None else place - self.at
            if place is None:
                place = min(self.at, count - 1)
            self._put(place, self._chosen[place])
            if shift and 0 <= place - round(self.scroll_y) - shift < self.size.height:
                # rows above have come or gone: what a person looks at stays where it is
                self.scroll_to(y=self.scroll_y + shift, animate=False, immediate=True)
        self.repaint()

    def repaint(self) -> None:
        """Renders the visible rows anew."""
        self._measure()
        self.refresh()

    def _measure(self) -> None:
        """Notes what all rows of a picture have in common."""
        width = self.size.width
        if width != self._drawn_width:
            self._drawn_width = width
            self._columns = columns_of(width - SIGNS - 1)
            self._cells.clear()
        self._drawn_top = max(0, round(self.scroll_y))
        self._window = self._seen_window()

    def forget_cells(self) -> None:
        """Makes all cells anew: what they show has changed."""
        self._cells.clear()
        self.repaint()

    def put(self, at: int) -> None:
        """Moves the cursor to a place, and stops following unless it is the newest."""
        count = len(self._chosen)
        if not count:
            return
        at = max(0, min(count - 1, at))
        self.follows = self.follows and at == count - 1
        self._put(at, self._chosen[at])
        self._show_cursor()
        self.repaint()

    def _put(self, at: int, number: int | None) -> None:
        self.at = at
        if number != self.number:
            self.number = number
            self.post_message(self.Moved())

    def _show_cursor(self) -> None:
        top, height = round(self.scroll_y), max(1, self.size.height)
        if self.at < top:
            self.scroll_to(y=self.at, animate=False, immediate=True)
        elif self.at >= top + height:
            self.scroll_to(y=self.at - height + 1, animate=False, immediate=True)

    def _seen_window(self) -> TimeSpan | None:
        """The time that the visible exchanges take together."""
        top = self._drawn_top
        numbers = [self._chosen[at] for at in range(top, min(len(self._chosen), top + self.size.height))]
        found = [self._store.get(number) for number in numbers]
        return window(span(recent.exchange) for recent in found if recent is not None)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are visible, so that the waterfall has another scale."""
        super().watch_scroll_y(old_value, new_value)
        self._measure()

    def render_line(self, y: int) -> Strip:
        """Renders a row."""
        if self.size.width != self._drawn_width:
            self._measure()
        width, base = self._drawn_width, self._base()
        at = y + self._drawn_top
        if at >= len(self._chosen):
            return Strip.blank(width, base)
        recent = self._store.get(self._chosen[at])
        is_chosen = at == self.at
        if recent is None:
            text = "(let go: there was no more room)"
            strip = Strip([Segment("> " if is_chosen else "  ", base), Segment(text, base + DIM)])
            strip = strip.adjust_cell_length(width, base)
        else:
            strip = Strip(self._row(recent, base, is_chosen), width)
        return strip.apply_style(CHOSEN) if is_chosen else strip

    def _base(self) -> Style:
        """The style of the widget, which takes long to find."""
        if self._style is None:
            self._style = self.rich_style
        return self._style

    def notify_style_update(self) -> None:
        """The theme or the style sheet has changed."""
        super().notify_style_update()
        self._style = None
        self._cells.clear()

    def _row(self, recent: RecentExchange, base: Style, is_chosen: bool) -> list[Segment]:
        """The segments of a row, which are as wide as the widget."""
        exchange = recent.exchange
        if len(self._cells) > CACHED_MAX:
            self._cells.clear()
        key = (recent.number, exchange.response is None)
        cells = self._cells.get(key)
        if cells is None:
            cells = [cell_segments(exchange, column, self.show_secrets) for column in self._columns]
            self._cells[key] = cells = list(Segment.apply_style(cells, base))
        sign = "*" if recent.is_pinned else "!" if is_error(exchange) else " "
        made = [Segment(">" if is_chosen else " ", base), Segment(sign, base + BAD if sign == "!" else base), *cells]
        last = self._columns[-1]
        if last.title == WATERFALL:
            made[-1:] = Segment.apply_style(waterfall(exchange, self._window, last.width), base)
            made.append(Segment(" ", base))
        return made

    def action_move(self, step: int) -> None:
        """Moves the cursor by rows."""
        self.put(self.at + step)

    def action_page(self, step: int) -> None:
        """Moves the cursor by pages."""
        self.put(self.at + step * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """Moves the cursor to the first row."""
        self.put(0)

    def action_last(self) -> None:
        """Moves the cursor to the last row, and follows from there."""
        self.follows = True
        self.renew()

    def action_open(self) -> None:
        """Asks for details."""
        self.post_message(self.OpenedRow())

    def on_click(self, event: events.Click) -> None:
        """Moves the cursor to a row; a second click opens it."""
        at = event.y + round(self.scroll_y)
        if at < len(self._chosen):
            self.follows = False
            self.put(at)
            if event.chain > 1:
                self.post_message(self.OpenedRow())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Stops following, so that the rows stay where they are."""
        self.follows = False

    def on_resize(self, event: events.Resize) -> None:
        """Shows the cursor in the new size."""
        self.renew()
        if len(self._chosen):
            self._show_cursor()
