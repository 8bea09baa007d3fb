"""Writes capture files during a capture."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.file_names import Limits
from sockfilter.outputs.rotation import NO_LIMITS, CaptureFiles, FileCounters
from sockfilter.packets.frames import FrameTaker

if TYPE_CHECKING:
    from sockfilter.model.secret import Secret
    from sockfilter.outputs.fan import OutputSource, SecretFeed
    from sockfilter.outputs.output import ByteSink

# Seconds that frames wait for secrets, as long as their bytes wait to be opened; and the bytes of all that wait.
HOLD_S = 2.0
HELD_BYTES_MAX = 64 << 20
# Connections whose secrets are repeated in each file, the newest: a secret may come when its connection has ended.
OPEN_MAX = 1 << 16

SEEN, SENT, RING_FULL = (list(PACKET_COUNTERS).index(name) for name in ("seen", "sent", "ring_full"))


class Frames(Member, Closing):
    """Writes the frames of HTTP connections in pcapng.

    Args:
        target: a path, or an object that takes the bytes.
        limits: when the next file begins.
        owner: user and group that own the files. None: those of the process.
        secrets: also write the secrets that open TLS, each before the frames of its connection. Each further file
            begins with those of the connections that are open.
    """

    name = "capture file"
    wants = Wants.FRAMES

    def __init__(
        self,
        target: str | ByteSink,
        limits: Limits = NO_LIMITS,
        owner: tuple[int, int] | None = None,
        *,
        secrets: bool = False,
    ) -> None:
        self._target, self._limits, self._owner, self._has_secrets = target, limits, owner, secrets
        self._feed: SecretFeed | None = None
        self._secrets = bytearray()  # lines of a key log that are not in the file yet
        self._open: dict[bytes, bytes] = {}  # those of the connections that are open, by client random
        self._turns: deque[tuple[int, float]] = deque()  # the batches that wait, and when each came
        self._files: CaptureFiles | None = None
        self._interfaces: dict[tuple[int, int], int] = {}
        self._taker = FrameTaker(self._write)

    @property
    def is_full(self) -> bool:
        """Whether the last of the files that limits allow has ended."""
        return self._files is not None and self._files.is_full

    def begin(self, source: OutputSource) -> None:
        """Creates the first file.

        Args:
            source: the source of the records.

        Raises:
            CaptureFileError: a file cannot be created.
            InvalidArgument: the file is the one that the capture is read from.
        """
        self._source = source
        spared = source.identity
        self._files = CaptureFiles(
            self._target, self._counters, self._limits, self._owner, spared=spared, open_secrets=self._open_secrets
        )

    def begin_secrets(self, feed: SecretFeed) -> None:
        """Takes the secrets that open TLS from here on."""
        if self._has_secrets:
            self._feed = feed
            feed.on_opening = self._take_secret
            feed.on_closing = self._forget_secrets

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records. Raises CaptureFileError."""
        if self._feed is not None and self._files is not None:
            self._release(self._feed, self._files)
            # until the batch has been read, and the secrets of its connections have come
            self._feed.turn += 1
            self._turns.append((self._feed.turn, time.monotonic()))
            self._files.hold(self._feed.turn)
        self._taker.take(view, offsets)

    def flush(self) -> None:
        """Flushes the file, except for frames whose secrets may still come. Raises CaptureFileError."""
        if self._files is None:
            return
        if self._feed is not None:
            self._release(self._feed, self._files)
        self._files.flush()

    def close(self) -> None:
        """Writes the counters and closes the file. Raises CaptureFileError."""
        if self._files is not None:
            self._write_secrets(self._files)
            self._files.close()

    def _write(self, index: int, link_type: int, time_ns: int, frame: bytes, wire_len: int) -> None:
        assert self._files is not None  # set by begin()
        number = self._interfaces.get((index, link_type))
        if number is None:
            number = self._files.interface(self._source.interface_name(index), link_type)
            self._interfaces[index, link_type] = number
        self._files.packet(number, self._source.wall_ns(time_ns), frame, wire_len)

    def _take_secret(self, secret: Secret) -> None:
        self._secrets += secret.line
        if self._limits.megabytes or self._limits.seconds:
            self._open[secret.client_random] = self._open.get(secret.client_random, b"") + secret.line
            if len(self._open) > OPEN_MAX:
                del self._open[next(iter(self._open))]

    def _forget_secrets(self, client_random: bytes) -> None:
        self._open.pop(client_random, None)

    def _open_secrets(self) -> bytes:
        return b"".join(self._open.values())

    def _write_secrets(self, files: CaptureFiles) -> None:
        if self._secrets:
            files.secrets(bytes(self._secrets))
            self._secrets.clear()

    def _release(self, feed: SecretFeed, files: CaptureFiles) -> None:
        """Writes secrets, and lets the batches follow whose connections lack none, or have lacked them for too long."""
        feed.refresh()
        self._write_secrets(files)
        over_s, oldest = time.monotonic() - HOLD_S, feed.oldest_turn
        while self._turns:
            turn, came_s = self._turns[0]
            if oldest is not None and turn >= oldest and came_s > over_s and files.held_bytes <= HELD_BYTES_MAX:
                break
            self._turns.popleft()
            files.release(turn + 1)

    def _counters(self, number: int) -> FileCounters | None:
        """Returns the counters of all interfaces together for the first interface, and None for the others."""
        if number:
            return None
        counters = self._source.counters()
        return FileCounters(counters[SEEN], counters[RING_FULL], counters[SENT])
