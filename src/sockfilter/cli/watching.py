"""What is looked up for a person who watches, before the rights are given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.cli import hints
    from sockfilter.cli.looking import Onlooker


def look_around(past_network: str) -> hints.Start:
    """Collects what a later hint may need. Takes some milliseconds."""
    from sockfilter.cli import hints  # imported only if a user sits at a terminal

    return hints.start(past_network)


def past_network() -> str:
    """Returns what packets cannot show, because it goes from socket to socket. Takes less than a millisecond."""
    from sockfilter.system import sockmaps  # imported only if packets are captured

    return sockmaps.words_of(sockmaps.found())


def onlooker() -> Onlooker:
    """Starts the process that can say who speaks TLS, while there are rights for it."""
    from sockfilter.cli.looking import Onlooker  # imported only if a user sits at a terminal

    return Onlooker()
