"""What a run leaves on the disk, and what it says when the disk, a checkpoint or another process is in the way."""

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from upslope.cards import Expect, LabCard
from upslope.runs import files
from upslope.runs.config import LabConfig
from upslope.runs.folder import create_folder, find_run, list_runs
from upslope.runs.metrics import read_metrics
from upslope.runs.problem import DiskProblem, RunProblem
from upslope.runs.result import FRAMEWORKS, Result, code_hash, read_result
from upslope.runs.run import Run

CARD = LabCard(
    name="tiny",
    title="A tiny <lab>",
    paper="nobody, never",
    claim="it counts",
    domain="tests",
    seconds={"laptop": 1},
    data=(),
    expect=(
        Expect(metric="test_accuracy", at_least=0.9, when={"seed": 0}, broken={"frozen": 0.6}),
        Expect(metric="loss", at_most=0.5, when={"seed": 0}),
    ),
    presets={"laptop": {}},
)


class Counter:
    """The smallest thing that has a state."""

    def __init__(self):
        self.array = np.zeros(3, dtype=np.float32)
        self.log = []

    def state_dict(self):
        return {"array": self.array, "log": self.log, "nothing": None, "big": 2**100}

    def load_state_dict(self, state):
        assert state["nothing"] is None
        assert state["big"] == 2**100
        self.array, self.log = state["array"], state["log"]


def open_run(tmp_path, *, seed=0):
    return Run.create(CARD, LabConfig(seed=seed), root=tmp_path, quiet=True)


def again(run):
    run.close()
    return Run.open(run.folder, LabConfig, card=CARD, quiet=True)


def train(run, counter, rng, upto):
    """Steps 1 to `upto`, with a checkpoint every 3."""
    run.keep(counter=counter, rng=rng)
    for step in run.steps(20, checkpoint_steps=3):
        counter.array += rng.random(3, dtype=np.float32)
        counter.log.append(step)
        run.log(step, loss=1 / step)
        if step == upto < 20:
            break


def test_folder_of_a_finished_run(tmp_path):
    run = open_run(tmp_path)
    counter = Counter()
    train(run, counter, np.random.default_rng(0), 20)
    run.save_model({"w": counter.array})
    run.picture("empty", Figure(figsize=(1, 1)), "nothing & nobody")
    assert read_result(run.folder) is None
    result = run.finish({"test_accuracy": 0.95, "loss": np.float32(0.25)}, parameters=np.int64(3), note=float("nan"))
    assert result.reached is True
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "config.json", "index.html", "metrics.jsonl", "model.safetensors", "pictures", "result.json",
    ]  # fmt: skip
    assert read_result(run.folder) == result == Result.from_json(json.loads(json.dumps(result.to_json())))
    assert result.facts == {"parameters": 3, "note": None}
    assert (
        {"cores", "os", "python", "numpy"} <= result.machine.keys() <= {"cores", "os", "python", "numpy", *FRAMEWORKS}
    )
    assert result.code == code_hash()
    assert "test accuracy 95.0 %   target >= 90.0 %   reached" in result.line()
    page = (run.folder / "index.html").read_text()
    assert "A tiny &lt;lab&gt;" in page
    assert 'src="pictures/empty.png"' in page
    assert "nothing &amp; nobody" in page
    assert "http" not in page.replace("http-equiv", ""), "the page fetches nothing"
    assert str(tmp_path) not in page + (run.folder / "result.json").read_text()
    assert os.uname().nodename not in json.dumps(result.to_json())


def test_targets_count_only_under_their_settings(tmp_path):
    missed = open_run(tmp_path).finish({"test_accuracy": 0.59, "loss": 0.1})
    assert missed.reached is False
    assert missed.cause == "no better than frozen (60.0 %): look there first"
    assert [target.reached for target in missed.targets] == [False, True]
    diverged = open_run(tmp_path).finish({"test_accuracy": float("nan"), "loss": 0.1})
    assert diverged.reached is False
    assert diverged.metrics["test_accuracy"] is None
    assert "test accuracy is nan: the training diverged" in diverged.cause
    assert "test accuracy not a number" in diverged.line()
    unmeasured = open_run(tmp_path).finish({"loss": 0.1})
    assert unmeasured.reached is False
    assert "was not measured" in unmeasured.cause
    free = open_run(tmp_path, seed=1).finish({"test_accuracy": 0.1})
    assert free.reached is None
    assert "no target under these settings" in free.line()


def test_the_cause_names_settings_and_the_learners_parts(tmp_path):
    class Config(LabConfig):
        epochs: int = 5

    def cause(config, parts):
        run = Run.create(CARD, config, root=tmp_path, parts=parts, quiet=True)
        result = run.finish({"test_accuracy": 0.8, "loss": 0.1})
        assert result.settings == (("epochs=1",) if config.epochs == 1 else ())
        return result.cause

    assert cause(Config(epochs=1), {}) == "the target was measured without epochs=1"
    assert "1 of 2 parts are yours" in cause(Config(), {"a": "yours", "b": "ours"})
    assert "another seed" in cause(Config(), {"a": "ours"})
    page = (tmp_path / "tiny-0001" / "index.html").read_text()
    assert "upslope lab tiny --preset laptop epochs=1" in page


def test_resumed_in_process_equals_uninterrupted(tmp_path):
    whole, counter = open_run(tmp_path), Counter()
    train(whole, counter, np.random.default_rng(5), 20)
    broken, half = open_run(tmp_path), Counter()
    train(broken, half, np.random.default_rng(5), 11)
    resumed, fresh = again(broken), Counter()
    train(resumed, fresh, np.random.default_rng(99), 20)
    assert np.array_equal(fresh.array, counter.array)
    assert fresh.log == counter.log == list(range(1, 21))
    assert (resumed.folder / "metrics.jsonl").read_bytes() == (whole.folder / "metrics.jsonl").read_bytes()
    assert resumed.restore()[0] == 20


def test_without_keep_there_is_no_checkpoint(tmp_path):
    run = open_run(tmp_path)
    assert list(run.steps(4, checkpoint_steps=1)) == [1, 2, 3, 4]
    assert not (run.folder / "checkpoint").exists()


@pytest.mark.parametrize(
    "damage", ["half tensors", "flipped bit", "half json", "no tensors", "changed json", "cut metrics"]
)
def test_damaged_checkpoint_is_refused_and_the_one_before_serves(tmp_path, damage):
    run = open_run(tmp_path)
    train(run, Counter(), np.random.default_rng(0), 11)  # checkpoints at 6 and 9
    run.close()
    tensors, state = (run.folder / "checkpoint" / f"00000009.{kind}" for kind in ("safetensors", "json"))
    match damage:
        case "half tensors":
            tensors.write_bytes(tensors.read_bytes()[:-5])
        case "flipped bit":
            content = bytearray(tensors.read_bytes())
            content[-1] ^= 1
            tensors.write_bytes(content)
        case "half json":
            state.write_bytes(state.read_bytes()[:40])
        case "no tensors":
            tensors.unlink()
        case "changed json":
            state.write_text(state.read_text().replace('"step": 9', '"step": 8'))
        case "cut metrics":
            lines = (run.folder / "metrics.jsonl").read_bytes().split(b"\n")
            (run.folder / "metrics.jsonl").write_bytes(b"\n".join(lines[:7]) + b"\n")
    resumed = again(run)
    counter = Counter()
    assert resumed.keep(counter=counter, rng=np.random.default_rng(1)) == 6
    assert counter.log == [1, 2, 3, 4, 5, 6]
    assert len(resumed.said) == 1
    assert "checkpoint 9 of tiny-0001 is damaged" in resumed.said[0]
    assert read_metrics(resumed.folder / "metrics.jsonl")[-1]["step"] == 6


def test_all_checkpoints_damaged_means_from_the_beginning(tmp_path):
    run = open_run(tmp_path)
    train(run, Counter(), np.random.default_rng(0), 11)
    run.close()
    for path in (run.folder / "checkpoint").glob("*.json"):
        path.write_text("{}")
    resumed = again(run)
    assert resumed.keep(counter=Counter(), rng=np.random.default_rng(1)) == 0
    assert len(resumed.said) == 2
    assert read_metrics(resumed.folder / "metrics.jsonl") == []


def test_a_checkpoint_of_other_things_is_refused(tmp_path):
    run = open_run(tmp_path)
    train(run, Counter(), np.random.default_rng(0), 5)
    with pytest.raises(RunProblem, match="the checkpoint keeps counter, rng, but the lab keeps counter"):
        again(run).keep(counter=Counter())


class Callback(Counter):
    """Holds what only pickle could write."""

    def state_dict(self):
        return {"deep": [1, {"callback": print}]}


def test_a_checkpoint_holds_no_pickle(tmp_path):
    run = open_run(tmp_path)
    run.keep(thing=Callback())
    with pytest.raises(TypeError, match=r"thing\.deep\.1\.callback holds a builtin_function_or_method"):
        list(run.steps(1))


def test_full_disk_is_one_sentence_and_no_half_result(tmp_path, monkeypatch):
    run, counter = open_run(tmp_path), Counter()
    train(run, counter, np.random.default_rng(0), 8)
    before = sorted((run.folder / "checkpoint").iterdir())

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        for write in (
            lambda: run.save_model({"w": counter.array}),
            lambda: run.picture("p", Figure(figsize=(1, 1))),
            lambda: run.checkpoint(9, {"w": counter.array}, {}),
            lambda: run.finish({"test_accuracy": 1.0, "loss": 0.0}),
        ):
            with pytest.raises(DiskProblem, match=r"the disk is full: .*; free some space and try again"):
                write()
    assert sorted((run.folder / "checkpoint").iterdir()) == before
    assert not (run.folder / "result.json").exists()
    assert not list(run.folder.rglob(".*"))
    assert again(run).keep(counter=Counter(), rng=np.random.default_rng(0)) == 6


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_is_killed_leaves_the_old_file(tmp_path, monkeypatch, moment):
    path = tmp_path / "result.json"
    files.write_atomically(path, b"old")

    def killed(*args):
        raise Killed

    monkeypatch.setattr(files.os, moment, killed)
    with pytest.raises(Killed):
        files.write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"old"


def test_a_file_limit_is_one_sentence(tmp_path):
    """The system itself refuses, in the middle of a write."""
    code = f"""
        import resource, sys
        import numpy as np
        sys.path.insert(0, {str(tmp_path)!r})
        from upslope.cards import LabCard
        from upslope.runs.config import LabConfig
        from upslope.runs.problem import DiskProblem
        from upslope.runs.run import Run
        card = LabCard("tiny", "", "", "", "", {{}}, (), (), {{"laptop": {{}}}})
        run = Run.create(card, LabConfig(), quiet=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            run.save_model({{"w": np.zeros(5000)}})
        except DiskProblem as problem:
            print(problem)
        try:
            for step in range(1000):
                run.log(step, loss=0.5)
        except DiskProblem as problem:
            print(problem)
        print(sorted(p.name for p in run.folder.iterdir()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=60
    )
    model, metrics, names = done.stdout.strip().split("\n")
    assert "model.safetensors would be larger than this system allows" in model
    assert "metrics.jsonl would be larger than this system allows" in metrics
    assert names == "['config.json', 'metrics.jsonl']"


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EROFS])
def test_unwritable_folder_is_one_sentence(tmp_path, monkeypatch, refusal):
    def refused(*args, **kwargs):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr("upslope.runs.folder.tempfile.mkdtemp", refused)
    with pytest.raises(DiskProblem, match=r"runs cannot be written: .*; UPSLOPE_HOME or UPSLOPE_DATA can"):
        Run.create(CARD, LabConfig(), root=tmp_path / "runs")


def test_a_file_where_the_folder_belongs_is_one_sentence(tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(DiskProblem, match="a file stands where a folder is needed"):
        Run.create(CARD, LabConfig(), root=tmp_path / "runs")


def test_folders_are_numbered_and_never_shared(tmp_path, monkeypatch):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(create_folder("tiny", {"x": 1}, root=tmp_path))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in made) == [f"tiny-{n:04d}" for n in range(1, 17)]
    assert all((path / "config.json").is_file() for path in made)
    assert len(list(tmp_path.iterdir())) == 16
    # Somebody takes the number between looking and renaming.
    with monkeypatch.context() as patch:
        patch.setattr("upslope.runs.folder._highest_number", lambda root, lab: 3)
        assert create_folder("tiny", {"x": 2}, root=tmp_path).name == "tiny-0017"
    assert json.loads((tmp_path / "tiny-0004" / "config.json").read_text()) == {"x": 1}
    assert create_folder("tiny-er", {}, root=tmp_path).name == "tiny-er-0001"
    (tmp_path / "tiny-9999").mkdir()
    assert create_folder("tiny", {}, root=tmp_path).name == "tiny-10000"


def test_only_one_process_writes_a_run(tmp_path):
    run = open_run(tmp_path)
    with pytest.raises(RunProblem, match="tiny-0001 is being written by another process"):
        Run.open(run.folder, LabConfig, card=CARD)
    assert list_runs(tmp_path)[0].state == "running"
    run.close()
    assert list_runs(tmp_path)[0].state == "unfinished"
    opened = Run.open("tiny-0001", LabConfig, card=CARD, root=tmp_path)
    opened.finish({"test_accuracy": 1.0, "loss": 0.0})
    with pytest.raises(RunProblem, match="tiny-0001 is finished"):
        Run.open(run.folder, LabConfig, card=CARD)
    assert list_runs(tmp_path)[0].state == "finished"


def test_what_is_not_a_run_is_said(tmp_path):
    assert list_runs(tmp_path / "nowhere") == []
    with pytest.raises(RunProblem, match=r"lenet-7 is not a run: .* there are no runs yet"):
        find_run("lenet-7", root=tmp_path)
    folder = create_folder("tiny", {"lab": "tiny"}, root=tmp_path)
    with pytest.raises(RunProblem, match=r"config\.json of tiny-0001 cannot be read"):
        Run.open(folder, LabConfig, card=CARD)
    assert list_runs(tmp_path)[0].state == "damaged"
    run = open_run(tmp_path)
    (run.folder / "result.json").write_text('{"lab": ')
    with pytest.raises(RunProblem, match=r"result\.json of tiny-0002 cannot be read"):
        read_result(run.folder)
    assert "result.json" in {s.name: s for s in list_runs(tmp_path)}["tiny-0002"].note


def test_metrics_survive_a_torn_line_and_odd_numbers(tmp_path):
    run = open_run(tmp_path)
    run.log(1, loss=float("inf"), count=3, accuracy=np.float32(0.5))
    with open(run.folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 2, "lo')
    (row,) = run.logged()
    assert row["step"] == 1
    assert np.isnan(row["loss"])
    assert (row["count"], row["accuracy"]) == (3, 0.5)
    (run.folder / "metrics.jsonl").write_text("[]\n")
    with pytest.raises(RunProblem, match=r"line 1 of tiny-0001/metrics\.jsonl"):
        run.logged()


def test_code_hash_changes_with_the_code(tmp_path):
    """A tree of links to the package hashes as the package does; a change in it, however deep, is seen."""
    import upslope

    source = Path(upslope.__file__).parent
    (tmp_path / "runs").mkdir()
    for path in (source / "runs").iterdir():
        if path.is_file():
            (tmp_path / "runs" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "runs" / "problem.py").write_text((source / "runs" / "problem.py").read_text() + "# changed\n")
    seen = {}
    for name in ("same", "changed above", "changed below"):
        tree = tmp_path / name / "upslope"
        tree.mkdir(parents=True)
        for path in source.iterdir():
            (tree / path.name).symlink_to(path)
        if name == "changed above":
            (tree / "cards.py").unlink()
            (tree / "cards.py").write_text((source / "cards.py").read_text() + "# changed\n")
        if name == "changed below":
            (tree / "runs").unlink()
            (tree / "runs").symlink_to(tmp_path / "runs")
        code = "from upslope.runs.result import code_hash; print(code_hash())"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            env={**os.environ, "PYTHONPATH": str(tree.parent)},
            capture_output=True,
            text=True,
            check=True,
        )
        seen[name] = done.stdout.strip()
    assert seen["same"] == code_hash.__wrapped__()  # not what was true when the tests began
    assert len(set(seen.values())) == 3
