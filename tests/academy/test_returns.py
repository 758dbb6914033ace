"""Where the parts run: each lab's smoke runs are traced, and compared with what the lessons say."""

import sys
import threading
from types import CodeType

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.compose import settings_said
from upslope.academy.grading.bench import Bench
from upslope.academy.grading.grade import needed_by
from upslope.academy.grading.workplace import Workplace
from upslope.academy.lessons import Step, exercises
from upslope.academy.source import locate
from upslope.academy.trial import exercises_called
from upslope.cards import Found, LabCard, discover

EXERCISES = pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)


def needs_torch(found: Found) -> bool:
    """Whether a lab is written in PyTorch."""
    return "import torch" in found.path.read_text(encoding="utf-8")


def code_of(exercise: str) -> set[CodeType]:
    """The code objects that make up an exercise."""
    module, _, qualname = exercise.partition(":")
    try:
        target = __import__(module, fromlist=["x"])
    except ModuleNotFoundError:
        return set()  # without torch its labs do not run either
    for part in qualname.split("."):
        target = getattr(target, part)
    functions = [target] if not isinstance(target, type) else list(vars(target).values())
    return {function.__code__ for function in functions if hasattr(function, "__code__")}


def runs_of(lab: str) -> list[tuple[str, ...]]:
    """The settings with which a lab is traced: its own, and all others that lessons name."""
    own = settings_said(discover("labs")[lab], preset="smoke")
    places = {place for step in exercises() for place in step.returns if place.name == lab and not place.holds(own)}
    return sorted({(), *(tuple(f"{key}={value}" for key, value in place.settings) for place in places)})


@pytest.mark.parametrize(
    ("lab", "words"),
    [
        pytest.param(
            lab, words, id=" ".join([lab, *words]), marks=[pytest.mark.needs("torch")] if needs_torch(found) else []
        )
        for lab, found in discover("labs").items()
        for words in runs_of(lab)
    ],
)
def test_returns_in_is_true_for_the_lab(lab, words, tmp_path):
    from upslope.runs.config import parse_settings
    from upslope.runs.execute import start

    found = discover("labs")[lab]
    assert isinstance(found.card, LabCard)
    words = (*words, "epochs=1")  # what is called at all is called in the first
    config = parse_settings(found.load().Config, words, card=found.card, preset="smoke").model_dump(mode="json")
    codes = {code: step.name for step in exercises() for code in code_of(step.exercise)}
    ran: set[str] = set()

    def look(frame, event, argument):
        if event == "call" and frame.f_code in codes:
            ran.add(codes[frame.f_code])

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        start(found, words, preset="smoke", root=tmp_path, quiet=True)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    said = {
        step.name for step in exercises() if any(place.name == lab and place.holds(config) for place in step.returns)
    }
    assert said == ran


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
