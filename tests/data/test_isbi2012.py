"""Membranes, and masks with any numbers."""

import numpy as np
import pytest

from upslope.data import isbi2012_membrane
from upslope.data.loading.masks import classes_of
from upslope.runs.errors import DataProblem


def test_numbers_of_a_file_become_classes():
    masks = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    assert classes_of(masks, {0: 1, 255: 0}, name="mask").tolist() == [[1, 0], [0, 1]]
    assert classes_of(np.array([3, 90, 7]), {3: 0, 7: 1, 90: 2}, name="mask").tolist() == [0, 2, 1], "ids with holes"


def test_a_number_that_stands_for_nothing_is_refused_or_brought_to_the_nearest():
    masks = np.array([0, 200, 255, 40])
    with pytest.raises(DataProblem, match="a label of x holds 200, and its numbers are 0, 255"):
        classes_of(masks, {0: 1, 255: 0}, name="label of x")
    assert classes_of(masks, {0: 1, 255: 0}, name="label of x", nearest=True).tolist() == [1, 0, 0, 1]


def test_generated_membranes_are_dark():
    made = isbi2012_membrane.toy(rng=np.random.default_rng(0), count=6)
    image, mask = made["image"], made["mask"]
    assert 0.03 < mask.mean() < 0.4
    assert image[mask == 1].mean() < image[mask == 0].mean() - 0.2


@pytest.mark.needs("data")
def test_real_files():
    parts = {split: isbi2012_membrane.load(split, quiet=True) for split in isbi2012_membrane.CARD.splits}
    assert {split: len(part) for split, part in parts.items()} == isbi2012_membrane.CARD.splits
    for part in parts.values():
        assert part["image"].shape[1:] == part["mask"].shape[1:] == (512, 512)
        assert 0.15 < part["mask"].mean() < 0.3, "membranes are about a fifth"
        assert part["image"][part["mask"] == 1].mean() < part["image"][part["mask"] == 0].mean()
