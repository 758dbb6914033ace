"""Reading digits with numbers that know their gradients: a network of pure Python, trained one image at a time.

D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", 1986,
https://doi.org/10.1038/323533a0; in the manner of A. Karpathy's micrograd, 2020.

Claim: at least 94 % of the digits' test images with every seed, within a minute on one CPU core (5 seeds).

- Nothing but the standard library learns here: no arrays, one `Value` per number. A library only reads the images.
- Slow on purpose, and clear: after it, NumPy's speed is understood as the same sums done many at once.

The hidden layer must learn: over random hidden neurons (`freeze=hidden`) the output layer alone misses the target.
"""

import math
import random
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data import digits
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.splits import splits
from upslope.runs import figures
from upslope.runs.config import LabConfig
from upslope.runs.reports import classification
from upslope.runs.run import Run
from upslope.scratch.mlp import MLP, SGD, cross_entropy

Sample = tuple[list[float], int]  # the pixels of an image and its class


class Config(LabConfig):
    """Settings of this lab."""

    unused: ClassVar = {"threads": "pure Python computes one number at a time"}
    data: Literal["digits", "toy"] = Field("digits", description="what to learn; toy is generated")
    epochs: int = Field(10, ge=1, le=1000, description="how often every training image is seen")
    hidden: int = Field(16, ge=1, le=256, description="neurons in the hidden layer")
    lr: float = Field(0.05, gt=0, le=10, description="the learning rate at the start; it falls to 0 in a straight line")
    freeze: Literal["none", "hidden"] = Field("none", description="hidden: leave the hidden layer as it was drawn")


class Network(MLP):
    """64 numbers to 10 scores, and a state that a run can keep."""

    def state_dict(self) -> list[float]:
        """All weights, as plain numbers."""
        return [p.data for p in self.parameters()]

    def load_state_dict(self, state: list[float]) -> None:
        """Put the weights back."""
        for p, number in zip(self.parameters(), state, strict=True):
            p.data = number


def run(config: Config, run: Run[Config]) -> None:
    """Train, validate after each epoch, test once."""
    parts = splits(config.data, toy="digits", rng=np.random.default_rng(config.seed), counts=(300, 100, 200))
    train, validation, test = (as_lists(part) for part in parts)
    rng = random.Random(config.seed)
    network = Network(len(train[0][0]), config.hidden, 10, rng=rng)
    frozen = 1 if config.freeze == "hidden" else 0
    optimizer = SGD([p for layer in network.layers[frozen:] for p in layer.parameters()], lr=config.lr)
    start = [p.data for p in network.layers[0].parameters()]
    orders = [rng.sample(range(len(train)), len(train)) for _ in range(config.epochs)]

    run.register(network=network)
    total = config.epochs * len(train)
    for step in run.steps(total, per_epoch=len(train)):
        epoch, place = divmod(step - 1, len(train))
        pixels, label = train[orders[epoch][place]]
        optimizer.lr = config.lr * (1 - (step - 1) / total)
        loss = cross_entropy(network(pixels), label)
        loss.backward()
        optimizer.step()
        run.log(step, loss=loss.data)
        if step % len(train) == 0:
            run.log(step, validation_accuracy=accuracy(probabilities(network, validation), validation))

    answers = probabilities(network, test)
    draw(run, network, test, answers, per_epoch=len(train))
    run.save_model({"weights": np.array(network.state_dict())})
    weights = [p.data for p in network.layers[0].parameters()]
    run.finish(
        {"test_accuracy": accuracy(answers, test), "hidden_moved": distance(weights, start) / distance(start)},
        parameters=len(network.parameters()),
        validation_accuracy=accuracy(probabilities(network, validation), validation),
    )


def as_lists(data: Dataset) -> list[Sample]:
    """Each image as 64 plain numbers, and its class."""
    return list(zip(data["image"].reshape(len(data), -1).tolist(), data["label"].tolist(), strict=True))


def probabilities(network: Network, samples: list[Sample]) -> list[list[float]]:
    """What the network believes of each image: the softmax of its scores."""
    answers = []
    for pixels, _ in samples:
        scores = [score.data for score in network(pixels)]
        top = max(scores)
        e = [math.exp(score - top) for score in scores]
        answers.append([share / sum(e) for share in e])
    return answers


def accuracy(answers: list[list[float]], samples: list[Sample]) -> float:
    """The share of images whose most probable class is right."""
    right = sum(answer.index(max(answer)) == label for answer, (_, label) in zip(answers, samples, strict=True))
    return right / len(samples)


def distance(one: list[float], other: list[float] | None = None) -> float:
    """How far two lists of numbers lie apart (or one from zero)."""
    return math.dist(one, other or [0.0] * len(one))


def draw(run: Run[Config], network: Network, test: list[Sample], answers: list[list[float]], *, per_epoch: int) -> None:
    """What was learned, in pictures."""
    classification.curves(run, per_epoch=per_epoch, smooth=200)
    images = np.array([pixels for pixels, _ in test], dtype=np.float32).reshape(-1, 8, 8)
    labels = np.array([label for _, label in test])
    classification.mistakes(run, np.array(answers), labels, digits.CLASSES, images=images)
    looks_for = np.array([[w.data for w in neuron.weights] for neuron in network.layers[0].neurons])
    neurons = figures.filters(looks_for.reshape(-1, 1, 8, 8), title="hidden layer")
    run.picture("neurons", neurons, "What a hidden neuron looks for: red adds.")


CARD = LabCard(
    name="digits-pure",
    title="Digits in pure Python",
    paper="Rumelhart, Hinton and Williams 1986; in the manner of Karpathy's micrograd",
    claim="at least 94 % of the digits' test images with every seed, within a minute on one CPU core",
    domain="foundations",
    seconds={"smoke": 1, "laptop": 5, "full": 30},
    data=("digits",),
    expect=(
        Expect(
            metric="test_accuracy", at_least=0.94, when={"data": "digits"}, ablations={"frozen hidden layer": 0.778}
        ),
        Expect(metric="hidden_moved", at_least=0.25, when={"data": "digits"}, ablations={"frozen hidden layer": 0.0}),
    ),
    presets={
        "smoke": {"data": "toy", "epochs": 2},
        "laptop": {},
        "full": {"epochs": 40, "hidden": 32},
    },
    metrics={
        "test_accuracy": Metric(unit="%", chance=0.1),
        "validation_accuracy": Metric(unit="%", chance=0.1),
        "loss": Metric(unit="nats", higher_is_better=False),
        "hidden_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="frozen hidden layer", settings={"freeze": "hidden"}),),
    seeds=5,
)
