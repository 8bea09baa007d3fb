"""Feeds a reader with the content of a body, decoded as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.protocols.coding import CodingError, TooLongError, decoder_for

if TYPE_CHECKING:
    from sockfilter.protocols.interface import ContentReader


class Feed:
    """Decodes a body for its reader. What is kept of the body does not matter here.

    Args:
        reader: takes the content.
        codings: the content codings, in lower case.
    """

    __slots__ = ("_decoder", "_is_lost", "_reader")

    def __init__(self, reader: ContentReader, codings: tuple[bytes, ...]) -> None:
        self._reader = reader
        self._decoder = decoder_for(codings) if codings else None
        self._is_lost = False  # no more can be decoded
        if codings and self._decoder is None:
            self._lose(Problem.UNKNOWN_CODING)

    @property
    def weight(self) -> int:
        """Bytes of memory that decoding takes."""
        return 0 if self._decoder is None else self._decoder.weight

    def data(self, data: bytes, time_ns: int) -> None:
        """Takes the next bytes of the body."""
        if self._decoder is None:
            if not self._is_lost:
                self._reader.data(data, time_ns)
            return
        try:
            for piece in self._decoder.decode(data):
                self._reader.data(piece, time_ns)
        except TooLongError:
            self._lose(Problem.DECODED_LIMIT)
        except CodingError:
            self._lose(Problem.BAD_CODING)

    def missing(self, problem: Problem) -> None:
        """Notes that bytes of the body are missing, and why. Nothing after them can be decoded."""
        if self._decoder is not None:
            self._lose(problem)
        elif not self._is_lost:
            self._reader.missing(problem)

    def end(self, is_whole: bool) -> None:
        """Notes the end of the body."""
        self._reader.end(is_whole and not self._is_lost)

    def _lose(self, problem: Problem) -> None:
        self._decoder = None
        self._is_lost = True
        self._reader.missing(problem)
