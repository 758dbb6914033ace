"""Eigenfaces beside scikit-learn's PCA."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from upslope.data.olivetti import toy
from upslope.image.eigenfaces import eigenfaces, in_face_space, whitened


@pytest.fixture(scope="module")
def pictures():
    return toy(rng=np.random.default_rng(0), count=80)["image"][:, ::4, ::4].reshape(80, -1).astype(np.float64)


def test_axes_and_coordinates_are_scikit_learns(pictures):
    mean, axes = eigenfaces(pictures, count=20)
    theirs = PCA(20, svd_solver="full").fit(pictures)
    np.testing.assert_allclose(mean, theirs.mean_, atol=1e-12)
    np.testing.assert_allclose(axes, theirs.components_, atol=1e-8)
    coordinates = in_face_space(pictures, mean, axes)
    np.testing.assert_allclose(coordinates, theirs.transform(pictures), atol=1e-8)
    white = PCA(20, svd_solver="full", whiten=True).fit_transform(pictures)
    np.testing.assert_allclose(whitened(coordinates, of=coordinates), white * np.sqrt(80 / 79), atol=1e-6)


def test_all_axes_rebuild_the_pictures(pictures):
    mean, axes = eigenfaces(pictures[:10], count=9)
    np.testing.assert_allclose(mean + in_face_space(pictures[:10], mean, axes) @ axes, pictures[:10], atol=1e-10)
    with pytest.raises(ValueError, match=r"^count=10 is not from 1 to 9, the axes of 10 pictures of 256 pixels$"):
        eigenfaces(pictures[:10], count=10)
