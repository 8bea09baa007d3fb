"""The lines at the top and at the bottom of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from sockfilter.escape import printable
from sockfilter.forms.columns import shortened
from sockfilter.screen.looks import BAD, BOLD, CHOSEN, DIM, WARNING

if TYPE_CHECKING:
    from sockfilter.recent.chosen import ChosenExchanges
    from sockfilter.recent.store import RecentExchanges
    from sockfilter.screen.watched import WatchedCapture

TABS = ("exchanges", "connections", "statistics", "ledger")
KEYS = "/ filter  Enter details  n error  s sort  space pause  c copy  w save  ? help"
HELP = "? help"


class ScreenState(NamedTuple):
    """What the lines say of the screen: its tab, the filter, and what was switched."""

    tab: str
    filter_text: str
    is_paused: bool
    follows: bool
    shows_secrets: bool


def tabs_text(state: ScreenState, watched: WatchedCapture, width: int) -> Text:
    """Returns the line of the tabs, with what is captured, and whether something was lost."""
    text = Text(no_wrap=True, end="")
    for at, name in enumerate(TABS):
        text.append(f" {at + 1} {name} ", CHOSEN if name == state.tab else DIM)
    look = watched.last
    losses = 0 if look is None else len(look.ledger.losses())
    signs = Text()
    if losses:
        signs.append(f" LOSSES: {losses}, see 4 ", BAD)
    if state.shows_secrets:
        signs.append(" SECRETS SHOWN ", BAD)
    over = "" if not watched.is_over else " (ended)" if watched.is_live else " (read)"
    room = width - text.cell_len - signs.cell_len - len(over) - 2
    name = shortened(printable(watched.name), room) if room > 3 else ""
    text.append(" " * max(0, room - len(name))).append(f" {name}{over} " if name else "", BOLD)
    return text.append_text(signs)


def status_text(state: ScreenState, store: RecentExchanges, chosen: ChosenExchanges, width: int) -> Text:
    """Returns the line at the bottom: how many are shown and kept, the filter, the order, and some keys."""
    text = Text(no_wrap=True, end="")
    if state.is_paused:
        text.append(f" PAUSED, {store.end - chosen.tested} new ", CHOSEN)
    elif not state.follows:
        text.append(" f follows ", DIM)
    text.append(f" {len(chosen)}", BOLD).append(f" of {len(store)} shown")
    if store.let_go:
        text.append(f", {store.let_go} older let go", WARNING)
    if chosen.is_behind and not state.is_paused:
        text.append(f", {store.end - chosen.tested} to test", DIM)
    if state.filter_text:
        text.append("  filter: ").append(shortened(printable(state.filter_text), max(10, width // 3)), BOLD)
    if chosen.order is not None or chosen.is_descending:
        name = "arrival" if chosen.order is None else chosen.order.name
        text.append(f"  by {name}{', last first' if chosen.is_descending else ''}")
    room = width - text.cell_len - 1
    return text.append((KEYS if room > len(KEYS) + 1 else HELP).rjust(max(0, room)), DIM)
