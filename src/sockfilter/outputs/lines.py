"""Text output: one line for each exchange, and more on request."""

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
        sink: receives the bytes.
        options: the options of the lines, as for TextForm.
    """

    widths_max = ROUTE_WIDTH_MAX, REQUEST_WIDTH_MAX

    def __init__(self, sink: ByteSink, **options: Unpack[TextOptions]) -> None:
        Output.__init__(self, sink)
        TextForm.__init__(self, **options)

    @property
    def lines(self) -> TextOutput | None:
        """The output itself if it writes only the usual lines without colours, which the lane may write.

        The lane knows which targets may hold a secret, except for secrets with names that the user has added.
        """
        is_more = self._verbosity or self._colour or self._interfaces or self._processes or has_own_names()
        return self if self._is_usual and not is_more else None

    @property
    def widths(self) -> tuple[int, int]:
        """The current widths of the columns for the route and for the request."""
        return self._route_width, self._request_width
