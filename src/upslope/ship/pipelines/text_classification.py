"""Text classification in use: any text in, and the probability of each class."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from upslope.data.loading.dataset import Dataset
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, UnreadableInput
from upslope.ship.softmax import softmax
from upslope.text.vocabulary import Vocabulary, padded, spaced

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 1_000_000  # bytes of standard input
UNSURE = 0.5  # below this no class stands out


@dataclass(frozen=True)
class ClassifiedText(Prediction):
    """What a network says about one text, most probable class first."""

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """The first classes with their shares."""
        best = zip(self.classes[: options.top], self.probabilities[: options.top], strict=True)
        return [(name, f"{100 * share:.1f} %", share) for name, share in best]

    def facts(self, options: Options) -> dict[str, Any]:
        """The text, the class, the first probabilities."""
        best = zip(self.classes[: options.top], self.probabilities[: options.top], strict=True)
        said = {"answer": self.classes[0], "probabilities": dict(best), "doubt": self.doubt or None}
        return {"text": self.subject, **said}


class TextClassification(Pipeline):
    """Texts in, classes out: the softmax of the logits."""

    tag: ClassVar[str] = "text-classification"
    noun: ClassVar[str] = "text"
    example: ClassVar[str] = '"A film that I will not forget."'
    options: ClassVar[frozenset[str]] = frozenset({"top"})

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        self.vocabulary = Vocabulary.from_json(self.spec.preprocessing)

    def read(self, words: Sequence[str], options: Options) -> Iterator[str | UnreadableInput]:
        """Each word of the command line is a text; "-" is standard input, a text a line."""
        for word in words:
            lines = [word]
            if word == "-":
                try:
                    lines = sys.stdin.buffer.read(MOST).decode().splitlines()
                except UnicodeDecodeError:
                    yield UnreadableInput(word, "standard input is not UTF-8 text")
                    continue
            for line in lines:
                if spaced(line):
                    yield spaced(line) if self.vocabulary.look.at_spaces else line
                else:
                    yield UnreadableInput(line, "there is no word in it")

    def preprocess(self, items: Sequence[str]) -> Arrays:
        """{"tokens": (N, T)}, filled up with 0; what is longer is cut."""
        ids = [self.vocabulary.encode(text) for text in items]
        return {"tokens": padded(ids, length=self.vocabulary.longest)}

    def postprocess(self, outputs: Arrays, items: Sequence[str]) -> list[Prediction]:
        """The softmax of the logits, most probable class first."""
        logits = outputs["logits"].astype(np.float64)
        shares = softmax(logits)
        answers: list[Prediction] = []
        for text, row in zip(items, shares, strict=True):
            order = np.argsort(-row, kind="stable")
            classes, sure = tuple(self.spec.classes[k] for k in order), tuple(float(row[k]) for k in order)
            answers.append(ClassifiedText(text, classes, sure, doubt=self.doubt(text, sure[0])))
        return answers

    def doubt(self, text: str, share: float) -> str:
        """Most words are unknown, or no class stands out."""
        known, words = self.vocabulary.known(text)
        if 2 * known < words:
            return f"the model knows {known} of {words} words"
        return "no class stands out" if share < UNSURE else ""

    def rows(self, dataset: Dataset) -> Arrays:
        """Texts of a data set."""
        return self.preprocess(list(dataset["text"]))

    def draw(self, answers: Sequence[ClassifiedText]) -> "Figure":
        """The probability of the first class of each text as a bar."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7.0, 0.5 * len(answers) + 1.2), layout="constrained", facecolor="white")
        axis = figure.subplots()
        names = [f"{number + 1}. {answer.subject[:40]}" for number, answer in enumerate(answers)]
        bars = axis.barh(names, [100 * answer.probabilities[0] for answer in answers], color="#0b5394")
        axis.bar_label(bars, [answer.classes[0] for answer in answers], label_type="center", color="white")
        axis.invert_yaxis()
        axis.set_xlim(0, 100)
        axis.set_xlabel("probability of the class, in %")
        for label in axis.get_yticklabels():
            label.set_parse_math(False)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how texts are prepared, what it cannot do."""
        vocabulary = self.vocabulary
        runs = f"runs of up to {vocabulary.look.order} words" if vocabulary.look.order > 1 else "words"
        return {
            "What it does": [f"Takes a text and gives a logit for each class: {', '.join(self.spec.classes)}."],
            "How texts are prepared": [
                f"In lower case, cut into words and marks; of {runs} those that training has seen have an id, "
                f"{len(vocabulary.terms):,} in all, which stand in model_spec.json. At most {vocabulary.longest:,} ids "
                "are read."
            ],
            "Limits": [
                f"It learned from {self.network.learned_from}; of other texts it knows only the words.",
                "Probabilities are the softmax of its scores. Those of a support vector machine are margins, so there "
                "they rank texts and say little more.",
            ],
        }
