"""The adding problem: of 60 random numbers two are marked, and their sum is asked for at the end.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735, experiment 4,
in the form of Le et al. 2015, https://arxiv.org/abs/1504.00941: one mark stands in the first half, one in the second.

Nothing is fetched: the numbers are drawn. Whoever says 1 every time has a mean squared error of 1/6.
"""

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset, Ragged
from upslope.features import Sequence, Value
from upslope.runs.errors import DataProblem

LENGTH = 60

CARD = DataCard(
    name="adding",
    title="The adding problem (Hochreiter and Schmidhuber)",
    licence="none needed: the numbers are drawn",
    homepage="https://doi.org/10.1162/neco.1997.9.8.1735",
    citation="Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory",
    features={"value": Sequence(of=Value()), "mark": Sequence(of=Value()), "sum": Value()},
    splits={"train": 30_000, "validation": 1000, "test": 2000},
    carried_by="NumPy",
    note="mark is 1 at two of the values and 0 elsewhere; sum is that of the two",
)


def load(split: str = "train", *, quiet: bool = False, length: int = LENGTH, seed: int = 0) -> Dataset:
    """A split: "train", "validation" or "test", each drawn from numbers of its own; `seed` draws another training."""
    if split not in CARD.splits:
        raise DataProblem(f'adding has no split "{split}"; it has {", ".join(CARD.splits)}')
    place = list(CARD.splits).index(split)
    rng = np.random.default_rng([place, seed if split == "train" else 0])
    return toy(rng=rng, count=CARD.splits[split], length=length)


def toy(*, rng: np.random.Generator, count: int = 600, length: int = 10) -> Dataset:
    """Sequences of `length` values in [0, 1)."""
    values = rng.random((count, length), dtype=np.float32)
    marks = np.zeros((count, length), dtype=np.float32)
    rows, half = np.arange(count), length // 2
    marks[rows, rng.integers(half, size=count)] = 1
    marks[rows, rng.integers(half, length, size=count)] = 1
    offsets = np.arange(0, (count + 1) * length, length)
    columns = {name: Ragged(each.ravel(), offsets) for name, each in (("value", values), ("mark", marks))}
    return Dataset({**columns, "sum": (values * marks).sum(axis=1)}, CARD.features)
