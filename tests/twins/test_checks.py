"""The checks of the Keras exercises hold for the library, in a process of their own with Keras on PyTorch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import upslope

pytestmark = [pytest.mark.needs("torch"), pytest.mark.needs("keras")]
PACKAGE = Path(upslope.__file__).parent
# Each check of each module with some seeds: the least processor time that it took beside that of 100,000 squares, which
# says how fast the machine is just then: 20 of them take a tenth of a second where one takes five milliseconds.
QUICK = """
import importlib, pathlib, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
def processor_time(call, *given):
    began = time.process_time()
    call(*given)
    return time.process_time() - began
def squares():
    return sum(n * n for n in range(100_000))
for path in sorted(pathlib.Path(sys.argv[1]).glob("test_*.py")):
    module = importlib.import_module(f"upslope.checks.twins.{path.stem}")
    for name in [name for name in vars(module) if name.startswith("test_")]:
        took = []
        for seed in range(5):
            pace = processor_time(squares)
            took.append(processor_time(getattr(module, name), np.random.default_rng(seed)) / pace)
        assert min(took) < 20, f"{name} takes {min(took):.0f} times as long as 100,000 squares"
        print(name)
assert "tensorflow" not in sys.modules, "a check on PyTorch loads TensorFlow"
"""


def run(*command, root):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "KERAS_HOME": str(root / "keras")}
    environment |= {"KERAS_BACKEND": "torch", "KERAS_TORCH_DEVICE": "cpu"}
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_they_hold_for_the_library_and_are_quick(tmp_path):
    said = run("-c", QUICK, str(PACKAGE / "checks/twins"), root=tmp_path)
    assert len(said.split()) > 20


def test_pytest_collects_them_only_where_keras_runs_on_torch(tmp_path):
    folder = str(PACKAGE / "checks/twins")
    command = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", folder)
    assert "test_weighted" in run(*command, root=tmp_path)
