"""Only the whole report, message by message and in order, makes a pass."""

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading.host.job_monitor import Told
from upslope.academy.grading.host.limits import Limits
from upslope.academy.grading.host.verdict import GradingRequest, judge

RELU = "upslope.scratch.ops:relu"


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
    asked = GradingRequest(RELU, "relu", checks_of(RELU), "x.py", {"x.py": ""}, Limits(), 1)
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
