"""The attention of a text model on a sentence: every head of every layer, and what each of them mostly looks at.

What heads look at, in words: K. Clark et al., "What Does BERT Look At?", 2019, https://arxiv.org/abs/1906.04341;
induction: C. Olsson et al., "In-context Learning and Induction Heads", 2022, https://arxiv.org/abs/2209.11895.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from upslope.blocks.attention_weights import recorded_attention
from upslope.cards import ModelCard
from upslope.models.build import UnknownModel, find
from upslope.runs.errors import RunProblem
from upslope.ship.language import embeddings, loading
from upslope.text.token import whole_characters

MOST = 64  # tokens of a sentence: tables with more rows are not read by eye
NAMED = 0.5  # the share of its attention from which on a head is called after what it looks at
SPREAD = "spread out"


@dataclass(frozen=True)
class Label:
    """A token as a person reads it, and whether it goes on with the word before it."""

    text: str
    joined: bool


@dataclass(frozen=True)
class Attention:
    """Who looks where: weights[layer, head, t, s] is how much token t takes from token s; each row sums to 1."""

    model: str
    about: str
    text: str
    tokens: tuple[Label, ...]
    ids: tuple[int, ...]
    weights: NDArray[np.float32]  # (layers, heads, T, T)
    left_out: int  # tokens at the end of the text that were not looked at

    @property
    def causal(self) -> bool:
        """Whether no token looks ahead."""
        return not np.triu(self.weights, 1).any()

    def patterns(self) -> list[list[tuple[str, float]]]:
        """For each layer and head what it mostly looks at, and the mean share of attention that goes there."""
        return [[pattern(head, self.ids) for head in layer] for layer in self.weights]

    def sharpest(self) -> tuple[int, int]:
        """The layer and head that look most decidedly at something but themselves and the text's two ends."""
        others = self.weights[:, :, 2:].copy()
        rows = np.arange(2, self.weights.shape[2])
        others[:, :, rows - 2, rows] = 0
        others[..., 0] = 0
        if not self.causal:
            others[..., -1] = 0
        scores = others.max(axis=-1).mean(axis=-1) if rows.size else self.weights.max(axis=(-1, -2))
        layer, head = np.unravel_index(int(scores.argmax()), scores.shape)
        return int(layer), int(head)


def pattern(weights: NDArray[np.float32], ids: Sequence[int]) -> tuple[str, float]:
    """What one head, (T, T), mostly looks at: a name, and the mean weight there over the tokens that have such a place.

    The first two tokens see too little for a difference between first, previous and own, and are not counted.
    """
    count = len(ids)
    rows = range(2, count)
    earlier = {t: max((s for s in range(t) if ids[s] == ids[t]), default=-1) for t in range(count)}
    repeated = [t for t in rows if 0 <= earlier[t] < t - 1]
    places = {
        "first token": [(t, 0) for t in rows],
        "previous token": [(t, t - 1) for t in rows],
        "itself": [(t, t) for t in rows],
        "next token": [(t, t + 1) for t in rows if t + 1 < count],
        "last token": [(t, count - 1) for t in rows if t + 2 < count],
        "same token, earlier": [(t, earlier[t]) for t in repeated],
        "induction": [(t, earlier[t] + 1) for t in repeated],
    }
    found = {name: float(np.mean([weights[place] for place in those])) for name, those in places.items() if those}
    # The last two names need repeated words: of one such word anything could be said.
    if len(repeated) < 2:
        found = {name: share for name, share in found.items() if name not in ("same token, earlier", "induction")}
    best = max(found, key=lambda name: found[name], default=SPREAD)
    return (best, found[best]) if found.get(best, 0) >= NAMED else (SPREAD, found.get(best, 0))


def look(word: str, text: str, *, quiet: bool = False) -> Attention:
    """The attention of a model, a run of gpt or a GGUF file on a text; RunProblem where the word means none of them."""
    text = whole_characters(text)
    if not text.strip():
        raise RunProblem(f'the sentence is empty: upslope look {word} "The cat sat on the mat."')
    if _embeds(word):
        embedder = embeddings.load(word, quiet=quiet)
        room = min(MOST, embedder.longest)
        whole, _ = embedder.tokenizer.framed(text)
        ids, _ = embedder.tokenizer.framed(text, longest=room)
        shown = [embedder.tokenizer.shown(number) for number in ids.tolist()]
        labels = [Label(piece.removeprefix("##"), piece.startswith("##")) for piece in shown]
        about = "a model of sentences: tokens look in both directions"
        return _looked(embedder.name, about, text, embedder.module, ids.tolist(), labels, len(whole) - len(ids))
    model = loading.load(word, quiet=quiet)
    every = model.tokens_of_text(text)
    some = every[: min(MOST, model.context)]
    labels = [_label(model.tokenizer.shown(number), first=place == 0) for place, number in enumerate(some)]
    return _looked(model.name, model.about, text, model.module, some, labels, len(every) - len(some))


def _embeds(word: str) -> bool:
    """Whether a published model's card says that it reads sentences in BERT's way; RunProblem for one without text."""
    try:
        found, size = find(word)
    except UnknownModel:
        return False
    card = cast(ModelCard, found.card)
    embeds = any(each.vocabulary for each in card.sizes[size].weights)
    if not embeds and not (card.causal and card.sizes[size].weights):
        why = "no weights of it are published here" if card.domain == "language" else "it reads no text"
        raise RunProblem(
            f"{word} cannot be looked at on a sentence, {why}: {loading.DEFAULT} and {embeddings.DEFAULT} can, and "
            "your own runs of gpt"
        )
    return embeds


@torch.inference_mode()
def _looked(
    name: str, about: str, text: str, module: torch.nn.Module, ids: list[int], labels: list[Label], left_out: int
) -> Attention:
    with recorded_attention() as tables:
        module(torch.tensor([ids]))
    # Grouped queries of a single token are read as rows of one table for their shared keys.
    each = [table if table.shape[2] == len(ids) else table.flatten(1, 2).unsqueeze(2) for table in tables]
    weights = torch.cat(each).float().numpy()
    if not np.isfinite(weights).all():
        raise RunProblem(f"{name} has attention that is no number: its training diverged, train it again")
    return Attention(name, about, text, tuple(labels), tuple(ids), weights, left_out)


def _label(piece: str, *, first: bool) -> Label:
    """A piece of text in printable signs: a blank in front says that a word begins, others are drawn."""
    text = piece.removeprefix(" ") if len(piece) > 1 else piece
    signs = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    return Label("".join(signs.get(sign, sign) for sign in text), not first and piece == text)
