"""What panoptic_merge must do."""

from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter

from upslope.blocks import panoptic_merge as module
from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, equal, raises

ROW: dict[str, Any] = {
    "classes": np.array([[3, 3, 4, 4, 4, 0]]),
    "heatmap": np.array([[0.0, 0.9, 0.05, 0, 0.8, 0]]),
    "offsets": np.array([[[0.0, 0, 0, 0, 0, 0]], [[1.0, 0, -1, 1, 0, 0]]]),
    "things": [3, 4],
    "window": 3,
}


def pixel_by_pixel(classes, heatmap, offsets, *, things, threshold=0.1, window=7, top=200, stuff_area=0):
    """SciPy says where the largest of a square lies; then one pixel after the other."""
    highest = maximum_filter(heatmap, size=window, mode="constant", cval=-np.inf)
    places = [(int(r), int(c)) for r, c in np.ndindex(*classes.shape)]
    centers = [at for at in places if heatmap[at] == highest[at] and heatmap[at] > threshold]
    centers = sorted(centers, key=lambda at: -heatmap[at])[:top]
    merged, numbers = np.full(classes.shape, -1), np.zeros(classes.shape, dtype=int)
    votes: dict[int, list[int]] = {}
    for r, c in places:
        kind = int(classes[r, c])
        if kind not in things:
            merged[r, c] = kind if (classes == kind).sum() >= stuff_area else -1
        elif centers:
            at = r + float(offsets[0, r, c]), c + float(offsets[1, r, c])
            far = [(at[0] - row) ** 2 + (at[1] - column) ** 2 for row, column in centers]
            numbers[r, c] = 1 + far.index(min(far))
            votes.setdefault(int(numbers[r, c]), []).append(kind)
    for k, kinds in votes.items():
        merged[numbers == k] = max(sorted(set(kinds)), key=kinds.count)
    return merged, numbers


def drawn(rng, height, width, *, levels=0, **settings):
    """Four classes, of which 1 and 3 are things; `levels`: few different heights and half pixels, so that some tie."""
    heatmap = rng.integers(0, levels, (height, width)) / levels if levels else rng.random((height, width))
    offsets = rng.normal(0, 3, (2, height, width))
    return {
        "classes": rng.integers(0, 4, (height, width)),
        "heatmap": heatmap,
        "offsets": np.rint(2 * offsets) / 2 if levels else offsets,
        "things": [3, 1],
        **settings,
    }


def compare(sample, *, case):
    got, expected = module.panoptic_merge(**sample), pixel_by_pixel(**sample)
    for made, true, name in zip(got, expected, ("classes", "numbers"), strict=True):
        close(made, true, case=f"{case}: {name}", rtol=0, atol=0)


@grades(module.panoptic_merge)
def test_by_hand(rng):
    """by hand: two things in a row, of which the first outvotes one of its pixels; int64"""
    merged, numbers = module.panoptic_merge(**ROW)
    close(merged, np.array([[3, 3, 3, 4, 4, 0]]), case="classes", rtol=0, atol=0, dtype="int64")
    close(numbers, np.array([[1, 1, 1, 2, 2, 0]]), case="numbers", rtol=0, atol=0, dtype="int64")


@grades(module.panoptic_merge)
def test_random(rng):
    """random maps: as SciPy's maximum and a search pixel by pixel say"""
    for height, width, window in ((1, 9, 3), (8, 5, 3), (9, 11, 5), (12, 10, 7)):
        compare(drawn(rng, height, width, window=window), case=f"{height} x {width} pixels, window={window}")


@grades(module.panoptic_merge)
def test_ties(rng):
    """equal peaks are centers in reading order; of two as near the first, of two classes the lower counts"""
    for levels in (2, 3, 5):
        for top in (2, 5, 200):
            case = f"9 x 8 pixels with {levels} heights, top={top}"
            compare(drawn(rng, 9, 8, levels=levels, window=3, top=top), case=case)


@grades(module.panoptic_merge)
def test_settings(rng):
    """threshold, top (200) and window decide which centers stay; a peak of exactly the threshold is none"""
    compare(drawn(rng, 15, 16, threshold=-1.0, window=1), case="15 x 16 pixels, each of them a peak")
    for settings in ({"threshold": 0.5}, {"threshold": 0.9}, {"top": 1}, {"top": 3}, {"window": 1, "top": 4}):
        compare(drawn(rng, 8, 8, **settings), case=f"8 x 8 pixels, {settings}")
    at: dict[str, Any] = {**ROW, "threshold": 0.8}
    close(module.panoptic_merge(**at)[1], np.array([[1, 1, 1, 1, 1, 0]]), case="peaks 0.9, 0.8, threshold=0.8")


@grades(module.panoptic_merge)
def test_without_centers(rng):
    """where there is no center, pixels of things are void, and stuff stays"""
    sample = drawn(rng, 5, 6)
    compare({**sample, "heatmap": sample["heatmap"] * 0.05}, case="no peak above the threshold")
    compare({**sample, "top": 0}, case="top=0")
    compare({**sample, "things": []}, case="no class is a thing")
    compare({**sample, "things": [0, 1, 2, 3]}, case="every class is a thing")


@grades(module.panoptic_merge)
def test_stuff(rng):
    """a class of stuff with fewer than stuff_area pixels is void, however many pieces it has; things stay"""
    sample = drawn(rng, 6, 6)
    sample["classes"][...] = 0
    sample["classes"][0, [0, 2, 4]] = 2  # three pieces of one pixel
    sample["classes"][5, 5] = 1
    for area in (0, 1, 3, 4):
        compare({**sample, "stuff_area": area}, case=f"three pixels of class 2, stuff_area={area}")
    sample["classes"][sample["classes"] == 0] = 1
    compare({**sample, "stuff_area": 4}, case="three pixels of class 2 and no other stuff, stuff_area=4")


@grades(module.panoptic_merge)
def test_kinds(rng):
    """classes as bytes and maps in float32, as files and networks give them"""
    sample = drawn(rng, 7, 9, window=3, stuff_area=12)
    small = {"classes": sample["classes"].astype(np.uint8)}
    small |= {name: sample[name].astype(np.float32) for name in ("heatmap", "offsets")}
    compare({**sample, **small}, case="uint8 and float32")


@grades(module.panoptic_merge)
def test_negative(rng):
    """heights below 0, a threshold below 0: beyond the edge there is nothing, not a 0"""
    sample = drawn(rng, 6, 7, window=3, threshold=-2.0)
    compare({**sample, "heatmap": sample["heatmap"] - 1.5}, case="heights from -1.5 to -0.5")


@grades(module.panoptic_merge)
def test_given(rng):
    """the maps stay as they are"""
    sample = drawn(rng, 6, 7, stuff_area=20)
    before = {name: sample[name].copy() for name in ("classes", "heatmap", "offsets")}
    module.panoptic_merge(**sample)
    for name, old in before.items():
        close(sample[name], old, case=f"{name} afterwards", rtol=0, atol=0)


@grades(module.panoptic_merge)
def test_large(rng):
    """a picture of 96 x 120 pixels with 12 things, each around its center"""
    y, x = np.mgrid[:96, :120]
    middles = np.array([(r, c) for r in (16, 48, 80) for c in (15, 45, 75, 105)]) + rng.integers(-4, 5, (12, 2))
    away = np.hypot(y - middles[:, :1, None], x - middles[:, 1:, None])
    nearest = away.argmin(axis=0)
    inside = away.min(axis=0) < 9
    offsets = middles[nearest].transpose(2, 0, 1) - np.stack([y, x])
    merged, numbers = module.panoptic_merge(
        np.where(inside, 1 + nearest % 2, 0), np.exp(-(away.min(axis=0) ** 2) / 20), offsets, things=[1, 2]
    )
    equal(len(np.unique(numbers[inside])), 12, case="12 things", problem="how many there are is wrong")
    close(merged, np.where(inside, 1 + nearest % 2, 0), case="their classes", rtol=0, atol=0)


@grades(module.panoptic_merge)
def test_refuses(rng):
    """maps of different sizes are refused: a ValueError with all three"""
    one, other = np.zeros((2, 3)), np.zeros((3, 2))
    for classes, heatmap, offsets in (
        (one, one, np.zeros((2, 3, 2))),
        (one, other, np.zeros((2, 2, 3))),
        (other, one, np.zeros((2, 2, 3))),
        (one, one, np.zeros((3, 2, 3))),
    ):
        raises(
            ValueError,
            partial(module.panoptic_merge, classes.astype(int), heatmap, offsets, things=[1]),
            says=("classes (", "(2, 3)", "heatmap (", "offsets ("),
            case=f"shapes {classes.shape}, {heatmap.shape}, {offsets.shape}",
        )


wrong(
    module.panoptic_merge,
    {
        "offsets lead from the center to the pixel: they are taken away": (
            "y + offsets[0, y, x], x + offsets[1, y, x]",
            "y - offsets[0, y, x], x - offsets[1, y, x]",
        ),
        "rows and columns of the offsets are mixed up": (
            "y + offsets[0, y, x], x + offsets[1, y, x]",
            "y + offsets[1, y, x], x + offsets[0, y, x]",
        ),
        "every pixel above the threshold is a center": (
            "(heatmap == around.max(axis=(2, 3))) & (heatmap > threshold)",
            "heatmap > threshold",
        ),
        "a peak of exactly the threshold is a center": ("(heatmap > threshold)", "(heatmap >= threshold)"),
        "the lowest centers stay, not the highest": (
            'np.argsort(-heatmap[peaks], kind="stable")',
            'np.argsort(heatmap[peaks], kind="stable")',
        ),
        "a pixel goes to the center nearest to itself, wherever it points": (
            "down, across = y + offsets[0, y, x], x + offsets[1, y, x]",
            "down, across = y, x",
        ),
        "each pixel of a thing keeps its own class: nobody votes": (
            "merged[numbers == k] = np.bincount(classes[numbers == k]).argmax()",
            "merged[numbers == k] = classes[numbers == k]",
        ),
        "stuff gets numbers as well: every pixel is grouped": (
            "is_thing = np.isin(classes, list(things))",
            "is_thing = np.ones(classes.shape, dtype=bool)",
        ),
        "without a center a thing keeps its class": (
            "merged[is_thing], numbers[is_thing] = -1, number",
            "numbers[is_thing] = number",
        ),
        "stuff of exactly stuff_area pixels is void": ("here.sum() < stuff_area", "here.sum() <= stuff_area"),
        "things with few pixels are void as well": (
            "for kind in np.unique(classes[~is_thing]):\n        here = ~is_thing & (classes == kind)",
            "for kind in np.unique(classes):\n        here = classes == kind",
        ),
        "the classes that were given are overwritten": (
            "classes.astype(np.int64)",
            "classes.astype(np.int64, copy=False)",
        ),
        "maps of different sizes are let through": (
            "if not classes.shape == heatmap.shape == offsets.shape[1:] or len(offsets) != 2:",
            "if False:",
        ),
        "beyond the edge lies a 0, which is higher than what is negative": (
            "constant_values=-np.inf",
            "constant_values=0",
        ),
    },
)
survives(
    module.panoptic_merge,
    {
        "a class that is there has at least one pixel": [
            ("stuff_area: int = 0", "stuff_area: int = 1"),
            ("stuff_area: int = 0", "stuff_area: int = -1"),
        ],
        "whole numbers as floats are whole numbers again in the map": [
            ("np.zeros(len(y), dtype=np.int64)", "np.zeros(len(y))"),
        ],
    },
)
