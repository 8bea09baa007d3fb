"""What the page and a report take from the options of a capture."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sockfilter import __version__
from sockfilter.cli.values import KIB

if TYPE_CHECKING:
    from sockfilter.cli.arguments import Options
    from sockfilter.model.policy import BodyPolicy

# bytes to keep of each body unless --body sets another number: most pictures of a page
BODY_BYTES = 64 * KIB


def about(options: Options) -> dict[str, Any]:
    """Returns what the front end must know: about.ts has its type."""
    from sockfilter.page.language import description
    from sockfilter.page.report import LINES_MAX
    from sockfilter.recent.phases import PHASES

    read = options.read
    return {
        "version": __version__,
        "source": options.interface or "system calls" if read is None else os.path.basename(read) or read,
        "isFile": read is not None,
        "filters": list(options.filters),
        "showsSecrets": options.show_secrets,
        "linesMax": LINES_MAX,
        "phases": [phase._asdict() for phase in PHASES],
        "language": description(),
    }


def policy(options: Options) -> BodyPolicy:
    """Returns what to keep of bodies."""
    from sockfilter.captures.wanted import ALL
    from sockfilter.model.policy import BodyPolicy

    if not options.has_body:
        return BodyPolicy(BODY_BYTES)
    return BodyPolicy(ALL if options.body is None else options.body)
