"""No check is there for show: each rejects at least one planted wrong answer of its exercise."""

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading import mistakes
from upslope.academy.lessons import exercises


@pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)
def test_every_check_rejects_a_wrong_answer(step):
    patterns = mistakes.patterns(step.exercise, 5)
    failed = {name for pattern in patterns.values() for name in pattern.failed}
    assert {check.name for check in checks_of(step.exercise).checks} - failed == set()
