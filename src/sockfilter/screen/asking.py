"""Questions over the screen: a choice by one key, and the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from sockfilter.screen.looks import DIM, NAME, TITLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

CSS = """
{name} {{ align: center middle; background: $background; }}
{name} > * {{ width: auto; max-width: 100%; height: auto; max-height: 100%; border: round $primary;
    background: $surface; padding: 0 1; }}
"""


class Answer(NamedTuple):
    """One of the answers to a question: its key, and what it says."""

    key: str
    words: str


class Question(ModalScreen["str | None"]):
    """A question with some answers. It returns the key of one; None if the person goes back.

    Args:
        title: the question.
        answers: the answers.
    """

    DEFAULT_CSS = CSS.format(name="Question") + "Question OptionList { min-width: 40; }"
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "back", "Back")]

    def __init__(self, title: str, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._answers = answers

    def compose(self) -> ComposeResult:
        """Makes the list."""
        options = OptionList(
            *(Option(Text(f" {each.key} ", NAME).append(f" {each.words}"), id=each.key) for each in self._answers),
            markup=False,
        )
        options.border_title = self._title
        options.border_subtitle = "a letter, Enter, or Esc"
        yield options

    def on_key(self, event: events.Key) -> None:
        """Takes the key of an answer."""
        if event.character in {each.key for each in self._answers}:
            event.stop()
            event.prevent_default()
            self.dismiss(event.character)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Takes the answer that was chosen."""
        event.stop()
        self.dismiss(event.option.id)

    def action_back(self) -> None:
        """Returns no answer."""
        self.dismiss(None)


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
SIGNS = "! error or problem    * marked    --- no response    waterfall: - connect  = send  . wait  # receive"


class KeysHelp(ModalScreen[None]):
    """The keys."""

    DEFAULT_CSS = (
        CSS.format(name="KeysHelp") + "KeysHelp VerticalScroll { width: 78; } KeysHelp Static { width: 100%; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,enter", "back", "Back")]

    def compose(self) -> ComposeResult:
        """Makes the text."""
        text = Text()
        for title, keys in KEYS:
            text.append(f"{title}\n", TITLE)
            for key, words in keys:
                text.append(f"  {key:<14}", NAME).append(f"{words}\n")
        text.append(SIGNS, DIM)
        scroll = VerticalScroll(Static(text, markup=False))
        scroll.border_title = "Keys"
        yield scroll

    def action_back(self) -> None:
        """Closes the help."""
        self.dismiss(None)
