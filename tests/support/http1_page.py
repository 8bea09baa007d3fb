"""docs/http1.md, drawn from the table that the parser uses: `python -m tests.support.http1_page` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

from sockfilter.protocols.http1.states import EVENTS, STATES

PAGE = Path(__file__).resolve().parents[2] / "docs/http1.md"
NAMES = list(STATES)
# events that many states have: in the drawing they would be in the way of the others
NOT_DRAWN = ("TUNNELLED", "OVER", "REPLACED")

BEFORE = """\
# How a direction of HTTP/1 is read

Each direction of a connection has a parser, which is in one of the states below. The table of events is
`src/sockfilter/protocols/http1/states.py`, and the parser changes its state by nothing else. This page is drawn from
it: a test compares both, and `python -m tests.support.http1_page` writes it anew.

## States

A parser begins in `HEAD`.

"""
EVENTS_TEXT = """
## Events

In a state that an event does not name, it changes nothing.

"""
DRAWING_TEXT = f"""
## Drawing

Without {", ".join(f"`{name}`" for name in NOT_DRAWN[:-1])} and `{NOT_DRAWN[-1]}`, which lead away from most states.

"""


def page() -> str:
    """The page as it should be."""
    return BEFORE + states() + EVENTS_TEXT + events() + DRAWING_TEXT + drawing()


def states() -> str:
    rows = [f"| `{name}` | {meaning} |\n" for name, meaning in STATES.items()]
    return "| state | what the parser does |\n|---|---|\n" + "".join(rows)


def events() -> str:
    made = "| event | what has happened | from | to |\n|---|---|---|---|\n"
    for name, event in EVENTS.items():
        first = f"`{name}` | {event.meaning}"
        for target in sorted(set(event.moves.values())):
            sources = ", ".join(f"`{NAMES[state]}`" for state in sorted(event.moves) if event.moves[state] == target)
            made += f"| {first} | {sources} | `{NAMES[target]}` |\n"
            first = "|"
    return made


def drawing() -> str:
    lines = ["stateDiagram-v2", "    [*] --> HEAD"]
    for name, event in EVENTS.items():
        if name not in NOT_DRAWN:
            lines += [f"    {NAMES[a]} --> {NAMES[b]}: {name}" for a, b in sorted(event.moves.items())]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"{PAGE} is written\n")
