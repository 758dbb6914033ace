"""The author's check: the roadmap passes it, and every fault that an author can make is named.

Faults are planted in a copy of the package, and the copy checks itself.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from upslope.academy.author import author_check
from upslope.academy.lessons import UnknownStep, exercises
from upslope.academy.source import PACKAGE

CODE = """
import json, sys
from upslope.academy.author import author_check
report = author_check(sys.argv[1:], seeds=3)
print(json.dumps([*report.problems, *(said for row in report.rows for said in row.problems)]))
"""
OPS = "scratch/ops/activations.py"
CHECKS = "checks/scratch/ops/test_activations.py"
LESSON = "lessons/1-foundations/03-relu.md"


def test_the_roadmap_passes():
    heard = []
    report = author_check(progress=lambda done, total, name: heard.append((done, total, name)))
    said = [*report.problems, *(f"{row.name}: {problem}" for row in report.rows for problem in row.problems)]
    assert not said
    assert report.passed
    assert report.kill_rate == 1.0
    assert report.seeds == 20
    assert [row.exercise for row in report.rows] == [step.exercise for step in exercises()]
    assert all(row.checks >= 5 and row.killed == row.wrongs >= 6 for row in report.rows)
    assert [done for done, _, _ in heard] == list(range(1, len(report.rows) + 1))
    told = json.loads(json.dumps(report.to_json()))
    assert (told["passed"], told["kill_rate"], told["wrongs"]) == (True, 1.0, report.wrongs)


def test_names_choose_steps():
    report = author_check(["relu", "1.04"], seeds=1)
    assert [row.name for row in report.rows] == ["relu", "sigmoid"]
    with pytest.raises(UnknownStep, match="did you mean softmax"):
        author_check(["sotfmax"])


@pytest.fixture
def copy(tmp_path):
    """A copy of the package in which faults may be planted: copy.plant(file, old, new), then copy.said(step)."""
    shutil.copytree(PACKAGE, tmp_path / "upslope", ignore=shutil.ignore_patterns("__pycache__"))
    return Copy(tmp_path)


class Copy:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plant(self, file: str, old: str, new: str) -> None:
        path = self.folder / "upslope" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, file: str, text: str) -> None:
        with (self.folder / "upslope" / file).open("a", encoding="utf-8") as out:
            out.write(text)

    def said(self, *names: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", CODE, *names],
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def only(said: list[str], *words: str) -> None:
    """One problem, and it holds these words."""
    assert len(said) == 1, said
    assert all(word in said[0] for word in words), said


def test_an_untouched_copy_passes(copy):
    assert copy.said("relu") == []


def test_a_wrong_answer_that_nothing_kills(copy):
    copy.add(
        CHECKS,
        '\n\nwrong(ops.relu, "nothing is wrong with this one", "np.maximum(x.data, 0)", "np.maximum(0, x.data)")\n',
    )
    only(copy.said("relu"), "nothing is wrong with this one", "passes all checks for 3 of 3 seeds")


def test_a_wrong_answer_that_only_some_seeds_kill(copy):
    copy.plant(
        CHECKS,
        '    """at exactly 0 no gradient passes"""\n',
        '    """at exactly 0 no gradient passes"""\n    if rng.random() < 0.5:\n        return\n',
    )
    copy.plant(CHECKS, "[x],\n        rng=rng,\n        tensor=leaf,\n        names=\"x\",\n        case=\"relu([-2, 0, 3]), g = [2, 3, 5]\"", "[x[::2]],\n        rng=rng,\n        tensor=leaf,\n        names=\"x\",\n        case=\"relu([-2, 0, 3]), g = [2, 3, 5]\"")  # fmt: skip
    copy.plant(CHECKS, "upstream=np.array([2.0, 3.0, 5.0]),\n        expected=[np.array([0.0, 0.0, 5.0])],", "upstream=np.array([2.0, 5.0]),\n        expected=[np.array([0.0, 5.0])],")  # fmt: skip
    said = copy.said("relu")
    assert any("at exactly 0 the gradient passes" in one and "of 3 seeds" in one for one in said), said


def test_a_wrong_answer_whose_quote_is_gone(copy):
    copy.plant(
        OPS,
        "y = np.maximum(x.data, 0)\n    # The gradient passes",
        "y = np.maximum(0, x.data)\n    # The gradient passes",
    )
    said = copy.said("relu")
    assert said
    assert all("stands 0 times in the reference" in one for one in said), said


def test_a_wrong_answer_that_is_not_python(copy):
    copy.add(
        CHECKS, '\n\nwrong(ops.relu, "this is no Python at all", "np.maximum(x.data, 0)", "np.maximum(x.data, 0")\n'
    )
    only(copy.said("relu"), "this is no Python at all", "cannot be loaded", "SyntaxError")


def test_two_wrong_answers_that_cannot_be_told_apart(copy):
    copy.add(
        CHECKS, '\n\nwrong(ops.relu, "everything passes back, once more", "lambda g: g * (y > 0)", "lambda g: g + 0")\n'
    )
    only(copy.said("relu"), "everything passes back, once more", "fail in the same way")


def test_too_few_wrong_answers(copy):
    path = copy.folder / "upslope" / CHECKS
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("ops.relu,", "ops.tanh,").replace("wrong(\n    ops.tanh,", "wrong(\n    ops.tanh,"),
        encoding="utf-8",
    )
    said = copy.said("relu")
    assert any("wrong answers; at least 4 are needed" in one for one in said), said


def test_a_stub_that_passes(copy):
    """Checks that call nothing are passed by anybody."""
    path = copy.folder / "upslope" / CHECKS
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("ops.relu(", "np.positive(").replace("gradients(ops.relu", "print(ops.relu"), encoding="utf-8"
    )
    lines = path.read_text(encoding="utf-8").split("\n")
    kept, inside = [], False
    for line in lines:
        if line.startswith("def test_relu"):
            inside = True
            kept += [line, f'    """{line}"""', "    assert ops.relu", ""]
        elif line.startswith(("@grades", "wrong(", "def ")):
            inside = False
        if not inside:
            kept.append(line)
    path.write_text("\n".join(kept), encoding="utf-8")
    assert "the stub passes all checks" in copy.said("relu")


def test_a_reference_that_fails(copy):
    copy.plant(
        OPS,
        "y = np.maximum(x.data, 0)\n    # The gradient passes",
        "y = np.maximum(x.data, 1)\n    # The gradient passes",
    )
    said = copy.said("relu")
    assert any("the reference fails for seed 0" in one and "relu([-2, 0, 3])" in one for one in said), said


def test_a_private_helper_that_holds_the_answer(copy):
    copy.plant(
        OPS,
        "y = np.maximum(x.data, 0)\n    # The gradient passes",
        "y = _cut(np.maximum, x.data)\n    # The gradient passes",
    )
    copy.plant(OPS, "def relu(", "def _cut(larger, a):\n    return larger(a, 0)\n\n\ndef relu(")
    copy.plant(CHECKS, '"np.maximum(x.data, 0)", "np.abs(x.data)"', '"_cut(np.maximum, x.data)", "np.abs(x.data)"')
    said = copy.said("relu")
    assert any("_cut" in one and "private" in one for one in said), said


def test_a_reference_that_needs_a_later_exercise(copy):
    copy.plant(OPS, "y = np.maximum(x.data, 0)\n    # The gradient passes", "y = np.maximum(sigmoid(x).data * 0 + x.data, 0)\n    # The gradient passes")  # fmt: skip
    said = copy.said("relu")
    assert any("needs a later exercise: 1.04 sigmoid" in one for one in said), said
    assert any("sigmoid, which stands below it" in one for one in said), said


def test_checks_that_need_a_later_exercise(copy):
    """TinyTorch's tests needed modules that came later."""
    copy.plant(CHECKS, 'case="relu([-2, 0, 3])")', 'case="relu([-2, 0, 3])")\n    ops.softmax(Tensor(x))')
    only(copy.said("relu"), "needs a later exercise", "softmax")


def test_no_comments(copy):
    copy.plant(OPS, "    # Cut everything below zero.\n", "")
    copy.plant(OPS, "    # The gradient passes where the number passed.\n", "")
    only(copy.said("relu"), "fewer than two comments")


def test_no_worked_number(copy):
    copy.plant(OPS, "    relu([-2, 0, 3]) is [0, 0, 3], and g = [1, 1, 1] goes back as [0, 0, 1].\n", "")
    copy.plant(
        OPS,
        "Where x is positive the slope is 1, elsewhere 0, at exactly 0 as well:",
        "The slope of what is cut vanishes:",
    )
    only(copy.said("relu"), "no worked number")


def test_a_target_that_does_not_resolve(copy):
    copy.plant(LESSON, "upslope.scratch.ops:relu", "upslope.scratch.ops:rellu")
    only(copy.said("relu"), "does not resolve", "rellu")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("difficulty: easy", "difficulty: trivial", "trivial"),
        ("needs: [scalar-backward]", "needs: [softmax]", "no earlier step"),
        ("returns in: [", "returns in: [nowhere, ", "nowhere"),
        ("**By hand.**", "By hand.", "worked number"),
        ("**Think.**", "Think.", "question"),
        ("refuses: []", "refuses: [x]", "the reference itself uses"),
        ("minutes: 15", "minuets: 15", "unknown key 'minuets'"),
    ],
)
def test_a_lesson_with_a_fault(copy, old, new, words):
    copy.plant(LESSON, old, new)
    only(copy.said(), words) if "minuets" in new else only(copy.said("relu"), words)


def test_a_lab_that_is_not_there(copy):
    copy.plant("lessons/1-foundations/12-digits.md", "\nlab: digits\n", "\nlab: digots\n")
    only(copy.said("1.12"), "there is no lab digots")
