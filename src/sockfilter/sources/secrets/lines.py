"""The lines of a key log (NSS key log format; draft-ietf-tls-keylogfile)."""

from __future__ import annotations

from binascii import unhexlify
from typing import TYPE_CHECKING

from sockfilter.model.secret import KEYLOG, RANDOM_BYTES, SECRET_BYTES_MAX, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

COMMENT = b"#"
# characters of a label; the longest known one has 31
LABEL_MAX = 64
# Bytes of a line. A longer one is no line of a key log: those have at most 260.
LINE_BYTES_MAX = 1024


def secret_of(line: bytes, origin: str = KEYLOG) -> Secret | None:
    """Returns the secret in a line. None: the line is empty, or a comment, or has a secret that opens nothing.

    Args:
        line: the line, with or without its end.
        origin: where the key log is, as in Secret.

    Raises:
        ValueError: it is not a line of a key log.
    """
    words = line.split()
    if not words or words[0].startswith(COMMENT):
        return None
    if len(words) != 3 or len(words[0]) > LABEL_MAX:
        raise ValueError("a line of a key log has a label and two numbers")
    label = words[0].decode("ascii")
    random, secret = map(unhexlify, words[1:])
    # RSA and the like have other bytes in place of the client random
    if len(random) != RANDOM_BYTES or not 0 < len(secret) <= SECRET_BYTES_MAX:
        return None
    return Secret(label, secret, random, origin)


class Lines:
    """Puts lines together from pieces of a key log, and passes on their secrets.

    Args:
        take: takes each secret.

    Attributes:
        bad: the number of lines that are not lines of a key log.
        good: the number of all others that are not empty.
    """

    def __init__(self, take: Callable[[Secret], None]) -> None:
        self._take = take
        self._rest = b""
        self._is_too_long = False
        self._is_within = False
        self.bad = self.good = 0

    def begin_within(self) -> None:
        """Notes that the next bytes are the rest of a line that has begun before: they do not count."""
        self._is_within = True

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. A line counts when its end has come."""
        if self._is_within:
            _, end, data = data.partition(b"\n")
            self._is_within = not end
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        self._is_too_long = self._is_too_long or len(rest) > LINE_BYTES_MAX
        self._rest = b"" if self._is_too_long else rest

    def end(self) -> None:
        """Takes the last line, which has no end, if it is whole."""
        rest, self._rest = self._rest, b""
        if rest.strip() and not self._is_too_long:
            self._line(rest)
        self._is_too_long = False

    def _line(self, line: bytes) -> None:
        if self._is_too_long or len(line) > LINE_BYTES_MAX:
            self._is_too_long = False
            self.bad += 1
            return
        try:
            secret = secret_of(line)
        except ValueError:
            self.bad += 1
            return
        self.good += bool(line.strip())
        if secret is not None:
            self._take(secret)
