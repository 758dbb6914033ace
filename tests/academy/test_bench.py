"""The parent of a grading: it stays light, leaves nothing running, and serves one job after the other."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from upslope.academy.grading.host.child_process import Bench, GradingFailed
from upslope.academy.grading.host.grade import grade
from upslope.academy.reference import PACKAGE

RELU = "upslope.scratch.ops:relu"
GOOD = """\
import numpy as np


def relu(x):
    y = np.maximum(x.data, 0)
    return x.then(y, lambda g: g * (y > 0))
"""
WRONG = "def relu(x):\n    return x\n"
LOOP = "def relu(x):\n    while True:\n        pass\n"


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


def test_the_parent_stays_light():
    heavy = ("numpy", "upslope.scratch", "torch", "rich")
    code = f"import sys, upslope.academy.grading.host.grade; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _loop_in_a_child(tmp_path: Path) -> tuple[subprocess.Popen[str], int]:
    """A process that grades an endless loop, and the number of the examinee."""
    code = f"""
        import sys
        from upslope.academy.grading.host import child_process as bench
        from upslope.academy.grading.host.grade import grade
        usage = bench.usage
        def tell(pid):
            print(pid, flush=True)
            return usage(pid)
        bench.usage = tell
        grade({RELU!r}, {LOOP!r}, "x.py")
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


def _wait_until_gone(pid: int) -> None:
    """Until no such process runs any more; one that stays lets the test hang, and pytest ends it."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        while b") Z" not in Path(f"/proc/{pid}/stat").read_bytes():
            time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the alarm ends an examinee whose parent was killed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on_when_the_parent_is_ended(tmp_path, number):
    process, examinee = _loop_in_a_child(tmp_path)
    process.send_signal(number)
    assert process.wait() != 0
    _wait_until_gone(examinee)
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="there is no server that outlives an examinee")
def test_a_bench_that_lost_its_server_gets_a_new_one(bench):
    os.kill(bench.pid, signal.SIGKILL)
    os.waitid(os.P_PID, bench.pid, os.WEXITED | os.WNOWAIT)
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
        verdicts = [grade(RELU, text, "x.py", bench=bench) for text in (GOOD, WRONG, GOOD)]
    assert [verdict.passed for verdict in verdicts] == [True, False, True]
    assert bench.pid == 0


def test_the_reference_body_is_hidden_from_the_child():
    from upslope.academy.grading.host.readable_paths import readable

    places = readable()
    assert str(PACKAGE) in places.closed
    assert not any(str(PACKAGE).startswith(root + "/") or str(PACKAGE) == root for root in places.roots)
