"""Generators in training: samples do not see each other, whatever mode the network is in, and collapse is named."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F

from upslope.cards import LabCard
from upslope.data import fashion_mnist
from upslope.models.build import built
from upslope.runs.config import LabConfig
from upslope.runs.run import Run
from upslope.training.averaging import AveragedWeights
from upslope.training.judge import Judge, Reading, mode_collapse
from upslope.training.tasks import unconditional_image_generation as tasks

CARD = LabCard("tiny-gan", "", "", "", "tests", {}, (), (), {"laptop": {}})


class Nearest:
    """A judge that needs no training: the class is that of the nearest training image."""

    compare, accuracy = Judge.compare, Judge.accuracy

    def __init__(self, train):
        self.known, self.labels = torch.tensor(train["image"]).flatten(1), torch.tensor(train["label"])

    def read(self, images):
        x = torch.tensor(images)
        features = F.avg_pool2d(x[:, None], 4).flatten(1)
        labels = self.labels[torch.cdist(x.flatten(1), self.known).argmin(dim=1)]
        return Reading(features, F.one_hot(labels.long(), 10).float())


class Repeats(nn.Module):
    """Gives images of a fixed set, one for each latent vector, whatever that holds; scaled by a batch norm."""

    def __init__(self, images):
        super().__init__()
        self.register_buffer("known", torch.tensor(images))
        self.norm, self.dropout = nn.BatchNorm2d(1), nn.Dropout(0.5)

    def forward(self, z):
        place = (z[:, 0].abs() * 1000).long() % len(self.known)
        return self.dropout(self.norm(self.known[place][:, None] * 2 - 1)).clamp(-1, 1)


class Sampled(tasks.UnconditionalImageGeneration):
    """The task without anything to learn."""

    def forward(self, batch):
        return {"loss": batch["image"].sum()}


@pytest.fixture(scope="module")
def train():
    return fashion_mnist.toy(rng=np.random.default_rng(0), count=500)


@pytest.fixture
def task(train, monkeypatch):
    def made(images):
        network = SimpleNamespace(module=Repeats(images), arguments={"latent_dim": 4})
        monkeypatch.setattr(tasks, "judge_of", lambda name, train: Nearest(train))
        return Sampled(network, train, data="toy", sampling=tasks.Sampling(seed=3))

    return made


def test_number_17_is_the_same_alone_and_among_64_in_the_middle_of_a_training(task, train):
    made = task(train["image"])
    made.model.train()  # batch norm and dropout as in training: their mode must not matter here
    latents = made.latents(np.arange(64))
    with torch.no_grad():
        loose = made.model(latents)
    many, alone = made.generate(latents), made.generate(made.latents(np.array([17])))
    np.testing.assert_allclose(alone[0], many[17], atol=1e-5)
    np.testing.assert_allclose(made.generate(latents, batch_size=7), many, atol=1e-5)
    assert made.model.training, "and afterwards the network is in training as before"
    assert not np.allclose(loose[:, 0], many * 2 - 1, atol=0.1), "planted: in training the samples are others"


def test_samples_come_from_averaged_weights_and_training_goes_on_from_its_own(train, monkeypatch):
    network = built("dcgan28", seed=0)
    critic = built("dcgan28-discriminator", seed=0).module
    monkeypatch.setattr(tasks, "judge_of", lambda name, train: Nearest(train))
    task = tasks.Adversarial(network, critic, train, data="toy", sampling=tasks.Sampling(seed=3), ema=0.5)
    with torch.no_grad():
        for parameter in network.module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    task.average.update()
    kept, average = {name: value.clone() for name, value in network.module.state_dict().items()}, task.average
    few, latents = train.take(slice(100)), task.latents(np.arange(4))
    averaged = task.generate(latents)
    task.glance(few)
    said = task.yardsticks(few, few)
    assert task.average is average, "after a look at the last step's weights the average is back"
    assert np.array_equal(task.generate(latents), averaged)
    assert all(torch.equal(value, kept[name]) for name, value in network.module.state_dict().items())
    assert said["frechet_distance_unaveraged"] != task.compare(task.predict(few), few)["frechet_distance"]
    task.average = AveragedWeights(network.module, decay=0.0)
    assert not np.allclose(task.generate(latents), averaged, atol=1e-3)


def test_a_generator_of_one_class_is_named_when_it_happens(task, train, tmp_path):
    run = Run.create(CARD, LabConfig(), root=tmp_path, quiet=True)
    trouser, everything = train["image"][train["label"] == 1], train["image"]
    for step in run.steps(5):
        task(trouser if step in (2, 3) else everything).watch(run, step, train)
    assert run.said == ["step 2: mode collapse: the samples show 1 of 10 classes"]
    coverages = [row["validation_coverage"] for row in run.logged()]
    assert coverages == [1.0, 0.1, 0.1, 1.0, 1.0], "the metrics are those that a glance gives"


@pytest.mark.parametrize(
    ("coverage", "words"),
    [(1.0, ""), (0.5, ""), (0.3, "mode collapse: the samples show 3 of 10 classes"), (0.0, "show 0 of 10 classes")],
)
def test_fewer_than_half_of_the_classes_are_a_collapse(coverage, words):
    said = mode_collapse(coverage, 10)
    assert words in said if words else not said
