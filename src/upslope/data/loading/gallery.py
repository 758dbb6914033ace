"""Paintings to learn a style from and photographs to paint, all in colors and at one scale."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from upslope.cards import discover
from upslope.data.loading.photographs import scenes
from upslope.image.read import read_picture
from upslope.image.resize import resized
from upslope.runs.errors import ConfigProblem

SIDE = 224  # pixels of a photograph's sides
SHORT = 256  # pixels of a painting's shorter side: larger, and its strokes are as well
GREY = ("camera", "coins", "retina")  # of scikit-image: no photographs in colors of a scene

Picture = NDArray[np.float32]  # (H, W, 3) in [0, 1]


@dataclass(frozen=True)
class Gallery:
    """Paintings by title, and photographs (N, SIDE, SIDE, 3) in [0, 1] to learn from and held out."""

    paintings: dict[str, Picture]
    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    test: NDArray[np.float32]
    name: str  # of what is in it, for what is trained on it


def gallery(*, toy: bool, rng: np.random.Generator, quiet: bool = False) -> Gallery:
    """Four paintings, 94 photographs to learn from, 8 to validate on and 15 held out; or generated ones."""
    if toy:
        made = scenes(10, rng=rng, height=64, width=64)
        return Gallery(_patterns(rng), made[:6], made[6:8], made[8:], "")
    sets = {name: discover("data")[name].load() for name in ("style_images", "skimage_photos", "flickr8k_224_subset")}
    shown, more = (sets[name].load(quiet=quiet) for name in ("style_images", "skimage_photos"))
    titles, kinds = shown["title"], shown["kind"]
    pictures = dict(zip(titles, shown["image"], strict=True))
    paintings = {title: at_short(pictures[title], SHORT) for title, kind in zip(titles, kinds, strict=True) if kind}
    parts = {
        part: sets["flickr8k_224_subset"].load(part, quiet=quiet)["image"].astype(np.float32) / 255
        for part in ("train", "validation", "test")
    }
    color = [square(p) for title, p in zip(more["title"], more["image"], strict=True) if title not in GREY]
    others = [square(pictures[title]) for title, kind in zip(titles, kinds, strict=True) if not kind]
    train, test = (np.concatenate(each) for each in ((parts["train"], color), (parts["test"], others)))
    return Gallery(paintings, train, parts["validation"], test, "style-images")


def chosen(found: Gallery, painting: str) -> Picture:
    """The painting of this title, or the picture in the file of this name; ConfigProblem where there is neither."""
    if painting in found.paintings:
        return found.paintings[painting]
    path = Path(painting).expanduser()
    if not path.is_file():
        raise ConfigProblem(
            f"painting={painting} is no file and no title (titles: {', '.join(found.paintings)}; or a picture of yours)"
        )
    return at_short(read_picture(path), SHORT)


def at_short(picture: Picture, short: int) -> Picture:
    """A picture reduced or enlarged until its shorter side has so many pixels."""
    height, width = picture.shape[:2]
    scale = short / min(height, width)
    grown = resized(picture, max(short, round(scale * height)), max(short, round(scale * width)))
    return np.clip(grown, 0, 1)  # cubic curves leave the range at edges


def square(picture: Picture) -> Picture:
    """The middle of a picture, SIDE x SIDE."""
    small = at_short(picture, SIDE)
    top, left = ((length - SIDE) // 2 for length in small.shape[:2])
    return small[top : top + SIDE, left : left + SIDE]


def _patterns(rng: np.random.Generator) -> dict[str, Picture]:
    """What stands for paintings: stripes of two colors, each pattern with its own direction and width."""
    y, x = np.mgrid[:96, :96]
    made = {}
    for number, title in enumerate(("stripes", "waves", "columns", "slants")):
        turn, period = np.pi * number / 4, 5 + 3 * number
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * (np.cos(turn) * x + np.sin(turn) * y) / period)[..., None]
        made[title] = np.asarray(wave * rng.uniform(0, 1, 3) + (1 - wave) * rng.uniform(0, 1, 3), dtype=np.float32)
    return made
