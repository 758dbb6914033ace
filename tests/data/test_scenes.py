"""Scenes put together: every pixel's class and number agree, and no part shares its material with another."""

from itertools import pairwise

import numpy as np
import pytest

from upslope.data import scenes
from upslope.data.loading.composed_scenes import SIDE, drawn_grounds
from upslope.data.loading.composed_scenes import scenes as composed


def holds_together(data):
    """Numbers stand on things only, each is of one class, and a scene has at most two kinds."""
    stuff = len(scenes.STUFF)
    for classes, numbers in zip(data["mask"], data["instances"], strict=True):
        things = (classes >= stuff) & (classes != scenes.VOID)
        assert np.array_equal(things, numbers > 0)
        assert np.array_equal(np.unique(numbers[things]), np.arange(1, numbers.max() + 1)), "numbers without holes"
        assert all(len(np.unique(classes[numbers == k])) == 1 for k in range(1, numbers.max() + 1))
        assert len(np.unique(classes[things])) <= 2


def test_class_and_number_agree_in_every_pixel():
    made = scenes.toy(rng=np.random.default_rng(0), count=40)
    assert made["image"].shape == made["mask"].shape == made["instances"].shape == (40, SIDE, SIDE)
    holds_together(made)
    assert {*range(len(scenes.STUFF))} <= set(np.unique(made["mask"]).tolist())
    assert set(np.unique(made["mask"])) == {*range(scenes.VOID + 1)}, "every class, and void, is somewhere"
    alike = sum(
        len(np.unique(numbers)) - 1 > len(np.unique(classes[numbers > 0]))
        for classes, numbers in zip(made["mask"], made["instances"], strict=True)
    )
    assert alike > 30, "in nearly every scene there are two things of one class, so that classes alone are not enough"


def test_what_is_drawn_is_what_the_mask_says():
    """White garments on black grounds: the levels alone tell cloth, rim and ground apart."""
    garments = np.zeros((60, 28, 28))
    garments[:, 8:20, 8:20] = 0.1  # a dim rim
    garments[:, 9:19, 9:19] = 1.0
    labels = np.arange(60) % 2
    images, classes, numbers = composed(
        garments, labels, [np.zeros((100, 100))] * 3, void=5, rng=np.random.default_rng(1)
    )
    assert np.array_equal(images == 1, numbers > 0)
    assert np.array_equal(np.unique(classes[images == 1]), [3, 4])
    assert (classes[(images > 0) & (images < 1)] == 5).all()
    assert (classes[images == 0] < 3).mean() > 0.99  # a rim over another's rim is still void


def test_toy_grounds_differ_by_texture_not_by_brightness_alone():
    made = drawn_grounds(rng=np.random.default_rng(0))
    means = [ground.mean() for ground in made]
    spreads = [ground.std() for ground in made]
    assert max(means) - min(means) < 2 * max(spreads)


@pytest.mark.needs("data")
def test_real_material():
    parts = {split: scenes.load(split, quiet=True) for split in ("validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == {k: scenes.CARD.splits[k] for k in parts}
    for part in parts.values():
        holds_together(part)
        counts = part["instances"].reshape(len(part), -1).max(axis=1)
        assert counts.min() >= 2
        assert counts.max() == 5
    again = scenes.load("validation", quiet=True)
    assert all(np.array_equal(parts["validation"][name], again[name]) for name in again.columns)
    rows = sorted((each.start, each.stop) for each in scenes.ROWS.values())
    assert all(before[1] <= after[0] for before, after in pairwise(rows)), "no ground is in two parts"
    assert all(stop - start >= SIDE for start, stop in rows)
