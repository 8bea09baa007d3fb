"""When: in each form that people ask for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from sockfilter.cli.arguments import TIMES
from sockfilter.forms import times
from sockfilter.outputs.lines import TextOutput
from tests.support.exchanges import exchange, rendered

NS = 1_795_162_340_867_123_456  # 2026-11-20T08:12:20.867123456Z


@pytest.fixture(autouse=True)
def somewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone that is not UTC, whatever this machine's."""
    monkeypatch.setenv("TZ", "XXX-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("clock", "09:12:20.867"),
        ("date", "2026-11-20 09:12:20.867123"),
        ("iso", "2026-11-20T08:12:20.867123Z"),
        ("epoch", "1795162340.867123"),
        ("delta", "    0.000000"),
        ("relative", "    0.000000"),
        ("none", ""),
    ],
)
def test_a_time(form: str, shown: str) -> None:
    assert times.FORMS[form]()(NS) == shown


def test_the_command_line_knows_them_all() -> None:
    assert tuple(times.FORMS) == TIMES


def test_a_second_is_not_that_of_the_line_before() -> None:
    for form in ("clock", "date", "iso"):
        tell = times.FORMS[form]()
        told = [tell(NS + second * times.SECOND_NS) for second in (0, 1, 0)]
        assert told[0] == told[2] != told[1]


@pytest.mark.parametrize("form", times.FORMS)
def test_an_unknown_time_fills_its_column(form: str) -> None:
    tell = times.FORMS[form]()
    unknown = times.NOT_KNOWN[form]
    assert len(unknown) == len(tell(NS)), form
    assert not any(sign.isdigit() for sign in unknown)


def test_since_the_line_before_and_since_the_first() -> None:
    """Lines come when exchanges end: one that began before the line above has a negative time."""
    delta, relative = times.delta(), times.relative()
    at = [NS, NS + 1_500_000_000, NS + 500_000_000, NS + 3_600_000_000_000]
    assert [float(delta(ns)) for ns in at] == [0, 1.5, -1, 3599.5]
    assert [float(relative(ns)) for ns in at] == [0, 1.5, 0.5, 3600]


@pytest.mark.parametrize("form", [form for form in times.FORMS if form != "none"])
def test_lines_begin_with_it(form: str) -> None:
    made = exchange()
    assert rendered(TextOutput, made, time=form).startswith(f"{times.FORMS[form]()(made.start_ns)}  10.0.0.2:40000 > ")


def test_without_times_lines_begin_with_the_route() -> None:
    assert re.match(r"10\.0\.0\.2:40000 > ", rendered(TextOutput, exchange(), time="none"))


def test_only_the_usual_lines_may_be_written_on_the_short_road() -> None:
    class Nowhere:
        def write(self, data: memoryview, /) -> int | None:
            return len(data)

    assert TextOutput(Nowhere()).lines is not None
    assert TextOutput(Nowhere(), time="date").lines is None
    assert TextOutput(Nowhere(), columns=lambda: 80).lines is None
