"""Limits and the watch: the kernel's own bounds, what the parent sees from outside, and that strays are found."""

import json
import os
import secrets
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from upslope.academy.grading.child.check_runner import Fooled, _canary
from upslope.academy.grading.host import child_process as benches
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade
from upslope.academy.grading.host.job_monitor import exited_by, place_in
from upslope.academy.grading.host.limits import Limits, ResourceUsage, end_group, usage, written
from upslope.academy.reference import PACKAGE

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_the_kernels_own_limits():
    code = f"""
        import json, os, resource, sys
        sys.path.insert(0, {str(PACKAGE.parent)!r})
        from upslope.academy.grading.host.limits import Limits, restrict
        restrict(Limits(total_seconds=3, memory_mb=64, file_mb=1, open_files=40), alone=True)
        came = {{}}
        for name in ("CPU", "FSIZE", "NOFILE", "CORE"):
            came[name] = resource.getrlimit(getattr(resource, "RLIMIT_" + name))
        try:
            held = bytearray(1 << 30)
            came["memory"] = "given"
        except MemoryError:
            came["memory"] = "refused"
        print(json.dumps(came))
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    came = json.loads(done.stdout)
    assert (came["CPU"], came["FSIZE"], came["NOFILE"], came["CORE"]) == ([8, 8], [1 << 20, 1 << 20], [40, 40], [0, 0])
    if sys.platform == "linux":
        assert came["memory"] == "refused"


FAMILY = """
import os, time
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            held = bytearray(30 << 20)
        time.sleep(60)
        os._exit(0)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def family():
    """A process with children and grandchildren that have left its group and session."""
    value = secrets.token_hex(8)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", FAMILY],
        env={"UPSLOPE_GRADING": value},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    while sys.platform == "linux" and (len((used := usage(process.pid)).processes) < 5 or used.memory < 61 << 20):
        time.sleep(0.02)  # until the grandchildren are there, too
    yield process, f"UPSLOPE_GRADING={value}"
    process.kill()
    process.wait()
    process.stdout.close()


@LINUX
def test_memory_and_processes_are_counted_over_the_whole_family(family):
    process, _ = family
    used = usage(process.pid)
    assert len(used.processes) == 5
    assert used.memory > 60 << 20


def alive(pid):
    """Whether a process is there and not only waiting to be taken note of."""
    try:
        return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


@LINUX
def test_strays_are_found_and_ended(family):
    process, mark = family
    members = usage(process.pid).processes
    assert end_group(process.pid, mark) == 4
    until = time.monotonic() + 20  # a busy machine takes its time with what was killed
    while time.monotonic() < until and any(map(alive, members[1:])):
        time.sleep(0.01)
    assert not any(map(alive, members[1:]))


@LINUX
def test_a_second_process_ends_a_grading(monkeypatch):
    """What got past the guard and the filter is still seen from outside."""
    monkeypatch.setattr(benches, "usage", lambda pid: ResourceUsage(1, (pid, pid + 1)))
    text = "def relu(x):\n    while True:\n        pass\n"
    verdict = grade("upslope.scratch.ops:relu", text, "x.py", gate=False)
    assert verdict.stopped == "stopped: the answer started another process"


def test_too_much_memory_ends_a_grading(monkeypatch):
    monkeypatch.setattr(benches, "usage", lambda pid: ResourceUsage(1 << 40, (pid,)))
    text = "def relu(x):\n    while True:\n        pass\n"
    verdict = grade("upslope.scratch.ops:relu", text, "x.py", gate=False, limits=Limits(memory_mb=300))
    assert verdict.stopped == "stopped: the answer took more than 300 MB of memory"


def test_written_counts_files_below_and_follows_no_link(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    (own / "deep" / "deeper").mkdir(parents=True)
    other.mkdir()
    (other / "large").write_bytes(bytes(5 << 20))
    (own / "deep" / "deeper" / "file").write_bytes(bytes(2 << 20))
    (own / "link").symlink_to(other)
    assert 2 << 20 <= written(str(own)) < 3 << 20


def test_a_bench_leaves_no_process_and_no_descriptor():
    before = len(os.listdir("/dev/fd"))
    with Bench() as bench:
        server = bench.pid
        grade("upslope.scratch.ops:relu", "def relu(x): ...", "x.py", bench=bench)
    assert len(os.listdir("/dev/fd")) == before
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


@pytest.mark.parametrize("broken", ["close", "equal", "true"])
def test_the_canary_notices_a_comparison_that_lets_all_pass(broken):
    class Mismatch(AssertionError):
        pass

    def refuses(*_):
        raise Mismatch

    tools = {"close": refuses, "equal": refuses, "true": refuses}
    _canary(tools, list, Mismatch)
    with pytest.raises(Fooled):
        _canary({**tools, broken: lambda *_: None}, list, Mismatch)


def test_the_learners_line_is_found_in_a_dump_of_all_threads():
    dump = """Fatal Python error: Aborted

Thread 0x00007f1 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 324 in wait
  File "/learner/caf\\xe9.py", line 14 in helper
  File "/learner/caf\\xe9.py", line 20 in softmax
"""
    assert place_in(dump, ("/learner/café.py",)) == ("/learner/café.py", 14)
    assert place_in(dump, ("/learner/other.py",)) is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "left with status 0"),
        (-11, "crashed (segmentation fault)"),
        (-9, "was ended by signal 9"),
        (None, "was gone"),
    ],
)
def test_how_a_process_ended_is_said_in_words(status, words):
    assert exited_by(status) == words
