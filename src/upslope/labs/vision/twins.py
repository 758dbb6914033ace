"""One network twice, in PyTorch and in Keras 3, from the same first weights, on the same batches in the same order.

F. Chollet et al., Keras, https://keras.io. The networks: multilayer perceptron (Rumelhart et al. 1986), LeNet-5 (LeCun
et al. 1998), ResNet (He et al. 2015), LSTM (Hochreiter and Schmidhuber 1997), Transformer (Vaswani et al. 2017).

Claim: LeNet-5 in PyTorch and its Keras twin end within 0.5 points of one another on Fashion-MNIST's test images, both
above 89 %, with every seed (3 seeds), and give the same losses to 0.0001 for at least the first 30 steps.

- The same on both sides: first weights (transferred), batches and their order, loss, optimizer, learning rate by step.
- Momentum is written in two ways that differ while the learning rate changes (`upslope.twins.trainers`). Here PyTorch
  takes Keras' form; with `momentum=own` each takes its own, and the twins part within ten steps.
- What cannot be had to the bit: two libraries add in different orders. The differences of a last bit grow with the
  training, so the losses part after some dozens of steps, and the networks end as two of different seeds would, nearly.
- Four more networks learn here by `model=`. Of an LSTM, whose losses part soonest, the twins end up to a point apart.
- Left out: augmentation, dropout, weight decay, speed as a contest; each side computes as it does by default.

Both must learn: with features of the Keras twin that stay as drawn (`freeze=features`) all targets are missed.
"""

import os
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from upslope.cards import Ablation, Expect, LabCard, Metric
from upslope.data.loading.splits import splits
from upslope.runs.config import LabConfig
from upslope.runs.run import Run
from upslope.text.vocabulary import Vocabulary
from upslope.training.batches import Batches
from upslope.training.tasks.image_classification import ImageClassification
from upslope.training.tasks.text_classification import TextClassification
from upslope.training.two_libraries import TwoLibraries
from upslope.twins.backend import use

# What each network learns well with, chosen on the validation split.
TEXTS: dict[str, Any] = {"data": "sentence_polarity", "batch_size": 64, "optimizer": "adam", "label_smoothing": 0.1}
RECIPES: dict[str, dict[str, Any]] = {
    "mlp": {"epochs": 8, "lr": 0.05},
    "lenet": {"epochs": 8, "lr": 0.05},
    "resnet": {"epochs": 3, "lr": 0.1},
    "lstm": {**TEXTS, "epochs": 2, "lr": 0.003},
    "encoder": {**TEXTS, "epochs": 3, "lr": 0.002},
}


class Config(LabConfig):
    """Settings of this lab."""

    data: Literal["fashion_mnist", "mnist", "sentence_polarity", "toy"] = Field(
        "fashion_mnist", description="toy is generated (lstm, encoder: sentence_polarity)"
    )
    model: Literal["mlp", "lenet", "resnet", "lstm", "encoder"] = Field(
        "lenet", description="which network learns, twice"
    )
    backend: Literal["auto", "tensorflow", "torch"] = Field(
        "auto", description="what Keras runs on; auto: TensorFlow where it is installed"
    )
    epochs: int = Field(8, ge=1, le=1000, description="how often every sample is seen (resnet, encoder: 3; lstm: 2)")
    batch_size: int = Field(128, ge=2, le=5000, description="samples per step (lstm, encoder: 64)")
    lr: float = Field(
        0.05, gt=0, le=10, description="the highest learning rate (resnet: 0.1; lstm: 0.003; encoder: 0.002)"
    )
    warmup: float = Field(0.1, ge=0, lt=1, description="the share of the steps in which the learning rate rises")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="target probability shared by all classes (lstm, encoder: 0.1)"
    )
    optimizer: Literal["sgd", "adam"] = Field("sgd", description="sgd: with momentum (lstm, encoder: adam)")
    momentum: Literal["same", "own"] = Field(
        "same", description="own: each library's form of the optimizer, which differ"
    )
    step: Literal["keras", "own"] = Field("keras", description="own: train_step, written out (backend=torch only)")
    freeze: Literal["none", "features"] = Field(
        "none",
        description="features: the Keras twin's filters (mlp, lstm, encoder: all but the last layer) never learn",
    )
    threads: int = Field(2, ge=1, le=256, description="threads of either library")

    @model_validator(mode="before")
    @classmethod
    def _recipe_of_the_network(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is not said otherwise is what this network learns well with."""
        return RECIPES.get(str(given.get("model", "lenet")), {}) | given

    @model_validator(mode="after")
    def _data_of_the_network(self) -> Self:
        if self.data != "toy" and (self.data == "sentence_polarity") != self.reads:
            wanted = "sentence_polarity" if self.reads else "fashion_mnist or mnist"
            raise ValueError(f"model={self.model} does not learn from data={self.data}: take data={wanted}")
        if self.step == "own" and self.backend != "torch":
            raise ValueError("step=own takes PyTorch's gradients: add backend=torch")
        return self

    @property
    def reads(self) -> bool:
        """Whether the network learns from texts."""
        return self.model in ("lstm", "encoder")


def run(config: Config, run: Run[Config]) -> None:
    """Train both, validate after each epoch, test once."""
    os.environ.setdefault("KERAS_TORCH_DEVICE", "cpu")  # both sides compute on the processor
    backend = use(config.backend, threads=config.threads)
    torch.set_num_threads(config.threads)
    if config.backend == "auto" and backend == "torch":
        run.say("Keras runs on PyTorch here, which is slower than on TensorFlow: pip install 'upslope[tensorflow]'")
    from upslope.twins.pairs import pair

    toy, rng = "sentence_polarity" if config.reads else "fashion_mnist", np.random.default_rng(config.seed)
    train, validation, test = splits(config.data, toy=toy, rng=rng)
    freeze = config.freeze == "features"
    if config.reads:
        words = Vocabulary.of(train["text"], least=2, longest=64)
        network, theirs = pair(config.model, seed=config.seed, freeze=freeze, vocab_size=words.size)
        task: Any = TextClassification(network.module, classes=train.classes, vocabulary=words)
    else:
        network, theirs = pair(config.model, seed=config.seed, freeze=freeze)
        task = ImageClassification(network.module, train=train)
    both = TwoLibraries(
        task,
        network,
        theirs,
        optimizer=config.optimizer,
        smoothing=config.label_smoothing,
        as_keras=config.momentum == "same",
        by_hand=config.step == "own",
    )
    batches = Batches(train, collate=both.collate, batch_size=config.batch_size, seed=config.seed)
    both.fit(run, batches, epochs=config.epochs, lr=config.lr, warmup=config.warmup, validation=validation)
    both.conclude(run, test, per_epoch=batches.per_epoch, keras_on=backend)


LENET = {"data": "fashion_mnist", "model": "lenet"}
MLP = {"data": "fashion_mnist", "model": "mlp"}
LSTM = {"data": "sentence_polarity", "model": "lstm"}
ENCODER = {"data": "sentence_polarity", "model": "encoder"}
SHARE = Metric(unit="%", chance=0.1)
NATS = Metric(unit="nats", higher_is_better=False)
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
    data=("fashion_mnist", "mnist", "sentence_polarity"),
    expect=(
        Expect("accuracy_difference", at_most=0.005, when=LENET, ablations={"frozen features in Keras": 0.034}),
        Expect("test_accuracy", at_least=0.89, when=LENET, ablations={"frozen features in Keras": 0.872}),
        Expect("same_steps", at_least=30, when=LENET, ablations={"frozen features in Keras": 12}),
        Expect("accuracy_difference", at_most=0.005, when=MLP, ablations={"frozen features in Keras": 0.15}),
        Expect("test_accuracy", at_least=0.885, when=MLP, ablations={"frozen features in Keras": 0.742}),
        Expect("same_steps", at_least=50, when=MLP, ablations={"frozen features in Keras": 2}),
        Expect("accuracy_difference", at_most=0.01, when=LSTM, ablations={"frozen features in Keras": 0.22}),
        Expect("test_accuracy", at_least=0.735, when=LSTM, ablations={"frozen features in Keras": 0.522}),
        Expect("same_steps", at_least=50, when=LSTM, ablations={"frozen features in Keras": 1}),
        Expect("accuracy_difference", at_most=0.005, when=ENCODER, ablations={"frozen features in Keras": 0.207}),
        Expect("test_accuracy", at_least=0.745, when=ENCODER, ablations={"frozen features in Keras": 0.552}),
        Expect("same_steps", at_least=100, when=ENCODER, ablations={"frozen features in Keras": 1}),
    ),
    presets={
        "smoke": {"data": "toy", "epochs": 4, "batch_size": 50},
        "laptop": {},
        "full": {"epochs": 40},
    },
    metrics={
        "test_accuracy": SHARE,
        "validation_accuracy": SHARE,
        "loss": NATS,
        "keras_validation_accuracy": SHARE,
        "keras_loss": NATS,
        "accuracy_difference": Metric(unit="%", higher_is_better=False),
        "same_steps": Metric(),
        "features_moved": Metric(unit="%"),
    },
    variants={"": {}, "mlp": {"model": "mlp"}, "lstm": {"model": "lstm"}, "encoder": {"model": "encoder"}},
    ablations=(Ablation(name="frozen features in Keras", settings={"freeze": "features"}),),
    seeds=3,
)
