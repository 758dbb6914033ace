"""A bench for prompts: wordings, numbers of examples and their orders, tried on validation texts, then tested.

Labels are chosen by their likelihood, as they are and calibrated (`blocks.language.label_likelihood`). Of the wordings
validation texts choose one for each number of examples; the test texts see that one alone, and the bare beginning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from upslope.blocks.language.label_likelihood import contextual_calibration, label_log_likelihoods
from upslope.data.loading.dataset import Dataset
from upslope.runs.reports import prompting
from upslope.runs.reports.prompting import Cell
from upslope.runs.run import Run
from upslope.text.classify.logistic import fit_logistic
from upslope.text.counts import NoTerms, TfIdf
from upslope.text.prompts import CONTENT_FREE, Wording, balanced

CHOSEN = -1  # the wording that validation texts choose
Encode = Callable[[str], Sequence[int]]
Texts = dict[str, tuple[Dataset, Dataset, Dataset]]  # of each data set: training, validation, test
Right = NDArray[np.float64]  # (N,): 1 where a text was classified rightly, or the share of orders in which it was


@dataclass(frozen=True)
class Trial:
    """One prompt on the texts of one split: which data set, how many examples, which wording, which order."""

    data: str
    split: str
    shots: int
    wording: int
    order: int

    @property
    def key(self) -> str:
        """As a run keeps it."""
        return f"{self.data} {self.split} {self.shots} {self.wording} {self.order}"


class PromptBench:
    """What prompts reach, text by text; a run keeps it."""

    def __init__(
        self,
        model: nn.Module,
        encode: Encode,
        sets: Texts,
        wordings: Mapping[str, Sequence[Wording]],
        *,
        shots: Sequence[int],
        seed: int,
    ) -> None:
        """Examples are drawn from the training texts by `seed`; `shots` are the numbers of them in a prompt."""
        self.model, self.encode, self.sets, self.wordings = model, encode, sets, wordings
        self.shots, self.seed = tuple(shots), seed
        self.right: dict[str, list[list[float]]] = {}  # key of a trial -> [as it is, calibrated], (N,) each
        self.examples = {
            name: balanced(train["label"], max(shots), rng=np.random.default_rng([seed, 1]))
            for name, (train, _, _) in sets.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """What was measured."""
        return dict(self.right)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse."""
        self.right = dict(state)

    def trials(self, *, orders: int) -> list[Trial]:
        """All trials in order; what is on test texts is settled only when validation has chosen its wording."""
        on_validation = [
            Trial(name, "validation", shots, wording, 0)
            for shots in self.shots
            for name in self.sets
            for wording in range(len(self.wordings[name]))
        ]
        bare = [Trial(name, "test", 0, 0, 0) for name in self.sets]
        on_test = [
            Trial(name, "test", shots, CHOSEN, order)
            for shots in self.shots
            for name in self.sets
            for order in range(orders if shots > 1 else 1)
        ]
        return [*on_validation, *bare, *on_test]

    def settled(self, trial: Trial) -> Trial:
        """The trial with its wording."""
        return replace(trial, wording=self.chosen(trial.data, trial.shots)[0]) if trial.wording == CHOSEN else trial

    def measure(self, trial: Trial) -> None:
        """Ask the model about every text of a trial, unless that was done before."""
        trial = self.settled(trial)
        if trial.key in self.right:
            return
        train, validation, test = self.sets[trial.data]
        texts = validation if trial.split == "validation" else test
        wording = self.wordings[trial.data][trial.wording]
        places = self.examples[trial.data][: trial.shots]
        order = np.random.default_rng([self.seed, 2, trial.order]).permutation(len(places))
        examples = [(train["text"][place], int(train["label"][place])) for place in places[order]]
        prompts = [self.encode(wording.prompt(text, examples)) for text in (*texts["text"], *CONTENT_FREE)]
        scores = label_log_likelihoods(self.model, prompts, [self.encode(label) for label in wording.labels])
        plain, free = scores[: len(texts)], scores[len(texts) :]
        labels = torch.from_numpy(np.array(texts["label"]))
        found = (plain, contextual_calibration(plain, free))
        self.right[trial.key] = [(each.argmax(dim=1) == labels).double().tolist() for each in found]

    def chosen(self, name: str, shots: int) -> tuple[int, bool]:
        """The wording that is best on validation texts, and whether it was so calibrated; of equals the first."""
        tried = [
            (float(np.mean(right)), -wording, -calibrated)
            for wording in range(len(self.wordings[name]))
            for calibrated, right in enumerate(self.right.get(Trial(name, "validation", shots, wording, 0).key, ()))
        ]
        _, wording, calibrated = max(tried, default=(0.0, 0, 0))
        return -wording, bool(calibrated)

    def best(self) -> float:
        """The accuracy on validation texts of the best prompt so far, the mean over data sets; 0 where none was."""
        reached = dict.fromkeys(self.sets, 0.0)
        for key, pair in self.right.items():
            name, split = key.split()[:2]
            if split == "validation":
                reached[name] = max(reached[name], *(float(np.mean(right)) for right in pair))
        return float(np.mean(list(reached.values())))

    def tested(self, name: str, shots: int, *, calibrated: bool, wording: int | None = None) -> NDArray[np.float64]:
        """Of each order of the examples, and of each test text, whether it was right: (orders, N)."""
        chosen = self.chosen(name, shots)[0] if wording is None else wording
        start = f"{name} test {shots} {chosen} "
        rows = [pair[int(calibrated)] for key, pair in self.right.items() if key.startswith(start)]
        return np.array(rows, dtype=np.float64)

    @property
    def few(self) -> int:
        """The number of examples that stands for few-shot in the metrics: the smallest that is not 0."""
        return min(shots for shots in self.shots if shots)

    def rows(self, name: str) -> dict[str, Right]:
        """By row of the table, how right each test text was."""
        found = {"the largest class": self.counted(name, 0)}
        found |= {f"TF-IDF, {in_words(shots)}": self.counted(name, shots) for shots in self.shots if shots}
        found["bare wording, no examples"] = self.tested(name, 0, calibrated=False, wording=0).mean(axis=0)
        for shots in self.shots:
            said = in_words(shots)
            for calibrated, how in enumerate(("as it is", "calibrated")):
                found[f"chosen wording, {said}, {how}"] = self.tested(name, shots, calibrated=bool(calibrated)).mean(0)
            found[f"chosen prompt, {said}"] = found[
                f"chosen wording, {said}, {'calibrated' if self.chosen(name, shots)[1] else 'as it is'}"
            ]
        return found

    def tried(self, name: str) -> dict[str, list[float]]:
        """The accuracies of all prompts on validation texts, by number of examples and by calibration."""
        found: dict[str, list[float]] = {}
        for shots in self.shots:
            for calibrated, how in enumerate(("as it is", "calibrated")):
                keys = [Trial(name, "validation", shots, n, 0).key for n in range(len(self.wordings[name]))]
                found[f"{in_words(shots)}, {how}"] = [float(np.mean(self.right[key][calibrated])) for key in keys]
        return found

    def words(self) -> dict[str, dict[str, str]]:
        """The wordings that validation chose, by data set and number of examples."""
        return {
            name: {
                str(shots): self.wordings[name][wording].name + (", calibrated" if calibrated else "")
                for shots in self.shots
                for wording, calibrated in [self.chosen(name, shots)]
            }
            for name in self.sets
        }

    def counted(self, name: str, shots: int) -> Right:
        """TF-IDF and logistic regression that learned from the same examples; without any, the largest class."""
        train, _, test = self.sets[name]
        labels = np.array(test["label"])
        if not shots:
            return (labels == np.bincount(train["label"]).argmax()).astype(np.float64)
        places = self.examples[name][:shots]
        seen, classes = np.unique(train["label"][places], return_inverse=True)
        counts = TfIdf()
        try:
            learned = fit_logistic(counts.fit(train["text"][place] for place in places), classes, len(seen))
        except NoTerms:  # examples without a word of two letters
            return (labels == seen[0]).astype(np.float64)
        return (seen[learned.predict(counts.transform(test["text"]))] == labels).astype(np.float64)


def in_words(shots: int) -> str:
    """No examples, 1 example, 4 examples."""
    return f"{shots or 'no'} example{'' if shots == 1 else 's'}"


def summary(run: Run[Any], bench: PromptBench) -> tuple[dict[str, float], dict[str, list[Cell]]]:
    """The pictures of a finished bench; its metrics and the table, row by row."""
    few = in_words(bench.few)
    right = {name: bench.rows(name) for name in bench.sets}
    rows = {row: [measured(right[name][row]) for name in bench.sets] for row in next(iter(right.values()))}
    caption = (
        f"Accuracy in % on {len(next(iter(bench.sets.values()))[2])} test texts of each set; in brackets the interval "
        "in which 95 % of bootstrap samples lie. Where examples have several orders it is the mean over these."
    )
    run.picture("table", prompting.table(rows, list(bench.sets)), caption)
    tried = {name: bench.tried(name) for name in bench.sets}
    run.picture("spread", prompting.spread(tried), "Every prompt that was tried on validation texts, one dot each.")
    bare, best, counts = (
        {name: float(right[name][row].mean()) for name in bench.sets}
        for row in ("bare wording, no examples", f"chosen prompt, {few}", f"TF-IDF, {few}")
    )
    means = {row: float(np.mean(list(each.values()))) for row, each in (("bare", bare), ("best", best))}
    metrics = {f"test_{name}_few_shot_lead": best[name] - counts[name] for name in ("sst2",)}
    metrics |= {"test_gain": means["best"] - means["bare"], "test_best_accuracy": means["best"]}
    metrics |= {"test_bare_accuracy": means["bare"], "test_counted_accuracy": float(np.mean(list(counts.values())))}
    return metrics, rows


def measured(right: Right) -> Cell:
    """A mean, and between which bounds it lies in 95 % of the bootstrap's draws with replacement (Efron 1979)."""
    rng = np.random.default_rng(0)
    means = right[rng.integers(len(right), size=(2000, len(right)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(right.mean()), float(low), float(high)
