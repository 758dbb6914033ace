"""Known mistakes are named, others are not, and an answer's verdict never hangs on the naming."""

import numpy as np
import pytest

from upslope.academy import mutation_run
from upslope.academy.checklist import apply, checks_of
from upslope.academy.grading.host import mistakes
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.evidence import notes_of, same
from upslope.academy.grading.host.evidence import said as said_of
from upslope.academy.grading.host.grade import grade, needed_by
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.lessons import exercises
from upslope.academy.mutation_run import standing_alone
from upslope.academy.reference import locate
from upslope.checks.expect import Mismatch, close

SOFTMAX = "upslope.scratch.ops:softmax"
HEAD = "import numpy as np\n\nfrom upslope.scratch.tensor import Tensor\n\n\n"
NAIVE = """\
def softmax(x, dim=-1):
    powers = [np.exp(x.data)]
    total = sum(powers).sum(axis=dim, keepdims=True)
    share = powers[0] / total
    return x.then(share, lambda g: share * (g - (share * g).sum(axis=dim, keepdims=True)))
"""


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch, Bench() as bench:
        patch.setenv("UPSLOPE_PATIENCE", "10")  # what is named on a busy machine is named as well
        yield bench


def handed_in(bench, exercise, text, seed):
    """The name that a learner is told who hands in this definition."""
    alone = standing_alone(locate(exercise), text)
    verdict = grade(exercise, alone, "/learner/answer.py", seed=seed, gate=False, bench=bench)
    assert not verdict.passed, text
    return verdict.mistake


@pytest.mark.parametrize("exercise", [SOFTMAX, "upslope.scratch.optim:SGD", "upslope.scratch.scalar:Value.backward"])
def test_every_planted_mistake_fails(bench, exercise):
    patterns = mistakes.patterns(exercise, seed=3, bench=bench, seconds=1000)
    assert set(patterns) == {wrong.name for wrong in checks_of(exercise).wrongs}
    assert [name for name, pattern in patterns.items() if pattern.passed] == []


def test_a_learner_who_makes_a_known_mistake_is_told_its_name(bench):
    verdict = grade(SOFTMAX, HEAD + NAIVE, "/learner/softmax.py", seed=5, bench=bench)
    assert not verdict.passed
    assert verdict.mistake == "exp before the largest score is subtracted"


@pytest.mark.parametrize("wrong", checks_of(SOFTMAX).wrongs, ids=lambda wrong: wrong.name)
def test_a_planted_mistake_handed_in_is_named(bench, wrong):
    assert handed_in(bench, SOFTMAX, apply(wrong, locate(SOFTMAX)), seed=6) == wrong.name


def needs_of(step):
    """Skip where a library is missing that the exercise is written in."""
    try:
        needed_by(step.exercise)
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")


@pytest.mark.deep
@pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)
def test_a_planted_mistake_is_named_with_its_own_name_or_with_none(bench, step):
    needs_of(step)
    wrongs = checks_of(step.exercise).wrongs
    told = {wrong.name: handed_in(bench, step.exercise, apply(wrong, locate(step.exercise)), 8) for wrong in wrongs}
    assert {name: said for name, said in told.items() if said not in {name, None}} == {}
    assert sum(said is not None for said in told.values()) >= 0.8 * len(told)


@pytest.mark.parametrize(
    "body",
    ["return x.then(x.data * 0 + 0.1, lambda g: g)", "return None", "raise ValueError('hm')", "return x.nothing"],
)
def test_other_mistakes_have_no_name(bench, body):
    text = f"{HEAD}def softmax(x, dim=-1):\n    {body}\n"
    verdict = grade(SOFTMAX, text, "/learner/softmax.py", seed=5, bench=bench)
    assert not verdict.passed
    assert verdict.mistake is None


def test_a_slip_in_the_planted_mistakes_costs_no_verdict(bench, monkeypatch):
    def slip(*_):
        raise mistakes.BadChecks("its old text stands 0 times in the reference")

    monkeypatch.setattr(mistakes, "apply", slip)
    verdict = grade(SOFTMAX, HEAD + NAIVE, "/learner/softmax.py", seed=5, bench=bench)
    assert not verdict.passed
    assert verdict.mistake is None
    with pytest.raises(mistakes.BadChecks):
        mistakes.patterns(SOFTMAX, bench=bench)


def note(*values, case="f([1, 2])", problem="", got="", expected=""):
    words = {"case": case, "problem": problem, "got": got, "expected": expected}
    return {**words, "values": " ".join(f"{value:.7g}" for value in values)}


def place():
    """What a comparison of many numbers says of where they differ, in its own words."""
    with pytest.raises(Mismatch) as caught:
        close(np.zeros(20), np.ones(20))
    return caught.value.problem


PLACE = place()


def evidence(*notes, **more):
    return {(0, "a"): notes_of({"check": "a", "notes": list(notes), **more})}


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (evidence(note(1.0, 2.0)), evidence(note(1.00001, 2.0)), True),  # another order of sums
        (evidence(note(1.0, 2.0)), evidence(note(1.001, 2.0)), False),
        (evidence(note(1.0, 2.0)), evidence(note(1.0)), False),
        (evidence(note(float("nan"))), evidence(note(float("nan"))), True),
        (evidence(note(float("inf"))), evidence(note(float("-inf"))), False),
        (evidence(note(1.0)), evidence(note(1.0, case="f([3])")), False),  # of another case
        (evidence(note(1.0)), evidence(note(1.0), note(2.0)), False),  # one more goes wrong
        (evidence(note(1.0, problem=PLACE)), evidence(note(1.0, problem="")), True),  # where, not what
        (evidence(note(got="(2,)", problem="the shape is wrong")), evidence(note(got="(3,)")), False),
        (evidence(error="ValueError", message="no"), evidence(error="ValueError", message="no"), True),
        (evidence(error="ValueError", message="no"), evidence(error="TypeError", message="no"), False),
        (evidence(note(1.0)), {(0, "b"): evidence(note(1.0))[0, "a"]}, False),  # in another check
        (evidence(note(1.0)), {}, False),  # too little is known
    ],
)
def test_the_same_must_go_wrong_with_the_same_numbers(one, two, alike):
    assert same(one, two) == same(two, one) == alike


def test_numbers_are_compared_to_four_digits():
    def outcome(got):
        return {"check": "a", "passed": False, "counterexample": {"got": got, "case": "f([1, 2])"}}

    said = [said_of(outcome(got)) for got in ("[0.123456, -1.5e-07]", "[0.12346, -1.50001e-7]", "[0.1236, 1]")]
    assert said[0] == said[1]
    assert said[0] != said[2]


def test_a_variant_that_does_not_come_back_costs_only_itself(bench):
    """All are tried in one child; when one ends it, the others are tried in another."""
    located, checks = locate(SOFTMAX), checks_of(SOFTMAX)
    right = standing_alone(located)
    texts = {
        "right": right,
        "hangs": "def softmax(x, dim=-1):\n    while True:\n        pass\n",
        "ends it": "import os\n\n\ndef softmax(x, dim=-1):\n    os._exit(3)\n",
        "no Python": "def softmax(x, dim=-1) return x\n",
        "right again": right,
    }
    with Workplace() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutation_run, "_SECONDS", 0.2)  # times the patience
        done = mutation_run.run_variants(located, texts, checks, range(3), place=place, bench=bench)
    assert {name for name, one in done.items() if one.passed == (0, 1, 2)} == {"right", "right again"}
    assert [name for name, one in done.items() if not one.loaded] == ["no Python"]
    assert "SyntaxError" in done["no Python"].said
    assert done["hangs"].failed == done["ends it"].failed == (0, 1, 2)
