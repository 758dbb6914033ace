"""Repeated text: letters whose second half says the first again; what follows a letter can be looked up in the text."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.attention_weights import recorded_attention
from upslope.blocks.language.characters import Characters
from upslope.data.loading.dataset import Dataset, Ragged
from upslope.data.repetition import ALPHABET
from upslope.models.build import Built
from upslope.models.language.attention_only import AttentionOnly
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import attention
from upslope.runs.run import Run
from upslope.training.batches import Batch, pad
from upslope.training.tasks.task import Task

PANELS = {"training loss": ("loss",), "validation accuracy": ("validation_repeated_accuracy",)}


class RepeatedText(Task):
    """The cross-entropy of the letters that are said for the second time: no others can be foretold."""

    tag: ClassVar[str] = "text-generation"

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.model: AttentionOnly
        self.tokenizer = Characters(ALPHABET)

    def collate(self, rows: Dataset) -> Batch:
        """{"tokens": (B, T), "halves": (B,)}: letters, filled up with 0, and how many of them a half has."""
        tokens, lengths = pad(Ragged.of([self.tokenizer.encode(text) for text in rows["text"]], dtype=np.int64))
        return {"tokens": tokens, "halves": lengths // 2}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The mean over the second halves of a batch, each without its first letter, in nats."""
        tokens = batch["tokens"]
        looked = repeated(batch["halves"], tokens.shape[1])[:, 1:]
        return {"loss": F.cross_entropy(self.says(tokens[:, :-1])[looked], tokens[:, 1:][looked])}

    def predict(self, dataset: Dataset, *, batch_size: int = 250) -> NDArray[np.bool_]:
        """Whether each letter of the second halves, without their first ones, is the likeliest: (N,)."""
        parts = [torch.empty(0, dtype=torch.bool)]
        with self.asking() as model:
            device = next(model.parameters()).device
            for first in range(0, len(dataset), batch_size):
                batch = self.collate(dataset.take(slice(first, first + batch_size)))
                said = model(batch["tokens"][:, :-1].to(device)).argmax(dim=-1).cpu()
                right = said == batch["tokens"][:, 1:]
                parts.append(right[repeated(batch["halves"], batch["tokens"].shape[1])[:, 1:]])
        return torch.cat(parts).numpy()

    def metrics(self, predictions: NDArray[np.bool_], dataset: Dataset) -> dict[str, float]:
        """The share of letters that were right, and how much the heads look where it matters."""
        induction, previous = (scores.amax() for scores in self.head_scores(dataset.take(slice(0, 100))))
        return {
            "repeated_accuracy": float(predictions.mean()),
            "induction_score": float(induction),
            "previous_token_score": float(previous),
        }

    def head_scores(self, dataset: Dataset) -> tuple[Float[Tensor, "L H"], Float[Tensor, "L H"]]:
        """Of each layer's heads, what they give to the place that matters, in the mean over texts.

        First, what a letter of the second half gives to the one after its first occurrence, which is the right answer.
        Second, what a letter of the first half gives to the one before it: the note that the other head looks for.
        """
        batch = self.collate(dataset)
        halves, tables = batch["halves"][:, None], self.looks(batch["tokens"][:, :-1])
        place = torch.arange(tables.shape[-1])
        found = []
        for rows, target in (
            ((place >= halves) & (place < 2 * halves - 1), place - halves + 1),
            ((place >= 1) & (place < halves), (place - 1).expand(len(halves), -1)),
        ):
            index = target.clamp(min=0)[None, :, None, :, None].expand(*tables.shape[:-1], 1)
            given = tables.gather(-1, index)[..., 0]  # (layers, B, heads, T)
            found.append((given * rows[None, :, None]).sum(dim=(1, 3)) / rows.sum())
        return found[0], found[1]

    def looks(self, tokens: Tensor) -> Float[Tensor, "L B H T T"]:
        """The attention of every layer and head."""
        with self.asking() as model, recorded_attention() as tables:
            model(tokens.to(next(model.parameters()).device))
        return torch.stack(tables).cpu()

    def report(self, run: Run[Any], predictions: NDArray[np.bool_], dataset: Dataset, *, per_epoch: int) -> None:
        """Curves, what each head does, and the two that do most on one text."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10))
        scores = dict(zip(("induction", "previous token"), self.head_scores(dataset.take(slice(0, 100))), strict=True))
        drawn = attention.head_scores({name: each.numpy() for name, each in scores.items()})
        run.picture("heads", drawn, "How much of its attention each head gives to the place that its name says.")
        text = min(dataset["text"][:100], key=lambda text: abs(len(text) - 24))
        half = len(text) // 2
        tables = self.looks(torch.from_numpy(self.tokenizer.encode(text))[None])[:, 0]
        chosen = {}
        for name, each in scores.items():
            layer, head = divmod(int(each.argmax()), each.shape[1])
            chosen[f"{name}: layer {layer + 1}, head {head + 1}"] = tables[layer, head].numpy()
        framed = (
            [(row, row - half + 1) for row in range(half, 2 * half - 1)],
            [(row, row - 1) for row in range(1, half)],
        )
        said = "Down: the letter that looks. Across: where to. Framed: where each must look to do what its name says."
        run.picture("induction_head", attention.tables(chosen, text, framed=framed), said)

    def spec(self, network: Built) -> ModelSpec:
        """Token ids (T,) in, logits (T, vocabulary) out; T is free up to the context."""
        vocabulary, context = len(self.tokenizer), self.model.context
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"tokens": {"shape": [context], "dtype": "int64", "high": vocabulary}},
            outputs={"logits": {"shape": [context, vocabulary]}},
            preprocessing={
                "alphabet": self.tokenizer.alphabet,
                "context": context,
                "example": "upslOPEups --temperature 0 --length 4",
            },
        )


def repeated(halves: Tensor, length: int) -> Bool[Tensor, "B T"]:
    """Which places hold a letter that can be foretold: the second half without its first.

    For a half of 2 and the length 5 it is [0, 0, 0, 1, 0].
    """
    place = torch.arange(length, device=halves.device)
    return (place > halves[:, None]) & (place < 2 * halves[:, None])
