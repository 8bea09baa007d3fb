"""A question at the bottom of the screen, which one key answers.

It is a part of the screen, and no screen over it: those take a tenth of a second to appear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from sockfilter.screen.looks import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.binding import BindingType


class KeyAnswer(NamedTuple):
    """One of the answers to a question: its key, and what it says."""

    key: str
    words: str


class Question(OptionList):
    """A question with some answers."""

    DEFAULT_CSS = """
    Question { height: auto; max-height: 14; border: round $primary; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "back", "Back")]

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.display = False
        self._keys: set[str] = set()
        self._answered: Callable[[str | None], None] = lambda key: None
        self.border_subtitle = "a letter, Enter, or Esc"

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return bool(self.display)

    def ask(self, title: str, answers: Sequence[KeyAnswer], answered: Callable[[str | None], None]) -> None:
        """Asks a question.

        Args:
            title: the question.
            answers: the answers.
            answered: takes the key of the chosen answer, or None if the person goes back.
        """
        self.border_title = title
        self._keys = {each.key for each in answers}
        self._answered = answered
        self.clear_options()
        for each in answers:
            self.add_option(Option(Text(f" {each.key} ", NAME).append(f" {each.words}"), id=each.key))
        self.highlighted = 0
        self.display = True
        self.screen.set_focus(self)  # at once: the next key may be there already

    def on_key(self, event: events.Key) -> None:
        """Takes the key of an answer. No other key of the screen works meanwhile."""
        if event.character in self._keys:
            event.stop()
            event.prevent_default()
            self._end(event.character)
        elif event.character is not None and event.key not in ("enter", "escape", "ctrl+c"):
            event.stop()
            event.prevent_default()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Takes the answer that was chosen."""
        event.stop()
        self._end(event.option.id)

    def action_back(self) -> None:
        """Gives no answer."""
        self._end(None)

    def _end(self, key: str | None) -> None:
        self.display = False
        self._answered(key)
