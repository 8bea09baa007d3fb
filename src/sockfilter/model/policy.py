"""What to keep of bodies. The module is separate because this is needed before a parser is imported."""

from __future__ import annotations

from typing import NamedTuple


class BodyPolicy(NamedTuple):
    """What to keep of bodies.

    Attributes:
        limit: bytes to keep of each body, from the first on.
        decodes: undo the content coding; if False, content stays as sent, and the decoded length is not known.
        as_sent: keep chunk sizes and trailers too, as they crossed the wire.
    """

    limit: int
    decodes: bool = True
    as_sent: bool = False
