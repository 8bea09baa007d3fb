"""The help: what the keys do, and what the signs mean."""

from __future__ import annotations

from rich.text import Text

from sockfilter.screen.looks import DIM, NAME, OF_PHASE, TITLE

KEYS = (
    (
        "Table",
        (
            ("up down j k", "move"),
            ("PgUp PgDn g G", "by pages, first, last"),
            ("Enter", "details; again: larger"),
            ("Esc", "close the details"),
            ("Tab", "from the table to the details and back"),
        ),
    ),
    (
        "Look",
        (
            ("/", "filter (Tab completes); empty: all"),
            ("n N", "next, previous exchange with an error"),
            ("s S", "sort by the next column; turn around"),
            ("f", "follow the newest"),
            ("space", "pause; the capture goes on"),
            ("m '", "mark, which also keeps; next mark"),
            ("b", "bodies as hex or laid out"),
            ("x", "show secrets, or mask them"),
            ("X", "clear the table"),
        ),
    ),
    ("Take", (("c", "copy to the clipboard (OSC 52)"), ("w", "save to a file"))),
    ("Tabs", (("1 2 3 4", "exchanges, connections, statistics, ledger"), ("?", "this help"), ("q", "quit"))),
)
SIGNS = "! error or problem   * marked   --- no response"


def keys_lines() -> list[Text]:
    """Returns the lines of the help."""
    made = []
    for title, keys in KEYS:
        made.append(Text(title, TITLE))
        made += [Text(f"  {key:<16}", NAME).append(words) for key, words in keys]
    phases = "  ".join(f"{sign} {name}" for name, (sign, _) in OF_PHASE.items())
    return [*made, Text(), Text(SIGNS, DIM), Text(f"bars of time: {phases}", DIM)]
