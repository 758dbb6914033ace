"""The author's check: the roadmap passes it, and every fault that an author can make is named.

Faults that show only when something runs are planted in a copy of the package, and the copy checks itself.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from upslope.academy import lint
from upslope.academy.author import Report, author_check
from upslope.academy.checklist import Check, CheckList, Wrong, checks_of
from upslope.academy.checks_record import changed
from upslope.academy.lessons import UnknownStep, exercises, find, read, steps
from upslope.academy.mutation import MutationReport
from upslope.academy.reference import PACKAGE, Located, locate, parse
from upslope.academy.roadmap import Place

RELU = "upslope.scratch.ops:relu"
OPS = "scratch/ops/activations.py"
CHECKS = "checks/scratch/ops/test_activations.py"
BODY = "    y = np.maximum(x.data, 0)\n    # The gradient passes"


def test_lessons_terms_and_the_guide_hold_together():
    roadmap = steps()
    assert not [said for step in roadmap for said in lint.lesson(step, roadmap)]
    assert not [*lint.vocabulary(roadmap), *lint.coverage(roadmap)]


RECORD = Path(__file__).parents[2] / "results" / "checks"


def test_every_exercise_is_on_record_as_it_is_now():
    """After a change of an exercise: `upslope author check --changed --write`, and the same with `mutate`."""
    assert changed(Report, RECORD) == []
    assert changed(MutationReport, RECORD) == []
    names = [step.name for step in exercises()]
    wrongs, mutants = (json.loads((RECORD / f"{file}.json").read_text()) for file in ("wrong_answers", "mutants"))
    assert [row["name"] for row in wrongs["rows"]] == [row["name"] for row in mutants["rows"]] == names
    assert wrongs["seeds"] == 20
    assert not [row["name"] for row in wrongs["rows"] if not row["killed"] == row["made"] >= 6]
    assert not [row["name"] for row in mutants["rows"] if row["killed"] + row["declared"] != row["made"]]
    assert sum(row["declared"] for row in mutants["rows"]) <= 0.05 * sum(row["made"] for row in mutants["rows"])


# Quick: every sixth, with one seed; deep: all, with 20, each a test of its own, so that any number of them may be run.
AGAIN = [
    *(pytest.param(step.name, 1) for step in exercises()[::6]),
    *(pytest.param(step.name, 20, marks=pytest.mark.deep) for step in exercises()),
]


@pytest.mark.parametrize(("name", "count"), AGAIN)
def test_an_exercise_passes(name, count):
    heard = []
    report = author_check([name], seeds=count, progress=lambda done, total, name: heard.append((done, total, name)))
    (row,) = report.rows
    assert not [*report.problems, *row.problems]
    assert report.passed
    assert (report.kill_rate, report.seeds, row.name) == (1.0, count, name)
    assert row.checks >= 5
    assert row.killed == row.wrongs >= 6
    assert [done for done, _, _ in heard] == [1]
    told = json.loads(json.dumps(report.to_json()))
    assert (told["passed"], told["kill_rate"], told["wrongs"]) == (True, 1.0, report.wrongs)


def test_names_choose_steps():
    report = author_check(["relu"], seeds=1)
    assert [row.name for row in report.rows] == ["relu"]
    with pytest.raises(UnknownStep, match="did you mean softmax"):
        author_check(["sotfmax"])


# Faults that show when something runs.

CODE = """
import json, sys
from upslope.academy.author import author_check
report = author_check(sys.argv[1:], seeds=4)
print(json.dumps([*report.problems, *(said for row in report.rows for said in row.problems)]))
"""


class Copy:
    """A copy of the package in which faults may be planted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PACKAGE, folder / "upslope", ignore=shutil.ignore_patterns("__pycache__"))

    def plant(self, file: str, old: str, new: str) -> None:
        path = self.folder / "upslope" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def wrong(self, name: str, old: str, new: str) -> None:
        with (self.folder / "upslope" / CHECKS).open("a", encoding="utf-8") as out:
            out.write(f"\n\nwrong(ops.relu, {{{name!r}: ({old!r}, {new!r})}})\n")

    def said(self, *names: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-P", "-c", CODE, *names],
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path)


def one_of(said: list[str], *words: str) -> str:
    """The one problem that holds these words."""
    found = [sentence for sentence in said if all(word in sentence for word in words)]
    assert len(found) == 1, said
    return found[0]


def test_faults_of_wrong_answers(copy):
    copy.wrong("nothing is wrong with this one", "np.maximum(x.data, 0)", "np.maximum(0, x.data)")
    sometimes = "np.maximum(x.data, 0) * (1 + (abs(x.data.sum()) * 100 % 4 < 1))"
    copy.wrong("this one is wrong for some numbers only", "np.maximum(x.data, 0)", sometimes)
    copy.wrong("this is no Python at all", "np.maximum(x.data, 0)", "np.maximum(x.data, 0")
    said = copy.said("relu")
    one_of(said, "nothing is wrong with this one", "passes all checks for 4 of 4 seeds")
    one_of(said, "this is no Python at all", "cannot be loaded", "SyntaxError")


def test_a_wrong_answer_that_only_some_seeds_kill(copy):
    rarely = "np.maximum(x.data, 0) * (1 + (x.data.size == 6 and x.data.argmax() == 0 and x.data.argmin() == 5))"
    copy.wrong("six numbers in one order are doubled", "np.maximum(x.data, 0)", rarely)
    said = copy.said("relu")
    assert "of 4 seeds" in one_of(said, "six numbers in one order are doubled")


def test_wrong_answers_that_cannot_be_told_apart(copy):
    copy.wrong("everything passes back, once more", "lambda g: masked(g, y > 0)", "lambda g: g + 0")
    one_of(copy.said("relu"), "everything passes back, once more", "fail in the same way")


def test_a_check_that_no_wrong_answer_fails(copy):
    with (copy.folder / "upslope" / CHECKS).open("a", encoding="utf-8") as out:
        out.write('\n\n@grades(ops.relu)\ndef test_idle(rng):\n    """relu can be called"""\n    ops.relu\n')
    one_of(copy.said("relu"), "no wrong answer fails", "relu can be called")


def test_a_quote_of_a_body_that_was_rewritten():
    wrong = Wrong("a quote of a body that was rewritten", "np.fmax(x.data, 0)", "0")
    checks = checks_of(RELU)
    texts, problems = lint.quotes(locate(RELU), replace(checks, wrongs=(*checks.wrongs, wrong)))
    assert len(texts) == len(checks.wrongs)
    one_of(problems, "a quote of a body that was rewritten", "stands 0 times")


def test_a_stub_that_passes(copy):
    """Checks that never call the answer are passed by anybody."""
    path = copy.folder / "upslope" / CHECKS
    idle = [f'@grades(ops.relu)\ndef test_{k}(rng):\n    """check {k}"""\n    assert ops.relu\n' for k in range(3)]
    head = path.read_text(encoding="utf-8").split("RELU = OpInfo")[0]
    path.write_text("\n\n".join([head, *idle]), encoding="utf-8")
    said = copy.said("relu")
    assert "the stub passes all checks" in said
    one_of(said, "0 wrong answers; at least 4")


def test_faults_of_a_reference(copy):
    """One that is wrong, and runs a later exercise by way of a method."""
    copy.plant(OPS, BODY, BODY.replace("np.maximum(x.data, 0)", "np.maximum(x.data, 1) + 0 * x.sigmoid().data"))
    said = copy.said("relu")
    one_of(said, "the reference fails for seed 0", "relu([-2, 0, 3])", "got [1, 1, 3]")
    one_of(said, "needs a later exercise: 1.04 sigmoid")


def test_checks_that_need_a_later_exercise(copy):
    """TinyTorch's tests needed modules that came later."""
    copy.plant(CHECKS, "    x = apart(rng, 3, 4)", "    x = apart(rng, 3, 4)\n    ops.softmax(Tensor(x))")
    said = copy.said("relu")
    assert len(said) == 1
    one_of(said, "needs a later exercise", "1.08 softmax")


def test_a_lesson_that_cannot_be_read(copy):
    copy.plant("lessons/foundations/relu.md", "minutes: 15", "minuets: 15")
    one_of(copy.said(), "unknown key 'minuets'")


def test_a_target_that_does_not_resolve(copy):
    copy.plant("lessons/foundations/relu.md", "upslope.scratch.ops:relu", "upslope.scratch.ops:rellu")
    one_of(copy.said("relu"), "does not resolve", "rellu")


# Faults that can be read.


def edited(*pairs: tuple[str, str]) -> Located:
    """relu's reference with its text changed."""
    located = locate(RELU)
    text = located.text
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    node = next(node for node in parse(text).body if getattr(node, "name", "") == "relu")
    return replace(located, text=text, node=node)


def against(located: Located) -> list[str]:
    return list(lint.reference(located, find("relu")))


def test_nothing_is_said_against_the_references():
    for step in exercises():
        assert list(lint.reference(locate(step.exercise), step)) == []


def test_no_comments():
    bare = edited(
        ("    # Cut everything below zero.\n", ""), ("    # The gradient passes where the number passed.\n", "")
    )
    one_of(against(bare), "fewer than two comments")


def test_no_worked_number_and_no_formula():
    worked = "    relu([-2, 0, 3]) is [0, 0, 3], and g = [1, 1, 1] goes back as [0, 0, 1].\n"
    one_of(against(edited((worked, ""))), "no worked number")
    start = locate(RELU).docstring
    node = parse(
        'def relu(x):\n    """Cuts. relu([-2, 3]) is [0, 3]."""\n    # One.\n    y = 1\n    # Two.\n    return y\n'
    ).body[0]
    one_of(against(replace(locate(RELU), text="", node=node)), "no formula")  # type: ignore[arg-type]
    assert start


def test_an_answer_could_not_import_what_is_private_or_stands_below():
    hidden = edited((BODY, BODY.replace("np.maximum(x.data, 0)", "_cut(sigmoid(x).data)")))
    one_of(against(hidden), "_cut", "private")
    one_of(against(hidden), "sigmoid, which is defined below it")


def test_what_the_lesson_refuses_the_reference_may_not_use():
    step = replace(find("relu"), refuses=("x",))
    one_of(list(lint.reference(locate(RELU), step)), "refuses x, which the reference itself uses")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("difficulty: easy", "difficulty: trivial", "trivial"),
        ("minutes: 15", "minutes: 0", "minutes"),
        ("needs: [scalar-backward]", "needs: [softmax]", "not an earlier step"),
        ("returns in: [", "returns in: [nowhere, ", "nowhere"),
        ("**By hand.**", "By hand.", "worked number"),
        ("**Think.**", "Think.", "question"),
        ("imports: [numpy]", "imports: [numpy]\nlab: digots", "there is no lab digots"),
        (", dead unit]", "]", "is bold and is none of its terms"),
        ("**subgradient**", "subgradient", "bold 0 times"),
        ("**Think.**", "A **subgradient**. **Think.**", "bold 2 times"),
    ],
)
def test_a_lesson_with_a_fault(old, new, words, tmp_path):
    original = find("relu")
    text = original.path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = tmp_path / original.path.parent.name / original.path.name
    path.parent.mkdir()
    path.write_text(text.replace(old, new), encoding="utf-8")
    step = read(path, Place(1, "Foundations", "", 3, "foundations", "relu"))
    roadmap = [step if other.name == "relu" else other for other in steps()]
    said = list(lint.lesson(step, roadmap))
    assert len(said) == 1
    one_of(said, words)


def test_checks_and_wrong_answers_in_too_small_number_or_under_one_name():
    checks = (Check("test_a", "it works"), Check("test_a", "it works"), Check("test_b", "test_b"))
    wrongs = (Wrong("a slip", "1", "2"), Wrong("a slip", "3", "4"))
    said = list(lint.graders(replace(checks_of(RELU), checks=checks, wrongs=wrongs)))
    for words in (
        '2 checks are named "test_a"',
        'the title "it works"',
        '2 wrong answers are named "a slip"',
        "at least 4",
    ):
        one_of(said, words)
    one_of(said, "test_b has no docstring")
    none = CheckList("m", Path("p"), (), ())
    one_of(list(lint.graders(none)), "0 checks; at least 3")
