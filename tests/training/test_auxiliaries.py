"""Auxiliary classifiers: in training their losses count as the network says, in evaluation nobody asks them."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="tasks are made of PyTorch")
pytest.importorskip("lightning", reason="it trains")

import torch
from torch.nn import functional as F

from upslope.data import fashion_mnist
from upslope.models.build import build
from upslope.training.tasks.image_classification import ImageClassification


def test_the_losses_of_auxiliaries_count_as_the_network_says():
    rows = fashion_mnist.toy(rng=np.random.default_rng(0), count=6)
    model = build("googlenet-toy-auxiliary", in_channels=1, dropout=0.0, auxiliary_dropout=0.0)
    task = ImageClassification(model, train=rows).train()
    batch = task.collate(rows)
    given = model((batch["image"] - task.mean) / task.std)
    each = {name: F.cross_entropy(scores, batch["label"]) for name, scores in given.items()}
    expected = each["logits"] + 0.3 * each["aux1"] + 0.3 * each["aux2"]
    torch.testing.assert_close(task(batch)["loss"], expected)
    assert task.predict(rows).shape == (6, 10)
    with torch.no_grad():
        alone = F.cross_entropy(model.eval()((batch["image"] - task.mean) / task.std), batch["label"])
        torch.testing.assert_close(task.eval()(batch)["loss"], alone)
