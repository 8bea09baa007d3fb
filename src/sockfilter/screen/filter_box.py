"""The box for a filter: what may come next is listed, and an error is marked at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from sockfilter.errors import InvalidArgument
from sockfilter.escape import printable
from sockfilter.filters.completion import complete
from sockfilter.filters.faults import InvalidFilter
from sockfilter.filters.where import Where
from sockfilter.screen.looks import BAD, DIM

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from sockfilter.recent.seen import SeenValues

# candidates that are listed
LISTED_MAX = 8
FAULT = Style(color="red", bold=True, underline=True, reverse=True)


class _Marking(Highlighter):
    """Marks the place of an error.

    Attributes:
        place: where it is. None: there is none.
    """

    def __init__(self) -> None:
        self.place: tuple[int, int] | None = None

    def highlight(self, text: Text) -> None:
        """Implements Highlighter."""
        if self.place is not None:
            start, end = self.place
            text.stylize(FAULT, min(start, len(text) - 1), max(end, start + 1))


class FilterInput(Input):
    """The line of the filter. Tab takes a candidate; the arrows choose one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("tab", "candidate", "Complete"),
        ("down", "candidates(1)", "Next"),
        ("up", "candidates(-1)", "Previous"),
        ("escape", "leave", "Back"),
    ]

    def action_candidate(self) -> None:
        """Takes the candidate that is chosen."""
        self._box.take()

    def action_candidates(self, step: int) -> None:
        """Chooses another candidate."""
        self._box.choose(step)

    def action_leave(self) -> None:
        """Goes back to the table; the filter stays as it was."""
        self._box.leave()

    @property
    def _box(self) -> FilterBox:
        box = self.parent
        assert isinstance(box, FilterBox)  # it is composed there
        return box


class FilterBox(Vertical):
    """A filter and its candidates.

    Args:
        seen: knows values that exchanges have had.
        text: the filter at the beginning.

    Attributes:
        where: the conditions in force. None: there is no filter.
    """

    DEFAULT_CSS = """
    FilterBox { height: auto; }
    FilterBox Input { padding: 0 1; }
    FilterBox OptionList { height: auto; max-height: 8; border: none; padding: 0 1; display: none; }
    FilterBox Static { height: auto; max-height: 3; padding: 0 1; display: none; }
    FilterBox .shown { display: block; }
    """

    class Chosen(Message):
        """Another filter is in force."""

        def __init__(self, where: Where | None, text: str) -> None:
            super().__init__()
            self.where, self.text = where, text

    class Left(Message):
        """The person is done with the box."""

    def __init__(self, seen: SeenValues, text: str = "") -> None:
        super().__init__()
        self.display = False
        self._seen = seen
        self._marking = _Marking()
        self._text = text
        self.where: Where | None = None

    def compose(self) -> ComposeResult:
        """Makes the line, the list and the error."""
        yield FilterInput(
            self._text,
            placeholder='filter, such as: status >= 500 and path ~ "^/api"',
            highlighter=self._marking,
            select_on_focus=False,
            compact=True,
        )
        yield Static(markup=False)
        candidates = OptionList(markup=False)
        candidates.can_focus = False
        yield candidates

    def open(self) -> None:
        """Shows the box and takes the keys."""
        self.display = True
        line = self.query_one(FilterInput)
        self.screen.set_focus(line)  # at once: the next key may be there already
        self._offer(line)

    def leave(self) -> None:
        """Hides the box, with the filter that is in force."""
        line = self.query_one(FilterInput)
        with line.prevent(Input.Changed):
            line.value = self._text
        self._mark(None)
        self.display = False
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offers candidates, and takes the mark of an earlier error away."""
        event.stop()
        self._mark(None)
        self._offer(event.input)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Puts the filter in force, or marks what is wrong."""
        event.stop()
        text = event.value.strip()
        try:
            where = Where.parse(text) if text else None
        except InvalidFilter as error:
            self._mark(error)
            return
        except InvalidArgument as error:
            self._mark(InvalidFilter(str(error), str(error), None, 0))
            return
        self.where, self._text = where, text
        self.post_message(self.Chosen(where, text))
        self.leave()

    def put(self, text: str) -> None:
        """Puts another filter in force, as if it had been typed."""
        line = self.query_one(FilterInput)
        line.value = text
        self.on_input_submitted(Input.Submitted(line, text))

    def _mark(self, error: InvalidFilter | None) -> None:
        said, line = self.query_one(Static), self.query_one(FilterInput)
        said.set_class(error is not None, "shown")
        self._marking.place = None
        if error is not None:
            said.update(Text(printable(error.words), BAD))
            if error.start is not None:
                self._marking.place = (error.start, error.end)
                line.cursor_position = min(error.start, len(line.value))
            self.query_one(OptionList).remove_class("shown")
        line.refresh()

    def _offer(self, line: Input) -> None:
        self._completion = complete(line.value, line.cursor_position, self._seen)
        candidates = self._completion.candidates[:LISTED_MAX]
        listed = self.query_one(OptionList)
        listed.clear_options()
        room = max((len(candidate.text) for candidate in candidates), default=0)
        for candidate in candidates:
            about = Text(printable(candidate.text).ljust(room + 2)).append(candidate.about or candidate.kind, DIM)
            listed.add_option(Option(about))
        listed.set_class(bool(candidates), "shown")
        if candidates:
            listed.highlighted = 0

    def choose(self, step: int) -> None:
        """Chooses another candidate."""
        listed = self.query_one(OptionList)
        if listed.option_count:
            listed.highlighted = ((listed.highlighted or 0) + step) % listed.option_count

    def take(self) -> None:
        """Puts the chosen candidate into the line."""
        listed, line = self.query_one(OptionList), self.query_one(FilterInput)
        at = listed.highlighted or 0
        if at < min(LISTED_MAX, len(self._completion.candidates)):
            text, cursor = self._completion.applied(line.value, self._completion.candidates[at])
            line.value = text
            line.cursor_position = cursor

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Takes the candidate that was clicked."""
        event.stop()
        self.take()
        self.query_one(FilterInput).focus()

    def on_blur(self, event: events.Blur) -> None:
        """Does nothing: a click on a candidate is no end."""
