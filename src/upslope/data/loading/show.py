"""A look at a data set: some samples of every class, as `upslope data show NAME` draws them."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from upslope.cards import DataCard, Found
from upslope.data.loading.arrays import Arrays
from upslope.runs.files import make_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture(found: Found, *, split: str = "train", toy: bool = False, seed: int = 0, each: int = 8) -> "Figure":
    """A column per class, `each` samples below one another, drawn by chance; toy=True shows the generated twin."""
    from upslope.runs.pictures import samples

    card = cast(DataCard, found.card)
    module = found.load()
    rng = np.random.default_rng(seed)
    arrays: Arrays = module.toy(rng=rng, count=20 * each) if toy else module.load(split)
    rows = [rng.permutation(np.flatnonzero(arrays.labels == number))[:each] for number in range(len(card.classes))]
    index = [row[n] for n in range(each) for row in rows if n < len(row)]
    figure = samples(arrays.images[index], arrays.labels[index], arrays.classes, columns=len(card.classes))
    figure.suptitle(f"{card.title}: {'generated' if toy else split}", fontsize=10)
    return figure


def save(found: Found, path: Path, *, split: str = "train", toy: bool = False, seed: int = 0) -> Path:
    """Write that picture as PNG."""
    drawn = BytesIO()
    picture(found, split=split, toy=toy, seed=seed).savefig(drawn, format="png", dpi=150)
    make_folder(path.parent)
    write_atomically(path, drawn.getvalue())
    return path
