"""The tabs beside the exchanges: connections, statistics and the ledger. Each takes what is new step by step."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from sockfilter.escape import printable
from sockfilter.forms.processes import name_of
from sockfilter.forms.sizes import duration_text, size_text
from sockfilter.forms.times import clock
from sockfilter.recent.connections import SeenConnections
from sockfilter.screen.lines import LinesPane
from sockfilter.screen.looks import BAD, BOLD, DIM, GOOD, NAME, TITLE, WARNING
from sockfilter.statistics.collector import Collector
from sockfilter.statistics.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Exchange
    from sockfilter.model.life import Life
    from sockfilter.recent.chosen import ChosenExchanges
    from sockfilter.recent.connections import SeenConnection
    from sockfilter.recent.store import RecentExchanges
    from sockfilter.screen.watched import Look

# Seconds that a pane takes at a time for what is new.
STEP_S = 0.015
# exchanges between two looks at the clock
STEP = 100
# connections that are listed
CONNECTIONS_LISTED_MAX = 500
# columns of two IPv4 addresses with their ports
ROUTE_COLUMNS = 45


class _OfChosen:
    """Takes each chosen exchange once, and begins anew when others are chosen."""

    def __init__(self, store: RecentExchanges) -> None:
        self._store = store
        self._next = -1
        self._key: object = None

    def new(self, chosen: ChosenExchanges) -> tuple[bool, Iterator[tuple[int, Exchange]]]:
        """Returns whether everything begins anew, and what is new, as much as there is time for."""
        is_anew = self._key is not chosen.where or self._next < 0
        if is_anew:
            self._key, self._next = chosen.where, self._store.first
        return is_anew, self._some(chosen)

    def _some(self, chosen: ChosenExchanges) -> Iterator[tuple[int, Exchange]]:
        until_s = time.perf_counter() + STEP_S
        test = None if chosen.where is None else chosen.where.test
        while time.perf_counter() < until_s:
            found = self._store.since(self._next, STEP)
            if not found:
                return
            for recent in found:
                if test is None or test(recent.exchange):
                    yield recent.number, recent.exchange
            self._next = found[-1].number + 1


class StatisticsPane(LinesPane):
    """Counts, rates, errors and percentiles of the chosen exchanges, by route."""

    def __init__(self, store: RecentExchanges) -> None:
        super().__init__(id="statistics")
        self._taken = _OfChosen(store)
        self._collector = Collector()

    def renew(self, chosen: ChosenExchanges, look: Look | None) -> None:
        """Takes what is new and shows it."""
        is_anew, new = self._taken.new(chosen)
        if is_anew:
            self._collector = Collector()
        for _, exchange in new:
            self._collector.add(exchange)
        about = "" if chosen.where is None else f" that meet the filter: {printable(str(chosen.where))}"
        made = [Text(f"Statistics of all exchanges since the beginning{about}", DIM)]
        made += [Text(line) for line in table(self._collector, max(40, self.size.width - 1)).split("\n")]
        if len(made) > 1:
            made[1].stylize(BOLD)
        self.show(made)


class ConnectionsPane(LinesPane):
    """The connections of the chosen exchanges."""

    def __init__(self, store: RecentExchanges) -> None:
        super().__init__(id="connections")
        self._taken = _OfChosen(store)
        self._seen = SeenConnections()

    def renew(self, chosen: ChosenExchanges, look: Look | None) -> None:
        """Takes what is new and shows it."""
        is_anew, new = self._taken.new(chosen)
        if is_anew:
            self._seen = SeenConnections()
        for number, exchange in new:
            self._seen.add(number, exchange)
        lives = {} if look is None else {life.connection.number: life for life in look.lives}
        count = len(self._seen)
        title = f"{count} connections, {len(lives)} open; the last to carry an exchange first"
        if self._seen.let_go:
            title += f"; {self._seen.let_go} older ones let go"
        self.show([Text(title, DIM), *self._rows(lives)])

    def _rows(self, lives: dict[int, Life]) -> Iterator[Text]:
        yield Text(f"{'no.':>6} {'state':<9} {'exch.':>6} {'errors':>6}  {'client > server':<{ROUTE_COLUMNS}}", BOLD)
        for seen in islice(self._seen.newest_first(), CONNECTIONS_LISTED_MAX):
            life = lives.get(seen.connection.number)
            line = Text(f"{seen.connection.number:>6} ")
            line.append(f"{'closed' if life is None else str(life.state):<9} ", DIM if life is None else GOOD)
            line.append(f"{seen.exchanges:>6} ")
            line.append(f"{seen.errors:>6}  ", BAD if seen.errors else DIM)
            line.append(f"{printable(seen.connection.route):<{ROUTE_COLUMNS}}")
            yield line.append(f"  {', '.join(_about(seen))}", NAME)


def _about(seen: SeenConnection) -> Iterator[str]:
    if seen.last_ns is not None:
        yield f"last {clock()(seen.last_ns)}"
    yield f"HTTP/{','.join(sorted(seen.versions))}"
    if seen.connection.tls is not None:
        yield f"TLS {seen.connection.tls.version or ''}".strip()
    yield f"bodies {size_text(seen.request_bytes)} sent, {size_text(seen.response_bytes)} received"
    if seen.connection.connect_ns is not None:
        yield f"connect {duration_text(seen.connection.connect_ns)}"
    names = [name_of(process) for process in seen.processes if process is not None]
    if names:
        yield " and ".join(names)


class LedgerPane(LinesPane):
    """What was lost, with what helps, and all counters."""

    def __init__(self) -> None:
        super().__init__(id="ledger")

    def renew(self, chosen: ChosenExchanges, look: Look | None) -> None:
        """Shows the last ledger."""
        self.show([Text("no ledger yet", DIM)] if look is None else list(_ledger_lines(look)))


def _ledger_lines(look: Look) -> Iterator[Text]:
    losses = look.ledger.losses()
    yield Text("Losses", TITLE)
    if not losses:
        yield Text("nothing was lost", GOOD)
    for name, (count, remedy) in losses.items():
        yield Text().append(f"{count:>12}  {printable(name)}", BAD).append(f"  {remedy}", WARNING)
    for equation in look.ledger.imbalance:
        yield Text(f"the ledger does not balance, which is a bug in sockfilter: {equation}", BAD)
    for stage, counters in look.ledger.as_dict().items():
        if isinstance(counters, dict) and counters:
            yield Text()
            yield Text(printable(stage), TITLE)
            for name, value in counters.items():
                parts = value.items() if isinstance(value, dict) else ()
                shown = ", ".join(f"{key} {count}" for key, count in parts) or (value or 0)
                yield Text(f"{shown!s:>12}  {printable(name)}", "" if value else DIM)
