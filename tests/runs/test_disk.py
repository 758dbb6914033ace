"""What a run says when the disk is in the way; whatever happens, no file is left half written."""

import errno
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from matplotlib.figure import Figure

from upslope.runs import files
from upslope.runs.config import LabConfig
from upslope.runs.errors import DiskProblem
from upslope.runs.run import Run


def test_full_disk_is_one_sentence_and_no_half_result(tiny, monkeypatch):
    run, counter = tiny.open(), tiny.counter()
    tiny.train(run, counter, np.random.default_rng(0), 8)
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
    assert tiny.again(run).register(counter=tiny.counter(), rng=np.random.default_rng(0)) == 6


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
        from upslope.runs.errors import DiskProblem
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
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    model, metrics, names = done.stdout.strip().split("\n")
    assert "model.safetensors would be larger than this system allows" in model
    assert "metrics.jsonl would be larger than this system allows" in metrics
    assert names == "['config.json', 'metrics.jsonl']"


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EROFS])
def test_unwritable_folder_is_one_sentence(tiny, tmp_path, monkeypatch, refusal):
    def refused(*args, **kwargs):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr("upslope.runs.run_dir.tempfile.mkdtemp", refused)
    with pytest.raises(DiskProblem, match=r"runs cannot be written: .*; UPSLOPE_HOME or UPSLOPE_DATA can"):
        Run.create(tiny.card, LabConfig(), root=tmp_path / "runs")


def test_a_file_where_the_folder_belongs_is_one_sentence(tiny, tmp_path):
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(DiskProblem, match="a file stands where a folder is needed"):
        Run.create(tiny.card, LabConfig(), root=tmp_path / "runs")
