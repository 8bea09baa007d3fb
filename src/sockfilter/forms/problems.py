"""Problems in words: what each means, and what to do. The words are those of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model.problem import Problem


class ExplainedProblem(NamedTuple):
    """A problem in words.

    Attributes:
        name: its name, as in every output.
        meaning: a sentence that says what it means.
        remedy: a sentence that says what to do.
    """

    name: str
    meaning: str
    remedy: str


def explained(problems: Iterable[Problem]) -> list[ExplainedProblem]:
    """Returns problems in words, in their order."""
    return [ExplainedProblem(str(each), _sentence(each.meaning), _sentence(each.remedy)) for each in problems]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
