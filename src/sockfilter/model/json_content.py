"""The content of a message, parsed as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.errors import BodyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.body import Body


def parsed(body: Body, owner: object, shown: Callable[[], bytes] | None = None) -> Any:
    """The value.

    Args:
        body: the content.
        owner: the message that has it, for the error.
        shown: returns the content as an error may show it; None to show none.

    Raises:
        BodyError: the content was not kept whole, or is not JSON.
    """
    import json  # imported late: most captures do not need it

    if body.is_cut:
        known = "" if body.length is None else f" of {body.length}"
        raise BodyError(f"reading {owner!r} as JSON: only {len(body)}{known} bytes were kept; body=None keeps all")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:  # RecursionError if it is nested too deeply
        begins = "" if shown is None else f"; the body begins {shown()[:40]!r}"
        raise BodyError(f"reading {owner!r} as JSON: {error}{begins}") from error
