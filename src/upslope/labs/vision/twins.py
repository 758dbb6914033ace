"""One network in PyTorch and in Keras 3, from the same weights, on the same batches, side by side.

Keras 3: F. Chollet et al., https://keras.io, on TensorFlow where that is installed, else on PyTorch. The networks:
LeCun et al. 1998, He et al. 2015.

Claim: LeNet-5 in PyTorch and its Keras twin end within 0.5 points of one another on Fashion-MNIST's test images, both
above 89 %, with every seed (3 seeds), and give the same losses to 0.0001 for at least the first 30 steps.

- The same on both sides: first weights (transferred), batches and their order, loss, optimizer, learning rate by step.
- Momentum is written in two ways that differ while the learning rate changes (`upslope.twins.trainers`). Here PyTorch
  takes Keras' form; with `momentum=own` each takes its own, and the twins part within ten steps.
- What cannot be had to the bit: two libraries add in different orders. The differences of a last bit grow with the
  training, so the losses part after some dozens of steps, and the networks end as two of different seeds would, nearly.
- Left out: augmentation, weight decay, speed as a contest; each side computes as it does by default.

Both must learn: with filters of the Keras twin that stay as they were drawn (`freeze=conv`) all targets are missed.
"""

import inspect
import os
import textwrap
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from upslope.blocks import residual
from upslope.blocks.schedules import warmup_cosine
from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.splits import splits
from upslope.models.build import Built, built
from upslope.models.vision.lenet import LeNet5
from upslope.models.vision.resnet import ResNet
from upslope.runs import figures
from upslope.runs.clock import Clock
from upslope.runs.config import LabConfig
from upslope.runs.metrics import Row, series
from upslope.runs.reports import classification
from upslope.runs.reports.classification import accuracy
from upslope.runs.run import Run
from upslope.training.batches import Batch, Batches
from upslope.training.state import StateArrays, arrays
from upslope.training.tasks.image_classification import ImageClassification, standardize
from upslope.twins.backend import use

SIZES = {"lenet": "lenet5-modern", "resnet": "resnet8"}
RECIPES: dict[str, dict[str, Any]] = {"lenet": {"epochs": 8, "lr": 0.05}, "resnet": {"epochs": 3, "lr": 0.1}}
EQUAL = 1e-4  # losses that differ by no more are one
TURN = 20  # steps; two libraries that take turns at every single one wake one another's threads


class Config(LabConfig):
    """Settings of this lab."""

    data: Literal["fashion_mnist", "mnist", "toy"] = Field("fashion_mnist", description="toy is generated")
    model: Literal["lenet", "resnet"] = Field("lenet", description="which network learns, twice")
    backend: Literal["auto", "tensorflow", "torch"] = Field(
        "auto", description="what Keras runs on; auto: TensorFlow where it is installed"
    )
    epochs: int = Field(8, ge=1, le=1000, description="how often every training image is seen (resnet: 3)")
    batch_size: int = Field(128, ge=2, le=5000, description="images per step")
    lr: float = Field(0.05, gt=0, le=1, description="the highest learning rate (resnet: 0.1)")
    warmup: float = Field(0.1, ge=0, lt=1, description="the share of the steps in which the learning rate rises")
    momentum: Literal["same", "own"] = Field("same", description="own: each library's form, which are not the same")
    freeze: Literal["none", "conv"] = Field("none", description="conv: the Keras twin's filters never learn")
    threads: int = Field(2, ge=1, le=256, description="threads of either library")

    @model_validator(mode="before")
    @classmethod
    def _recipe_of_the_network(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is not said otherwise is what this network learns well with."""
        return RECIPES.get(str(given.get("model", "lenet")), {}) | given


def run(config: Config, run: Run[Config]) -> None:
    """Train both, validate after each epoch, test once."""
    os.environ.setdefault("KERAS_TORCH_DEVICE", "cpu")  # both sides compute on the processor
    backend = use(config.backend, threads=config.threads)
    torch.set_num_threads(config.threads)
    if config.backend == "auto" and backend == "torch":
        run.say("Keras runs on PyTorch here, which is slower than on TensorFlow: pip install 'upslope[tensorflow]'")
    from upslope.twins.state import KerasStateArrays
    from upslope.twins.trainers import InKeras, InTorch

    train, validation, test = splits(config.data, toy="fashion_mnist", rng=np.random.default_rng(config.seed))
    network, theirs = build(config)
    ours = network.module
    start = weights(ours, theirs)
    in_torch, in_keras = InTorch(ours, as_keras=config.momentum == "same"), InKeras(theirs)
    sides: dict[str, Any] = {"PyTorch": in_torch, "Keras": in_keras}
    task = ImageClassification(ours, train=train)

    def standardized(rows: Dataset) -> Batch:
        batch = task.collate(rows)
        return {"images": standardize(batch["image"], task.mean, task.std), "labels": batch["label"]}

    batches = Batches(train, collate=standardized, batch_size=config.batch_size, seed=config.seed)
    total = config.epochs * batches.per_epoch
    clock = Clock(*sides)

    def lr(step: int) -> float:
        return config.lr * warmup_cosine(step - 1, total=total, warmup=int(config.warmup * total))

    run.register(
        torch=StateArrays(ours),
        torch_optimizer=StateArrays(in_torch.optimizer),
        keras=KerasStateArrays(theirs),
        clock=clock,
    )
    asked = standardized(validation)["images"]
    for step in run.steps(total, per_epoch=batches.per_epoch):
        with clock.running("PyTorch"):
            run.log(step, loss=in_torch.learn(**batches.at(step), lr=lr(step)))
        if step % TURN == 0 or step % batches.per_epoch == 0:
            with clock.running("Keras"):
                for late in range(in_keras.steps + 1, step + 1):
                    run.log(late, keras_loss=in_keras.learn(**batches.at(late), lr=lr(late)))
        if step % batches.per_epoch == 0:
            said = {name: accuracy(probabilities(side, asked), validation["label"]) for name, side in sides.items()}
            run.log(step, validation_accuracy=said["PyTorch"], keras_validation_accuracy=said["Keras"])

    asked = standardized(test)["images"]
    answers = {name: probabilities(side, asked) for name, side in sides.items()}
    draw(run, test, answers, per_epoch=batches.per_epoch)
    listings(run)
    run.save_model(arrays(ours), replace(task.spec(network), data=config.data))
    right = {name: accuracy(said, test["label"]) for name, said in answers.items()}
    moved = how_far(start, weights(ours, theirs))
    run.finish(
        {
            "test_accuracy": min(right.values()),
            "accuracy_difference": abs(right["PyTorch"] - right["Keras"]),
            "same_steps": same_steps(run.logged()),
            "filters_moved": min(share for name, share in moved.items() if "conv" in name and "weight" in name),
        },
        keras_on=backend,
        test_accuracies=right,
        same_answers=float((answers["PyTorch"].argmax(axis=1) == answers["Keras"].argmax(axis=1)).mean()),
        seconds_of_training=clock.seconds,
        parameters=sum(p.numel() for p in ours.parameters()),
        moved=moved,
    )


def build(config: Config) -> tuple[Built, Any]:
    """The network in PyTorch with fresh weights, and its Keras twin with the same ones."""
    from upslope.twins import lenet, resnet, transfer

    twin = {"lenet": lenet.LeNet5, "resnet": resnet.ResNet}[config.model]
    network = built(SIZES[config.model], seed=config.seed)
    theirs = twin(**network.arguments)
    transfer.to_keras(network.module, theirs)
    for variable in theirs.trainable_variables if config.freeze == "conv" else ():
        variable.trainable = len(variable.shape) != 4
    return network, theirs


def probabilities(side: Any, images: Tensor) -> NDArray[np.float32]:
    """What one side believes of each picture: (N, classes)."""
    scores = np.concatenate([side.scores(piece) for piece in torch.split(images, 500)])
    return torch.from_numpy(scores).softmax(dim=1).numpy()


def weights(ours: nn.Module, theirs: Any) -> dict[str, dict[str, NDArray[np.float32]]]:
    """What both sides have learned so far, in PyTorch's names."""
    from upslope.twins import transfer

    names = [name for name, _ in ours.named_parameters()]
    held = {"PyTorch": arrays(ours), "Keras": transfer.as_torch(theirs, ours)}
    return {side: {name: values[name] for name in names} for side, values in held.items()}


def how_far(start: dict[str, dict[str, Any]], end: dict[str, dict[str, Any]]) -> dict[str, float]:
    """By how much each weight changed, as a share of what it was: of the two sides the one that changed less."""
    shares = {
        side: {n: np.linalg.norm(end[side][n] - w) / max(float(np.linalg.norm(w)), 1e-3) for n, w in before.items()}
        for side, before in start.items()
    }
    return {name: float(min(shares["PyTorch"][name], shares["Keras"][name])) for name in shares["PyTorch"]}


def same_steps(rows: list[Row]) -> int:
    """For how many steps from the first one on both sides had the same loss."""
    steps, apart = differences(rows)
    far = np.flatnonzero(apart > EQUAL)
    return int(steps[far[0]]) - 1 if len(far) else len(steps)


def differences(rows: list[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps, and by how much the losses of the two sides differ there."""
    steps, losses = series(rows, "loss")
    return np.asarray(steps), np.abs(np.asarray(losses) - np.asarray(series(rows, "keras_loss")[1]))


def draw(run: Run[Config], test: Dataset, answers: dict[str, NDArray[np.float32]], *, per_epoch: int) -> None:
    """What both learned, in pictures."""
    rows = run.logged()
    panels = {
        "training loss": ["loss", "keras_loss"],
        "validation accuracy": ["validation_accuracy", "keras_validation_accuracy"],
    }
    curves = figures.curves(rows, panels, smooth=30, per_epoch=per_epoch)
    run.picture("curves", curves, "One curve over the other: PyTorch and Keras on the same batches.")
    run.picture(
        "apart",
        parting(rows),
        "By how much the two losses differ. A last bit is about 0.0000001; training lets it grow.",
    )
    weaker = min(answers, key=lambda name: accuracy(answers[name], test["label"]))
    by = f", by {weaker}, the weaker of the two"
    classification.mistakes(run, answers[weaker], test["label"], test.classes, images=test["image"], by=by)


def parting(rows: list[Row]) -> Figure:
    """How the losses of the two sides come apart, step by step, on logarithmic axes."""
    steps, apart = differences(rows)
    figure = Figure(figsize=(6.4, 3.2), layout="constrained", facecolor="white")
    axis = figure.subplots()
    axis.loglog(steps, np.maximum(apart, 1e-8), color=figures.COLOURS[0], linewidth=1.0)
    axis.axhline(EQUAL, color=figures.COLOURS[1], linewidth=0.8, linestyle="--")
    together = same_steps(rows)
    axis.axvline(max(1, together), color=figures.COLOURS[1], linewidth=0.8)
    axis.set_title(f"the same loss to {EQUAL:g} for {together} of {len(steps)} steps", loc="left", fontsize=10)
    axis.set_xlabel("step", fontsize=8.5)
    axis.tick_params(labelsize=8, colors=figures.INK, length=2)
    axis.grid(color=figures.FAINT, linewidth=0.6)
    return figure


def listings(run: Run[Config]) -> None:
    """The code of both sides for the page."""
    from upslope.twins import lenet, resnet
    from upslope.twins.trainers import InKeras, InTorch

    pairs: dict[str, list[tuple[Any, Any]]] = {
        "lenet": [(LeNet5, lenet.LeNet5)],
        "resnet": [(ResNet, resnet.ResNet), (residual.BasicBlock, resnet.BasicBlock)],
    }
    for ours, theirs in [*pairs[run.config.model], (InTorch.learn, InKeras.learn)]:
        run.listings[ours.__qualname__] = {"PyTorch": source(ours), "Keras 3": source(theirs)}


def source(of: Any) -> str:
    """The program text of a class or function, without what its surroundings indent it by."""
    try:
        return textwrap.dedent(inspect.getsource(of))
    except (OSError, TypeError):  # put in from a learner's file, where the class is not looked for
        return f"# {of.__qualname__} is yours: it stands in your exercise's file"


CARD = LabCard(
    name="twins",
    title="One network in PyTorch and in Keras 3",
    paper="LeCun et al. 1998, He et al. 2015; Keras: Chollet et al.",
    claim=(
        "LeNet-5 in PyTorch and its Keras twin end within 0.5 points of one another on Fashion-MNIST's test images, "
        "both above 89 %, with every seed"
    ),
    domain="vision",
    seconds={"smoke": 10, "laptop": 90, "full": 600},
    data=("fashion_mnist", "mnist"),
    expect=(
        Expect(
            metric="accuracy_difference",
            at_most=0.005,
            when={"data": "fashion_mnist", "model": "lenet"},
            ablations={"frozen filters in Keras": 0.029},
        ),
        Expect(
            metric="test_accuracy",
            at_least=0.89,
            when={"data": "fashion_mnist", "model": "lenet"},
            ablations={"frozen filters in Keras": 0.875},
        ),
        Expect(
            metric="same_steps",
            at_least=30,
            when={"data": "fashion_mnist", "model": "lenet"},
            ablations={"frozen filters in Keras": 12},
        ),
    ),
    presets={
        "smoke": {"data": "toy", "epochs": 4, "batch_size": 50},
        "laptop": {},
        "full": {"epochs": 40},
    },
    metrics={
        "test_accuracy": Metric(unit="%", chance=0.1),
        "validation_accuracy": Metric(unit="%", chance=0.1),
        "loss": Metric(unit="nats", higher_is_better=False),
        "keras_validation_accuracy": Metric(unit="%", chance=0.1),
        "keras_loss": Metric(unit="nats", higher_is_better=False),
        "accuracy_difference": Metric(unit="%", higher_is_better=False),
        "same_steps": Metric(),
        "filters_moved": Metric(unit="%"),
    },
    ablations=(Ablation(name="frozen filters in Keras", settings={"freeze": "conv"}),),
    seeds=3,
)
