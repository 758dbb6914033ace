"""Files that are no answer at all: no text, no Python, or somebody else's answer under another name."""

import pytest

from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade
from upslope.academy.grading.host.limits import Limits

RELU = "upslope.scratch.ops:relu"
LEARNERS_FILE = "/learner/relu.py"
LIMITS = Limits(check_seconds=60.0, total_seconds=120.0, memory_mb=96, files_mb=8, file_mb=4)


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "the file is empty: write relu in it"),
        (b"  \n\t\n", "the file is empty"),
        (b"\xff\xfe\x00r\x00e", "line 1 is not UTF-8 text"),
        (b"# caf\xe9\ndef relu(x): ...", "line 1 is not UTF-8 text"),
        (b"x = 1\n\0\n", "line 2 holds a zero byte"),
        (b"#" * (10 << 20), "the file holds 10485760 bytes; an answer is at most 262144"),
    ],
)
def test_what_is_no_text_is_refused_at_once(world, bench, text, says, gate):
    verdict = grade(RELU, text, LEARNERS_FILE, gate=gate, bench=bench)
    assert not verdict.passed
    assert verdict.refused is not None
    assert says in verdict.refused
    assert verdict.seconds < 2
    world.untouched()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def relu(x):\n    return (x\n", "line 2 is not Python: '(' was never closed"),
        ("this is prose, not a program", "line 1 is not Python"),
        ("(" * 5000, "line 1 is not Python"),
    ],
)
def test_what_is_not_python_is_refused_with_its_line(world, bench, text, says):
    verdict = grade(RELU, text, LEARNERS_FILE, bench=bench)
    assert says in str(verdict.refused)
    ungated = grade(RELU, text, LEARNERS_FILE, bench=bench, gate=False, limits=LIMITS)
    assert not ungated.passed
    assert "SyntaxError" in world.sentence(ungated) or "too" in world.sentence(ungated)
    world.untouched()


@pytest.mark.parametrize("library", ["scipy.special", "torch"])
def test_calling_somebody_elses_answer_is_refused(library):
    text = (
        f"import numpy as np\nimport {library}\n\n\ndef softmax(x, dim=-1):\n"
        f"    return x.then({library}.softmax(x.data, dim), lambda g: g)\n"
    )
    verdict = grade("upslope.scratch.ops:softmax", text, "/learner/softmax.py")
    assert not verdict.passed
    assert f"imports {library}" in str(verdict.refused)
    assert verdict.checks[0].line == 2
