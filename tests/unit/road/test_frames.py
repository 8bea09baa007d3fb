"""A capture file gets the secrets of TLS before the frames that they open, and waits for them within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sockfilter.model.secret import Secret
from sockfilter.outputs import pcapng
from sockfilter.road import frames
from sockfilter.road.frames import Frames
from tests.support.exchanges import Collected
from tests.support.pcapng import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = Secret("CLIENT_RANDOM", bytes(48), bytes(32))


class Feed:
    """Secrets that a test gives."""

    turn = 0
    oldest_turn: int | None = None
    on_opening: Callable[[Secret], None] | None = None

    def refresh(self) -> None:
        """Nothing more comes."""

    def open(self) -> None:
        assert self.on_opening is not None
        self.on_opening(SECRET)


class Source:
    """A source of no records."""

    identity = None
    filled = 0.0

    def wall_ns(self, time_ns: int) -> int:
        return time_ns

    def interface_name(self, index: int) -> str:
        return "lo"

    def counters(self) -> list[int]:
        return [0] * 32


@pytest.fixture
def written() -> tuple[Frames, Feed, Callable[[], str]]:
    """A file, the secrets for it, and the kinds of its blocks: secrets or packets."""
    sink, feed = Collected(), Feed()
    made = Frames(sink, secrets=True)
    made.begin(Source())
    made.begin_secrets(feed)
    names = {pcapng.SECRETS: "s", pcapng.PACKET: "p"}
    return made, feed, lambda: "".join(names.get(kind, "") for kind, _ in blocks(sink.data))


def pass_frame(made: Frames) -> None:
    made.take(memoryview(b""), [])
    made._write(1, 1, 0, bytes(60), 60)


def test_secret_of_a_batch_is_before_its_frames(written: tuple[Frames, Feed, Callable[[], str]]) -> None:
    made, feed, kinds = written
    pass_frame(made)
    feed.open()
    made.flush()
    assert kinds() == "sp"


def test_frames_wait_while_a_secret_is_lacking(written: tuple[Frames, Feed, Callable[[], str]]) -> None:
    """Those of the batches before it do not."""
    made, feed, kinds = written
    pass_frame(made)
    pass_frame(made)
    feed.oldest_turn = feed.turn
    made.flush()
    assert kinds() == "p"
    pass_frame(made)
    made.flush()
    assert kinds() == "p"
    feed.open()
    feed.oldest_turn = None
    made.flush()
    assert kinds() == "pspp"


@pytest.mark.parametrize(("name", "limit"), [("HOLD_S", 0.0), ("HELD_BYTES_MAX", 10)])
def test_frames_wait_only_up_to_a_limit(
    written: tuple[Frames, Feed, Callable[[], str]], monkeypatch: pytest.MonkeyPatch, name: str, limit: float
) -> None:
    made, feed, kinds = written
    feed.oldest_turn = 1
    pass_frame(made)
    made.flush()
    assert kinds() == ""
    monkeypatch.setattr(frames, name, limit)
    made.flush()
    assert kinds() == "p"
    feed.open()
    made.flush()
    assert kinds() == "ps"


@pytest.mark.parametrize("oldest", [1, None])
def test_all_is_written_at_the_end(written: tuple[Frames, Feed, Callable[[], str]], oldest: int | None) -> None:
    made, feed, kinds = written
    feed.oldest_turn = oldest
    pass_frame(made)
    feed.open()
    made.close()
    assert kinds() == "sp"


def test_secrets_are_written_only_if_asked_for() -> None:
    feed = Feed()
    made = Frames(Collected())
    made.begin_secrets(feed)
    assert feed.on_opening is None
