"""Where the parts run: what a lesson says about later exercises is true. The labs' own tests ask the same of labs."""

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import needed_by
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.lessons import Step, exercises
from upslope.academy.mutation_run import exercises_called
from upslope.academy.reference import locate

EXERCISES = pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


@EXERCISES
def test_returns_in_is_true_for_later_exercises(step: Step, bench):
    targets = {step.exercise: locate(step.exercise)}
    for other in exercises():
        if other.name in step.returns_in:
            try:
                bench.preload(needed_by(other.exercise))
            except ModuleNotFoundError as error:
                pytest.skip(f"needs {error.name}")
            with Workplace() as place:
                located = locate(other.exercise)
                assert exercises_called(located, checks_of(other.exercise), targets, place=place, bench=bench)
