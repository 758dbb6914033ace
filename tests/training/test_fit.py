"""Lightning inside a run: two processes give what one gives, a kill changes nothing, sixteen bits learn too."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from upslope.cards import discover
from upslope.runs.errors import ConfigProblem
from upslope.runs.launcher import start
from upslope.runs.metrics import last_step
from upslope.runs.result import read_result
from upslope.runs.run import Run
from upslope.runs.run_dir import list_runs
from upslope.training import config

pytestmark = pytest.mark.needs("torch")

SMOKE = ("fashion", "--preset", "smoke", "threads=1", "--json")


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    """Runs in this process leave out the pictures, which take most of their time."""
    monkeypatch.setattr(Run, "picture", lambda *args, **kwargs: None)


def alone(root, *settings):
    """The folder of a run of one process: this one."""
    runs = root / "runs"
    result = start(discover("labs")["fashion"], ["threads=1", *settings], preset="smoke", root=runs, quiet=True)
    return runs / result.run


# A lab that waits after a step until it is killed: however late the one who kills comes, it has not ended before.
HELD = """
import sys, time
from upslope.runs.run import Run
from upslope.cli.main import main
log = Run.log
def held(self, step, **metrics):
    log(self, step, **metrics)
    if step >= {step}:
        time.sleep(3600)
Run.log = held
sys.exit(main(["lab", *sys.argv[1:]]))
"""


def lab(root, *words, hold=0):
    """`upslope lab WORDS` as a process of its own, with its runs below `root`; with `hold` it waits after that step."""
    environment = {**os.environ, "UPSLOPE_HOME": str(root)}
    program = ["-c", HELD.format(step=hold)] if hold else ["-m", "upslope", "lab"]
    return subprocess.Popen(
        [sys.executable, *program, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(root, *words):
    """The folder of the run that `upslope lab WORDS` made."""
    child = lab(root, *words)
    said, complained = child.communicate()
    assert child.returncode == 0, complained
    assert complained == ""
    return root / "runs" / json.loads(said)["run"]


def children(pid):
    """The processes that a process has started and that still live (Linux)."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def losses(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["loss"] for row in rows if "loss" in row}


LENET = ("model=lenet", "lr=0.0001", "epochs=2")
TOGETHER = ("devices=2", "strategy=ddp")


@pytest.fixture(scope="module")
def two_of_lenet(tmp_path_factory):
    """The folder of a LeNet that two processes trained."""
    return finished(tmp_path_factory.mktemp("two"), *SMOKE, *LENET, *TOGETHER)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(LENET, id="lenet"),
        pytest.param(("model=vit", "drop_path=0", "lr=0.0001", "epochs=2"), id="vit", marks=pytest.mark.deep),
        pytest.param(("model=resnet", "lr=0.0001", "epochs=2"), id="resnet", marks=pytest.mark.deep),
    ],
)
def test_two_processes_follow_the_curve_of_one(tmp_path, settings, request):
    """The same global batches, also through batch norm.

    The networks learn slowly here: at their usual rates AdamW lets a last bit grow to 1e-2 within 40 to 80 steps, on
    some processors and not on others, and two threads in the place of one do exactly that as well.
    """
    one = losses(alone(tmp_path, *settings))
    if settings == LENET:
        folder = request.getfixturevalue("two_of_lenet")
    else:
        folder = finished(tmp_path / "two", *SMOKE, *settings, *TOGETHER)
    two = losses(folder)
    assert len(one) >= 4
    assert one.keys() == two.keys()
    assert max(abs(one[step] - two[step]) for step in one) < 1e-4
    assert len(list_runs(folder.parent)) == 1, "only the first process keeps a folder"


@pytest.mark.deep
def test_a_killed_run_of_two_processes_goes_on(tmp_path, two_of_lenet):
    """SIGKILL to the first process: the other ends by itself, and the resumed run ends like a whole one."""
    child = lab(tmp_path / "killed", *SMOKE, *LENET, *TOGETHER, hold=30)
    folder = tmp_path / "killed" / "runs" / "fashion-0001"
    while last_step(folder / "metrics.jsonl") < 25:
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.01)
    others = children(child.pid)
    assert len(others) == 1
    child.send_signal(signal.SIGKILL)
    child.communicate()
    while any(lives(other) for other in others):  # else it waits for ever for the one that was killed
        time.sleep(0.05)
    resumed = finished(tmp_path / "killed", "--resume", "fashion-0001", "--json")
    assert resumed == folder
    assert read_result(folder).files == read_result(two_of_lenet).files
    assert read_result(folder).resumed == 1


@pytest.mark.deep
def test_a_kill_changes_no_bit(tmp_path):
    """With dropout, augmentation and AdamW's moments, killed twice, at moments that the machine chooses."""
    settings = ("model=vit", "epochs=3", "seed=5")
    whole = alone(tmp_path / "whole", *settings)
    folder = tmp_path / "killed" / "runs" / "fashion-0001"
    words = [*SMOKE, *settings]
    for upto in (20, 40):
        child = lab(tmp_path / "killed", *words, hold=upto + 8)
        while last_step(folder / "metrics.jsonl") < upto:
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.01)
        child.kill()
        child.communicate()
        words = ["--resume", "fashion-0001", "--json"]
    assert finished(tmp_path / "killed", *words) == folder
    assert read_result(folder).files == read_result(whole).files
    assert read_result(folder).metrics == read_result(whole).metrics


def test_sixteen_bits_learn_too(tmp_path):
    whole = losses(alone(tmp_path, "model=lenet", "epochs=1"))
    rough = losses(alone(tmp_path, "model=lenet", "epochs=1", "precision=bf16"))
    assert rough != whole
    assert max(abs(rough[step] - whole[step]) for step in whole) < 0.1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (("devices=64", "batch_size=64"), "devices=64 starts as many processes, each on a CPU core of its own, and"),
        (("strategy=ddpp", "devices=2"), "strategy=ddpp is none that Lightning has; did you mean ddp"),
        (("strategy=ddp",), "strategy=ddp changes nothing, because one process works alone: leave it out"),
        (("model=lenet", "drop_path=0.1"), "drop_path=0.1 counts only with model=vit, and model is lenet"),
        (("devices=3", "batch_size=50"), "batch_size=50 cannot be shared evenly by 3 processes"),
        (("batch_size=2000",), "batch_size=2000 is more than the 1000 samples that there are"),
        (("nodes=2",), "nodes=2 needs a launcher on each machine"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(tmp_path, monkeypatch, settings, sentence):
    monkeypatch.setattr(config, "cores", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", None)  # nothing is started
    with pytest.raises(ConfigProblem, match=sentence):
        alone(tmp_path, *settings)
    assert list_runs(tmp_path / "runs") == [], "a refused run leaves no folder"


@pytest.mark.parametrize("words", [("accelerator=gpu",), ("accelerator=gpu", "devices=2")])
def test_a_gpu_that_is_not_there_is_refused_at_once(tmp_path, monkeypatch, words):
    monkeypatch.setattr(config, "gpus", lambda: 0)
    with pytest.raises(ConfigProblem, match="needs a GPU that PyTorch can use, and there is none here"):
        alone(tmp_path, *words)
    assert list_runs(tmp_path / "runs") == []


def test_more_devices_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(config, "gpus", lambda: 1)
    with pytest.raises(ConfigProblem, match="devices=2 starts as many processes, each on a GPU of its own, and there"):
        config.TrainingConfig(accelerator="gpu", devices=2).check_machine()


@pytest.mark.deep
def test_a_process_that_dies_is_named(tmp_path):
    """SIGKILL to the second process: the first one says which ended and how to go on, in one sentence."""
    child = lab(tmp_path, *SMOKE, "model=lenet", "epochs=40", *TOGETHER)
    folder = tmp_path / "runs" / "fashion-0001"
    while last_step(folder / "metrics.jsonl") < 20:
        assert child.poll() is None, child.stderr.read()
        time.sleep(0.01)
    (other,) = children(child.pid)
    os.kill(other, signal.SIGKILL)
    _, complained = child.communicate()
    assert child.returncode == 1
    (line,) = complained.splitlines()
    assert line.startswith(
        "  process 2 of 2 was ended by SIGKILL: the run stops, and upslope lab --resume fashion-0001 "
    )
