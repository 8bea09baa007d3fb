"""The live screen: what it is composed of, and what its keys do."""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding
from textual.containers import Container
from textual.widgets import ContentSwitcher, Static

from sockfilter.errors import SockfilterError
from sockfilter.escape import printable
from sockfilter.filters.completion import complete
from sockfilter.recent.chosen import ChosenExchanges
from sockfilter.recent.orders import ORDERS
from sockfilter.recent.seen import SeenValues
from sockfilter.recent.store import PINNED_MAX
from sockfilter.screen.asking import KeyAnswer, Question
from sockfilter.screen.describing import described
from sockfilter.screen.filter_box import FilterBox
from sockfilter.screen.keys import keys_lines
from sockfilter.screen.lines import LinesPane
from sockfilter.screen.panes import ConnectionsPane, LedgerPane, StatisticsPane
from sockfilter.screen.saving import COPIED_BYTES_MAX, FORMS, frames_form, write_new
from sockfilter.screen.status import TABS, ScreenState, status_text, tabs_text
from sockfilter.screen.table import ExchangeTable, TableHead, is_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from sockfilter.model import Exchange
    from sockfilter.recent.store import RecentExchange
    from sockfilter.screen.saving import SavedForm
    from sockfilter.screen.watched import WatchedCapture

# Seconds between two looks at what is new, and what they may take for testing and sorting it.
TICK_S, ADVANCE_S = 0.1, 0.02
# From this width on, details stand beside the table.
WIDE_COLUMNS = 150
# The smallest terminal in which the screen says anything.
COLUMNS_MIN, ROWS_MIN = 40, 8
# exchanges that are saved at once
SAVED_MAX = 10_000
HELP = "help"
# actions that move the focus
MOVING = ("filter", "help", "copy", "save", "tab")


class ScreenApp(App[None]):
    """The live screen.

    Args:
        watched: the capture.
        folder: where files are saved.
        filter_text: the filter at the beginning.
        show_secrets: whether secrets are shown at the beginning.
        said: returns the lines that the capture has said since the last call.
        is_ended: whether the screen is to end, as a signal asks.
        frames: returns the kept frames of connections as pcapng, by the numbers that the source has for them. None:
            no frames are kept.
    """

    TITLE = "sockfilter top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; layers: base above; }
    #tabs, #status { height: 1; background: $panel; }
    #body { height: 1fr; }
    #exchanges { layout: vertical; }
    #exchanges.wide { layout: horizontal; }
    #listed { height: 1fr; width: 1fr; }
    #details { display: none; height: 60%; border-top: solid $primary; padding: 0 1; }
    #details.open { display: block; }
    #details.large { height: 100%; }
    .wide #details { height: 100%; width: 50%; border-top: none; border-left: solid $primary; }
    #details:focus { border-top: solid $accent; }
    .wide #details:focus { border-top: none; border-left: solid $accent; }
    .wide #details.large { width: 100%; }
    #listed.hidden { display: none; }
    #small { layer: above; width: 100%; height: 100%; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", priority=True),
        Binding("question_mark,f1", "help", "Help", priority=True),
        ("q,ctrl+c", "leave", "Quit"),
        ("escape", "back", "Back"),
        ("tab,shift+tab", "other_pane", "Other pane"),
        ("space", "pause", "Pause"),
        ("f", "follow", "Follow"),
        ("s", "sort(1)", "Sort"),
        ("S", "turn", "Turn the order around"),
        ("n", "error(1)", "Next error"),
        ("N", "error(-1)", "Previous error"),
        ("m", "mark", "Mark"),
        ("apostrophe", "next_mark", "Next mark"),
        ("b", "hex", "Bodies as hex"),
        ("x", "secrets", "Secrets"),
        ("X", "clear", "Clear"),
        ("c", "copy", "Copy"),
        ("w", "save", "Save"),
        *(Binding(str(at + 1), f"tab('{name}')", name, priority=True) for at, name in enumerate(TABS)),
    ]

    def __init__(
        self,
        watched: WatchedCapture,
        *,
        folder: str = ".",
        filter_text: str = "",
        show_secrets: bool = False,
        said: Callable[[], list[str]] = list,
        is_ended: Callable[[], bool] = bool,
        frames: Callable[[Iterable[int]], bytes] | None = None,
    ) -> None:
        # the colours of the terminal, which its user has chosen
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.watched = watched
        self.store = watched.store
        self.chosen = ChosenExchanges(self.store)
        self.seen = SeenValues(self.store, show_secrets=show_secrets)
        self.is_paused = False
        self.is_hex = False
        self.show_secrets = show_secrets
        self._folder = os.path.abspath(folder)
        self._filter_text = filter_text
        self._said = said
        self._is_ended = is_ended
        self._forms = FORMS if frames is None else (*FORMS, frames_form(frames))
        self._has_told_of_end = False
        self._described: tuple[object, ...] = ()
        self._lines_said: dict[Static, Text] = {}
        self._is_stale = False
        self._tab_before = TABS[0]
        self._make_parts()

    def _make_parts(self) -> None:
        """Makes the parts. They are attributes, because looking for them takes long."""
        self.table = ExchangeTable(self.store, self.chosen)
        self.details = LinesPane(id="details")
        self._head = TableHead()
        self._too_small = Static(id="small", markup=False)
        self._top_line = Static(id="tabs", markup=False)
        self._bottom_line = Static(id="status", markup=False)
        self._switcher = ContentSwitcher(initial=TABS[0], id="body")
        self._exchanges = Container(id=TABS[0])
        self._listed = Container(id="listed")
        self._panes: dict[str, ConnectionsPane | StatisticsPane | LedgerPane] = {
            "connections": ConnectionsPane(self.store),
            "statistics": StatisticsPane(self.store),
            "ledger": LedgerPane(),
        }
        self._help = LinesPane(id=HELP)
        self._filter_box = FilterBox(self.seen)
        self._question = Question()

    def compose(self) -> ComposeResult:
        """Lays the parts out."""
        yield self._too_small
        yield self._top_line
        with self._switcher:
            with self._exchanges:
                with self._listed:
                    yield self._head
                    yield self.table
                yield self.details
            yield from self._panes.values()
            yield self._help
        yield self._filter_box
        yield self._question
        yield self._bottom_line

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action is possible now: a filter and a question take all keys.

        The filter, the help and the tabs have priority, so that the keys behind them go where the focus is then,
        however fast they are typed. What concerns a row comes by way of the table, behind the keys that choose the row.
        """
        return action not in MOVING or not (self._filter_box.display or self._question.is_open)

    @property
    def tab(self) -> str:
        """The name of the tab that is shown."""
        return self._switcher.current or TABS[0]

    def on_mount(self) -> None:
        """Begins."""
        self.table.show_secrets = self.show_secrets
        self.table.focus()
        if self._filter_text:
            self._filter_box.put(self._filter_text)
        self.watched.start()
        self.set_interval(TICK_S, self.tick)
        self.tick()
        # takes a fifth of a second, which the first key in the box should not wait for
        Thread(target=complete, args=("",), daemon=True).start()

    def on_resize(self, event: events.Resize) -> None:
        """Chooses the layout for the size."""
        columns, rows = event.size
        self._exchanges.set_class(columns >= WIDE_COLUMNS, "wide")
        is_small = columns < COLUMNS_MIN or rows < ROWS_MIN
        self._too_small.display = is_small
        self._too_small.update(
            f"{columns}x{rows} is too small: {COLUMNS_MIN}x{ROWS_MIN} is the least; the capture goes on"
        )

    def tick(self) -> None:
        """Takes what is new, and shows it."""
        if self._is_ended():
            self.exit()
            return
        for line in self._said():
            self.notify(printable(line), markup=False, timeout=10)
        changed = False
        if not self.is_paused:
            changed = self.chosen.advance(ADVANCE_S)
        self._tell_of_end()
        self._is_stale = self._is_stale or changed
        if self._is_stale and self.tab == TABS[0]:
            self._is_stale = False
            self.table.renew()
        self._renew_details()
        self._renew_pane()
        self._renew_status()

    def _renew_pane(self) -> None:
        pane = self._panes.get(self.tab)
        if pane is not None and not self.is_paused:
            pane.renew(self.chosen, self.watched.last)

    def _renew_status(self) -> None:
        width = self.size.width
        state = ScreenState(self.tab, self._filter_text, self.is_paused, self.table.follows, self.show_secrets)
        for line, text in (
            (self._top_line, tabs_text(state, self.watched, width)),
            (self._bottom_line, status_text(state, self.store, self.chosen, width)),
        ):
            if self._lines_said.get(line) != text:
                self._lines_said[line] = text
                line.update(text, layout=False)

    def _tell_of_end(self) -> None:
        if self._has_told_of_end or not self.watched.is_over:
            return
        self._has_told_of_end = True
        if self.watched.error is not None:
            self.notify(printable(str(self.watched.error)), severity="error", markup=False, timeout=30)

    def _renew_details(self, *, from_top: bool = False) -> None:
        """Shows the details of the exchange with the cursor, if they are open and have changed."""
        if not self.details.has_class("open"):
            return
        recent = self.table.recent
        key: tuple[object, ...] = ()
        if recent is not None:
            exchange = recent.exchange
            key = (recent.number, exchange.response is None, len(exchange.problems), len(exchange.messages))
        room = max(10, self.details.size.width - 1)
        key = (*key, self.show_secrets, self.is_hex, room)
        if key == self._described and not from_top:
            return
        is_other = key[:1] != self._described[:1]
        self._described = key
        if recent is None:
            self.details.show([Text("no exchange is chosen")], from_top=True)
            return
        lines = described(recent.exchange, room, show_secrets=self.show_secrets, as_hex=self.is_hex)
        self.details.show(lines, from_top=from_top or is_other)

    def on_exchange_table_moved(self) -> None:
        """Shows the details of another exchange."""
        self._renew_details()

    def on_exchange_table_opened_row(self) -> None:
        """Opens the details, or makes them larger."""
        details = self.details
        if not details.has_class("open"):
            details.add_class("open")
            self._renew_details(from_top=True)
        else:
            details.add_class("large")
            self._listed.add_class("hidden")
            details.focus()
        self.call_after_refresh(self.table.renew)

    async def action_back(self) -> None:
        """Closes what was opened last."""
        details = self.details
        if self.tab == HELP:
            self.action_help()
        elif self.tab != TABS[0]:
            self.action_tab(TABS[0])
        elif details.has_class("large"):
            details.remove_class("large")
            self._listed.remove_class("hidden")
            self.table.focus()
        elif details.has_class("open"):
            details.remove_class("open")
            self.table.focus()
        self.call_after_refresh(self.table.renew)

    def action_other_pane(self) -> None:
        """Goes from the table to the details, and back."""
        if self.table.has_focus and self.details.has_class("open"):
            self.details.focus()
        elif not self.details.has_class("large"):
            self.table.focus()

    def action_tab(self, name: str) -> None:
        """Shows a tab."""
        self._switcher.current = name
        self.screen.set_focus(self._of_tab)
        if name == TABS[0]:
            self.call_after_refresh(self.table.renew)
        else:
            self._renew_pane()
        self._renew_status()

    def action_filter(self) -> None:
        """Opens the box for the filter."""
        self._filter_box.open()

    def on_filter_box_chosen(self, event: FilterBox.Chosen) -> None:
        """Chooses exchanges by another filter."""
        self._filter_text = event.text
        self.chosen.choose(event.where)
        self.chosen.advance(ADVANCE_S)
        self.table.renew()
        self._renew_status()

    def on_filter_box_left(self) -> None:
        """Gives the keys back to the table."""
        self.screen.set_focus(self._of_tab)

    @property
    def _of_tab(self) -> Widget:
        """What takes the keys in the tab that is shown."""
        if self.tab == TABS[0]:
            return self.details if self.details.has_class("large") else self.table
        return self._panes.get(self.tab, self._help)

    @property
    def filter_text(self) -> str:
        """The filter in force."""
        return self._filter_text

    def on_table_head_clicked(self, event: TableHead.Clicked) -> None:
        """Sorts by a column; a second click turns the order around, and a third one ends it."""
        if event.title not in ORDERS:
            return
        order = ORDERS[event.title]
        if self.chosen.order is not order:
            self._sort(event.title, is_descending=True)
        elif self.chosen.is_descending:
            self._sort(event.title, is_descending=False)
        else:
            self._sort("", is_descending=False)

    def action_sort(self, step: int) -> None:
        """Sorts by the next column."""
        names = ["", *ORDERS]
        now = "" if self.chosen.order is None else self.chosen.order.name
        self._sort(names[(names.index(now) + step) % len(names)], is_descending=self.chosen.is_descending)

    def action_turn(self) -> None:
        """Turns the order around."""
        now = "" if self.chosen.order is None else self.chosen.order.name
        self._sort(now, is_descending=not self.chosen.is_descending)

    def _sort(self, name: str, *, is_descending: bool) -> None:
        self.chosen.sort(ORDERS.get(name), descending=is_descending)
        head = self._head
        head.order, head.is_descending = name, is_descending
        self.chosen.advance(ADVANCE_S)
        self.table.renew()
        self._renew_status()

    def action_pause(self) -> None:
        """Stops or goes on; the capture goes on in any case."""
        self.is_paused = not self.is_paused
        self._renew_status()

    def action_follow(self) -> None:
        """Follows the newest exchange, or stays."""
        self.table.follows = not self.table.follows
        self.table.renew()
        self._renew_status()

    def action_error(self, step: int) -> None:
        """Goes to the next exchange with an error."""
        self._go_to(is_error, step, "no further exchange with an error")

    def action_next_mark(self) -> None:
        """Goes to the next mark, after the last one to the first."""
        numbers = {recent.number for recent in self.store.pinned}
        places = sorted(place for place in map(self.chosen.place_of, numbers) if place is not None)
        if not places:
            self.notify("nothing that is shown is marked", markup=False)
            return
        self.table.follows = False
        self.table.put(next((place for place in places if place > self.table.at), places[0]))

    def _go_to(self, test: Callable[[Exchange], bool], step: int, words: str) -> None:
        place = self.chosen.next_place(self.table.at, test, step)
        if place is None:
            self.notify(words, markup=False)
            return
        self.table.follows = False
        self.table.put(place)

    def action_mark(self) -> None:
        """Marks the exchange, or removes its mark."""
        recent = self.table.recent
        if recent is None:
            return
        if recent.is_pinned:
            self.store.unpin(recent.number)
        elif not self.store.pin(recent.number):
            self.notify(f"at most {PINNED_MAX} exchanges can be marked", markup=False)
        self.table.repaint()

    def action_hex(self) -> None:
        """Shows bodies in hexadecimal, or laid out."""
        self.is_hex = not self.is_hex
        self._renew_details()

    def action_secrets(self) -> None:
        """Shows secrets, or masks them."""
        self.show_secrets = not self.show_secrets
        self.table.show_secrets = self.seen.show_secrets = self.show_secrets
        self.table.forget_cells()
        self._renew_details()
        self._renew_status()

    def action_clear(self) -> None:
        """Forgets all exchanges that are not marked."""
        self.store.clear()
        self.chosen.choose(self.chosen.where)
        self.chosen.advance(ADVANCE_S)
        self.table.renew()
        self._renew_status()

    def action_help(self) -> None:
        """Shows the keys, or goes back from them."""
        if self.tab == HELP:
            self.action_tab(self._tab_before)
        else:
            self._tab_before = self.tab
            self._help.show(keys_lines())
            self.action_tab(HELP)

    def action_leave(self) -> None:
        """Ends; in the help, goes back."""
        if self.tab == HELP:
            self.action_help()
        else:
            self.exit()

    def action_copy(self) -> None:
        """Copies the exchange in one of the forms."""
        recent = self.table.recent
        if recent is None:
            self.notify("there is no exchange to copy", markup=False)
            return
        answers = [KeyAnswer(form.key, form.words) for form in FORMS]

        def copy(key: str | None) -> None:
            form = next((form for form in FORMS if form.key == key), None)
            content = None if form is None else self._made(form, [recent])
            if form is None or content is None:
                return
            if len(content) > COPIED_BYTES_MAX:
                self.notify(f"{len(content)} bytes are too many for a clipboard; w saves them", severity="warning")
                return
            self.copy_to_clipboard(content.decode("utf-8", "replace"))
            self.notify(f"copied: {form.words}, {len(content)} bytes{self._masked}", markup=False)

        self._ask(f"Copy{self._masked}", answers, copy)

    def action_save(self) -> None:
        """Saves exchanges in one of the forms: the marked ones if there are some, else the one with the cursor."""
        recent = self.table.recent
        marked = self.store.pinned
        if recent is None and not marked:
            self.notify("there is no exchange to save", markup=False)
            return
        count = len(marked)
        of_marked = f" of the {count} marked exchange{'' if count == 1 else 's'}" if marked else ""
        answers = [
            KeyAnswer(form.key, form.words + ("" if form.is_of_one else of_marked))
            for form in self._forms
            if form.ending != "url"
        ]
        shown = min(len(self.chosen), SAVED_MAX)
        answers += [
            KeyAnswer(form.key.upper(), f"{form.words} of all {shown} shown")
            for form in self._forms
            if not form.is_of_one
        ]

        def save(key: str | None) -> None:
            form = next((form for form in self._forms if key is not None and form.key == key.lower()), None)
            if form is None or key is None:
                return
            if key.isupper():
                numbers = [self.chosen[at] for at in range(len(self.chosen))][-SAVED_MAX:]
                found = [each for each in map(self.store.get, numbers) if each is not None]
            elif marked and not form.is_of_one:
                found = marked
            else:
                found = [recent] if recent is not None else marked[:1]
            self._save(form, found)

        self._ask(f"Save to {printable(self._folder)}{self._masked}", answers, save)

    def _ask(self, title: str, answers: list[KeyAnswer], answered: Callable[[str | None], None]) -> None:
        def take(key: str | None) -> None:
            self.on_filter_box_left()  # before the next question
            answered(key)

        self._question.ask(title, answers, take)

    def _save(self, form: SavedForm, found: list[RecentExchange]) -> None:
        content = self._made(form, found)
        if content is None:
            return
        name = f"sockfilter-{found[0].exchange.id}" + ("" if len(found) == 1 else f"-and-{len(found) - 1}-more")
        try:
            path = write_new(self._folder, name, form.ending, content)
        except OSError as error:
            self.notify(
                f"saving in {printable(self._folder)}: {error.strerror or error}; --save-to names another folder,"
                f" which user {os.geteuid()} must be able to write to",
                severity="error",
                markup=False,
                timeout=15,
            )
            return
        self.notify(f"saved: {printable(path)}{self._masked}", markup=False)

    def _made(self, form: SavedForm, found: list[RecentExchange]) -> bytes | None:
        try:
            return form.make([recent.exchange for recent in found], self.show_secrets)
        except SockfilterError as error:
            self.notify(printable(str(error)), severity="warning", markup=False)
            return None

    @property
    def _masked(self) -> str:
        return "" if self.show_secrets else ", secrets masked"
