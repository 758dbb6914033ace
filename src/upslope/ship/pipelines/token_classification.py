"""Token classification in use: any sentence in, and a class for each of its words."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from upslope.data.loading.dataset import Dataset
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, UnreadableInput
from upslope.ship.softmax import softmax
from upslope.text.tagging import WordFeatures, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 1_000_000  # bytes of standard input


@dataclass(frozen=True)
class Sentence:
    """A sentence in words."""

    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words, apart by spaces."""
        return " ".join(self.words)


@dataclass(frozen=True)
class Tagged(Prediction):
    """A sentence, the class of each word, and how sure the network is of it."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    shares: tuple[float, ...]

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """A line for each word."""
        return [(word, tag, share) for word, tag, share in zip(self.words, self.tags, self.shares, strict=True)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The words with their classes and probabilities."""
        each = zip(self.words, self.tags, self.shares, strict=True)
        tokens = [{"word": word, "tag": tag, "probability": share} for word, tag, share in each]
        return {"text": self.subject, "tokens": tokens, "doubt": self.doubt or None}


class TokenClassification(Pipeline):
    """Sentences in, a class for each word out."""

    tag: ClassVar[str] = "token-classification"
    noun: ClassVar[str] = "sentence"
    example: ClassVar[str] = '"They report the changes."'

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        self.features = WordFeatures.from_json(self.spec.preprocessing)

    @property
    def longest(self) -> int:
        """The words of a sentence that the network reads."""
        return int(self.spec.preprocessing["longest"])

    def read(self, words: Sequence[str], options: Options) -> Iterator[Sentence | UnreadableInput]:
        """Each word of the command line is a sentence; "-" is standard input, a sentence a line."""
        for word in words:
            lines = [word]
            if word == "-":
                try:
                    lines = sys.stdin.buffer.read(MOST).decode().splitlines()
                except UnicodeDecodeError:
                    yield UnreadableInput(word, "standard input is not UTF-8 text")
                    continue
            for line in lines:
                found = tuple(words_of(line))
                if not found:
                    yield UnreadableInput(line, "there is no word in it")
                elif len(found) > self.longest:
                    yield UnreadableInput(
                        f"{line[:40]} ...", f"{len(found)} words, and at most {self.longest} are read at once: split it"
                    )
                else:
                    yield Sentence(found)

    def preprocess(self, items: Sequence[Sentence]) -> Arrays:
        """{"words": (N, T), "endings": (N, T), "lengths": (N,)}, filled up with 0."""
        shape = (len(items), self.longest)
        arrays = {"words": np.zeros(shape, np.int64), "endings": np.zeros(shape, np.int64)}
        for row, item in enumerate(items):
            size = len(item.words)
            arrays["words"][row, :size], arrays["endings"][row, :size] = self.features.encode(item.words)
        return {**arrays, "lengths": np.array([len(item.words) for item in items], np.int64)}

    def postprocess(self, outputs: Arrays, items: Sequence[Sentence]) -> list[Prediction]:
        """The most probable class of each word."""
        answers: list[Prediction] = []
        for logits, item in zip(outputs["logits"].astype(np.float64), items, strict=True):
            logits = logits[: len(item.words)]
            shares = softmax(logits)
            best = shares.argmax(axis=1)
            tags = tuple(self.spec.classes[k] for k in best)
            known = sum(map(self.features.knows, item.words))
            doubt = "" if 2 * known >= len(item.words) else f"the model knows {known} of {len(item.words)} words"
            sure = tuple(map(float, shares.max(axis=1)))
            answers.append(Tagged(item.text, item.words, tags, sure, doubt=doubt))
        return answers

    def rows(self, dataset: Dataset) -> Arrays:
        """Sentences of a data set, the longest ones cut."""
        return self.preprocess([Sentence(tuple(text.split(" ")[: self.longest])) for text in dataset["text"]])

    def draw(self, answers: Sequence[Tagged]) -> "Figure":
        """The words above their classes."""
        from upslope.runs.reports.sequences import tagged

        words = [word for answer in answers for word in answer.words]
        tags = [tag for answer in answers for tag in answer.tags]
        return tagged(words, tags, tags)

    def card(self) -> dict[str, list[str]]:
        """What it does, how sentences are prepared, what it cannot do."""
        return {
            "What it does": [
                f"Takes a sentence of at most {self.longest} words and gives each word a logit for each of "
                f"{len(self.spec.classes)} classes: {', '.join(self.spec.classes)}."
            ],
            "How sentences are prepared": [
                "Each word has an id, lower-case, and its last three letters have one; 1 stands for what training has "
                "not seen twice, 0 fills up. Both lists stand in model_spec.json.",
            ],
            "Limits": [
                f"It knows {len(self.features.words):,} words of English law, encyclopedia articles and talks; others "
                "it judges by their endings and by what stands around them.",
            ],
        }
