"""What a run keeps of its validation data, by which pictures of something else are doubted; older runs have none."""

from dataclasses import replace

import numpy as np
import pytest

from upslope.runs import out_of_distribution
from upslope.runs.model_spec import ModelSpec

pytest.importorskip("torch")


@pytest.mark.needs("torch")
def test_a_classifier_keeps_what_is_typical_of_its_logits():
    import torch
    from torch import nn

    from upslope.data import mnist
    from upslope.models.build import Built
    from upslope.training.tasks.image_classification import ImageClassification

    data = mnist.toy(rng=np.random.default_rng(0), count=400)
    centres = np.stack([data["image"][data["label"] == k].mean(axis=0).ravel() for k in range(10)])
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    task = ImageClassification(model, train=data)
    with torch.no_grad():  # the nearest centre, of pictures brought to mean 0 and deviation 1
        model[1].weight.copy_(torch.from_numpy(centres * float(task.std) / 10))
        model[1].bias.copy_(torch.from_numpy((centres * (float(task.mean) - centres / 2)).sum(axis=1) / 10))
    network = Built(model, "none", {}, {})
    before = task.spec(network)
    assert before.typical is None
    task.calibrate(data)
    spec = ModelSpec.from_json(task.spec(network).to_json())
    with torch.no_grad():
        logits = task.logits(model, task.inputs(data)).numpy()
    assert spec.typical == out_of_distribution.fit(logits, data["label"])
    assert spec.classes == before.classes
    assert replace(spec, outputs=before.outputs) == before
