"""Reading digits with a network from scratch: two layers of neurons, their gradients and their optimizer in NumPy.

D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", 1986,
https://doi.org/10.1038/323533a0

Claim: at least 97 % of the digits' test images with every seed, after two seconds on one CPU core; with data=mnist
at least 98 %, after ten (5 seeds each).

- Every part is an exercise: Linear, relu, softmax, cross_entropy and SGD, and the engine under them.
- The default data come with scikit-learn, so this runs on a fresh machine with the network off; `data=mnist` is harder.

The hidden layer must learn: over random hidden neurons (`freeze=hidden`) the output layer alone misses the target.
"""

from collections.abc import Iterator
from itertools import repeat
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.splits import splits
from upslope.runs import figures
from upslope.runs.config import LabConfig
from upslope.runs.reports import classification
from upslope.runs.reports.classification import accuracy
from upslope.runs.run import Run
from upslope.scratch import nn, ops
from upslope.scratch.data import Batches
from upslope.scratch.optim import SGD
from upslope.scratch.schedules import one_cycle
from upslope.scratch.tape import no_grad
from upslope.scratch.tensor import Tensor


class Config(LabConfig):
    """Settings of this lab."""

    data: Literal["digits", "mnist", "fashion_mnist", "toy"] = Field(
        "digits", description="what to learn; toy is generated"
    )
    epochs: int = Field(60, ge=1, le=10000, description="how often every training image is seen (28 x 28 images: 10)")
    batch_size: int = Field(32, ge=1, le=5000, description="images per step (28 x 28 images: 128)")
    hidden: int = Field(48, ge=1, le=4096, description="neurons in the hidden layer (28 x 28 images: 256)")
    lr: float = Field(0.1, gt=0, le=10, description="the highest learning rate of the cycle")
    momentum: float = Field(0.9, ge=0, lt=1, description="how much of the last step goes into the next")
    weight_decay: float = Field(
        1e-4, ge=0, lt=1, description="how strongly weights are pulled towards 0 (weight decay)"
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="how much of the target probability goes to all classes"
    )
    freeze: Literal["none", "hidden"] = Field("none", description="hidden: leave the hidden layer as it was drawn")

    @model_validator(mode="before")
    @classmethod
    def _fit_to_the_images(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Larger images and more of them want a wider network and fewer rounds, unless told otherwise."""
        large = {"epochs": 10, "batch_size": 128, "hidden": 256}
        return large | given if given.get("data") in ("mnist", "fashion_mnist") else given


class MLP(nn.Module):
    """Images (B, height, width) to scores (B, classes), through one hidden layer."""

    def __init__(self, inputs: int, hidden: int, classes: int, *, rng: np.random.Generator) -> None:
        self.hidden = nn.Linear(inputs, hidden, rng=rng)
        self.output = nn.Linear(hidden, classes, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.output(ops.relu(self.hidden(ops.flatten(x, 1))))
        return scores


def run(config: Config, run: Run[Config]) -> None:
    """Train, validate after each epoch, test once."""
    rng = np.random.default_rng(config.seed)
    train, validation, test = splits(config.data, toy="digits", rng=rng, counts=(600, 200, 400))
    mean, std = float(train["image"].mean()), float(train["image"].std())
    model = MLP(train["image"][0].size, config.hidden, len(train.classes), rng=rng)
    learned = [p for name, p in model.named_parameters() if config.freeze == "none" or not name.startswith("hidden")]
    optimizer = SGD(learned, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    batches = Batches(
        train["image"], train["label"], batch_size=min(config.batch_size, len(train)), rng=rng, drop_last=True
    )
    start = {name: p.data.copy() for name, p in model.named_parameters()}

    run.register(model=model, optimizer=optimizer, batches=batches)
    total = config.epochs * len(batches)
    stream = endless(batches)
    for step in run.steps(total, per_epoch=len(batches)):
        images, labels = next(stream)
        optimizer.lr = one_cycle(step - 1, total, max_lr=config.lr)
        optimizer.zero_grad()
        loss = ops.cross_entropy(model(Tensor((images - mean) / std)), labels, label_smoothing=config.label_smoothing)
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            run.log(step, loss=loss.item())
        if step % len(batches) == 0:
            run.log(
                step,
                validation_accuracy=accuracy(probabilities(model, validation, mean, std), validation["label"]),
            )

    predictions = probabilities(model, test, mean, std)
    draw(run, model, test, predictions, per_epoch=len(batches))
    run.save_model(model.state_dict())
    moved = {
        n: float(np.linalg.norm(p.data - start[n]) / np.linalg.norm(start[n])) for n, p in model.named_parameters()
    }
    run.finish(
        {"test_accuracy": accuracy(predictions, test["label"]), "hidden_moved": moved["hidden.weight"]},
        parameters=sum(p.numel() for p in model.parameters()),
        validation_accuracy=accuracy(probabilities(model, validation, mean, std), validation["label"]),
        moved=moved,
    )


def endless(batches: Batches) -> Iterator[tuple[NDArray[Any], ...]]:
    """Batches of one epoch after the other."""
    for epoch in repeat(batches):
        yield from epoch


@no_grad()
def probabilities(model: MLP, data: Dataset, mean: float, std: float) -> NDArray[np.float32]:
    """What the model believes of each image: (N, classes)."""
    pieces = np.array_split((data["image"] - mean) / std, max(1, len(data) // 1000))
    return np.concatenate([ops.softmax(model(Tensor(piece))).data for piece in pieces])


def draw(run: Run[Config], model: MLP, test: Dataset, predictions: NDArray[np.float32], *, per_epoch: int) -> None:
    """What was learned, in pictures."""
    classification.curves(run, per_epoch=per_epoch)
    classification.mistakes(run, predictions, test["label"], test.classes, images=test["image"])
    looks_for = model.hidden.weight.data[:32].reshape(-1, 1, *test["image"].shape[1:])
    run.picture(
        "neurons", figures.filters(looks_for, title="hidden layer"), "What a hidden neuron looks for: red adds."
    )


CARD = LabCard(
    name="digits",
    title="Digits with a network from scratch",
    paper="Rumelhart, Hinton and Williams 1986",
    claim=(
        "at least 97 % of the digits' test images with every seed, after two seconds on one CPU core; "
        "with data=mnist at least 98 %, after ten"
    ),
    domain="foundations",
    seconds={"smoke": 1, "laptop": 2, "full": 30},
    data=("digits", "mnist", "fashion_mnist"),
    expect=(
        Expect(metric="test_accuracy", at_least=0.97, when={"data": "digits"}, ablations={"frozen hidden layer": 0.95}),
        Expect(metric="test_accuracy", at_least=0.98, when={"data": "mnist"}, ablations={"frozen hidden layer": 0.927}),
        Expect(metric="hidden_moved", at_least=0.25, when={"data": "digits"}, ablations={"frozen hidden layer": 0.0}),
        Expect(metric="hidden_moved", at_least=0.25, when={"data": "mnist"}, ablations={"frozen hidden layer": 0.0}),
    ),
    presets={
        "smoke": {"data": "toy", "epochs": 10},
        "laptop": {},
        "full": {"data": "mnist", "epochs": 20, "hidden": 512},
    },
    metrics={
        "test_accuracy": Metric(unit="%", chance=0.1),
        "validation_accuracy": Metric(unit="%", chance=0.1),
        "loss": Metric(unit="nats", higher_is_better=False),
        "hidden_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="frozen hidden layer", settings={"freeze": "hidden"}),),
    variants={"": {}, "mnist": {"data": "mnist"}},
    seeds=10,
)
