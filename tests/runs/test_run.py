"""What a run leaves on the disk, and what it says of targets, of other processes and of what is no run."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from upslope.runs.config import LabConfig
from upslope.runs.errors import RunProblem
from upslope.runs.result import FRAMEWORKS, Result, code_hash, read_result
from upslope.runs.run import Run
from upslope.runs.run_dir import create_folder, find_run, list_runs


def test_folder_of_a_finished_run(tiny, tmp_path):
    run = tiny.open()
    counter = tiny.counter()
    tiny.train(run, counter, np.random.default_rng(0), 20)
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


def test_targets_count_only_under_their_settings(tiny):
    missed = tiny.open().finish({"test_accuracy": 0.59, "loss": 0.1})
    assert missed.reached is False
    assert missed.cause == "no better than frozen (60.0 %): look there first"
    assert [target.reached for target in missed.targets] == [False, True]
    diverged = tiny.open().finish({"test_accuracy": float("nan"), "loss": 0.1})
    assert diverged.reached is False
    assert diverged.metrics["test_accuracy"] is None
    assert "test accuracy is nan: the training diverged" in diverged.cause
    assert "test accuracy not a number" in diverged.line()
    unmeasured = tiny.open().finish({"loss": 0.1})
    assert unmeasured.reached is False
    assert "was not measured" in unmeasured.cause
    free = tiny.open(seed=1).finish({"test_accuracy": 0.1})
    assert free.reached is None
    assert "no target under these settings" in free.line()


def test_the_cause_names_settings_and_the_learners_parts(tiny, tmp_path):
    class Config(LabConfig):
        epochs: int = 5

    def cause(config, parts):
        run = Run.create(tiny.card, config, root=tmp_path, parts=parts, quiet=True)
        result = run.finish({"test_accuracy": 0.8, "loss": 0.1})
        assert result.settings == (("epochs=1",) if config.epochs == 1 else ())
        return result.cause

    assert cause(Config(epochs=1), {}) == "the target was measured without epochs=1"
    assert "1 of 2 parts are yours" in cause(Config(), {"a": "yours", "b": "ours"})
    assert "another seed" in cause(Config(), {"a": "ours"})
    page = (tmp_path / "tiny-0001" / "index.html").read_text()
    assert "upslope lab tiny --preset laptop epochs=1" in page


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
        patch.setattr("upslope.runs.run_dir._highest_number", lambda root, lab: 3)
        assert create_folder("tiny", {"x": 2}, root=tmp_path).name == "tiny-0017"
    assert json.loads((tmp_path / "tiny-0004" / "config.json").read_text()) == {"x": 1}
    assert create_folder("tiny-er", {}, root=tmp_path).name == "tiny-er-0001"
    (tmp_path / "tiny-9999").mkdir()
    assert create_folder("tiny", {}, root=tmp_path).name == "tiny-10000"


def test_only_one_process_writes_a_run(tiny, tmp_path):
    run = tiny.open()
    with pytest.raises(RunProblem, match="tiny-0001 is being written by another process"):
        Run.open(run.folder, LabConfig, card=tiny.card)
    assert list_runs(tmp_path)[0].state == "running"
    run.close()
    assert list_runs(tmp_path)[0].state == "unfinished"
    opened = Run.open("tiny-0001", LabConfig, card=tiny.card, root=tmp_path)
    opened.finish({"test_accuracy": 1.0, "loss": 0.0})
    with pytest.raises(RunProblem, match="tiny-0001 is finished"):
        Run.open(run.folder, LabConfig, card=tiny.card)
    assert list_runs(tmp_path)[0].state == "finished"


def test_what_is_not_a_run_is_said(tiny, tmp_path):
    assert list_runs(tmp_path / "nowhere") == []
    with pytest.raises(RunProblem, match=r"lenet-7 is not a run: .* there are no runs yet"):
        find_run("lenet-7", root=tmp_path)
    folder = create_folder("tiny", {"lab": "tiny"}, root=tmp_path)
    with pytest.raises(RunProblem, match=r"config\.json of tiny-0001 cannot be read"):
        Run.open(folder, LabConfig, card=tiny.card)
    assert list_runs(tmp_path)[0].state == "damaged"
    run = tiny.open()
    (run.folder / "result.json").write_text('{"lab": ')
    with pytest.raises(RunProblem, match=r"result\.json of tiny-0002 cannot be read"):
        read_result(run.folder)
    assert "result.json" in {s.name: s for s in list_runs(tmp_path)}["tiny-0002"].note


def test_metrics_survive_a_torn_line_and_odd_numbers(tiny):
    run = tiny.open()
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
    (tmp_path / "runs" / "errors.py").write_text((source / "runs" / "errors.py").read_text() + "# changed\n")
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
