"""Lines on a terminal: they fit it, and what says least goes first."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.forms.columns import width
from sockfilter.model import Connection, Endpoint, Exchange, Problem
from sockfilter.model.process import Process
from sockfilter.outputs.lines import TextOutput
from tests.support.exchanges import GET, Collected, exchange

COLOUR = re.compile(r"\x1b\[\d*m")
LOOPBACK = (("127.0.0.1", 34552), ("127.0.0.1", 8000))


def between(client: tuple[str, int], server: tuple[str, int]) -> Connection:
    return Connection(3, "lo", (Endpoint(*client), Endpoint(*server)), 0)


def asked(target: bytes = b"/a", ends: tuple[tuple[str, int], tuple[str, int]] = LOOPBACK) -> Exchange:
    return exchange(GET.replace(b"/a", target), connection=between(*ends))


def shown(made: Exchange, columns: int, **options: object) -> str:
    """The line, less its end."""
    output = TextOutput(Collected(), columns=lambda: columns, time="none", **options)  # type: ignore[arg-type]  # passed on
    return output.render(made).decode().removesuffix("\n")


@pytest.mark.parametrize(
    ("ends", "columns", "route"),
    [
        (LOOPBACK, 80, ":34552 > :8000"),
        (LOOPBACK, 120, "127.0.0.1:34552 > 127.0.0.1:8000"),
        ((("::1", 34552), ("::1", 8000)), 70, ":34552 > :8000"),
        ((("10.0.0.5", 34552), ("10.0.0.5", 80)), 75, "10.0.0.5 > :80"),
        ((("10.0.0.5", 34552), ("10.1.2.3", 80)), 80, "10.0.0.5:34552 > 10.1.2.3:80"),
        ((("10.0.0.5", 34552), ("10.1.2.3", 80)), 70, "10.0.0.5 > 10.1.2.3:80"),
        ((("192.168.100.100", 34552), ("192.168.100.200", 8000)), 75, "192.168.100.100 > ...200:8000"),
        ((("192.168.100.100", 34552), ("203.0.113.200", 8000)), 75, "192.168.... > 203.0.113.200:8000"),
        ((("fd00::1", 34552), ("fd00::2", 80)), 62, "fd00::1 > [...2]:80"),
        (LOOPBACK, 52, "> :8000"),
        ((("10.0.0.5", 34552), ("192.168.100.200", 8000)), 54, "...:8000"),
        ((("10.0.0.5", 34552), ("192.168.100.200", 48000)), 50, ":48000"),
        ((("unix", 0), ("unix:/run/a.sock", 0)), 80, "unix > unix:/run/a.sock"),
    ],
)
def test_of_a_route_goes_first_what_says_nothing_new(
    ends: tuple[tuple[str, int], tuple[str, int]], columns: int, route: str
) -> None:
    line = shown(asked(ends=ends), columns)
    assert line.startswith(f"{route}  ")
    assert re.search(r"  GET /a +200       5 B      3 us$", line)


@pytest.mark.parametrize(
    ("columns", "route"),
    [
        (160, "curl[1234] 127.0.0.1:34552 > nginx[567] 127.0.0.1:8000"),
        (104, "curl[1234] :34552 > nginx[567] :8000"),
        (75, "curl[1234] > nginx[567] :8000"),
        (65, "curl > nginx :8000"),
        (58, "curl > nginx"),
    ],
)
def test_processes_stay_longer_than_ports_of_clients(columns: int, route: str) -> None:
    made = asked()
    made.processes = Process(1234, 1234, "curl"), Process(567, 567, "nginx")
    assert shown(made, columns, processes=True).startswith(f"{route}  GET /a ")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (50, "> :8000  GET /items/12...  200       5 B      3 us"),
        (48, "GET /items/1234?name...  200       5 B      3 us"),
        (40, "GET /items/1234?name=abcdefghijklm  200"),
        (30, "GET /items/1234?name=a...  200"),
        (20, "GET /items/1...  200"),
    ],
)
def test_a_narrow_terminal_shows_what_was_asked_longest(columns: int, line: str) -> None:
    assert shown(asked(b"/items/1234?name=abcdefghijklm"), columns) == line


def test_problems_are_said_however_narrow_it_is() -> None:
    made = asked(b"/a-target-that-is-rather-long")
    made.response = None
    made.add_problems(Problem.NO_RESPONSE, Problem.RESET, Problem.MID_STREAM)
    assert shown(made, 120).endswith("  -  [no-response, reset, mid-stream]")
    assert "  -  [no-response, ...]" in shown(made, 60)
    assert len(shown(made, 60)) <= 60
    assert shown(made, 30).endswith("-  [...]")


def test_secrets_are_masked_before_they_are_cut() -> None:
    """A cut in the middle of one would leave its beginning."""
    made = asked(b"/login?name=someone&password=hunter2-hunter2-hunter2")
    for columns in range(40, 200):
        assert "hunt" not in shown(made, columns)


def test_the_width_is_asked_for_each_line() -> None:
    sizes = [80, 100, 60, 0]
    output = TextOutput(Collected(), columns=lambda: sizes.pop(0) or None)
    made = asked(b"/" + b"x" * 200)
    lines = [output.render(made).decode().removesuffix("\n") for _ in range(4)]
    assert [len(line) for line in lines[:3]] == [80, 100, 60]
    assert len(lines[3]) > 200  # it does not say


def test_columns_do_not_grow_for_good() -> None:
    output = TextOutput(Collected(), columns=lambda: 200)
    short, long = asked(b"/"), asked(b"/" + b"x" * 120, (("2001:db8::1:2:3:4", 34552), ("2001:db8::1:2:3:5", 8000)))

    def at(made: Exchange) -> int:
        return output.render(made).index(b"  200  ")

    before, wide = at(short), at(long)
    assert before < wide
    assert [at(short) for _ in range(60)][-1] == before


@given(
    st.binary(max_size=200),
    st.integers(1, 220),
    st.sampled_from(["clock", "date", "none"]),
    st.lists(st.sampled_from(list(Problem)), max_size=4),
    st.sampled_from(["10.9.0.1", "127.0.0.1", "::1", "2001:db8:1:2:3:4:5:6", "unix:\u4e2d\x1b[2J"]),
    st.sampled_from(["", "lo", "an-interface-15"]),
    st.booleans(),
)
def test_no_line_is_longer_than_the_terminal(
    sent: bytes, columns: int, form: str, problems: list[Problem], ip: str, interface: str, is_answered: bool
) -> None:
    made = exchange(
        b"GET /%s HTTP/1.1\r\n\r\n" % sent.replace(b"\n", b""), connection=between((ip, 1), ("10.9.0.2", 2))
    )
    made.connection.interface = interface
    made.add_problems(*problems)
    if not is_answered:
        made.response = None
    made_by: dict[bool, str] = {}
    for colour in (False, True):
        output = TextOutput(Collected(), columns=lambda: columns, time=form, colour=colour, interfaces=bool(interface))
        for _ in range(2):
            made_by[colour] = output.render(made).decode().removesuffix("\n")
            plain = COLOUR.sub("", made_by[colour])
            assert width(plain) <= columns
            assert plain.isprintable()
    assert COLOUR.sub("", made_by[True]) == made_by[False]


def test_colours_are_whole() -> None:
    """Each that begins ends, in a terminal of any width."""
    for columns in range(1, 120):
        line = shown(asked(b"/" + b"x" * 90), columns, colour=True)
        assert line.count("\x1b[0m") * 2 == line.count("\x1b[")
