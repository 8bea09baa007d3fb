"""The table of states: it is drawn as it is, and all of it is used."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.http1 import beginning, parser, states
from tests.support import http1_page
from tests.support.dialogues import (
    CASES,
    CHUNKED,
    CLIENT_HELLO,
    CONNECT,
    ESTABLISHED,
    GET,
    OK,
    SERVER_HELLO,
    SWITCHING,
    UPGRADE,
    request,
)
from tests.support.talk import CLIENT, SERVER, Dialogue

if TYPE_CHECKING:
    from tests.support.talk import Said

MODULES = ("state", "recognising", "telling", "beginning", "seeking", "opening", "framing", "parser")
NAMES = list(states.STATES)
MOVES = {(name, NAMES[state]) for name, event in states.EVENTS.items() for state in event.moves}

SIMPLE = b"GET /simple\r\n"
EXPECT = b"POST /c HTTP/1.1\r\nExpect: 100-continue\r\n"
NO_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nsome of it"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"

END = 0  # the end closes
# what is said, and how many bytes are lost, beside what the cases of other tests have
Spoken = list["Said | tuple[int, int]"]
MORE_CASES: list[Spoken] = [
    [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, CLIENT_HELLO), (SERVER, SERVER_HELLO)],
    [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET), (SERVER, OK)],
    [
        (CLIENT, CONNECT),
        (SERVER, ESTABLISHED),
        (CLIENT, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (SERVER, b"\0\0\0\4\0\0\0\0\0"),
    ],
    [(CLIENT, CONNECT), (CLIENT, END), (SERVER, ESTABLISHED)],
    [(CLIENT, CONNECT), (CLIENT, 9), (SERVER, ESTABLISHED)],
    [(CLIENT, UPGRADE), (SERVER, SWITCHING + b"\x81\x02hi")],
    [(CLIENT, UPGRADE), (CLIENT, 9), (SERVER, SWITCHING)],
    [(CLIENT, SIMPLE), (SERVER, SWITCHING)],
    [(CLIENT, SIMPLE)],
    [(CLIENT, GET), (SERVER, b"\0odd\r\n"), (SERVER, NO_LENGTH)],
    [(CLIENT, SIMPLE), (SERVER, b"hello")],
    [(CLIENT, SIMPLE), (SERVER, OK)],
    [(CLIENT, SIMPLE), (SERVER, 5)],
    [(CLIENT, GET), (SERVER, CHUNKED + b"2\r\nhi\r\nzz\r\n"), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, GET), (SERVER, CHUNKED + b"no chunks at all"), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, GET), (SERVER, CHUNKED + b"2\r\nhi\r\n0\r\nT: 1"), (SERVER, b"\r\n\r\n")],
    [(CLIENT, GET), (SERVER, CHUNKED + b"9\r\nhi"), (SERVER, 20), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, GET), (SERVER, CHUNKED + b"2\r\nhi"), (SERVER, 20), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, GET), (SERVER, CHUNKED + b"2\r\nhi\r\n0\r\nT: 1"), (SERVER, 20), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, GET), (SERVER, NO_LENGTH)],
    [(SERVER, HALF), (SERVER, b"other")],
    [(SERVER, HALF[:-4]), (SERVER, HALF)],
    [(SERVER, NO_LENGTH[:-10]), (SERVER, HALF)],
    [(SERVER, NO_LENGTH)],
    [(SERVER, CHUNKED), (SERVER, b"2\r\nhi\r\n0\r\n\r\n")],
    [(SERVER, CHUNKED), (SERVER, HALF)],
    [(CLIENT, EXPECT + b"Content-Length: 5\r\n\r\n"), (SERVER, OK), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, EXPECT + b"Transfer-Encoding: chunked\r\n\r\n"), (SERVER, OK), (CLIENT, GET), (SERVER, OK)],
    [(CLIENT, b"GET / HTTP/1.\r\n\r\n"), (SERVER, OK)],
    [(CLIENT, request(b"body")), (SERVER, OK), (CLIENT, b"GET odd HTTP/3\r\n\r\n"), (CLIENT, GET), (SERVER, OK)],
    *(
        [(CLIENT, GET), (SERVER, OK), (CLIENT, b"GET odd HTTP/3\r\n\r\n"), (CLIENT, rest + b"\r\n"), (CLIENT, b"4\r\n")]
        for rest in (
            b"POST /l HTTP/1.1\r\nContent-Length: 9\r\n",
            b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
        )
    ),
]


class Traced(tuple[int, ...]):
    """An event that notes in which states it happens."""

    name: str
    met: set[tuple[str, str]]

    def __getitem__(self, state: int) -> int:  # type: ignore[override]  # states alone
        self.met.add((self.name, NAMES[state]))
        return tuple.__getitem__(self, state)


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """The events that happen, and in which states."""
    found: set[tuple[str, str]] = set()
    for module in (importlib.import_module(f"sockfilter.protocols.http1.{name}") for name in MODULES):
        for name in states.EVENTS.keys() & vars(module).keys():
            traced = Traced(getattr(module, name))
            traced.name, traced.met = name, found
            monkeypatch.setattr(module, name, traced)
    bodies = [getattr(beginning, name) for name in ("BODY_BY_LENGTH", "BODY_IN_CHUNKS", "BODY_UNTIL_CLOSE")]
    monkeypatch.setattr(beginning, "BODIES", bodies)
    return found


def speak(said: Spoken, *, whole: bool = True) -> None:
    dialogue = Dialogue(whole=whole)
    for end, what in said:
        if what == END:
            dialogue.end(end)
        elif isinstance(what, int):
            dialogue.lose(end, what)
        elif not dialogue.rejected:
            dialogue.say(end, what)
    if not dialogue.rejected:
        dialogue.close(Problem.CLOSED)


def test_the_page_is_what_the_table_says():
    assert http1_page.PAGE.read_text() == http1_page.page(), "python -m tests.support.http1_page writes it anew"


def test_each_state_has_its_reader():
    assert len(parser.READERS) == len(states.STATES)
    assert [name for name in states.STATES if vars(states)[name] != NAMES.index(name)] == []


def test_events_have_the_names_under_which_they_are_used():
    for name, event in states.EVENTS.items():
        column = vars(states)[name]
        assert [state for state in range(len(NAMES)) if column[state] != state] == sorted(event.moves)


def test_the_state_changes_by_events_alone():
    for path in Path(parser.__file__).parent.glob("*.py"):
        for line in path.read_text().splitlines():
            if re.search(r"\b_state\b.* = ", line) and "def " not in line:
                assert re.search(r"_state\b.* = (HEAD$|.*\[self\._state\])", line), f"{path.name}: {line}"
                assert "peer._state" not in line


def test_all_of_the_table_happens(met: set[tuple[str, str]]):
    for case in CASES.values():
        speak([*case.said, *case.said])
    for said in MORE_CASES:
        for whole in (True, False):
            speak(said, whole=whole)
    assert MOVES - met == set()
