"""One line for each exchange; more of it on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.line import REQUEST_WIDTH_MAX, ROUTE_WIDTH_MAX, TextForm
from sockfilter.masking import has_own_names
from sockfilter.outputs.output import ByteSink, Output

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sockfilter.forms.line import TextOptions


class TextOutput(TextForm, Output):
    """Lines for people.

    Args:
        sink: takes the bytes.
        options: what the lines are like, as TextForm has them.
    """

    widths_max = ROUTE_WIDTH_MAX, REQUEST_WIDTH_MAX

    def __init__(self, sink: ByteSink, **options: Unpack[TextOptions]) -> None:
        Output.__init__(self, sink)
        TextForm.__init__(self, **options)

    @property
    def lines(self) -> TextOutput | None:
        """Itself, where it writes nothing but the usual lines without colours, which the short road may write.

        That knows which targets may hold a secret, but for those by names of the user's own.
        """
        is_more = self._verbosity or self._colour or self._interfaces or self._processes or has_own_names()
        return self if self._is_usual and not is_more else None

    @property
    def widths(self) -> tuple[int, int]:
        """Of the columns for the route and what was asked, now."""
        return self._route_width, self._request_width
