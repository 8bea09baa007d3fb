"""Problems in words."""

from __future__ import annotations

from sockfilter.forms.problems import ExplainedProblem, explained
from sockfilter.model import Problem


def test_problems_are_sentences():
    assert explained([Problem.EVICTED]) == [
        ExplainedProblem(
            "evicted",
            "There was no more memory for the connection, or there were too many requests on it.",
            "Raise --memory.",
        )
    ]
    assert all(each.remedy.endswith(".") for each in explained(Problem))
