"""Random letters, said twice: the second half of each text repeats the first, and only a look back can foretell it.

C. Olsson et al., "In-context Learning and Induction Heads", 2022, https://arxiv.org/abs/2209.11895: repeated random
tokens tell heads that complete what was seen before in the text from those that know which tokens are frequent.

Nothing is fetched: the letters are drawn. A half has 8 to 32 letters, none of them twice, so what followed a letter is
certain, and how far back it stands is another number in each text. Who guesses is right once in 64 times.
"""

import string

import numpy as np

from upslope.cards import DataCard
from upslope.data.loading.dataset import Dataset
from upslope.features import Text
from upslope.runs.errors import DataProblem

ALPHABET = string.ascii_letters + string.digits + "+-"
SHORTEST, LONGEST = 8, 32  # letters of a half

CARD = DataCard(
    name="repetition",
    title="Random letters, said twice",
    licence="none needed: the letters are drawn",
    homepage="https://arxiv.org/abs/2209.11895",
    citation="Olsson, C. et al. (2022). In-context learning and induction heads",
    features={"text": Text()},
    splits={"train": 40_000, "validation": 300, "test": 1000},
    carried_by="NumPy",
    note="64 letters; a text has 16 to 64 of them, and its second half is its first",
)


def load(split: str = "train", *, quiet: bool = False, seed: int = 0) -> Dataset:
    """A split: "train", "validation" or "test", each drawn from numbers of its own; `seed` draws another training."""
    if split not in CARD.splits:
        raise DataProblem(f'repetition has no split "{split}"; it has {", ".join(CARD.splits)}')
    place = list(CARD.splits).index(split)
    rng = np.random.default_rng([place, seed if split == "train" else 0])
    return toy(rng=rng, count=CARD.splits[split], shortest=SHORTEST, longest=LONGEST)


def toy(*, rng: np.random.Generator, count: int = 600, shortest: int = 4, longest: int = 8) -> Dataset:
    """Texts whose halves have from `shortest` to `longest` letters, each length equally often."""
    letters = np.array(list(ALPHABET))
    halves = ["".join(rng.permutation(letters)[:length]) for length in rng.integers(shortest, longest + 1, size=count)]
    return Dataset({"text": tuple(half + half for half in halves)}, CARD.features)
