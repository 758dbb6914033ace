"""The wheel holds everything, and works from where pip puts it."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "upslope"

RIGHT = """\
import numpy as np

from upslope.scratch.tensor import Tensor


def relu(x: Tensor) -> Tensor:
    return x.then(np.maximum(x.data, 0), lambda g: g * (x.data > 0))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The project's wheel, built with the build backend that is installed: no network."""
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    pytest.importorskip("build", reason="build is not installed")
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("runs in a checkout")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("upslope/")}
    wanted = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    records = ROOT / "results"
    wanted |= {f"upslope/{path.relative_to(ROOT).as_posix()}" for path in records.rglob("*.json")}
    assert inside == wanted
    kinds = {Path(name).suffix for name in inside}
    assert {".py", ".md", ".typed"} <= kinds


def upslope(installed, tmp_path, *words):
    env = {**os.environ, "PYTHONPATH": str(installed), "UPSLOPE_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
    command = [sys.executable, "-P", "-m", "upslope", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=tmp_path)


def test_an_answer_is_graded_from_the_installed_wheel(installed, tmp_path):
    assert upslope(installed, tmp_path, "init").returncode == 0
    where = upslope(installed, tmp_path, "doctor").stdout
    assert str(ROOT) not in where
    answer = next((tmp_path / "home" / "exercises").rglob("relu.py"))
    assert upslope(installed, tmp_path, "check", "relu").returncode == 1
    answer.write_text(RIGHT)
    done = upslope(installed, tmp_path, "check", "relu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "relu" in done.stdout


def test_an_installed_package_carries_the_records(installed, tmp_path):
    done = upslope(installed, tmp_path, "results")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lenet" in done.stdout


def test_no_benchmark_hides_a_library():
    """A script's own folder comes first when it imports: a file called tokenizers there is what transformers gets."""
    names = [path.stem for path in (ROOT / "benchmarks").glob("*.py")]
    assert names
    found = {name: importlib.util.find_spec(name) for name in names}
    ours = str(ROOT / "tests"), str(ROOT / "benchmarks")  # pytest puts folders of ours on the path
    assert [name for name, spec in found.items() if spec and spec.origin and not spec.origin.startswith(ours)] == []
