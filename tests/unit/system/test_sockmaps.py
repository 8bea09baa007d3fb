"""The words about maps that take bytes past the network."""

from __future__ import annotations

from sockfilter.system.sockmaps import Sockmap, words_of

REDIRECTING = Sockmap(7, "ends", "sockhash", 3, True, ("agent[12]",), ("note on /a",))
MERELY = Sockmap(8, "others", "sockmap", 4, False, (), ())


def test_only_maps_that_redirect_are_told_of() -> None:
    assert words_of([]) == words_of([MERELY]) == ""
    said = words_of([MERELY, REDIRECTING])
    assert said.startswith("2 connections may go past the network")
    assert "sockhash ends (id 7, of agent[12], filled by note on /a; 3 sockets in it)" in said
    assert "others" not in said


def test_a_map_that_nobody_has_open_is_pinned() -> None:
    assert str(MERELY) == "sockmap others (id 8, pinned; 4 sockets in it)"
