"""ResNet-50, VGG, Inception-v3 and EfficientNet against Keras', same random weights: scores and every gradient.

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


def says(script, *words):
    env = {**os.environ, "KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-P", str(Path(__file__).parent / script), *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.deep
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is the independent implementation")
def test_resnet50():
    said = says("keras_resnet50.py")
    assert said["layers_without_counterpart"] == []
    assert said["gradients"] == said["parameters"] == 161
    assert said["scale"] > 0.3, said  # numbers that can differ
    assert said["scores"] < 1e-4, said
    assert said["off"] < 1e-3, said


@pytest.mark.deep
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is the independent implementation")
@pytest.mark.parametrize("name", ["vgg16", "vgg19", "inception-v3", "efficientnet-b0", "efficientnet-b1"])
def test_applications(name):
    said = says("keras_zoo.py", name)
    # Keras' Inception-v3 has no factors in batch norm: ours are 1 there.
    assert said["gradients"] + said["without_factor"] == said["parameters"]
    assert said["without_factor"] == (94 if name == "inception-v3" else 0)
    assert said["scale"] > 0.3, said  # numbers that can differ
    assert said["scores"] < 1e-4, said
    assert said["off"] < 1e-3, said
