"""What watershed must do."""

from functools import partial

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, equal, raises
from upslope.image import watershed as module


def scanned(heights, seeds, mask):
    """All that waits in a list, looked through anew at each step; `max` takes the first of equals."""
    rows, columns = heights.shape
    places = [(r, c) for r in range(rows) for c in range(columns)]
    number = {place: int(seeds[place]) for place in places if seeds[place] and mask[place]}
    waiting = list(number)
    while waiting:
        r, c = waiting.pop(waiting.index(max(waiting, key=lambda place: heights[place])))
        for near in ((r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)):
            inside = 0 <= near[0] < rows and 0 <= near[1] < columns
            if inside and mask[near] and near not in number:
                number[near] = number[r, c]
                waiting.append(near)
    return np.array([[number.get((r, c), 0) for c in range(columns)] for r in range(rows)])


def drawn(rng, rows, columns, *, levels=0, count=4, share=0.85):
    """Heights, with `levels` few different ones, some seeds, and a mask with holes."""
    heights = rng.integers(0, levels, (rows, columns)) / levels if levels else rng.permutation(rows * columns)
    seeds = np.zeros(rows * columns, dtype=np.int64)
    seeds[rng.choice(rows * columns, count, replace=False)] = rng.permutation(np.arange(3, 3 + count))
    return (
        heights.reshape(rows, columns).astype(float),
        seeds.reshape(rows, columns),
        rng.random((rows, columns)) < share,
    )


def compare(heights, seeds, mask, *, case):
    got = module.watershed(heights, seeds, mask)
    close(got, scanned(heights, seeds, mask), case=case, rtol=0, atol=0)


def everywhere(heights):
    return np.ones(heights.shape, dtype=bool)


@grades(module.watershed)
def test_by_hand(rng):
    """by hand: [[6, 1, 3, 4, 5]] with seeds at both ends is [[1, 1, 2, 2, 2]], int32"""
    heights = np.array([[6.0, 1, 3, 4, 5]])
    got = module.watershed(heights, np.array([[1, 0, 0, 0, 2]]), everywhere(heights))
    case = "watershed([[6, 1, 3, 4, 5]], [[1, 0, 0, 0, 2]], all True)"
    close(got, np.array([[1, 1, 2, 2, 2]]), case=case, rtol=0, atol=0)
    equal(np.asarray(got).dtype.name, "int32", case=case, problem="the dtype is wrong")


@grades(module.watershed)
def test_random(rng):
    """random heights that all differ, a mask with holes: as a slow search for the highest pixel"""
    for rows, columns, count in ((1, 9, 2), (7, 1, 2), (5, 6, 3), (9, 8, 5), (12, 15, 6)):
        compare(*drawn(rng, rows, columns, count=count), case=f"{rows} x {columns} pixels, {count} seeds")


@grades(module.watershed)
def test_equal_heights(rng):
    """of pixels of equal height the one that got its number first comes first"""
    for levels in (1, 2, 3, 5):
        case = f"9 x 11 pixels with {levels} different heights"
        compare(*drawn(rng, 9, 11, levels=levels, count=5), case=case)
    flat = np.zeros((1, 7))
    got = module.watershed(flat, np.array([[1, 0, 0, 0, 0, 0, 2]]), everywhere(flat))
    close(got, np.array([[1, 1, 1, 1, 2, 2, 2]]), case="a flat row of 7 with seeds at both ends", rtol=0, atol=0)


@grades(module.watershed)
def test_valley(rng):
    """regions meet in the valley, however far that is from the seeds"""
    heights = np.array([[9.0, 8, 7, 6, 5, 4, 1, 8]])
    got = module.watershed(heights, np.array([[1, 0, 0, 0, 0, 0, 0, 2]]), everywhere(heights))
    close(got, np.array([[1, 1, 1, 1, 1, 1, 2, 2]]), case="a slope of 6 on the left, 1 on the right", rtol=0, atol=0)


@grades(module.watershed)
def test_mask(rng):
    """nothing grows outside of the mask, around a corner of it, or from a seed that lies outside"""
    heights = rng.random((6, 6))
    mask = np.zeros((6, 6), dtype=bool)
    mask[:3, :3] = mask[3:, 3:] = True  # they touch at a corner only
    seeds = np.zeros((6, 6), dtype=int)
    seeds[0, 0], seeds[0, 5] = 4, 7
    expected = np.zeros((6, 6))
    expected[:3, :3] = 4
    close(module.watershed(heights, seeds, mask), expected, case="two squares, corner to corner", rtol=0, atol=0)
    none = np.zeros((6, 6))
    close(module.watershed(heights, seeds * 0, mask), none, case="without seeds", rtol=0, atol=0)
    close(module.watershed(heights, seeds, mask & False), none, case="an empty mask", rtol=0, atol=0)


@grades(module.watershed)
def test_edges(rng):
    """the right edge is no neighbor of the left one in the next row, nor is the top of the bottom"""
    mask = np.ones((4, 5), dtype=bool)
    mask[:, 2] = False
    seeds = np.zeros((4, 5), dtype=int)
    seeds[2, 4] = 5
    compare(rng.random((4, 5)), seeds, mask, case="a wall in the middle, a seed at the right edge")
    compare(rng.random((5, 4)), seeds.T, mask.T, case="a wall across, a seed at the bottom")


@grades(module.watershed)
def test_negative(rng):
    """heights may be negative, and those around the picture do not matter"""
    heights, seeds, mask = drawn(rng, 8, 9, count=4)
    compare(heights - 100, seeds, mask, case="heights from -100 to -29")


@grades(module.watershed)
def test_large(rng):
    """a picture of 120 x 150 pixels, as many peaks as seeds"""
    y, x = np.mgrid[:120, :150]
    middles = rng.uniform(0, 120, (30, 2))
    heights = np.exp(-((y - middles[:, :1, None]) ** 2 + (x - middles[:, 1:, None]) ** 2) / 150).max(axis=0)
    mask = heights > 0.05
    seeds = np.zeros(mask.shape, dtype=np.int64)
    for number, (down, across) in enumerate(middles.astype(int), start=1):
        seeds[down, across] = number
    got = np.asarray(module.watershed(heights, seeds, mask))
    equal(bool((got[~mask] == 0).all()), True, case="outside of the mask", problem="something grew there")
    equal(bool((got[mask] > 0).all()), True, case="inside of the mask", problem="a pixel has no number")


@grades(module.watershed)
def test_given(rng):
    """heights, seeds and mask stay as they are"""
    given = drawn(rng, 7, 9)
    given[2][tuple(np.argwhere(given[1])[0])] = False  # a seed outside of the mask
    before = [each.copy() for each in given]
    module.watershed(*given)
    for each, old, name in zip(given, before, ("heights", "seeds", "mask"), strict=True):
        close(each, old, case=f"{name} afterwards", rtol=0, atol=0)


@grades(module.watershed)
def test_refuses(rng):
    """shapes that differ are refused: a ValueError with all three"""
    whole, turned = np.zeros((2, 3)), np.zeros((3, 2))
    for given in ((whole, whole, turned), (whole, turned, whole), (turned, whole, whole)):
        raises(
            ValueError,
            partial(module.watershed, given[0], given[1].astype(int), given[2] > 0),
            says=("heights (", "(2, 3)", "(3, 2)"),
            case=f"shapes {', '.join(str(each.shape) for each in given)}",
        )


wrong(
    module.watershed,
    {
        "the lowest pixel passes its number on first": (
            "heappush(waiting, (-height[neighbor], age, neighbor))",
            "heappush(waiting, (height[neighbor], age, neighbor))",
        ),
        "all grow in step, whatever the heights: each pixel goes to the nearest seed": (
            "heappush(waiting, (-height[neighbor], age, neighbor))",
            "heappush(waiting, (0, age, neighbor))",
        ),
        "a pixel waits with the height of the one that it came from": (
            "(-height[neighbor], age, neighbor)",
            "(-height[pixel], age, neighbor)",
        ),
        "of equal heights the last that came is taken first": ("age += 1", "age -= 1"),
        "it grows over the whole picture, mask or not": (
            "inside = np.pad(mask.astype(bool), 1)",
            "inside = np.pad(np.ones_like(mask, dtype=bool), 1)",
        ),
        "a seed outside of the mask grows into it": (
            "labels = np.where(inside, np.pad(seeds, 1), 0)",
            "labels = np.pad(seeds, 1)",
        ),
        "the seeds that were given are cut to the mask": (
            "labels = np.where(inside, np.pad(seeds, 1), 0)",
            "seeds[~mask.astype(bool)] = 0\n    labels = np.pad(seeds, 1)",
        ),
        "neighbors across a corner count as well": (
            "(pixel - width, pixel - 1, pixel + 1, pixel + width)",
            "(pixel - width - 1, pixel - width, pixel - width + 1, pixel - 1, pixel + 1, pixel + width - 1,"
            " pixel + width, pixel + width + 1)",
        ),
        "what comes back is one pixel too far up and left": ("[1:-1, 1:-1]", "[:-2, :-2]"),
        "three shapes that differ are let through": (
            "if not heights.shape == seeds.shape == mask.shape:",
            "if False:",
        ),
    },
)

survives(
    module.watershed,
    {"only the order of the ages counts, so steps of two do as well": [("age += 1", "age += 2")]},
)
