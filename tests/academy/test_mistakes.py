"""Known mistakes are named, others are not, and an answer's verdict never hangs on the naming."""

import pytest

from upslope.academy import mutation_run
from upslope.academy.checklist import apply, checks_of
from upslope.academy.grading.host import mistakes
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade
from upslope.academy.grading.host.mistakes import Pattern
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.mutation_run import standing_alone
from upslope.academy.reference import locate

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
    with Bench() as bench:
        yield bench


@pytest.mark.parametrize("exercise", [SOFTMAX, "upslope.scratch.optim:SGD", "upslope.scratch.scalar:Value.backward"])
def test_every_planted_mistake_fails_and_most_are_known_by_name(bench, exercise):
    patterns = mistakes.patterns(exercise, seed=3, bench=bench)
    assert set(patterns) == {wrong.name for wrong in checks_of(exercise).wrongs}
    assert [name for name, pattern in patterns.items() if pattern.passed] == []
    named = [mistakes.name_of(pattern, patterns) == name for name, pattern in patterns.items()]
    assert sum(named) >= 0.7 * len(named)  # two mistakes may fail in the very same way


def test_a_learner_who_makes_a_known_mistake_is_told_its_name(bench):
    verdict = grade(SOFTMAX, HEAD + NAIVE, "/learner/softmax.py", seed=5, bench=bench)
    assert not verdict.passed
    assert verdict.mistake == "exp before the largest score is subtracted"


@pytest.mark.parametrize("wrong", checks_of(SOFTMAX).wrongs, ids=lambda wrong: wrong.name)
def test_a_planted_mistake_handed_in_is_named(bench, wrong):
    text = standing_alone(locate(SOFTMAX), apply(wrong, locate(SOFTMAX)))
    verdict = grade(SOFTMAX, text, "/learner/softmax.py", seed=6, bench=bench)
    assert not verdict.passed
    assert verdict.mistake in {wrong.name, None}
    alike = mistakes.patterns(SOFTMAX, seed=6, bench=bench)
    assert (verdict.mistake is None) == (mistakes.name_of(alike[wrong.name], alike) is None)


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


ALL = ("a", "b", "c")


@pytest.mark.parametrize(
    ("learner", "known", "name"),
    [
        (Pattern(("b",), "x", True, ALL), {"m": Pattern(("b",), "x", True, ALL)}, "m"),
        (Pattern(("b",), "x", True, ALL), {"m": Pattern(("b",), "y", True, ALL)}, None),  # another counterexample
        (Pattern(("b",), "x", True, ALL), {"m": Pattern(("b", "c"), "x", True, ALL)}, None),  # more checks fail
        (Pattern(("b",), "x", False, ("a", "b")), {"m": Pattern(("b", "c"), "x", True, ALL)}, "m"),  # c never ended
        (Pattern(("b",), "x", True, ALL), {"m": Pattern(("b",), "x", False, ("a", "b"))}, None),  # too little is known
        (Pattern((), "", True, ALL), {"m": Pattern((), "", True, ALL)}, None),  # nothing fails
        (Pattern(("b",), "x", True, ALL), dict.fromkeys("mn", Pattern(("b",), "x", True, ALL)), None),  # two alike
    ],
)
def test_the_same_checks_must_fail_in_the_same_way(learner, known, name):
    assert mistakes.name_of(learner, known) == name


def test_numbers_are_compared_to_four_digits():
    def outcome(got):
        return {"check": "a", "passed": False, "counterexample": {"got": got, "case": "f([1, 2])"}}

    said = [mistakes._said(outcome(got)) for got in ("[0.123456, -1.5e-07]", "[0.12346, -1.50001e-7]", "[0.1236, 1]")]
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
