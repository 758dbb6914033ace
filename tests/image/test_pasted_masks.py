"""Masks of boxes in their picture: SciPy's interpolation, sides, edges, and pixels that several want."""

import numpy as np
from scipy import ndimage

from upslope.image.pasted_masks import pasted, shared_out


def there(mask, box, height=40, width=50):
    picture = np.zeros(height * width, dtype=bool)
    picture[pasted(mask, np.array(box, dtype=float), height=height, width=width)] = True
    return picture.reshape(height, width)


def test_a_full_mask_is_its_box():
    assert np.array_equal(
        np.argwhere(there(np.ones((7, 7)), [3, 5, 6, 7])), [[y, x] for y in (5, 6) for x in (3, 4, 5)]
    )
    assert not there(np.full((7, 7), 0.49), [3, 5, 20, 17]).any()


def test_the_middle_of_a_pixel_decides():
    assert np.argwhere(there(np.ones((2, 2)), [3.5, 5.6, 5.49, 7.4])).tolist() == [[6, 3], [6, 4]]


def test_between_cells_it_is_interpolated_as_by_scipy(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        size = int(rng.integers(1, 15))
        mask = rng.random((size, size))
        left, top = rng.uniform(0, 20, 2)
        right, bottom = left + rng.uniform(1, 30), top + rng.uniform(1, 20)
        y, x = np.mgrid[:40, :50] + 0.5
        places = [(y - top) / (bottom - top) * size - 0.5, (x - left) / (right - left) * size - 0.5]
        values = ndimage.map_coordinates(mask, places, order=1, mode="nearest")
        inside = (y >= top) & (y < bottom) & (x >= left) & (x < right)
        sure = np.abs(values - 0.5) > 1e-9
        assert np.array_equal(there(mask, [left, top, right, bottom]) & sure, inside & (values >= 0.5) & sure)


def test_what_lies_outside_of_the_picture_is_cut_off():
    assert there(np.ones((3, 3)), [-9, -9, 2, 99]).nonzero()[1].max() == 1
    assert not there(np.ones((3, 3)), [60, 10, 70, 20]).any()
    assert not there(np.ones((3, 3)), [10, 10, 10, 10]).any(), "no area"


def test_pixels_are_the_first_ones():
    first, second, third = np.arange(0, 6), np.arange(4, 12), np.arange(3, 7)
    labels = shared_out([first, second, third], height=2, width=8, smallest=2)
    assert labels.tolist() == [[1, 1, 1, 1, 1, 1, 2, 2], [2, 2, 2, 2, 0, 0, 0, 0]]
    assert labels.dtype == np.int32


def test_what_is_too_small_or_mostly_covered_is_left_out():
    small, whole, covered = np.arange(3), np.arange(0, 10), np.arange(5, 14)
    labels = shared_out([small, whole, covered], height=1, width=16, smallest=4)
    assert labels.tolist() == [[1] * 10 + [0] * 6], (
        "the small one holds no pixel, and of the last four of nine are left"
    )
    assert not shared_out([], height=3, width=4, smallest=1).any()
    assert not shared_out([np.array([], dtype=int)], height=3, width=4, smallest=0).any()
