"""Text generation in use: any text in, and how the model goes on with it, one token after the other."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.blocks.language.characters import Characters
from upslope.data.loading.dataset import Dataset
from upslope.runs.workspace import short
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput
from upslope.text.bpe import ByteLevelBPE
from upslope.text.merges import from_merges

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 10_000_000  # bytes of a file: more than any model reads
Tokens = NDArray[np.int64]
Logits = Callable[[Tokens], NDArray[np.float32]]  # all tokens of a window -> logits for the one that comes next


@dataclass(frozen=True)
class Prompt:
    """A text that is to be continued, and what a person calls it."""

    subject: str  # a file's name, or "" for a text that was typed
    text: str
    tokens: Tokens


@dataclass(frozen=True)
class Written(Prediction):
    """A prompt and how it goes on."""

    prompt: str
    continuation: str
    seed: int

    def text(self, options: Options) -> str:
        """Both, one after the other."""
        return self.prompt + self.continuation

    def facts(self, options: Options) -> dict[str, Any]:
        """The prompt, the continuation, and how it was drawn."""
        return {
            "prompt": self.prompt,
            "text": self.continuation,
            "temperature": options.temperature,
            "seed": self.seed,
            "doubt": self.doubt or None,
        }


class TextGeneration(Pipeline):
    """Texts, text files and standard input in, continuations out; from nothing a text that begins where texts begin."""

    tag: ClassVar[str] = "text-generation"
    noun: ClassVar[str] = "text"
    needs_input: ClassVar[bool] = False
    example: ClassVar[str] = '"ROMEO:"'
    options: ClassVar[frozenset[str]] = frozenset({"length", "temperature", "seed", "count"})

    @property
    def tokenizer(self) -> Characters | ByteLevelBPE:
        """The model's vocabulary."""
        kept = self.spec.preprocessing
        return from_merges(kept["merges"]) if "merges" in kept else Characters(str(kept["alphabet"]))

    @property
    def opening(self) -> str:
        """What a text begins after if nothing stands before it: a line break, where the model knows one."""
        tokenizer = self.tokenizer
        known = tokenizer.alphabet if isinstance(tokenizer, Characters) else "\n"
        return "\n" if "\n" in known else known[0]

    @property
    def context(self) -> int:
        """How many tokens the model reads at most."""
        return int(self.spec.preprocessing["context"])

    def read(self, words: Sequence[str], options: Options) -> Iterator[Prompt | UnreadableInput]:
        """Each word: "-" is standard input, a file's name its text, anything else a text itself."""
        tokenizer = self.tokenizer
        for word in words or [self.opening]:
            subject, text = "", word
            try:
                if word == "-":
                    subject, text = "standard input", sys.stdin.buffer.read(MOST + 1).decode()
                elif len(word) < 4096 and "\0" not in word and Path(word).is_file():
                    subject = short(Path(word))
                    with Path(word).open("rb") as file:
                        text = file.read(MOST + 1).decode()
            except UnicodeDecodeError:
                yield UnreadableInput(word, f"{subject} is not UTF-8 text")
                continue
            except OSError as error:
                yield UnreadableInput(word, f"{subject or word} cannot be read: {error.strerror}")
                continue
            if len(text) > MOST:
                yield UnreadableInput(
                    word, f"{subject or 'the text'} holds more than {MOST:,} bytes: the end of it is enough"
                )
            elif isinstance(tokenizer, Characters) and (missing := tokenizer.missing(text)):
                said = " ".join(map(repr, missing[:5])) + (" ..." if len(missing) > 5 else "")
                yield UnreadableInput(
                    word, f"{subject or 'the text'} holds {said}, which the model does not know: leave them out"
                )
            else:
                yield Prompt(subject, text, tokenizer.encode(text or self.opening))

    def answers(
        self, words: Sequence[str], options: Options | None = None
    ) -> Iterator[Prediction | UnreadableInput | Remark]:
        """`count` continuations of each prompt, each with a seed of its own."""
        options = options or Options()
        for item in self.read(words, options):
            if isinstance(item, UnreadableInput):
                yield item
                continue
            doubt = ""
            if len(item.tokens) >= self.context:
                unit = "characters" if isinstance(self.tokenizer, Characters) else "tokens"
                doubt = f"of the {len(item.tokens)} {unit} the model read the last {self.context // 2}"
            for seed in range(options.seed, options.seed + options.count):
                tokens = self.continued(item.tokens, options, seed=seed)
                text = self.tokenizer.decode(tokens)
                yield Written(item.subject, item.text, text, seed, doubt=doubt)

    def continued(self, tokens: Tokens, options: Options, *, seed: int) -> Tokens:
        """The tokens that follow. When the context is full it goes on from the last half of it, as in `generate`."""
        rng = np.random.default_rng(seed)
        half, first = self.context // 2, len(tokens)
        start = max(0, first - half) if first >= self.context else 0
        logits = self.reader()
        for _ in range(options.length):
            if len(tokens) - start > self.context:
                start, logits = len(tokens) - half, self.reader()
            found = self.finite({"logits": logits(tokens[start:])})["logits"]
            tokens = np.append(tokens, _drawn(found.astype(np.float64), options.temperature, rng))
        return tokens[first:]

    def reader(self) -> Logits:
        """The network as a function of a growing window; with a key-value cache where it has one."""
        module = self.network.module
        if module is None:  # without PyTorch
            return self._whole_window
        import torch

        from upslope.blocks.language.cache import KeyValueCache
        from upslope.models.language.char_rnn import CharRNN
        from upslope.models.language.gpt import GPT

        if not isinstance(module, GPT | CharRNN):
            return self._whole_window
        cache = KeyValueCache()

        def cached(window: Tokens) -> NDArray[np.float32]:
            with torch.no_grad():
                logits = module(torch.from_numpy(window[cache.length :])[None], cache)
            last: NDArray[np.float32] = logits[0, -1].numpy()
            return last

        return cached

    def _whole_window(self, window: Tokens) -> NDArray[np.float32]:
        """An exported graph reads whole windows: what follows the text is filled up, and no position looks ahead."""
        outputs = self.network.forward({"tokens": _filled(window, self.context)[np.newaxis]})
        last: NDArray[np.float32] = outputs["logits"][0, len(window) - 1]
        return last

    def preprocess(self, items: Sequence[Prompt]) -> Arrays:
        """{"tokens": (N, context)}: the ends of the prompts, filled up behind."""
        return {"tokens": np.stack([_filled(item.tokens[-self.context :], self.context) for item in items])}

    def postprocess(self, outputs: Arrays, items: Sequence[Prompt]) -> list[Prediction]:
        """The likeliest next token alone."""
        ends = [min(len(item.tokens), self.context) - 1 for item in items]
        best = [row[end].argmax() for row, end in zip(outputs["logits"], ends, strict=True)]
        return [
            Written(item.subject, item.text, self.tokenizer.decode(token), 0)
            for item, token in zip(items, best, strict=True)
        ]

    def rows(self, dataset: Dataset) -> Arrays:
        """The text of a data set in windows."""
        tokens = self.tokenizer.encode("".join(dataset["text"]))
        count = max(1, len(tokens) // self.context)
        return {"tokens": _filled(tokens[: count * self.context], count * self.context).reshape(count, -1)}

    def draw(self, answers: Sequence[Written]) -> "Figure":
        """The texts, one below the other."""
        from upslope.runs.reports.language import written

        return written("\n\n".join(answer.prompt + answer.continuation for answer in answers))

    def card(self) -> dict[str, list[str]]:
        """What it does, how texts are prepared, what it cannot do."""
        tokenizer = self.tokenizer
        unit, token = "token", "A token is a piece of text: byte pair encoding with the merges in the model's spec."
        if isinstance(tokenizer, Characters):
            unit, token = "character", f"A token is a character, its id the place in this row: {tokenizer.alphabet!r}."
        return {
            "What it does": [
                f"Takes up to {self.context} token ids and gives, at each of them, a logit for each of "
                f"{len(tokenizer)} tokens to come next. A softmax over the logits gives probabilities."
            ],
            "How texts are prepared": [
                f"{token} A graph reads whole windows of {self.context}: fill up behind the text, and read the logits "
                f"at its last {unit}."
            ],
            "Limits": [
                "It goes on with a text as its training text might have gone on. It knows no facts, answers no "
                f"questions, and remembers the last {self.context} {unit}s at most.",
            ],
        }


def _filled(tokens: Tokens, size: int) -> Tokens:
    return np.pad(tokens, (0, size - len(tokens)))


def _drawn(logits: NDArray[np.float64], temperature: float, rng: np.random.Generator) -> int:
    """A token with the probabilities softmax(logits / temperature); the likeliest one at temperature 0."""
    if temperature == 0:
        return int(logits.argmax())
    weights = np.exp((logits - logits.max()) / temperature)
    return int(rng.choice(len(weights), p=weights / weights.sum()))
