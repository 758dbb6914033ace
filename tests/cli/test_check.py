"""The verdict as a learner sees it, by really grading."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from upslope.academy import progress as store
from upslope.academy.answers import GradedFile
from upslope.academy.grading.host.grade import CheckResult, Verdict
from upslope.academy.lessons import find
from upslope.academy.progress import Progress
from upslope.cli.authoring import picture
from upslope.cli.learning import verdict
from upslope.cli.terminal.console import Screen
from upslope.runs.workspace import progress_file

RELU = """\
import numpy as np

from upslope.scratch.tensor import Tensor


def relu(x: Tensor) -> Tensor:
    y = np.maximum(x.data, np.zeros((), x.data.dtype))
    return x.then(y, lambda g: g * (x.data > 0))
"""


@pytest.fixture
def write(upslope, home):
    """Put a text into the learner's file of a step."""
    upslope("init")

    def put(name, text):
        file = home / "exercises" / find(name).file
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return put


def test_a_wrong_answer_is_answered_as_the_storyboard_says(upslope, write):
    write("softmax", picture.WRONG)
    said = upslope("check", "softmax")
    assert said.code == 1
    assert said.err == ""
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    held, _, of = lines[0].split("     ")[1].partition(" checks passed")[0].partition(" of ")
    assert lines[0].startswith("  ✗ softmax     ")
    assert lines[0].endswith(" s")
    assert 0 < int(held) < int(of)
    assert lines[1] == ""
    assert "softmax([1000, 1001, 1002]" in said.out
    assert "This looks like a known mistake: exp before the largest score is subtracted." in said.out
    assert lines[-1] == "  upslope hint softmax      (1 of 3; hints are counted but cost nothing)"
    assert said.out.count("✗") == 1, "only the first failure"
    assert "Traceback" not in said.out


def test_a_right_answer_is_accepted_and_opens_what_waited(upslope, write):
    file = write("relu", RELU)
    store = Progress(progress_file())
    store.add_check("upslope.scratch.scalar:Value.backward", "x = 1\n", "x.py", passed=True)
    said = upslope("check", "relu", "--json")
    assert said.code == 0
    answer = said.json
    assert answer["passed"] is True
    assert answer["step"] == "relu"
    assert answer["file"] == str(file)
    assert all(check["passed"] for check in answer["checks"])
    assert set(answer["opened"]) >= {"matmul"}
    assert "digits" in answer["in_place_in"]
    kept = store.accepted()["upslope.scratch.ops:relu"]
    assert kept.text == RELU
    assert kept.path == str(file)
    (event,) = store.events("check", "upslope.scratch.ops:relu")
    assert event.payload["passed"] is True
    assert event.payload["checks"] == event.payload["held"] == len(answer["checks"])
    assert event.payload["seed"] == answer["seed"]
    assert "proven" in upslope("learn").out


def test_a_pass_in_words(upslope, write):
    write("relu", RELU)
    said = upslope("check", "relu")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("  ✓ relu     ")
    assert "checks passed" in lines[0]
    assert "In place in labs digits, lenet." in said.out
    assert lines[-1].startswith("  upslope learn ")
    assert max(map(len, lines)) <= 80


def test_a_failure_does_not_take_back_what_was_accepted(upslope, write):
    write("relu", RELU)
    assert upslope("check", "relu").code == 0
    write("relu", RELU.replace("np.maximum", "np.minimum"))
    assert upslope("check", "relu").code == 1
    assert Progress(progress_file()).accepted()["upslope.scratch.ops:relu"].text == RELU


def test_the_untouched_stub_is_not_written_yet(upslope, write):
    said = upslope("check", "relu")
    assert said.code == 1
    assert "not written yet" in said.out.splitlines()[0]
    assert "NotImplementedError" not in said.out
    assert said.out.splitlines()[-1] == "  upslope learn relu"


def test_a_verdict_that_cannot_be_recorded_is_shown_all_the_same(upslope, write, monkeypatch):
    """Another program holds the progress file, as a backup does."""
    monkeypatch.setattr(store, "WAIT", 0.0)
    monkeypatch.setattr(store, "GLANCE", 0.0)
    write("relu", RELU)
    with closing(sqlite3.connect(progress_file())) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        said = upslope("check", "relu")
        other.rollback()
    assert (said.code, said.err) == (0, "")
    words = " ".join(said.out.split())
    assert "9 of 9 checks passed" in words
    assert "This verdict is not recorded: the progress file" in words
    assert "is locked by another program" in words
    assert "upslope check relu" in said.out.splitlines()[-2] + said.out.splitlines()[-1]
    assert Progress(progress_file()).accepted() == {}


def test_the_seed_repeats_a_verdict(upslope, write):
    write("relu", RELU.replace("g * (x.data > 0)", "g * (x.data > -1)"))
    first = upslope("check", "relu", "--json").json
    again = upslope("check", "relu", "--json", "--seed", str(first["seed"])).json
    assert again["seed"] == first["seed"]
    assert [c["counterexample"] for c in again["checks"]] == [c["counterexample"] for c in first["checks"]]


def test_an_error_shows_the_learners_file_and_line(upslope, write):
    write("relu", RELU.replace("    return", "    y = 1 / 0\n    return"))
    said = upslope("check", "relu")
    assert said.code == 1
    assert "ZeroDivisionError: division by zero" in said.out
    assert "relu.py, line 8:   y = 1 / 0" in said.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"def relu(x)\n    return x\n", "is not Python"),
        (b"\xff\xfe\x00 not text", "UTF-8"),
        (b"", "the file is empty"),
        (b"x = 1\n", "relu"),
    ],
)
def test_what_is_no_answer_is_refused_in_a_sentence(upslope, write, text, says):
    write("relu", text)
    said = upslope("check", "relu")
    assert said.code == 1
    assert said.out.splitlines()[0].startswith("  ✗ relu     ")
    assert says in said.out
    assert "Traceback" not in said.out + said.err


def test_a_file_by_its_path_wherever_it_lies(upslope, write, tmp_path):
    file = write("relu", RELU)
    assert upslope("check", str(file), "--json").json["step"] == "relu"
    elsewhere = tmp_path / file.name
    elsewhere.write_text(RELU)
    said = upslope("check", str(elsewhere), "--json").json
    assert (said["step"], said["file"], said["passed"]) == ("relu", str(elsewhere), True)


def test_files_that_cannot_be_read(upslope, write, home):
    file = write("relu", RELU)
    file.unlink()
    file.mkdir()
    said = upslope("check", "relu")
    assert said.code == 3
    assert "is not a plain file" in said.err
    assert upslope("check", str(file.with_name("99") / file.name)).code == 3


def test_right_alone_and_wrong_together_names_the_earlier_answer(upslope, write):
    """An accepted matmul that breaks what builds on it: the new answer is right, and the old one is named."""
    store = Progress(progress_file())
    store.add_check("upslope.scratch.ops:relu", RELU, "relu.py", passed=True)
    store.add_check("upslope.scratch.ops:matmul", "def matmul(x, y):\n    return x * 0\n", "m.py", passed=True)
    write("linear", LINEAR)
    said = upslope("check", "linear")
    assert said.code == 1
    assert "right alone, wrong together with your matmul" in said.out
    assert "Look at matmul again" in said.out
    assert said.out.splitlines()[-1] == "  upslope check matmul"
    answer = upslope("check", "linear", "--json").json
    assert answer["passed"] is False
    assert answer["broken_by"] == ["upslope.scratch.ops:matmul"]
    assert "upslope.scratch.nn:Linear" not in store.accepted()


LINEAR = """\
import math

import numpy as np

from upslope.scratch.nn.module import Module, Parameter


class Linear(Module):
    def __init__(self, in_features, out_features, *, bias=True, rng=None):
        rng = rng or np.random.default_rng()
        bound = 1 / math.sqrt(in_features)
        self.weight = Parameter(rng.uniform(-bound, bound, (out_features, in_features)).astype(np.float32))
        self.bias = Parameter(rng.uniform(-bound, bound, out_features).astype(np.float32)) if bias else None

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias

    def extra_repr(self):
        return ""
"""


def graded(**changed):
    """A verdict as grading makes them, to look at shapes that are hard to provoke."""
    step = find("softmax")
    case = {"problem": "", "case": "softmax(x, dim=0)", "got": "[nan]", "expected": "[1.0]", "within": "within 1e-6"}
    failure = CheckResult("test_a", "stable for large scores", False, "", case, 19, "    e = np.exp(x.data)", 0.01)
    passed = CheckResult("test_b", "shape", True)
    made = Verdict(str(step.exercise), False, (passed, failure), seed=1, seconds=0.41)
    return GradedFile(step, progress_file().parent / "softmax.py", replace(made, **changed), hints=0)


def shown(capsys, found):
    verdict.show(Screen(), found)
    return capsys.readouterr().out


def test_a_whole_verdict_line_by_line(capsys):
    said = shown(capsys, graded(mistake="exp before the largest score is subtracted"))
    assert said.splitlines() == [
        "  ✗ softmax     1 of 2 checks passed" + " " * 39 + "0.4 s",
        "",
        "  stable for large scores",
        "    softmax(x, dim=0)",
        "    got       [nan]",
        "    expected  [1.0]      (within 1e-6)",
        "",
        "  This looks like a known mistake: exp before the largest score is subtracted.",
        "  softmax.py, line 19:   e = np.exp(x.data)",
        "",
        "  upslope hint softmax      (1 of 3; hints are counted but cost nothing)",
    ]


def test_stopped_and_refused_are_said(capsys):
    stopped = shown(
        capsys, graded(stopped="stopped after 5 s: the answer did not return", note="The reference needs 0.001 s.")
    )
    assert "stopped after 5 s: the answer did not return" in stopped
    assert "line 19" in stopped
    assert "The reference needs 0.001 s." in stopped
    refused = shown(capsys, graded(refused="the answer calls scipy.special.softmax, which is the answer itself"))
    assert "✗ softmax     refused" in refused
    assert "which is the answer itself" in refused


def test_long_values_are_wrapped_and_control_characters_shown(capsys):
    case = {"problem": "", "case": "f(x)", "got": "1.2345, " * 40, "expected": "\x1b[31mred\x07", "within": ""}
    failure = CheckResult("test_a", "title", False, "", case)
    said = shown(capsys, graded(checks=(failure,), output="\x1b[2Jone\n" + "line\n" * 30))
    assert max(map(len, said.splitlines())) <= 80
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "It printed:" in said
    assert "more" in said.split("It printed:")[1]


def test_grading_without_landlock_is_said(capsys):
    said = shown(capsys, graded(sandbox="audit guard, limits; without Landlock"))
    assert "without Landlock" in said
    assert "Landlock" not in shown(capsys, graded(sandbox="Landlock ABI 7, audit guard"))


def test_after_all_hints_the_lesson_is_next(capsys):
    found = replace(graded(), hints=3)
    assert verdict.command(found)[0] == "upslope learn softmax"
    json.dumps(verdict.facts(found))
