"""Key logs in the format of NSS (RFC 9850), as SSLKEYLOGFILE and the Decryption Secrets Block of pcapng have them."""

from __future__ import annotations

import os
import re
import select
from codecs import BOM_UTF8
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.model.secret import CLIENT_RANDOM, KEYLOG, LABELS, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

# Label, client random and secret. Labels that open no records may have secrets of any length.
_LINE = re.compile(rb"([A-Za-z0-9_]+)[ \t]+([0-9A-Fa-f]{64})[ \t]+((?:[0-9A-Fa-f]{2})+)")
# the secrets of RSA key exchanges, which NSS no longer writes: they are not used
_OLD_LINE = re.compile(rb"RSA[ \t]+[0-9A-Fa-f]{16}[ \t]+[0-9A-Fa-f]{96}")
# the beginning of a line, in a file that is being written or was cut
_CUT_LINE = re.compile(rb"(CLIENT_|SERVER_|EXPORTER_|EARLY_EXPORTER_|ECH_)[A-Z0-9_]*(?:[ \t]+[0-9A-Fa-f]*){0,2}")
# bytes of a line: four times the longest that opens records
LINE_BYTES_MAX = 1024
# Bytes without any line of a key log, after which a file is none: more than a comment at its beginning.
NO_LINE_BYTES_MAX = 64 << 10
# bytes that are read at once
READ_BYTES = 1 << 18
# milliseconds between two looks whether to stop waiting for a pipe
LOOK_MS = 50
MASTER_BYTES, TRAFFIC_BYTES = (48,), (32, 48)


class KeyLog:
    """Reads a key log in pieces.

    Args:
        take: takes each secret.
        origin: where the secrets come from, as in Secret.

    Attributes:
        lines: the number of lines with a secret.
        unused: the number of these whose label opens no records.
        bad: the number of lines that are neither a secret, nor a comment, nor empty.
        size: the number of bytes.
        is_cut: whether the last line was cut short, as on a full disk; it does not count.
    """

    def __init__(self, take: Callable[[Secret], None], origin: str = KEYLOG) -> None:
        self._take = take
        self._origin = origin
        self._rest = b""  # a line whose end has not come
        self._is_long = False  # this line is too long
        self.lines = self.unused = self.bad = 0
        self.size = 0
        self.is_cut = False

    @property
    def is_none(self) -> bool:
        """Whether so much has come without any line of a key log that this is something else."""
        return not self.lines and self.size > NO_LINE_BYTES_MAX

    def feed(self, data: bytes) -> None:
        """Takes the next bytes."""
        self.size += len(data)
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = b""
            if self._is_long:
                del lines[0]
                self._is_long = False
        self._rest += rest
        if len(self._rest) > LINE_BYTES_MAX:
            self.bad += not self._is_long
            self._rest, self._is_long = b"", True
        for line in lines:
            self._read(line)

    def end(self) -> None:
        """Takes the last line, which may have no end."""
        rest, self._rest = self._rest.strip(), b""
        bad = self.bad
        self._read(rest)
        if _CUT_LINE.fullmatch(rest):
            self.bad, self.is_cut = bad, self.bad > bad

    def _read(self, line: bytes) -> None:
        line = line.strip().removeprefix(BOM_UTF8).lstrip()
        if not line or line.startswith(b"#"):
            return
        found = _LINE.fullmatch(line) if len(line) <= LINE_BYTES_MAX else None
        if found is None:
            is_old = _OLD_LINE.fullmatch(line) is not None
            self.lines += is_old
            self.unused += is_old
            self.bad += not is_old
            return
        label, secret = found[1].decode().upper(), bytes.fromhex(found[3].decode())
        if label in LABELS and len(secret) not in (MASTER_BYTES if label == CLIENT_RANDOM else TRAFFIC_BYTES):
            self.bad += 1
            return
        self.lines += 1
        self.unused += label not in LABELS
        self._take(Secret(label, secret, bytes.fromhex(found[2].decode()), self._origin))


def read_keylog(path: str, take: Callable[[Secret], None], is_ended: Callable[[], bool] = lambda: False) -> KeyLog:
    """Reads a key log to its end.

    Args:
        path: the file. A named pipe is read until its first writer has closed it.
        take: takes each secret.
        is_ended: whether to stop reading, because nobody needs the secrets any more.

    Raises:
        InvalidArgument: the file cannot be read, or has no secret.
    """
    log = KeyLog(take)
    try:
        # without O_NONBLOCK, open() would wait for the writer of a pipe, and no signal would end that
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while (data := _next_bytes(fd, is_ended)) and not log.is_none:
                log.feed(data)
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidArgument(f"reading the key log {path}: {words}") from error
    log.end()
    if not is_ended():
        check_keylog(path, log)
    return log


def _next_bytes(fd: int, is_ended: Callable[[], bool]) -> bytes:
    """Waits for the next bytes. Returns none at the end of the file, and if is_ended()."""
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    while not is_ended():
        if waiting.poll(LOOK_MS):
            return os.read(fd, READ_BYTES)
    return b""


def check_keylog(path: str, log: KeyLog, *, may_grow: bool = False) -> None:
    """Raises InvalidArgument if what was read of a file shows that it gives no secret.

    Args:
        path: the file.
        log: what was read of it.
        may_grow: whether secrets may still be added, so that only lines of something else are wrong.
    """
    if log.lines or ((may_grow or log.is_cut) and not log.bad):
        return
    found = "no line of it has a label, a client random and a secret" if log.size else "it is empty"
    raise InvalidArgument(f"reading the key log {path}: {found}; give the file that SSLKEYLOGFILE names")
