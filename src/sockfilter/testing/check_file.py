"""A file for the results of checks: opened when a capture begins, and written when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.har_file import EndedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.outputs.fan import OutputSource


class ResultsFile(Member):
    """Writes a document at the end of a capture.

    Args:
        path: the path of the file.
        owner: the user and group that the file is given to. None: those of this process.
        document: returns the document.
        missing: what the file has until then, and if there is no room for the document.
    """

    name = "results"
    wants = Wants(0)

    def __init__(self, path: str, owner: tuple[int, int] | None, document: Callable[[], bytes], missing: bytes) -> None:
        self._path, self._owner, self._document, self._missing = path, owner, document, missing
        self._file: EndedFile | None = None

    def begin(self, source: OutputSource) -> None:
        """Creates the file. Raises CaptureFileError."""
        self._file = EndedFile(self._path, self._owner, source.identity)
        self._file.add([(b"", self._missing)])

    def close(self) -> None:
        """Writes the document. Raises CaptureFileError."""
        file, self._file = self._file, None
        if file is not None:
            file.finish([(self._document(), b"")])
