"""What is wanted of bodies; it is known before anything that reads one is imported."""

from __future__ import annotations

from typing import NamedTuple


class BodyPolicy(NamedTuple):
    """What to keep of bodies.

    limit: bytes of each from the first on.
    decodes: undo the content coding; without it, content is as sent and the decoded length not known.
    as_sent: keep chunk sizes and trailers too, as they crossed the wire.
    """

    limit: int
    decodes: bool = True
    as_sent: bool = False
