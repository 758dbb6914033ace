"""Text generation: the next token of a text, and from it texts."""

from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.characters import Characters
from upslope.blocks.language.generation import generate
from upslope.blocks.language.kneser_ney import KneserNey
from upslope.blocks.language.text_batch import CountedTexts, NetworkTexts, TextBatch, sample_until
from upslope.data.loading.dataset import Dataset
from upslope.data.tinyshakespeare import ALPHABET
from upslope.models.build import Built
from upslope.models.language.char_rnn import CharRNN
from upslope.models.language.gpt import GPT
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import language
from upslope.runs.run import Run
from upslope.text import bpe_training
from upslope.text.bits_per_byte import bits_per_byte
from upslope.text.bpe import ByteLevelBPE
from upslope.text.merges import merges_of
from upslope.text.mixture import best_weight, mixed_losses
from upslope.training.batches import Batch
from upslope.training.tasks.task import Task

HELD = (0.45, 0.48)  # where the rows begin and end on which the weight of a mixture is set, as shares of all
PIECES = 512  # tokens of a vocabulary that is learned from the training text
PANELS = {
    "training loss, nats a token": ("loss",),
    "validation loss, nats a token": ("validation_loss", "validation_kneser_ney_loss"),
    "validation, bits per byte": ("validation_bits_per_byte",),
}
SAMPLED = 600  # characters of the text that a finished run writes
SHOWN = 480  # characters of the text whose losses are drawn


def held_out(train: Dataset) -> tuple[Dataset, Dataset]:
    """Training data without the rows from 45 to 48 %, and these: what neither model reads before they are mixed.

    They are not taken from the end, since a text that is tested on may continue what begins there. In Shakespeare they
    are the end of the first of two pieces, just before the validation part.
    """
    first, last = (round(share * len(train)) for share in HELD)
    return train.take(np.r_[0:first, last : len(train)]), train.take(slice(first, last))


def tokenizer_of(kind: str, train: Dataset) -> Characters | ByteLevelBPE:
    """The vocabulary of a model: "characters", those of Shakespeare's works, or "bpe", learned from these data."""
    return Characters(ALPHABET) if kind == "characters" else bpe_training.train(["".join(train["text"])], size=PIECES)


class TextGeneration(Task):
    """The cross-entropy of each next token, in nats; the data have a column `text`, whose rows joined are one text."""

    tag: ClassVar[str] = "text-generation"

    def __init__(
        self, model: nn.Module, *, tokenizer: Characters | ByteLevelBPE | None = None, precision: str = "32"
    ) -> None:
        """Without a `tokenizer` the tokens are the characters of Shakespeare's works."""
        super().__init__(model)
        self.model: GPT | CharRNN
        self.tokenizer: Characters | ByteLevelBPE = tokenizer or Characters(ALPHABET)
        self.precision = precision
        self.counts: KneserNey | None = None  # a model that stands beside this one
        self.weight: float | None = None  # of this one in a mixture of both

    def count(self, train: Dataset, *, order: int) -> float:
        """Let a Kneser-Ney model of this order, counted on these data, stand beside the model; the seconds it took."""
        begun = perf_counter()
        self.counts = KneserNey(self.tokens(train), order=order, vocab_size=len(self.tokenizer))
        return perf_counter() - begun

    def mix(self, held: Dataset, train: Dataset, *, order: int) -> dict[str, float]:
        """Mix this model with the counts, by the weight that suits `held` best; then count all of `train`.

        Neither may know `held` when this is called: what a model has read looks too likely to it, and it would be
        trusted too much. What comes back says the weight, and in how many seconds all was counted.
        """
        self.weight = best_weight(self.predict(held), self.counted(held))
        return {"weight": self.weight, "kneser_ney_seconds": self.count(train, order=order)}

    def counted(self, dataset: Dataset) -> NDArray[np.float64]:
        """As `predict`, by the counts."""
        assert self.counts is not None
        losses: NDArray[np.float64] = -np.log(self.counts.probabilities(self.tokens(dataset))[1:])
        return losses

    def tokens(self, dataset: Dataset) -> NDArray[np.int64]:
        """The whole text of a data set as token ids: (N,)."""
        return self.tokenizer.encode("".join(dataset["text"]))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The mean over all positions of a batch {"tokens": (B, T), "next": (B, T)}, in nats."""
        logits = self.says(batch["tokens"])
        return {"loss": F.cross_entropy(logits.flatten(0, 1), batch["next"].flatten())}

    def predict(self, dataset: Dataset, *, batch_size: int = 256) -> NDArray[np.float64]:
        """The loss of every token of a text but the first, in nats: (N - 1,).

        Windows of `context` tokens overlap by half. Each token is predicted once, from at least half a context of
        tokens before it, but for those of the first window.
        """
        tokens = torch.from_numpy(self.tokens(dataset))
        context = min(self.model.context, len(tokens) - 1)
        starts = list(range(0, len(tokens) - context, max(1, context // 2)))
        starts.append(len(tokens) - 1 - context)  # the end, also where the windows do not fit evenly
        losses = np.full(len(tokens) - 1, np.nan)
        with self.asking() as model:
            device = next(model.parameters()).device
            for first in range(0, len(starts), batch_size):
                some = starts[first : first + batch_size]
                windows = torch.stack([tokens[start : start + context + 1] for start in some]).to(device)
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
                    logits = model(windows[:, :-1])
                found = F.cross_entropy(logits.float().mT, windows[:, 1:], reduction="none").cpu().double().numpy()
                for start, row in zip(some, found, strict=True):  # what an earlier window predicted stays
                    place = losses[start : start + context]
                    place[np.isnan(place)] = row[np.isnan(place)]
        return losses

    def metrics(self, predictions: NDArray[np.float64], dataset: Dataset) -> dict[str, float]:
        """The mean loss of a token in nats, and bits for each byte of the text, which do not depend on the tokens.

        With counts beside the model theirs, and with a weight those of the mixture.
        """
        text = self.tokenizer.decode(self.tokens(dataset)[1:])
        found = {"loss": float(predictions.mean()), "bits_per_byte": bits_per_byte(predictions, text)}
        if self.counts is not None:
            theirs = self.counted(dataset)
            found["kneser_ney_loss"] = float(theirs.mean())
            if self.weight is not None:
                mixed = mixed_losses(predictions, theirs, self.weight)
                found["mixed_loss"] = float(mixed.mean())
                found["mixed_bits_per_byte"] = bits_per_byte(mixed, text)
        return found

    def report(self, run: Run[Any], predictions: NDArray[np.float64], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, the loss of each character of a passage, and a text that the model writes."""
        drawn = figures.curves(run.logged(), PANELS, smooth=10)
        run.picture("curves", drawn)
        pieces = [self.tokenizer.decode(token) for token in self.tokens(dataset)[1 : SHOWN + 1]]
        each = np.repeat(predictions[: len(pieces)], [len(piece) for piece in pieces])
        drawn = language.passage("".join(pieces)[:SHOWN], each[:SHOWN])
        run.picture("passage", drawn, "The darker a token, the less the model expected it.")
        run.picture("sample", language.written(self.write()), "Written by the model, begun after a line break.")

    def write(self, *, length: int = SAMPLED, seed: int = 0, temperature: float = 0.8) -> str:
        """A text, begun after a line break."""
        with self.asking() as model:
            assert isinstance(model, GPT | CharRNN)
            prompt = torch.from_numpy(self.tokenizer.encode("\n"))[None].to(model.head.weight.device)
            generator = torch.Generator(prompt.device).manual_seed(seed)
            tokens = generate(model, prompt, length, generator=generator, temperature=temperature)
        return self.tokenizer.decode(tokens[0].cpu())

    def lines(
        self, count: int, *, after: str, seed: int, temperature: float = 1.0, most: int = 80
    ) -> dict[str, list[str]]:
        """So many lines that follow this text, of at most `most` characters: the model's, "network", and with counts
        beside it theirs, "counted"."""
        context: int = self.model.context
        prompt, (end,) = self.tokenizer.encode(after)[-(context // 2) :], self.tokenizer.encode("\n")
        most = min(most, context - len(prompt))
        found: dict[str, list[str]] = {}
        with self.asking() as model:
            writers: dict[str, TextBatch] = {"network": NetworkTexts(model, prompt, rows=count)}
            if self.counts is not None:
                writers["counted"] = CountedTexts(self.counts, prompt, rows=count)
            for name, texts in writers.items():
                rng = np.random.default_rng(seed)
                written = sample_until(texts, end=int(end), most=most, temperature=temperature, rng=rng)
                found[name] = [self.tokenizer.decode(np.array(line, dtype=np.int64)) for line in written]
        return found

    def spec(self, network: Built) -> ModelSpec:
        """Token ids (T,) in, logits (T, vocabulary) out; T is free up to the context."""
        vocabulary, tokenizer = len(self.tokenizer), self.tokenizer
        tokens = (
            {"alphabet": tokenizer.alphabet} if isinstance(tokenizer, Characters) else {"merges": merges_of(tokenizer)}
        )
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"tokens": {"shape": [self.model.context], "dtype": "int64", "high": vocabulary}},
            outputs={"logits": {"shape": [self.model.context, vocabulary]}},
            preprocessing={**tokens, "context": self.model.context},
        )
