"""A run that is killed again and again ends with the same bits as one that was left alone."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from upslope.runs.metrics import last_step
from upslope.runs.result import read_result
from upslope.runs.run_dir import list_runs

LAB = Path(__file__).with_name("killed_lab.py")


def begin(root, *resumed, hold=0):
    """The lab in a process of its own; returns it once training has begun. After step `hold` it waits to be killed."""
    command = [sys.executable, str(LAB), str(root), str(hold), *resumed]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    name = child.stdout.readline().strip()
    assert name, "the lab did not start"
    return child, root / name


def finish(child):
    assert child.wait() == 0
    child.stdout.close()


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.deep)])
def test_kills_change_nothing(tmp_path, kills):
    child, whole = begin(tmp_path / "whole")
    finish(child)

    chance = random.Random(20)  # of the moments; the machine adds its own
    moments = [280 * kill // kills + chance.randint(1, 28) for kill in range(kills)]
    child, killed = begin(tmp_path / "killed", hold=moments[0] + 10)
    for kill, upto in enumerate(moments, 1):
        while last_step(killed / "metrics.jsonl") < upto:
            assert child.poll() is None, "the lab ended before it was killed"
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.01))  # between two steps, in the middle of one, or in a checkpoint
        child.kill()
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        (summary,) = list_runs(tmp_path / "killed")
        assert summary.state == "unfinished"
        assert summary.result is None
        child, folder = begin(tmp_path / "killed", killed.name, hold=moments[kill] + 10 if kill < kills else 0)
        assert folder == killed
    finish(child)

    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (killed / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    one, other = read_result(whole), read_result(killed)
    assert (other.metrics, other.files, other.reached) == (one.metrics, one.files, one.reached)
    assert (one.resumed, other.resumed) == (0, kills)
    assert 0 < other.training_seconds < other.seconds
    assert not (killed / "checkpoint").exists()
    assert not list(killed.glob(".*")), "a finished run holds no stray files"


def test_a_kill_costs_at_most_one_interval(tmp_path):
    child, folder = begin(tmp_path, hold=20)
    while not (folder / "checkpoint" / "00000014.json").exists():
        time.sleep(0.005)
    child.kill()
    child.wait()
    child.stdout.close()
    newest = max(int(path.stem) for path in (folder / "checkpoint").glob("*.json"))
    logged = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().split("\n")[:-1]]
    assert newest >= 14
    assert max(logged) - newest <= 7 + 1  # one interval, and the step that was under way
    assert len(list((folder / "checkpoint").glob("*.json"))) <= 3


def test_two_runs_started_at_once_get_different_folders(tmp_path):
    children = [begin(tmp_path, hold=5) for _ in range(3)]
    assert len({folder for _, folder in children}) == 3
    assert {summary.state for summary in list_runs(tmp_path)} == {"running"}
    for child, _ in children:
        child.kill()
        child.wait()
        child.stdout.close()
