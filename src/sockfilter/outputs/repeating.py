"""Exchanges in forms that repeat them: curl commands, and a module of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.errors import BodyError, NotSeen
from sockfilter.escape import printable
from sockfilter.forms.curl import as_curl
from sockfilter.forms.masked import masked
from sockfilter.forms.pytest_source import module_start, module_test
from sockfilter.masking import MASK
from sockfilter.outputs.output import ByteSink, Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, StreamMessage


MASKED = f"# {MASK} stands for a secret; --show-secrets shows it\n"


class RepeatingOutput(Output):
    """Writes each exchange in a form that repeats it. One that cannot be repeated becomes a comment with the reason.

    Args:
        sink: receives the bytes.
        form: returns the form of an exchange. It raises NotSeen and BodyError.
        start: the text before the first.
        show_secrets: whether to show secrets instead of masking them. A masked request is not the same request.
    """

    has_bodies = True

    def __init__(
        self, sink: ByteSink, form: Callable[[Exchange], str], start: str = "", *, show_secrets: bool = False
    ) -> None:
        super().__init__(sink)
        self._form = form
        self._show_secrets = show_secrets
        self._collect(start.encode())

    def render(self, exchange: Exchange) -> bytes:
        """Returns the form of an exchange."""
        try:
            text = self._form(exchange if self._show_secrets else masked(exchange))
        except (NotSeen, BodyError) as error:
            reason = str(error).replace("body=None keeps all", "--body all keeps all")
            text = f"# {printable(reason)}"
        if not self._show_secrets and MASK in text:
            text = f"{MASKED}{text}" if not text.startswith("\n") else f"\n\n{MASKED}{text.lstrip()}"
        return text.rstrip("\n").encode("utf-8", "surrogateescape") + b"\n"

    def render_message(self, message: StreamMessage) -> bytes:
        """Returns nothing: messages without a response are not repeated."""
        return b""


def curl_output(sink: ByteSink, *, show_secrets: bool) -> RepeatingOutput:
    """Returns the output of curl commands, one for each exchange."""
    return RepeatingOutput(sink, as_curl, show_secrets=show_secrets)


def pytest_output(sink: ByteSink, *, show_secrets: bool) -> RepeatingOutput:
    """Returns the output of a module of tests, one for each exchange."""
    return RepeatingOutput(sink, module_test, module_start(), show_secrets=show_secrets)
