"""Digits: 1,797 handwritten digits of 8 x 8 pixels, which scikit-learn carries, so nothing is fetched.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (UCI, 1998), https://doi.org/10.24432/C50P49.
scikit-learn has the set's 1,797 test images; its pixels count 0 to 16 dots, here in [0, 1]. The split is ours, fixed,
and stratified: every class is shuffled once with a seed that stands in this file and cut in the same proportions.
"""

from typing import Any

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.synthetic import DIGITS, draw
from upslope.features import ClassLabel, Image
from upslope.runs.errors import DataProblem

CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
SIDE = 8  # pixels

CARD = DataCard(
    name="digits",
    title="Digits, 8 x 8 (Alpaydin and Kaynak 1998)",
    licence="CC BY 4.0",
    homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    citation="Alpaydin, E., Kaynak, C. (1998). Optical Recognition of Handwritten Digits. UCI. doi:10.24432/C50P49",
    features={
        "image": Image((SIDE, SIDE)),
        "label": ClassLabel(CLASSES),
    },
    splits={"train": 1197, "validation": 200, "test": 400},
    carried_by="scikit-learn",
    note="the 1,797 images of scikit-learn's load_digits; split here, stratified, with a fixed seed",
)

_SPLIT_SEED = 1998


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"."""
    if split not in CARD.splits:
        raise DataProblem(f'digits has no split "{split}"; it has {", ".join(CARD.splits)}')
    from sklearn.datasets import load_digits

    loaded: Any = load_digits()
    index = _positions(np.asarray(loaded.target))[split]
    images = (loaded.images[index] / 16.0).astype(np.float32)
    return Dataset({"image": images, "label": loaded.target[index].astype(np.int64)}, CARD.features)


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Digits drawn from strokes on the same grid: generated, so they need no library and no network."""
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    return Dataset({"image": draw(DIGITS, labels, size=SIDE, rng=rng), "label": labels}, CARD.features)


def _positions(labels: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The positions of each split: samples interleaved by class, then dealt out by the splits' shares."""
    rng = np.random.default_rng(_SPLIT_SEED)
    order = np.argsort(rng.permutation(len(labels)))  # a random rank for every sample
    # Rank within the class, as a share of the class: sorting by it interleaves the classes evenly.
    share = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        share[members[np.argsort(order[members])]] = (np.arange(len(members)) + 0.5) / len(members)
    dealt = np.lexsort((labels, share))
    test = CARD.splits["test"]
    validation = test + CARD.splits["validation"]
    return {"test": dealt[:test], "validation": dealt[test:validation], "train": dealt[validation:]}
