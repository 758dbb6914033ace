"""The tour: what it shows really happens, and it fails when something that it says is not true."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from upslope.academy.answers import GradedFile
from upslope.academy.grading.host.grade import CheckResult, Verdict
from upslope.academy.lessons import find
from upslope.academy.reference import locate
from upslope.cli.tour import text, tour
from upslope.cli.tour.tour import Untrue, judge_pictures, judge_right, judge_run, judge_wrong
from upslope.runs.result import Result


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_the_whole_tour_unattended_and_without_a_terminal(program, home, temporary):
    said = program("tour")
    assert said.code == 0, said.err
    assert said.err == ""
    assert "\x1b" not in said.out
    for act in range(1, 8):
        assert f"{act} of 7" in said.out
    for words in (
        "This looks like a known mistake: the gradient passes everywhere",
        "9 of 9 checks passed",
        "Yours: relu",
        "step ",
        "reached",
        "confusion",
        "relu is proven",
        "lab digits is reached; it is proven when all 5 parts are yours, not 1",
        "upslope open",
    ):
        assert words in said.out
    (kept,) = temporary.glob("upslope-tour-*")
    assert [path.name for path in kept.iterdir()] == ["runs"], "only the run and its pictures stay"
    pictures = [line.split()[-1] for line in said.out.splitlines() if line.endswith(".png")]
    assert len(pictures) >= 3
    assert all(Path(path).is_file() and str(kept) in path for path in pictures)
    assert not home.exists(), "the learner's own workspace is not touched"
    prose = [line for line in said.out.splitlines() if str(temporary) not in line]
    assert max(map(len, prose)) <= 80
    seconds = float(said.out.splitlines()[-1].split()[-2])
    assert seconds < 60


def test_the_tour_for_programs(program, temporary):
    facts = program("tour", "--json").json
    assert facts["true"] is True
    assert facts["wrong"]["mistake"]
    assert facts["right"]["checks"] >= 3
    assert facts["run"]["parts"]["upslope.scratch.ops:relu"] == "yours"
    assert all(os.path.exists(path) for path in facts["pictures"])


def test_the_tours_answers_are_its_own():
    """They are not cut from the library, and the right one is not the wrong one."""
    body = {line.strip() for line in locate("upslope.scratch.ops:relu").source.splitlines()}
    for code in (text.WRONG_CODE, text.RIGHT_CODE):
        own = {line.strip() for line in code.splitlines()[1:]} - {""}
        assert not own & body
    assert text.WRONG != text.RIGHT


VERDICT = Verdict(
    "upslope.scratch.ops:relu",
    False,
    (CheckResult("a", "t", False, "", {"case": "relu([-2])", "got": "nan", "expected": "1"}),),
    mistake="exp first",
)
RESULT = Result(
    lab="digits",
    title="",
    run="digits-0001",
    preset="laptop",
    config={},
    seed=0,
    metrics={"test_accuracy": 0.98},
    targets=(),
    reached=True,
    seconds=1.0,
    training_seconds=1.0,
    machine={},
    code="",
    parts={"upslope.scratch.ops:relu": "yours"},
    facts={},
    settings=(),
    started="",
    finished="",
    resumed=0,
)


def graded(verdict):
    return GradedFile(find("relu"), Path("x.py"), verdict, hints=0)


def test_a_true_tour_is_believed():
    assert judge_wrong(graded(VERDICT))["mistake"] == "exp first"
    passed = replace(VERDICT, passed=True, checks=(CheckResult("a", "t", True),))
    assert judge_right(graded(passed))["checks"] == 1
    assert judge_run(RESULT, "upslope.scratch.ops:relu")["run"] == "digits-0001"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (lambda: judge_wrong(graded(replace(VERDICT, passed=True, checks=()))), "the wrong answer passed"),
        (lambda: judge_wrong(graded(replace(VERDICT, mistake=None))), "was not named"),
        (
            lambda: judge_wrong(graded(replace(VERDICT, checks=(CheckResult("a", "t", False),)))),
            "without a counterexample",
        ),
        (lambda: judge_right(graded(VERDICT)), "the right answer did not pass"),
        (lambda: judge_right(graded(replace(VERDICT, passed=True, checks=()))), "the right answer did not pass"),
        (lambda: judge_run(replace(RESULT, reached=False), "upslope.scratch.ops:relu"), "the target was missed"),
        (lambda: judge_run(replace(RESULT, reached=None), "upslope.scratch.ops:relu"), "the target was missed"),
        (lambda: judge_run(replace(RESULT, parts={}), "upslope.scratch.ops:relu"), "did not use the answer"),
        (
            lambda: judge_run(replace(RESULT, parts={"upslope.scratch.ops:relu": "ours"}), "upslope.scratch.ops:relu"),
            "did not use the answer",
        ),
    ],
)
def test_what_is_not_true_is_said(what, says):
    with pytest.raises(Untrue, match=says):
        what()


def test_pictures_are_looked_at(tmp_path):
    from matplotlib.figure import Figure

    (tmp_path / "pictures").mkdir()
    (tmp_path / "index.html").write_text("x")
    with pytest.raises(Untrue, match="no picture"):
        judge_pictures(tmp_path)
    blank = Figure(figsize=(2, 2), facecolor="white")
    blank.savefig(tmp_path / "pictures" / "blank.png")
    with pytest.raises(Untrue, match=r"blank\.png is blank"):
        judge_pictures(tmp_path)
    (tmp_path / "pictures" / "blank.png").unlink()
    drawn = Figure(figsize=(2, 2))
    drawn.subplots().plot([0, 1, 0])
    drawn.savefig(tmp_path / "pictures" / "curves.png")
    assert [path.name for path in judge_pictures(tmp_path)] == ["curves.png"]
    (tmp_path / "index.html").unlink()
    with pytest.raises(Untrue, match="no page"):
        judge_pictures(tmp_path)


def test_an_untrue_tour_ends_with_1_and_leaves_nothing(upslope, monkeypatch, tmp_path):
    """The 'wrong' answer is made right: the tour must notice that it passes."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(text, "WRONG", text.RIGHT)
    home = os.environ["UPSLOPE_HOME"]
    said = upslope("tour")
    assert said.code == 1
    assert "the wrong answer passed" in said.err
    assert list(tmp_path.glob("upslope-tour-*")) == []
    assert os.environ["UPSLOPE_HOME"] == home
    assert json.loads(upslope("tour", "--json").out)["exit"] == 1
    assert tour.ACTS == 7
