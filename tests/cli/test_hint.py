"""Hints come in stages, each is counted, and a solution is marked."""

from upslope.academy.evidence import read_evidence
from upslope.academy.progress import Progress
from upslope.runs.workspace import progress_file

RELU = "upslope.scratch.ops:relu"


def test_each_call_shows_the_next_stage(upslope):
    said = [upslope("hint", "relu", "--json").json for _ in range(4)]
    assert [one["stage"] for one in said] == [1, 2, 3, 3]
    assert "max(0, x)" in said[0]["text"]
    assert said[1]["text"].startswith("1. ")
    assert "return" in said[2]["text"]
    assert Progress(progress_file()).hints(RELU) == 3


def test_a_stage_can_be_asked_for(upslope):
    said = upslope("hint", "relu", "--stage", "2")
    assert said.code == 0
    assert "hint 2 of 3" in said.out
    assert "1. " in said.out
    assert upslope("hint", "relu", "--stage", "1", "--json").json["stage"] == 1
    assert upslope("hint", "relu", "--json").json["stage"] == 3, "the next after the highest that was shown"


def test_the_third_hint_is_the_solution_and_marked(upslope):
    upslope("hint", "relu", "--stage", "3")
    assert RELU in read_evidence(progress_file()).taken


def test_a_solution_is_shown_and_marked(upslope):
    said = upslope("solution", "relu")
    assert said.code == 0
    assert "np.maximum" in said.out
    assert "marked as seen" in said.out
    assert RELU in read_evidence(progress_file()).taken


def test_after_a_pass_nothing_is_marked(upslope):
    store = Progress(progress_file())
    store.add_check(RELU, "x = 1\n", "x.py", passed=True)
    said = upslope("solution", "relu", "--json")
    assert said.json["marked"] is False
    assert RELU not in read_evidence(store.path).taken


def test_hints_read_well_in_80_columns(upslope):
    for stage in ("1", "2"):
        for name in ("relu", "softmax", "conv2d", "linear"):
            said = upslope("hint", name, "--stage", stage)
            assert max(map(len, said.out.splitlines())) <= 80
