"""The entries of a HAR file, one at a time: no more of it is in memory than one entry and one block."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any, BinaryIO

from sockfilter.errors import CaptureFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 1 << 18
# Characters of one value: an entry with a body of 128 MiB in base64, and more than browsers keep of one.
VALUE_MAX = 256 << 20
SPACES = " \t\r\n"
DECODE = json.JSONDecoder().raw_decode


class NotAnArchive(CaptureFileError):
    """The file is not a HAR file."""


class Entries:
    """Reads the entries of a HAR file.

    Args:
        file: the file, open for reading bytes.
        path: its name, for messages.

    Attributes:
        count: the number of entries read so far.
        creator: the name of the program that wrote the file; empty if it is not known so far.
    """

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file = file
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text = ""
        self._at = 0
        self._before = 0  # characters before the text
        self._is_over = False
        self.count = 0
        self.creator = ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yields the entries.

        Raises:
            CaptureFileError: the file is not a HAR file, or is cut or damaged. The entries before that were yielded.
        """
        self._more()
        if not self._takes("{"):
            raise self._no_archive("it is not a JSON object")
        if not self._enter_member("log"):
            raise self._no_archive("it has no member log")
        for name in self._names():
            if name == "entries":
                yield from self._entries()
                return
            value = self._value()
            if name == "creator" and isinstance(value, dict):
                self.creator = str(value.get("name", ""))
        raise self._no_archive("its log has no entries")

    def _entries(self) -> Iterator[dict[str, Any]]:
        if not self._takes("["):
            raise self._no_archive("its entries are not a list")
        if self._takes("]"):
            return
        while True:
            value = self._value()
            if not isinstance(value, dict):
                raise self._no_archive(f"entry {self.count + 1} is not an object")
            self.count += 1
            yield value
            if self._takes("]"):
                return
            if not self._takes(","):
                raise self._damaged("a comma or a bracket is missing")

    def _enter_member(self, wanted: str) -> bool:
        """Moves behind the colon of a member of an object. Returns whether there is one."""
        for name in self._members():
            if name == wanted:
                return True
            self._value()
        return False

    def _names(self) -> Iterator[str]:
        if not self._takes("{"):
            raise self._no_archive("its log is not an object")
        return self._members()

    def _members(self) -> Iterator[str]:
        """Yields the names of an object's members. The caller takes the value of each."""
        if self._takes("}"):
            return
        while True:
            name = self._value()
            if not isinstance(name, str) or not self._takes(":"):
                raise self._damaged("a member has no name")
            yield name
            if self._takes("}"):
                return
            if not self._takes(","):
                raise self._damaged("a comma or a brace is missing")

    def _takes(self, sign: str) -> bool:
        """Takes a sign if it comes next."""
        self._skip_spaces()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += 1
        return True

    def _skip_spaces(self) -> None:
        while True:
            while self._at < len(self._text) and self._text[self._at] in SPACES:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return

    def _value(self) -> Any:
        """Takes the next value."""
        self._skip_spaces()
        while True:
            try:
                value, end = DECODE(self._text, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError) or len(self._text) - self._at > VALUE_MAX:
                    raise self._damaged("a value is too deep or too long") from None
                if not self._more(len(self._text)):
                    raise self._damaged(error.msg) from None
                continue
            if end == len(self._text) and self._more():
                continue  # a number may go on
            self._at = end
            return value

    def _more(self, least: int = 0) -> bool:
        """Reads more: twice as much as there is of a value, so that a long one is not parsed too often."""
        if self._is_over:
            return False
        self._before += self._at
        parts, size = [self._text[self._at :]], 0
        self._at = 0
        while size <= least and not self._is_over:
            try:
                block = self._file.read(BLOCK_BYTES)
            except OSError as error:
                raise CaptureFileError(f"reading {self._path!r}: {error.strerror}") from error
            self._is_over = not block
            parts.append(self._decoder.decode(block, final=not block))
            size += len(block)
        self._text = "".join(parts)
        return True

    def _no_archive(self, found: str) -> NotAnArchive:
        if self._is_over and self._at >= len(self._text):
            return self._damaged("it ends too early")  # type: ignore[return-value]  # as good an error
        return NotAnArchive(f"reading {self._path!r}: {found}, so it is not a HAR file; use one, or a pcap file")

    def _damaged(self, found: str) -> CaptureFileError:
        where = f"character {self._before + self._at} is not as JSON asks ({found[:1].lower()}{found[1:]})"
        if self._is_over and self._at + 1 >= len(self._text.rstrip(SPACES)):
            where = "it ends too early"
        return CaptureFileError(f"reading {self._path!r}: {where}; the {self.count} entries before were read")
