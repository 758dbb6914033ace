"""The training pictures that a network finds most like a given one: nearest by the features before its last layer."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from upslope.cards import discover
from upslope.data.loading.fetch import have
from upslope.explain.trace import features
from upslope.ship.pipelines.image_classification import ImageClassification
from upslope.ship.pipelines.pipeline import data_card

SEARCHED = 3000  # training pictures, the first: a second or two of a small network
SHOWN = 8
_WORK = 3000 * 64 * 64  # pixels that are looked at, at most


@dataclass(frozen=True)
class Nearest:
    """The nearest pictures, or one sentence on why there are none."""

    pictures: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 1, 1, 1), dtype=np.float32))
    labels: tuple[str, ...] = ()
    similarity: tuple[float, ...] = ()
    searched: int = 0
    of: int = 0
    title: str = ""
    why_not: str = ""


def nearest(pipeline: ImageClassification, model: nn.Module, seen: NDArray[np.float32]) -> Nearest:
    """By the cosine between the features of a picture (C, H, W) and those of the first training pictures."""
    spec = pipeline.spec
    card = data_card(spec)
    if card is None:
        return Nearest(why_not="It learned from generated pictures, of which none are kept.")
    if card.files and not have(card):
        return Nearest(
            why_not=f"The training pictures of {card.title} are not on this computer: upslope data get {card.name}"
        )
    data = discover("data")[card.name].load().load("train")
    count = min(len(data), SEARCHED, max(1, _WORK // int(np.prod(spec.shape[1:]))))
    some = data.take(slice(count))
    rows = np.array(next(iter(pipeline.rows(some).values())))  # of its own: PyTorch takes no read-only memory
    with torch.no_grad():
        found = torch.cat([features(model, torch.from_numpy(rows[n : n + 256])) for n in range(0, count, 256)])
        own = features(model, torch.from_numpy(seen[None]))
        similarity = nn.functional.cosine_similarity(found, own).numpy()
    order = np.argsort(-similarity, kind="stable")[:SHOWN]
    labels = tuple(some.classes[int(some["label"][int(n)])] for n in order)
    return Nearest(rows[order], labels, tuple(float(similarity[n]) for n in order), count, len(data), card.title)
