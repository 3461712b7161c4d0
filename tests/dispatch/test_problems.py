"""What dispatchers read instead of a code."""

import pytest

from dispatch.problems import SENTENCES
from routing.problems import Problem


@pytest.mark.parametrize("problem", Problem)
def test_each_problem_has_a_sentence_of_its_own(problem: Problem) -> None:
    assert SENTENCES[problem].endswith(".")
    assert list(SENTENCES.values()).count(SENTENCES[problem]) == 1
