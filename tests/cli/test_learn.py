"""The roadmap and the lessons."""

import pytest

from upslope.academy.lessons import steps
from upslope.academy.progress import Progress
from upslope.runs.workspace import progress_file


def accept(*exercises: str) -> None:
    store = Progress(progress_file())
    for exercise in exercises:
        store.add_check(exercise, "x = 1\n", "x.py", passed=True)


def test_the_roadmap_is_that_of_the_verb_roadmap(upslope):
    assert upslope("learn").out == upslope("roadmap").out
    assert upslope("learn", "--json").json == upslope("roadmap", "--json").json


def test_reading_makes_no_workspace(upslope, home):
    for words in ((), ("learn",), ("learn", "softmax"), ("lab",), ("runs",), ("data",)):
        assert upslope(*words).code == 0
    assert not home.exists()


def test_states_follow_the_evidence(upslope):
    first = upslope("learn", "--json").json["steps"]
    assert [s["name"] for s in first if s["next"]] == ["scalar-backward"]
    accept("upslope.scratch.scalar:Value.backward", "upslope.scratch.ops:sigmoid")
    by_name = {s["name"]: s for s in upslope("learn", "--json").json["steps"]}
    assert by_name["scalar-backward"]["state"] == "proven"
    assert by_name["sigmoid"]["state"] == "proven", "a step may be done before its turn"
    assert by_name["relu"]["state"] == "open"
    assert by_name["softmax"]["state"] == "waiting"
    assert by_name["softmax"]["waits_for"]


def test_a_seen_solution_is_marked(upslope):
    upslope("solution", "relu")
    accept("upslope.scratch.ops:relu")
    said = upslope("roadmap", "1")
    (line,) = [line for line in said.out.splitlines() if " relu " in line]
    assert line.endswith("proven*")
    assert "* after the solution was seen" in said.out


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.name)
def test_every_lesson_is_set_for_80_columns(upslope, step):
    said = upslope("learn", step.name)
    assert said.code == 0
    prose = [line for line in said.out.splitlines() if "exercises" not in line]
    assert max(map(len, prose)) <= 80
    assert all(line == line.rstrip() for line in said.out.splitlines())
    assert "\n\n\n" not in said.out
    assert f"{step.minutes} min" in said.out.splitlines()[0]
    if step.exercise:
        assert f"upslope check {step.name}" in said.out
    if step.lab:
        assert f"upslope lab {step.lab}" in said.out


def test_a_lesson_by_number_and_by_exercise(upslope):
    by_name = upslope("learn", "softmax", "--json").json
    for word in (by_name["number"], "upslope.scratch.ops:softmax", "Softmax"):
        assert upslope("learn", word, "--json").json["name"] == "softmax"
    assert by_name["lesson"].strip()
    assert by_name["file"].endswith(".py")
    assert by_name["state"] == "waiting"


def test_a_lesson_says_when_the_file_is_missing(upslope):
    assert "upslope init" in upslope("learn", "softmax").out
    upslope("init")
    assert "upslope init" not in upslope("learn", "softmax").out


def test_a_term_says_what_it_means_and_where_it_is_taught(upslope):
    said = upslope("learn", "Vanishing", "gradients")
    assert said.code == 0
    assert said.out.startswith("  vanishing gradient ")
    assert "layer to layer" in said.out
    assert "upslope learn sigmoid" in said.out
    told = upslope("learn", "vanishing-gradient", "--json").json
    assert (told["term"], told["step"]) == ("vanishing gradient", "sigmoid")
    assert "layer to layer" in told["meaning"]


def test_a_step_wins_over_a_term_of_its_name(upslope):
    assert upslope("learn", "softmax", "--json").json["lesson"]
    assert "lesson" not in upslope("learn", "momentum", "--json").json


def test_all_terms_are_listed_by_level(upslope):
    said = upslope("learn", "--terms")
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 80
    assert said.out.index("Level 1") < said.out.index("learning rate") < said.out.index("Level 2")
    told = upslope("learn", "--terms", "--json").json["terms"]
    assert [each["level"] for each in told] == sorted(each["level"] for each in told)
    assert {"term", "short", "meaning", "step", "number", "level", "title"} == set(told[0])


def test_a_misspelt_term_is_guessed(upslope):
    said = upslope("learn", "gradiant")
    assert said.code == 2
    assert 'no step or term is called "gradiant"; did you mean gradient' in said.err
