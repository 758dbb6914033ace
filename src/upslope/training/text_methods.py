"""Text classifiers side by side: classical ones in closed form, networks step by step, each on folds of its own.

    learners = [Learner.of(recipe, part, seed=0) for recipe in recipes for part in parts]
    learn(run, learners)
    table = [measure(learners of one recipe) ...]

All are one kind of thing in the end, a network with a vocabulary and the task `text-classification`: a classical
method's weights are found by `upslope.text.classify` and put into `models.language.nbsvm`. So all are measured, used
and exported in the same way. The loop is a visible one (`training/loop.py`); each learner has a clock of its own, and
dropout is drawn from (seed, step) for each anew, so that it learns the same alone and in company.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from upslope.blocks.schedules import warmup_cosine
from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built, built
from upslope.runs.clock import Clock
from upslope.runs.errors import ConfigProblem
from upslope.runs.reports.classification import accuracy
from upslope.runs.reports.text_methods import Method
from upslope.runs.run import Run
from upslope.runs.worker_rank import rank
from upslope.text.classify.naive_bayes import fit_naive_bayes
from upslope.text.classify.nbsvm import fit_nbsvm
from upslope.text.classify.svm import fit_svm
from upslope.text.counts import document_frequencies, tf_idf
from upslope.text.typos import with_typos
from upslope.text.vocabulary import UNKNOWN, Terms, Vocabulary
from upslope.training.batches import Batches, by_length
from upslope.training.loop import batch_at, loop, take_step
from upslope.training.seeding import seed_step
from upslope.training.state import StateArrays, arrays
from upslope.training.tasks.text_classification import TextClassification

LOG_EVERY = 5  # steps
WORDS = Terms()
CLASSICAL = ("naive-bayes", "svm", "nbsvm")


@dataclass(frozen=True)
class Recipe:
    """A method and its settings. A network learns from its size's name, `epochs`, `lr`; a classical method has none."""

    name: str
    year: int
    look: Terms = WORDS
    least: int = 1  # of the training texts a term stands in
    longest: int = 256  # ids of a text that are read
    size: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    strength: float = 1.0  # alpha of naive Bayes, c of the others
    beta: float = 1.0  # of NBSVM: below 1 its weights are drawn towards their mean size
    epochs: int = 5
    lr: float = 2e-3
    batch_size: int = 50
    weight_decay: float = 0.01


@dataclass(frozen=True)
class Part:
    """What one learner learns from, and what it is measured on; validation data where the set has them."""

    train: Dataset
    test: Dataset
    validation: Dataset | None = None

    def reduced(self, share: float, rng: np.random.Generator) -> "Part":
        """With this share of the training texts, drawn at random."""
        if share == 1.0:
            return self
        few = rng.permutation(len(self.train))[: int(share * len(self.train))]
        if len(set(self.train.take(few)["label"])) < len(self.train.classes):
            left = f"share={share} leaves {len(few)} of {len(self.train)} training texts"
            raise ConfigProblem(
                f"{left}, not one of each of the {len(self.train.classes)} classes; give a larger share"
            )
        return Part(self.train.take(few), self.test, self.validation)


def by_fold(whole: Dataset, *, choose: bool = False) -> list[Part]:
    """A part for each fold of the column `fold`, which is measured by what was learned from the others.

    To `choose` settings the next fold is measured, and the fold itself is not touched.
    """
    folds, count, found = whole["fold"], int(whole["fold"].max()) + 1, []
    for fold in range(count):
        held = (fold + 1) % count if choose else fold
        rows = np.flatnonzero((folds != fold) & (folds != held))
        found.append(Part(whole.take(rows), whole.take(np.flatnonzero(folds == held))))
    return found


@dataclass
class Learner:
    """A method on one part of the data."""

    recipe: Recipe
    part: Part
    network: Built
    task: TextClassification
    seconds: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe, part: Part, *, seed: int) -> "Learner":
        """With the vocabulary of its training texts, and its first weights."""
        begun = time.perf_counter()
        classical = recipe.name in CLASSICAL
        classes, texts = part.train.classes, part.train["text"]
        vocabulary = Vocabulary.of(texts, recipe.look, least=recipe.least, longest=recipe.longest, bag=classical)
        sizes: dict[str, Any] = {"vocab_size": vocabulary.size, "num_classes": len(classes), **recipe.arguments}
        if classical:
            scales = len(classes) if recipe.name == "nbsvm" and len(classes) > 2 else 1
            sizes |= {"scales": scales, "unit_rows": recipe.name != "naive-bayes"}
        network = built("nbsvm-100k" if classical else recipe.size, seed=seed, **sizes)
        task = TextClassification(network.module, classes=classes, vocabulary=vocabulary)
        return cls(recipe, part, network, task, time.perf_counter() - begun)

    @property
    def classical(self) -> bool:
        """Whether its weights are found without steps."""
        return self.recipe.name in CLASSICAL

    def fit(self) -> None:
        """Find the weights of a classical method and put them into its network."""
        vocabulary, labels = self.task.vocabulary, self.part.train["label"]
        x = presence([vocabulary.encode(text) for text in self.part.train["text"]], len(vocabulary.terms))
        classes, strength = len(self.task.classes), self.recipe.strength
        scale = np.ones((x.shape[1], 1))
        if self.recipe.name == "nbsvm":
            machine = fit_nbsvm(x, labels, classes, c=strength, beta=self.recipe.beta)
            scale, weights, bias = machine.ratios, machine.weights, machine.intercept
            if classes == 2:  # one border, and its mirror image
                weights, bias = np.concatenate([-weights, weights], axis=1), np.concatenate([-bias, bias])
        elif self.recipe.name == "svm":
            frequencies = document_frequencies(x)
            linear = fit_svm(tf_idf(x, frequencies, x.shape[0]), labels, classes, c=strength)
            scale = (np.log((1 + x.shape[0]) / (1 + frequencies)) + 1)[:, np.newaxis]
            weights, bias = linear.weights, linear.intercept
        else:
            linear = fit_naive_bayes(x, labels, classes, alpha=strength)
            weights, bias = linear.weights, linear.intercept
        module: Any = self.network.module
        with torch.no_grad():
            module.scale.weight[UNKNOWN + 1 :] = torch.tensor(scale)
            module.weight.weight[UNKNOWN + 1 :] = torch.tensor(weights)
            module.bias.copy_(torch.tensor(bias))

    def batches(self, seed: int) -> Batches:
        """Its training texts, in each batch about equally long ones."""
        size = min(self.recipe.batch_size, len(self.part.train))
        order = by_length("text", batch_size=size)
        return Batches(self.part.train, batch_size=size, seed=seed, collate=self.task.collate, order=order)


def presence(rows: Sequence[NDArray[np.int64]], terms: int) -> csr_array:
    """A matrix (N, terms) that is 1 where a term stands in a text; its first column is the first term's."""
    rows = [row[row > UNKNOWN] - (UNKNOWN + 1) for row in rows]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    columns = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    found = csr_array((np.ones(len(columns)), columns, starts), shape=(len(rows), terms))
    found.sort_indices()
    return found


def learn(run: Run[Any], learners: Sequence[Learner]) -> int:
    """Fit the classical ones, one a step; train the networks with AdamW, each by its recipe. Gives steps per epoch."""
    names = [f"{number}-{one.recipe.name}" for number, one in enumerate(learners)]
    fits = [name for name, one in zip(names, learners, strict=True) if one.classical]
    clock = Clock(*names)
    kept: dict[str, Any] = {"clock": clock}
    ready: dict[str, tuple[Learner, Any, Batches]] = {}
    with loop(run) as fabric:
        for name, one in zip(names, learners, strict=True):
            kept[name] = StateArrays(one.network.module)
            if not one.classical:
                adam = torch.optim.AdamW(
                    one.network.module.parameters(), lr=one.recipe.lr, weight_decay=one.recipe.weight_decay
                )
                one.task.model, optimizer = fabric.setup(one.network.module, adam)
                ready[name] = (one, optimizer, one.batches(run.config.seed))
                kept[f"{name}-optimizer"] = StateArrays(adam)
        run.register(**kept)
        totals = {name: one.recipe.epochs * batches.per_epoch for name, (one, _, batches) in ready.items()}
        per_epoch = min((batches.per_epoch for _, _, batches in ready.values()), default=max(1, len(fits)))
        for step in run.steps(max([len(fits), *totals.values()]), per_epoch=per_epoch):
            if step <= len(fits):
                with clock.running(fits[step - 1]):
                    learners[names.index(fits[step - 1])].fit()
            losses = {}
            for name, (one, optimizer, batches) in ready.items():
                if step <= totals[name]:
                    seed_step(run.config.seed, step, rank(run.config))
                    with clock.running(name):
                        batch = batch_at(run, batches, step, fabric)
                        share = warmup_cosine(step - 1, total=totals[name], warmup=int(0.1 * totals[name]))
                        optimizer.param_groups[0]["lr"] = one.recipe.lr * share
                        losses[name] = float(take_step(fabric, optimizer, one.task.train()(batch)["loss"]))
            if step % LOG_EVERY == 0 and losses:
                run.log(step, loss=sum(losses.values()) / len(losses))
            if step % per_epoch == 0 and fabric.is_global_zero:
                validated = {name: one for name, (one, _, _) in ready.items() if one.part.validation is not None}
                each = {name: correct(one, one.part.validation) for name, one in validated.items()}
                if each:
                    run.log(step, validation_accuracy=sum(each.values()) / len(each))
    for name, one in zip(names, learners, strict=True):
        one.task.model = one.network.module
        one.seconds += clock.seconds[name]
    return per_epoch


def correct(one: Learner, dataset: Dataset | None) -> float:
    """The share of right answers."""
    assert dataset is not None
    return accuracy(one.task.predict(dataset), dataset["label"])


def mistyped(dataset: Dataset, *, seed: int = 0) -> Dataset:
    """The same texts with slips of the keyboard; the seed is fixed, so that all methods read the same ones."""
    rng = np.random.default_rng(seed)
    texts = tuple(with_typos(text, rng) for text in dataset["text"])
    return Dataset({**dataset.columns, "text": texts}, dataset.features)


@dataclass(frozen=True)
class Measured:
    """A method over all of its parts: the row of the table, and what it said of each text."""

    method: Method
    probabilities: NDArray[np.float32]  # (N, K), of all test sets, one after the other
    labels: NDArray[np.int64]
    texts: tuple[str, ...]


def measure(learners: Sequence[Learner]) -> Measured:
    """One method on its test sets, as they are and with typos."""
    said, typed, labels, texts, seconds = [], [], [], [], 0.0
    for one in learners:
        begun = time.perf_counter()
        said.append(one.task.predict(one.part.test, batch_size=100))
        seconds += time.perf_counter() - begun
        typed.append(one.task.predict(mistyped(one.part.test), batch_size=100))
        labels.append(one.part.test["label"])
        texts += list(one.part.test["text"])
    first, true = learners[0], np.concatenate(labels)
    numbers = sum(array.size for array in arrays(first.network.module).values())
    letters = sum(len(term.encode()) + 1 for term in first.task.vocabulary.terms)
    method = Method(
        name=first.recipe.name,
        year=first.recipe.year,
        accuracy=accuracy(np.concatenate(said), true),
        with_typos=accuracy(np.concatenate(typed), true),
        seconds=sum(one.seconds for one in learners) / len(learners),
        milliseconds=1000 * seconds / len(true),
        megabytes=(4 * numbers + letters) / 1e6,
        folds=len(learners),
    )
    return Measured(method, np.concatenate(said), true, tuple(texts))
