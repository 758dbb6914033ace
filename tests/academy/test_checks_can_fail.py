"""No check is there for show: each rejects at least one planted wrong answer of its exercise."""

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading.host import mistakes
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import needed_by
from upslope.academy.lessons import exercises


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch, Bench() as bench:
        patch.setenv("UPSLOPE_PATIENCE", "10")  # what fails on a busy machine fails as the checks say
        yield bench


@pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)
def test_every_check_rejects_a_wrong_answer(step, bench):
    try:
        bench.preload(needed_by(step.exercise))
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")
    patterns = mistakes.patterns(step.exercise, 5, bench=bench, seconds=1000)
    failed = {name for pattern in patterns.values() for name in pattern.failed}
    assert {check.name for check in checks_of(step.exercise).checks} - failed == set()
