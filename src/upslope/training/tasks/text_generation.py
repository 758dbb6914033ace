"""Text generation: the next token of a text, and from it texts."""

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
from upslope.training.batches import Batch
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation loss": ("validation_loss",)}
SAMPLED = 600  # characters of the text that a finished run writes
SHOWN = 480  # characters of the text whose losses are drawn


class TextGeneration(Task):
    """The cross-entropy of each next token, in nats; the data have a column `text`, whose rows joined are one text."""

    tag: ClassVar[str] = "text-generation"

    def __init__(self, model: nn.Module, *, tokenizer: Characters | None = None, precision: str = "32") -> None:
        """Without a `tokenizer` the tokens are the characters of Shakespeare's works."""
        super().__init__(model)
        self.model: GPT | CharRNN
        self.tokenizer, self.precision = tokenizer or Characters(ALPHABET), precision
        self.counts: KneserNey | None = None  # a model that stands beside this one
        self.weight: float | None = None  # of this one in a mixture of both

    def count(self, train: Dataset, *, order: int) -> None:
        """Let a Kneser-Ney model of this order, counted on these data, stand beside the model."""
        self.counts = KneserNey(self.tokens(train), order=order, vocab_size=len(self.tokenizer))

    def choose_weight(self, validation: Dataset) -> None:
        """Give this model the weight in a mixture with the counts that suits these data best."""
        ours, theirs = np.exp(-self.predict(validation)), np.exp(-self.counted(validation))
        weights = np.linspace(0, 1, 101)
        losses = [-np.log(weight * ours + (1 - weight) * theirs).mean() for weight in weights]
        self.weight = float(weights[int(np.argmin(losses))])

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
        """The mean loss in nats, and in bits; with counts beside it theirs, and with a weight that of the mixture."""
        loss = float(predictions.mean())
        found = {"loss": loss, "bits_per_character": loss / float(np.log(2))}
        if self.counts is not None:
            theirs = self.counted(dataset)
            found["kneser_ney_loss"] = float(theirs.mean())
            if self.weight is not None:
                mixed = self.weight * np.exp(-predictions) + (1 - self.weight) * np.exp(-theirs)
                found["mixed_loss"] = float(-np.log(mixed).mean())
        return found

    def report(self, run: Run[Any], predictions: NDArray[np.float64], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, the loss of each character of a passage, and a text that the model writes."""
        drawn = figures.curves(run.logged(), PANELS, smooth=10)
        run.picture("curves", drawn)
        text = "".join(dataset["text"])[1 : SHOWN + 1]
        drawn = language.passage(text, predictions[: len(text)])
        run.picture("passage", drawn, "The darker a character, the less the model expected it.")
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
        vocabulary = len(self.tokenizer)
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"tokens": {"shape": [self.model.context], "dtype": "int64", "high": vocabulary}},
            outputs={"logits": {"shape": [self.model.context, vocabulary]}},
            preprocessing={"alphabet": self.tokenizer.alphabet, "context": self.model.context},
        )
