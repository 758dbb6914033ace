"""A smoke run of each lab, drawn and traced once, for all tests that only look at it."""

import inspect
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from upslope.academy.lessons import exercises
from upslope.cards import Found, discover
from upslope.runs import figures
from upslope.runs.launcher import start
from upslope.runs.result import Result
from upslope.runs.run import Run
from upslope.twins.backend import use

LABS = discover("labs")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Labs whose smoke run takes more than 5 s are interrupted in `make test-all`; the others show that it works."""
    for item in items:
        lab = getattr(getattr(item, "callspec", None), "params", {}).get("found")
        slow = lab in LABS and LABS[lab].card.seconds["smoke"] > 5
        if slow and getattr(item, "originalname", "") == "test_an_interrupted_lab_ends_with_the_same_bits":
            item.add_marker(pytest.mark.deep)


@dataclass
class Smoked:
    """What a smoke run left."""

    result: Result
    folder: Path
    ran: set[str]  # the steps whose exercises were called
    confusions: list[Any] = field(default_factory=list)  # the confusion matrices that it drew


@pytest.fixture(scope="module", params=sorted(LABS))
def found(request: pytest.FixtureRequest) -> Found:
    """Each lab; for the whole module, so that the tests of one lab follow each other and share its smoke run."""
    return LABS[request.param]


@pytest.fixture(scope="module")
def smoked(found: Found, tmp_path_factory: pytest.TempPathFactory) -> Smoked:
    """One smoke run of the lab."""
    root, confusions, draw = tmp_path_factory.mktemp(found.card.name), [], figures.confusion
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "confusion", lambda matrix, names: confusions.append(matrix) or draw(matrix, names))
        result, ran = traced(found, (), root)
    return Smoked(result, root / result.run, ran, confusions)


@pytest.fixture
def trace() -> Callable[[Found, Sequence[str], Path], tuple[Result, set[str]]]:
    """`trace(found, ["model=vit"], tmp_path)`: a smoke run, and the steps whose exercises were called in it."""
    return traced


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the pictures, which take much of a smoke run's time."""
    monkeypatch.setattr(Run, "picture", lambda *args, **kwargs: None)


def traced(found: Found, words: Sequence[str], root: Path) -> tuple[Result, set[str]]:
    """Run a lab's smoke preset, and watch which exercises are called until it has validated once."""
    codes = {code: step.name for step in exercises() for code in _code_of(str(step.exercise), found)}
    ran: set[str] = set()
    log = Run.log

    def look(frame: Any, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code in codes:
            ran.add(codes[frame.f_code])

    def logged(self: Run[Any], step: int, **metrics: Any) -> None:
        log(self, step, **metrics)
        if any("validation" in name for name in metrics):  # what is called at all has been called by now
            sys.setprofile(None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "log", logged)
        threading.setprofile(look)
        sys.setprofile(look)
        try:
            return start(found, words, preset="smoke", root=root, quiet=True), ran
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


def _code_of(exercise: str, lab: Found) -> set[CodeType]:
    """The code objects that make up an exercise; of one in Keras only where the lab runs Keras, which takes seconds."""
    module, _, qualname = exercise.partition(":")
    if module.startswith("upslope.twins."):
        if "upslope.twins" not in lab.path.read_text(encoding="utf-8"):
            return set()
        use("auto")  # as the lab would: Keras keeps the backend with which it is imported
    try:
        target: Any = __import__(module, fromlist=["x"])
    except ModuleNotFoundError:
        return set()  # without torch its labs do not run either
    for part in qualname.split("."):
        target = getattr(target, part)
    # What a decorator wraps counts: the code of `torch.no_grad`'s wrapper is that of everything it decorates.
    functions = map(
        inspect.unwrap, [target] if not isinstance(target, type) else filter(callable, vars(target).values())
    )
    return {function.__code__ for function in functions if hasattr(function, "__code__")}
