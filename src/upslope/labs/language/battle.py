"""Classical against modern: seven text classifiers, from naive Bayes to a Transformer, in one table.

M. Maron 1961 (naive Bayes), T. Joachims 1998 (support vector machine), S. Wang, C. Manning, "Baselines and Bigrams",
2012, https://aclanthology.org/P12-2018/ (NBSVM), Y. Kim 2014 (TextCNN), A. Joulin et al. 2016 (fastText), A. Graves,
J. Schmidhuber 2005 (BiLSTM), A. Vaswani et al. 2017 (Transformer).

Claim: CLAIM

- Nothing is learned beforehand: every method has the training texts and no other.
- One table for each data set: accuracy, the same with typos in the test texts, seconds of training, milliseconds a
  text, megabytes.
- Movie reviews and AG News are cross-validated on the folds that their cards name, classical methods on all of them,
  networks on three. SST-2 has its own test sentences.
- Settings were chosen on validation data: `choose=true` measures there. What a run saves is the method that was best.
- Left out: published word vectors and pretrained networks, which are what beats all of these.

With a tenth of the texts (`share=0.1`) every target is missed.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.data.loading.splits import splits
from upslope.runs.reports import classification, text_methods
from upslope.runs.run import Run
from upslope.text.vocabulary import Terms
from upslope.training.config import TrainingConfig
from upslope.training.state import arrays
from upslope.training.text_methods import CLASSICAL, Learner, Part, Recipe, learn, measure

PAIRS = Terms(order=2)
RECIPES = {
    one.name: one
    for one in (
        Recipe("naive-bayes", 1961, PAIRS, longest=4096),
        Recipe("svm", 1998, PAIRS, longest=4096),
        Recipe("nbsvm", 2012, PAIRS, longest=4096, strength=30.0),
        Recipe("bilstm", 2005, least=2, longest=200, size="bilstm-classifier", lr=5e-3),
        Recipe("textcnn", 2014, least=2, longest=300, size="textcnn-small", arguments={"word_dropout": 0.3}, lr=2e-3),
        Recipe("fasttext", 2016, PAIRS, least=2, longest=2000, size="fasttext-10", arguments={"dim": 32}, lr=1e-2),
        Recipe("transformer", 2017, least=2, size="text-transformer-small", lr=2e-3),
    )
}
BEST = {"movie_reviews": "nbsvm", "sst2": "nbsvm", "ag_news": "nbsvm", "toy": "textcnn"}  # on validation data
NETWORK_FOLDS = 3


class Config(TrainingConfig):
    """Settings of this lab."""

    unused: ClassVar = {"compile": "this lab trains several networks in turns"}
    data: Literal["sst2", "movie_reviews", "ag_news", "toy"] = Field("sst2", description="toy is generated")
    method: Literal["all", "naive-bayes", "svm", "nbsvm", "bilstm", "textcnn", "fasttext", "transformer"] = Field(
        "all", description="which classifier learns; all: one beside the other"
    )
    share: float = Field(1.0, gt=0, le=1, description="how much of the training texts is learned from")
    epochs: int = Field(0, ge=0, le=1000, description="how often a network sees every text; 0: as its recipe says")
    lr: float = Field(1.0, gt=0, le=100, description="times the highest learning rate of each network")
    choose: bool = Field(False, description="measure on validation data, to choose settings")


def run(config: Config, run: Run[Config]) -> None:
    """Learn side by side, test once; the method that was best on validation data is saved."""
    chosen = [one for one in RECIPES.values() if config.method in ("all", one.name)]
    data = parts(config)
    learners: dict[str, list[Learner]] = {}
    for recipe in chosen:
        recipe = replace(recipe, lr=config.lr * recipe.lr, epochs=config.epochs or recipe.epochs)
        some = data if recipe.name in CLASSICAL else data[:NETWORK_FOLDS]
        learners[recipe.name] = [Learner.of(recipe, part, seed=config.seed) for part in some]
    per_epoch = learn(run, [one for several in learners.values() for one in several])
    found = {name: measure(several) for name, several in learners.items()}
    best = BEST[config.data] if config.method == "all" else config.method
    kept, said = learners[best][0], found[best]
    classification.curves(run, per_epoch=per_epoch)
    classification.mistakes(run, said.probabilities, said.labels, kept.task.classes)
    text_methods.mistakes(run, said.texts, said.probabilities, said.labels, kept.task.classes)
    table = text_methods.compare(run, [one.method for one in found.values()])
    run.save_model(arrays(kept.task.predictor), kept.task.spec(kept.network))
    method = said.method
    run.finish({"test_accuracy": method.accuracy, "test_typo_accuracy": method.with_typos}, best=best, table=table)


def parts(config: Config) -> list[Part]:
    """What is learned from and measured on: one part, or one for each fold."""
    rng = np.random.default_rng(config.seed)
    if config.data in ("sst2", "toy"):
        train, validation, test = splits(config.data, toy="sst2", rng=rng, counts=(400, 200, 400))
        found = [Part(train, validation if config.choose else test, validation)]
    else:
        whole = discover("data")[config.data].load().load("all")
        folds, count = whole["fold"], int(whole["fold"].max()) + 1
        found = []
        for fold in range(count):
            held = (fold + 1) % count if config.choose else fold  # to choose settings the test fold is not touched
            rows = np.flatnonzero((folds != fold) & (folds != held))
            found.append(Part(whole.take(rows), whole.take(np.flatnonzero(folds == held))))
    if config.share == 1.0:
        return found
    few = [rng.permutation(len(part.train))[: int(config.share * len(part.train))] for part in found]
    return [Part(p.train.take(rows), p.test, p.validation) for p, rows in zip(found, few, strict=True)]


SHARE = Metric(unit="%", chance=0.5)
CARD = LabCard(
    name="battle",
    title="Classical against modern text classification",
    paper="Wang and Manning 2012",
    claim="CLAIM",
    domain="language",
    seconds={"smoke": 9, "laptop": 240, "full": 900},
    data=("sst2", "movie_reviews", "ag_news"),
    expect=(),
    presets={
        "smoke": {"data": "toy", "epochs": 3, "lr": 2.5},
        "laptop": {},
        "full": {"epochs": 20},
    },
    metrics={
        "test_accuracy": SHARE,
        "test_typo_accuracy": SHARE,
        "validation_accuracy": SHARE,
        "loss": Metric(unit="nats", higher_is_better=False),
    },
    ablations=(Ablation(name="a tenth of the texts", settings={"share": 0.1}),),
    variants={
        "movie-reviews": {"data": "movie_reviews", "method": "nbsvm"},
        "sst2": {"data": "sst2", "method": "nbsvm"},
        "ag-news": {"data": "ag_news", "method": "nbsvm"},
    },
    seeds=3,
)
