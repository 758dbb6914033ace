"""Resized pictures beside Pillow's own of whole numbers, and beside means of areas worked out directly."""

import numpy as np
import pytest
from PIL import Image

from upslope.image.resize import resized, with_longest


@pytest.fixture
def picture():
    return np.random.default_rng(2).integers(0, 256, (36, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize(("size", "how"), [((12, 20), "BOX"), ((35, 9), "BOX"), ((80, 100), "BICUBIC")])
def test_as_pillow_does_it(picture, size, how):
    """Pillow's eight bits are rounded twice, after rows and after columns."""
    picture = 80 + picture // 3  # nowhere near black and white, at which they would be cut off
    expected = np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling[how])) / 255
    got = resized((picture / 255).astype(np.float32), *size)
    assert got.dtype == np.float32
    assert got.shape == (*size, 3)
    assert np.abs(got - expected).max() < 1.6 / 255


def means(length, small):
    """A matrix that takes means over `small` equal parts of `length` pixels, cutting pixels where a part ends."""
    ends = np.linspace(0, length, small + 1)
    pixels = np.arange(length)
    covered = np.minimum(ends[1:, None], pixels + 1) - np.maximum(ends[:-1, None], pixels)
    return np.clip(covered, 0, None) * small / length


def test_smaller_by_a_whole_number_is_the_mean_of_areas(picture):
    small = picture.astype(np.float64).reshape(12, 3, 16, 3, 3).mean(axis=(1, 3))
    assert np.allclose(resized(picture.astype(np.float32), 12, 16), small, atol=1e-3)
    grey = picture[..., 0].astype(np.float32)
    assert np.allclose(means(36, 12) @ grey @ means(48, 16).T, resized(grey, 12, 16), atol=1e-3)


def test_smaller_keeps_the_mean():
    """Also by a factor that is no whole number: a line of one pixel does not vanish."""
    line = np.zeros((100, 100), dtype=np.float32)
    line[:, 37] = 1
    assert np.abs(resized(line, 28, 28).mean() - 0.01) < 0.002


def test_a_plain_picture_stays_plain(picture):
    plain = np.full((7, 5), 0.3, dtype=np.float32)
    for size in ((1, 1), (3, 50), (20, 20)):
        assert np.allclose(resized(plain, *size), 0.3, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [((100, 50), 20, (20, 10)), ((50, 100), 20, (10, 20)), ((3, 3), 9, (9, 9)), ((1, 500), 20, (1, 20))],
)
def test_the_longest_side(size, longest, expected):
    assert with_longest(np.zeros((*size, 3), dtype=np.float32), longest).shape == (*expected, 3)
    assert with_longest(np.zeros(size, dtype=np.float32), longest).shape == expected


@pytest.mark.parametrize("how", [None, Image.Resampling.BILINEAR])
@pytest.mark.parametrize("size", [(13, 20), (62, 50), (31, 47)])
def test_bytes_in_color_are_rounded_and_never_leave_their_range(how, size):
    picture = np.random.default_rng(0).choice(np.array([0, 3, 128, 250, 255], dtype=np.uint8), (62, 141, 3))[::2, 1::3]
    got, exact = resized(picture, *size, how=how), resized(picture / 1.0, *size, how=how)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, np.rint(got))
    assert 0 <= got.min() <= got.max() <= 255
    assert abs(got.mean() - np.clip(exact, 0, 255).mean()) < 0.5
    if how is not None:  # cubic curves overshoot beside edges, which bytes cut off halfway
        assert np.abs(got - exact).max() < 1.1
