"""Verdicts: what a right, a wrong and a slow answer get to hear, and that only the whole report makes a pass."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading.bench import Bench, GradingFailed
from upslope.academy.grading.grade import Verdict, grade, grade_with_others
from upslope.academy.grading.limits import Limits
from upslope.academy.grading.referee import Told
from upslope.academy.grading.verdict import Asked, judge
from upslope.academy.grading.wire import Forged, Reader, Writer
from upslope.academy.overlay import Answer
from upslope.academy.source import PACKAGE, locate
from upslope.academy.trial import standing_alone

RELU, SOFTMAX, EXP = "upslope.scratch.ops:relu", "upslope.scratch.ops:softmax", "upslope.scratch.ops:logsumexp"
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
    limits = more.pop("limits", Limits(check_seconds=2.0))
    return grade(RELU, text, "/learner/03-relu.py", gate=False, bench=bench, limits=limits, **more)


def test_a_right_answer_passes_every_check_in_order():
    verdict = grade(RELU, GOOD, "/learner/03-relu.py")
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
    verdict = grade(RELU, text, "/learner/03-relu.py", seed=11, bench=bench)
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
    failing = first_failure(grade(RELU, text, "/learner/03-relu.py", bench=bench))
    assert failing.message.startswith("AttributeError: 'numpy.ndarray' object has no attribute 'nothing'")
    assert failing.line == 8
    assert failing.source_line == "return x.then(y.nothing, None)"


def test_a_fault_while_the_file_is_loaded_is_shown_at_its_line(bench):
    verdict = grade(RELU, GOOD + "\n\nprint(nothing_of_that_name)\n", "/learner/03-relu.py", bench=bench)
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
    failing = first_failure(grade(SOFTMAX, text, "/learner/08-softmax.py", bench=bench))
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
    verdict = ungated(relu("while True:\n    x = x"), bench, limits=Limits(check_seconds=0.5))
    assert verdict.stopped == "stopped after 0.5 s: the answer did not come back"
    assert first_failure(verdict).line in {7, 8}
    assert first_failure(verdict).source_line in {"while True:", "x = x"}
    assert verdict.note.startswith("The reference needs 0.0")


def test_the_checks_together_are_bounded_too(bench):
    text = relu("import time\n\ntime.sleep(0.2)\n" + textwrap.dedent(RIGHT))
    verdict = ungated(text, bench, limits=Limits(check_seconds=2.0, total_seconds=1.0))
    assert not verdict.passed
    assert verdict.stopped in {
        "stopped after 1 s: the checks together took too long",
        "stopped after 2 s: the answer did not come back",
    }


def test_right_and_slow_is_right_with_a_note(bench):
    verdict = ungated(relu("import time\n\ntime.sleep(0.01)\n" + textwrap.dedent(RIGHT)), bench)
    assert verdict.passed
    assert "times slower than the reference" in verdict.note


def test_after_a_failure_the_rest_has_little_time(bench):
    text = relu("import time\n\ntime.sleep(0.4)\nreturn x.then(x.data * 0, lambda g: g)")
    began = time.monotonic()
    verdict = ungated(text, bench, limits=Limits(check_seconds=3.0))
    assert verdict.stopped is None
    assert time.monotonic() - began < 8


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
        print("pytest", "pytest" in sys.modules, "academy", "upslope.academy.grading.child" in sys.modules)
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
    fine = Answer(SOFTMAX, standing_alone(locate(SOFTMAX)), "/learner/08-softmax.py")
    text = "def sigmoid(x):\n    return x\n\n\nraise RuntimeError('an old answer that no longer loads')\n"
    broken = Answer("upslope.scratch.ops:sigmoid", text, "/learner/04-sigmoid.py")
    others = {answer.exercise: answer for answer in (fine, broken)}
    verdict = grade_with_others(RELU, GOOD, "/learner/03-relu.py", others=others, seed=2)
    assert not verdict.passed
    assert verdict.broken_by == ("upslope.scratch.ops:sigmoid",)
    assert "right alone, wrong together with your answer to sigmoid" in verdict.note
    assert verdict.checks[0].message.endswith("(in /learner/04-sigmoid.py, line 5)")
    assert verdict.checks[0].line is None
    assert grade_with_others(RELU, GOOD, "/learner/03-relu.py", others={SOFTMAX: fine}).passed


def test_together_names_the_guilty(monkeypatch):
    """The orchestration alone: who is graded with whom, and whose name comes out."""
    from upslope.academy.grading import grade as module

    seen = []

    def graded(exercise, text, path, *, with_answers=None, seed=None, limits=None, gate=True, bench=None):
        seen.append(sorted(with_answers or {}))
        return Verdict(exercise, "m:bad" not in (with_answers or {}), (), seed=9, seconds=0.1)

    monkeypatch.setattr(module, "grade", graded)
    others = {name: Answer(name, "", f"/learner/{name}.py") for name in ("m:good", "m:bad", RELU)}
    verdict = grade_with_others(RELU, GOOD, "x.py", others=others)
    assert not verdict.passed
    assert verdict.broken_by == ("m:bad",)
    assert "right alone, wrong together with your answer to bad" in verdict.note
    assert seen == [[], ["m:bad", "m:good"], ["m:good"], ["m:bad"]]
    del others["m:bad"]
    assert grade_with_others(RELU, GOOD, "x.py", others=others).passed


# The report -----------------------------------------------------------------------------------------------------------


def report(exercise=RELU):
    names = [check.name for check in checks_of(exercise).checks]
    clean = {"kind": "verified", "changed": None, "poses": None, "tried": [], "threads": 0}
    messages = [{"kind": "ready", "landlock": 7, "seccomp": True}, {"kind": "loaded"}, clean]
    for name in names:
        messages += [
            {"kind": "start", "check": name},
            {"kind": "result", "check": name, "passed": True, "seconds": 0.001},
            clean,
        ]
    return [*messages, {"kind": "end"}]


def judged(messages, ended="end"):
    asked = Asked(RELU, "relu", checks_of(RELU), "x.py", {"x.py": GOOD}, Limits(), 1)
    return judge(Told(messages=messages, ended=ended, status=64), asked).verdict


def test_the_whole_report_is_a_pass():
    assert judged(report()).passed


@pytest.mark.parametrize("at", range(len(report())))
def test_a_report_with_a_message_missing_is_no_pass(at):
    messages = report()
    del messages[at]
    assert not judged(messages).passed


@pytest.mark.parametrize("at", range(len(report())))
def test_a_report_with_a_message_twice_is_no_pass(at):
    messages = report()
    messages.insert(at, messages[at])
    assert not judged(messages).passed


def test_a_report_out_of_order_is_no_pass():
    messages = report()
    messages[3:6], messages[6:9] = messages[6:9], messages[3:6]
    assert not judged(messages).passed


@pytest.mark.parametrize(
    "change", [{"changed": "numpy.allclose"}, {"poses": "Liar"}, {"tried": ["the answer tried to x"]}, {"threads": 1}]
)
def test_a_deed_beside_the_answer_is_no_pass(change):
    messages = report()
    messages[5] = {**messages[5], **change}
    verdict = judged(messages)
    assert not verdict.passed
    assert verdict.refused or verdict.stopped


@pytest.mark.parametrize(
    "ended", ["died", "time", "total", "memory", "processes", "output", "files", "forged", "caught"]
)
def test_a_whole_report_of_a_process_that_ended_badly_is_no_pass(ended):
    assert not judged(report(), ended).passed


def test_no_checks_grade_nothing(monkeypatch):
    with pytest.raises(GradingFailed, match="has no checks"):
        grade("upslope.scratch.ops:tanh", GOOD, "x.py")


# The wire -------------------------------------------------------------------------------------------------------------


def wired(secret, *messages):
    reading, writing = os.pipe()
    writer = Writer(writing, secret)
    for message in messages:
        writer.send(message)
    os.close(writing)
    with open(reading, "rb") as pipe:
        return pipe.read()


def test_messages_come_whole_through_pieces():
    sent = [{"kind": "a", "n": n, "text": "é" * n} for n in range(5)]
    data, reader, got = wired(b"k" * 32, *sent), Reader(b"k" * 32), []
    for at in range(0, len(data), 7):
        got += reader.feed(data[at : at + 7])
    assert got == sent
    assert not reader.unfinished


def _changed(data):
    return data[:-3] + b"9" + data[-2:]


@pytest.mark.parametrize(
    "forge",
    [
        lambda one, two: two + one,  # out of order
        lambda one, two: one + one,  # twice
        lambda one, two: two,  # one left out
        lambda one, two: _changed(one),
        lambda one, two: b"\0\0\0\2" + bytes(32) + b"{}",
        lambda one, two: b"\xff" * 64,
        lambda one, two: b"passed\n" * 20,
    ],
)
def test_what_the_child_did_not_write_is_noticed(forge):
    secret = b"s" * 32
    both = wired(secret, {"kind": "a", "n": 1}, {"kind": "b", "n": 2})
    one = wired(secret, {"kind": "a", "n": 1})
    with pytest.raises(Forged):
        Reader(secret).feed(forge(one, both[len(one) :]))


def test_another_secret_opens_nothing():
    with pytest.raises(Forged):
        Reader(b"x" * 32).feed(wired(b"y" * 32, {"kind": "end"}))


# The parent -----------------------------------------------------------------------------------------------------------


def test_the_parent_stays_light():
    heavy = ("numpy", "upslope.scratch", "torch", "rich")
    code = f"import sys, upslope.academy.grading.grade; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def _loop_in_a_child(tmp_path: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that grades an endless loop, and the number of the examinee."""
    code = f"""
        import sys
        from upslope.academy.grading import bench
        from upslope.academy.grading.grade import grade
        usage = bench.usage
        def tell(pid):
            print(pid, flush=True)
            return usage(pid)
        bench.usage = tell
        grade({RELU!r}, {relu("while True: pass")!r}, "x.py")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def _gone(pid: int, seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if sys.platform == "linux" and b") Z" in Path(f"/proc/{pid}/stat").read_bytes():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the alarm ends an examinee whose parent was killed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on_when_the_parent_is_ended(tmp_path, number):
    process, examinee = _loop_in_a_child(tmp_path)
    process.send_signal(number)
    assert process.wait(timeout=10) != 0
    assert _gone(examinee)
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no server that outlives an examinee")
def test_a_bench_that_lost_its_server_gets_a_new_one(bench):
    os.kill(bench.pid, signal.SIGKILL)
    time.sleep(0.1)
    assert grade(RELU, GOOD, "x.py", bench=bench).passed


def test_a_broken_interpreter_is_the_graders_fault_not_the_answers(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(GradingFailed, match="the grading child"):
        grade(RELU, GOOD, "x.py")


@pytest.mark.parametrize("fork", [True, False])
def test_one_bench_serves_many_jobs(fork):
    if fork and sys.platform != "linux":
        pytest.skip("a fork after NumPy was imported is not safe here")
    with Bench(fork=fork) as bench:
        verdicts_ = [grade(RELU, text, "x.py", bench=bench) for text in (GOOD, relu("return x"), GOOD)]
    assert [verdict.passed for verdict in verdicts_] == [True, False, True]
    assert bench.pid == 0


def test_the_reference_body_is_hidden_from_the_child():
    from upslope.academy.grading.sandbox import readable

    places = readable()
    assert str(PACKAGE) in places.closed
    assert not any(str(PACKAGE).startswith(root + "/") or str(PACKAGE) == root for root in places.roots)
