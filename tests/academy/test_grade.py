"""Verdicts: what a right, a wrong and a slow answer get to hear."""

import json
import textwrap

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading.host.child_process import Bench, GradingFailed
from upslope.academy.grading.host.grade import Verdict, grade, grade_with_others
from upslope.academy.grading.host.limits import Limits
from upslope.academy.grading.host.verdict import judge
from upslope.academy.mutation_run import standing_alone
from upslope.academy.overlay import Submission
from upslope.academy.reference import locate

RELU, SOFTMAX = "upslope.scratch.ops:relu", "upslope.scratch.ops:softmax"
HEAD = "import numpy as np\n\nfrom upslope.scratch.tensor import Tensor\n\n\n"
RIGHT = "    y = np.maximum(x.data, 0)\n    return x.then(y, lambda g: g * (y > 0))\n"


def relu(body, top=""):
    return f"{HEAD}{top}def relu(x: Tensor) -> Tensor:\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"


GOOD = relu("y = np.maximum(x.data, 0)\nreturn x.then(y, lambda g: g * (y > 0))")


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


def first_failure(verdict: Verdict):
    return next(check for check in verdict.checks if not check.passed)


def ungated(text, bench, **more):
    limits = more.pop("limits", Limits())
    return grade(RELU, text, "/learner/relu.py", gate=False, bench=bench, limits=limits, **more)


def test_a_right_answer_passes_every_check_in_order():
    verdict = grade(RELU, GOOD, "/learner/relu.py")
    assert verdict.passed
    assert [check.name for check in verdict.checks] == [check.name for check in checks_of(RELU).checks]
    assert all(check.passed and check.title and check.seconds > 0 for check in verdict.checks)
    assert (verdict.stopped, verdict.refused, verdict.mistake, verdict.note) == (None, None, None, "")
    assert "audit guard" in verdict.sandbox
    assert json.loads(json.dumps(verdict.to_json()))["passed"] is True


@pytest.mark.needs("landlock")
def test_the_verdict_says_what_the_answer_was_shut_in_with(bench):
    assert grade(RELU, GOOD, "x.py", bench=bench).sandbox.startswith("Landlock ABI ")
    assert grade(RELU, GOOD, "x.py", bench=bench, landlock=False).sandbox == "audit guard, limits; without Landlock"


def test_the_first_failure_is_shown_and_the_rest_is_not(bench):
    text = relu("y = np.maximum(x.data, 0)\nreturn x.then(y, lambda g: g)")
    verdict = grade(RELU, text, "/learner/relu.py", seed=11, bench=bench)
    failing = first_failure(verdict)
    at = verdict.checks.index(failing)
    assert not verdict.passed
    assert all(check.passed for check in verdict.checks[:at])
    assert all(not check.passed and check.message == "not run" for check in verdict.checks[at + 1 :])
    assert failing.counterexample is not None
    assert set(failing.counterexample) == {"problem", "case", "got", "expected", "within"}
    assert failing.counterexample["got"] != failing.counterexample["expected"]


def test_a_seed_repeats_a_verdict_and_another_seed_draws_other_numbers(bench):
    body = """
        y = np.maximum(x.data, 0)
        y = np.where(y == np.round(y), y, y * 1.01).astype(y.dtype)
        return x.then(y, lambda g: g * (y > 0))
    """
    one, again, other = (grade(RELU, relu(body), "x.py", seed=seed, bench=bench) for seed in (4, 4, 5))
    assert first_failure(one).counterexample == first_failure(again).counterexample
    assert first_failure(one).counterexample != first_failure(other).counterexample
    assert one.seed == 4
    assert grade(RELU, GOOD, "x.py", bench=bench).seed != grade(RELU, GOOD, "x.py", bench=bench).seed


def test_a_fault_is_shown_at_the_learners_line(bench):
    text = relu("y = x.data\nreturn x.then(y.nothing, None)")
    failing = first_failure(grade(RELU, text, "/learner/relu.py", bench=bench))
    assert failing.message.startswith("AttributeError: 'numpy.ndarray' object has no attribute 'nothing'")
    assert failing.line == 8
    assert failing.source_line == "return x.then(y.nothing, None)"


def test_a_fault_while_the_file_is_loaded_is_shown_at_its_line(bench):
    verdict = grade(RELU, GOOD + "\n\nprint(nothing_of_that_name)\n", "/learner/relu.py", bench=bench)
    assert verdict.checks[0].message == "NameError: name 'nothing_of_that_name' is not defined"
    assert verdict.checks[0].line == 11
    assert verdict.stopped is None


def test_a_fault_in_the_check_shows_the_line_of_the_check(bench):
    failing = first_failure(ungated(relu("return [1, 2, 3]"), bench))
    assert failing.line is None
    assert failing.message


def test_a_warning_points_at_the_line_that_caused_a_wrong_number(bench):
    body = "e = np.exp(x.data)\np = e / e.sum(axis=dim, keepdims=True)\n"
    body += "return x.then(p, lambda g: p * (g - (g * p).sum(axis=dim, keepdims=True)))"
    text = f"{HEAD}def softmax(x, dim=-1):\n{textwrap.indent(body, '    ')}\n"
    failing = first_failure(grade(SOFTMAX, text, "/learner/softmax.py", bench=bench))
    assert failing.line == 7
    assert failing.source_line == "e = np.exp(x.data)"


def test_the_stub_is_told_that_it_is_one(bench):
    failing = first_failure(
        grade(RELU, relu('raise NotImplementedError("relu is yours to write")'), "x.py", bench=bench)
    )
    assert failing.message == "NotImplementedError: relu is yours to write"


def test_what_the_answer_prints_is_kept(bench):
    verdict = ungated(relu('print("shape", x.shape, file=None)\n' + textwrap.dedent(RIGHT)), bench)
    assert verdict.passed
    assert verdict.output.startswith("shape (")


def test_a_loop_is_stopped_at_its_line_and_the_reference_is_timed(bench):
    verdict = ungated(relu("while True:\n    x = x"), bench, limits=Limits(check_seconds=1.5))
    assert verdict.stopped == "stopped after 1.5 s: the answer did not return"
    assert first_failure(verdict).line in {7, 8}
    assert first_failure(verdict).source_line in {"while True:", "x = x"}
    assert verdict.note.startswith("The reference needs ")


def test_the_checks_together_are_bounded_too(bench):
    text = relu("import time\n\ntime.sleep(0.2)\n" + textwrap.dedent(RIGHT))
    verdict = ungated(text, bench, limits=Limits(check_seconds=2.0, total_seconds=1.0))
    assert not verdict.passed
    assert verdict.stopped in {
        "stopped after 1 s: the checks together took too long",
        "stopped after 2 s: the answer did not return",
    }


def test_right_and_slow_is_right_with_a_note(bench, monkeypatch):
    monkeypatch.setattr("upslope.academy.grading.host.grade._SLOW", 3)  # not 50: the reference may be kept waiting here
    verdict = ungated(relu("import time\n\ntime.sleep(0.03)\n" + textwrap.dedent(RIGHT)), bench)
    assert verdict.passed
    assert "times slower than the reference" in verdict.note


def test_after_a_failure_the_rest_has_little_time(bench, monkeypatch):
    ended = []
    monkeypatch.setattr(
        "upslope.academy.grading.host.grade.judge", lambda told, asked: ended.append(told) or judge(told, asked)
    )
    monkeypatch.setenv("UPSLOPE_PATIENCE", "1")
    text = relu("import time\n\ntime.sleep(1.2)\nreturn x.then(x.data * 0, lambda g: g)")
    verdict = ungated(text, bench, limits=Limits(check_seconds=60.0, total_seconds=120.0))
    assert verdict.stopped is None
    assert [told.ended for told in ended] == ["rest"]
    assert sum(message["kind"] == "result" for message in ended[0].messages) < len(verdict.checks)


def test_settings_of_one_check_do_not_reach_the_next(bench):
    body = """
        print(np.geterr()["over"], np.random.default_rng is np.random.default_rng)
        np.seterr(over="ignore")
        y = np.maximum(x.data, 0)
        return x.then(y, lambda g: g * (y > 0))
    """
    verdict = ungated(relu(body), bench)
    assert verdict.passed
    assert verdict.output.count("warn") >= len(verdict.checks) - 2


def test_the_answers_world_is_small(bench, monkeypatch):
    monkeypatch.setenv("UPSLOPE_TEST_SECRET", "s3cret")
    body = """
        import os, sys
        print("home", os.path.expanduser("~") == os.getcwd() == os.environ["TMPDIR"], os.listdir("."))
        print("environment", sorted(os.environ))
        print("pytest", "pytest" in sys.modules, "academy", "upslope.academy.grading.child.server" in sys.modules)
        open("mine.txt", "w").write("x")
        print("mine", open("mine.txt").read(), os.listdir("."))
        os.remove("mine.txt")
        y = np.maximum(x.data, 0)
        return x.then(y, lambda g: g * (y > 0))
    """
    verdict = ungated(relu(body), bench)
    assert verdict.passed, verdict
    assert "home True []" in verdict.output
    assert "SECRET" not in verdict.output
    assert "UPSLOPE" not in verdict.output
    assert "pytest False academy False" in verdict.output
    assert "mine x ['mine.txt']" in verdict.output


def test_everyday_python_is_not_taken_for_an_attack(bench):
    top = """
        import collections
        import dataclasses
        import enum
        import functools
        import re
        import typing
        import warnings

        Point = collections.namedtuple("Point", "x y")


        class Colour(enum.Enum):
            RED = 1


        @dataclasses.dataclass(frozen=True)
        class Kept:
            y: typing.Any = None


        @functools.lru_cache
        def zero():
            return 0


        class Helper:
            made = 0

            @property
            def limit(self):
                return zero()

            def __eq__(self, other):
                return self is other


    """
    body = """
        import contextlib
        import copy
        import itertools
        import json
        import random
        import scipy.special
        with contextlib.suppress(ValueError), np.errstate(all="ignore"):
            warnings.warn("fine", stacklevel=1)
        assert re.fullmatch("a", "a") and json.loads(json.dumps([1])) and copy.deepcopy(Kept())
        np.linalg.norm(np.ones(3)), np.fft.fft(np.ones(4)), np.einsum("i,i", np.ones(2), np.ones(2))
        np.random.seed(0), random.random(), np.polynomial.Polynomial([1]), np.ma.array([1]), np.char.upper("a")
        typing.get_type_hints(Kept)
        scipy.special.expit(0.0)
        Helper.made += 1
        pattern = "\\d"
        kept = Kept(np.maximum(x.data, Helper().limit))
        return x.then(kept.y, lambda g: g * (kept.y > 0))
    """
    verdict = ungated(relu(body, textwrap.dedent(top)), bench, limits=Limits())
    assert verdict.passed, (verdict.refused, verdict.stopped, first_failure(verdict))


def test_an_answer_that_breaks_with_an_earlier_one_names_it():
    fine = Submission(SOFTMAX, standing_alone(locate(SOFTMAX)), "/learner/softmax.py")
    text = "def sigmoid(x):\n    return x\n\n\nraise RuntimeError('an old answer that no longer loads')\n"
    broken = Submission("upslope.scratch.ops:sigmoid", text, "/learner/sigmoid.py")
    others = {answer.exercise: answer for answer in (fine, broken)}
    verdict = grade_with_others(RELU, GOOD, "/learner/relu.py", others=others, seed=2)
    assert not verdict.passed
    assert verdict.broken_by == ("upslope.scratch.ops:sigmoid",)
    assert "right alone, wrong together with your answer to sigmoid" in verdict.note
    assert verdict.checks[0].message.endswith("(in /learner/sigmoid.py, line 5)")
    assert verdict.checks[0].line is None
    assert grade_with_others(RELU, GOOD, "/learner/relu.py", others={SOFTMAX: fine}).passed


def test_together_names_the_guilty(monkeypatch):
    """The orchestration alone: who is graded with whom, and whose name comes out."""
    from upslope.academy.grading.host import grade as module

    seen = []

    def graded(exercise, text, path, *, with_answers=None, seed=None, limits=None, gate=True, bench=None):
        seen.append(sorted(with_answers or {}))
        return Verdict(exercise, "m:bad" not in (with_answers or {}), (), seed=9, seconds=0.1)

    monkeypatch.setattr(module, "grade", graded)
    others = {name: Submission(name, "", f"/learner/{name}.py") for name in ("m:good", "m:bad", RELU)}
    verdict = grade_with_others(RELU, GOOD, "x.py", others=others)
    assert not verdict.passed
    assert verdict.broken_by == ("m:bad",)
    assert "right alone, wrong together with your answer to bad" in verdict.note
    assert seen == [[], ["m:bad", "m:good"], ["m:good"], ["m:bad"]]
    del others["m:bad"]
    assert grade_with_others(RELU, GOOD, "x.py", others=others).passed


def test_no_checks_grade_nothing(monkeypatch):
    with pytest.raises(GradingFailed, match="has no checks"):
        grade("upslope.scratch.ops:tanh", GOOD, "x.py")
