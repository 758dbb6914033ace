"""ResNet-50 against Keras' with the same random weights: scores and every gradient.

In a process of its own, because Keras chooses its backend once, when it is imported.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")


@pytest.mark.deep
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is the independent implementation")
def test_resnet50():
    script = Path(__file__).parent / "keras_resnet50.py"
    env = {**os.environ, "KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-P", str(script)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["layers_without_counterpart"] == []
    assert said["gradients"] == said["parameters"] == 161
    assert said["scale"] > 0.3, said  # numbers that can differ
    assert said["scores"] < 1e-4, said
    assert said["off"] < 1e-3, said
