"""Histograms of oriented gradients, beside scikit-image."""

import numpy as np
import pytest

from upslope.image.hog import hog


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(32, 32, 3), (32, 24), (35, 41, 3)])
@pytest.mark.parametrize("cell", [4, 8])
def test_scikit_image_finds_the_same(rng, shape, cell):
    feature = pytest.importorskip("skimage.feature")
    images = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
    expected = [
        feature.hog(
            image,
            pixels_per_cell=(cell, cell),
            cells_per_block=(2, 2),
            block_norm="L2-Hys",
            channel_axis=-1 if image.ndim == 3 else None,
        )
        for image in images.astype(float)
    ]
    np.testing.assert_allclose(hog(images, cell=cell), expected, atol=1e-5)


def test_an_edge_is_found_where_it_runs():
    image = np.zeros((1, 16, 16))
    image[:, :, 8:] = 1
    (row,) = hog(image).reshape(4, 9)[np.newaxis]
    assert (row[:, 0] > 0.2).all(), "an edge from top to bottom: the light rises to the right"
    assert not row[:, 1:].any()


def test_light_and_contrast_hardly_matter(rng):
    image = rng.random((2, 16, 16))
    np.testing.assert_allclose(hog(image * 100 + 50), hog(image * 200), rtol=1e-4)
    assert not hog(np.ones((1, 16, 16))).any()


def test_a_picture_too_small_is_refused():
    with pytest.raises(ValueError, match=r"pictures of 15 x 20 pixels have fewer than 2 x 2 cells of 8 pixels"):
        hog(np.zeros((1, 15, 20)))
