"""The watershed beside scikit-image's; distances to borders; things that touch are told apart."""

import numpy as np
import pytest
from scipy import ndimage

from upslope.data.loading.toy_nuclei import nuclei
from upslope.image.touching import border_distance, grown, otsu_and_watershed, stretched, told_apart
from upslope.image.watershed import watershed
from upslope.runs.reports.instances import instance_scores


def test_it_is_scikit_images(seeds):
    """Where no two heights are equal nothing is left to choose."""
    segmentation = pytest.importorskip("skimage.segmentation")
    for seed in seeds:
        rng = np.random.default_rng(seed)
        heights = ndimage.gaussian_filter(rng.random((40, 50)), 2)
        mask = ndimage.gaussian_filter(rng.random((40, 50)), 3) > 0.49
        seeds_ = np.zeros((40, 50), dtype=int)
        places = rng.choice(seeds_.size, 12, replace=False)
        seeds_.ravel()[places] = rng.permutation(np.arange(1, 13))
        expected = segmentation.watershed(-heights, seeds_, mask=mask)
        assert np.array_equal(watershed(heights, seeds_, mask), expected)


def test_distance_is_one_in_the_middle_of_each_and_falls_to_borders_between_them():
    labels = np.zeros((9, 14), dtype=int)
    labels[1:8, :7], labels[1:8, 7:] = 1, 2
    distance = border_distance(labels)
    for number in (1, 2):
        assert distance[labels == number].max() == 1
    assert distance[labels == 0].max() == 0
    assert distance[4, 6] == distance[4, 7] == 0.25, "one pixel from the border with its neighbor, of 4"
    assert distance[4, 0] == 0.25, "the picture's edge is a border as well"


def test_numbers_with_holes_and_empty_pictures_have_distances():
    assert not border_distance(np.zeros((3, 4), dtype=int)).any()
    assert border_distance(np.array([[0, 7, 0, 7]])).tolist() == [[0, 1, 0, 1]], "in two pieces"


def test_what_is_true_comes_back():
    """From the true foreground and the true distance nearly every thing, though many touch."""
    _, labels = nuclei(20, rng=np.random.default_rng(0))
    found = [told_apart(each > 0, border_distance(each)) for each in labels]
    by_pieces = [ndimage.label(each)[0] for each in labels]
    assert instance_scores(labels, found).f1 > 0.97
    assert instance_scores(labels, by_pieces).f1 < 0.7, "connected components would not do"


def test_small_ones_are_left_out_and_numbers_have_no_holes():
    mask = np.zeros((10, 20), dtype=bool)
    mask[1:3, 1:3] = mask[5:9, 2:8] = mask[2:8, 12:18] = True
    peaks = np.zeros_like(mask)
    peaks[1, 1] = peaks[6, 4] = True  # the third piece has none, and is a thing all the same
    found = grown(mask, mask.astype(float), peaks, smallest=5)
    assert found.dtype == np.int32
    assert np.array_equal(found > 0, mask & (np.arange(10)[:, None] > 3) | mask & (np.arange(20) > 10))
    assert np.unique(found).tolist() == [0, 1, 2]
    assert not grown(np.zeros((4, 4), bool), np.zeros((4, 4)), np.zeros((4, 4), bool), smallest=1).any()


def test_grey_levels_are_stretched_to_the_pictures_own():
    rng = np.random.default_rng(1)
    dim = rng.integers(10, 30, (50, 60)).astype(np.uint8)
    bright = (dim * 8).astype(np.uint8)
    assert stretched(dim).min() == 0
    assert stretched(dim).max() == 1
    np.testing.assert_allclose(stretched(dim), stretched(bright), atol=1e-5)
    np.testing.assert_allclose(stretched(dim), stretched((dim / 255).astype(np.float32)), atol=1e-5)
    assert not stretched(np.full((5, 5), 77, dtype=np.uint8)).any(), "without a level of its own nothing is bright"


def test_without_a_network_bright_things_are_found():
    images, labels = nuclei(12, rng=np.random.default_rng(2))
    assert instance_scores(labels, [otsu_and_watershed(each) for each in images]).f1 > 0.7
    assert not otsu_and_watershed(np.zeros((20, 30), dtype=np.uint8)).any()
