"""Pictures with their prompts, put together so that every word is known to be true: digits and garments in colors.

A thing is an image of MNIST or of Fashion-MNIST, made smaller and painted in one color on black. What it shows is then
said in words: "a red seven". Ten of the seventy pairs of thing and color are kept out of training, each thing and each
color being in others: a network that draws them has understood the words one by one.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.idx import read_idx
from upslope.data.loading.synthetic import DIGITS, GARMENTS, draw

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]

THINGS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "shirt",
    "dress",
    "bag",
    "boot",
)
COLORS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0), "white": (1, 1, 1)}
GARMENT = (0, 3, 8, 9)  # the classes of Fashion-MNIST that the last four things are
SIDE, FULL = 16, 28  # pixels of a thing, before and after it is made smaller
ROWS = {"train": slice(0, 50_000), "validation": slice(50_000, 55_000), "test": slice(55_000, 60_000)}
SEEDS = {"train": 0, "validation": 1, "test": 2}


def held_out(thing: Integers, color: Integers) -> NDArray[np.bool_]:
    """Which pairs are never trained: ten of them, two of each color, none or one of each thing."""
    out: NDArray[np.bool_] = (2 * thing + color) % 7 == 0
    return out


def grey_things(folder: Path, split: str) -> list[Floats]:
    """The images of each thing in a split, (N, SIDE, SIDE) in [0, 1], in the order of their files."""
    kinds = []
    for name, classes in (("mnist", range(10)), ("fashion_mnist", GARMENT)):
        images = read_idx(folder / name / "train-images-idx3-ubyte.gz", (60_000, FULL, FULL))[ROWS[split]]
        labels = read_idx(folder / name / "train-labels-idx1-ubyte.gz", (60_000,))[ROWS[split]]
        kinds += [smaller(images[labels == number] / np.float32(255)) for number in classes]
    return kinds


def drawn_things(count: int, *, rng: np.random.Generator) -> list[Floats]:
    """So many drawn images of each thing, like those of `grey_things`."""
    figures = (*DIGITS, *(GARMENTS[number] for number in GARMENT))
    places = range(len(figures))
    return [
        smaller(draw(figures, np.full(count, n), size=FULL, rng=rng, filled=n >= len(DIGITS), noise=0.0))
        for n in places
    ]


def smaller(images: Floats) -> Floats:
    """(N, FULL, FULL) to (N, SIDE, SIDE): each new pixel is the mean of the area that it covers."""
    edges = np.arange(SIDE + 1) * FULL / SIDE
    pixels = np.arange(FULL)
    covered = np.clip(np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels), 0, None)
    share = (covered * SIDE / FULL).astype(np.float32)
    small: Floats = (share @ images.astype(np.float32) @ share.T).clip(0, 1)
    return small


def painted(kinds: list[Floats], thing: Integers, color: Integers, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """(N, SIDE, SIDE, 3) in [0, 1]: an image of each thing, drawn by chance, in its color on black."""
    grey = np.stack([kinds[one][rng.integers(len(kinds[one]))] for one in thing])
    return (grey[..., None] * np.array(list(COLORS.values()), dtype=np.float32)[color][:, None, None]).astype(
        np.float32
    )


def pairs(count: int, *, rng: np.random.Generator, unseen: bool) -> tuple[Integers, Integers]:
    """So many things and colors in any order, each pair as often as others; without `unseen` those of training."""
    thing, color = (each.ravel() for each in np.mgrid[: len(THINGS), : len(COLORS)])
    allowed = np.flatnonzero(unseen | ~held_out(thing, color))
    chosen = np.concatenate([rng.permutation(allowed) for _ in range(-(-count // len(allowed)))])[:count]
    return thing[chosen].astype(np.int64), color[chosen].astype(np.int64)


def prompt(thing: int, color: int) -> str:
    """ "a red seven"."""
    return f"a {list(COLORS)[color]} {THINGS[thing]}"
