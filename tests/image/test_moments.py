"""Ink and slant beside scikit-image's moments, and beside pictures whose slant is known."""

import numpy as np
import pytest

from upslope.image.moments import ink, slant


def test_as_scikit_image_has_them():
    peer = pytest.importorskip("skimage.measure")
    pictures = np.random.default_rng(0).random((5, 20, 14))
    for picture, some, leans in zip(pictures, ink(pictures), slant(pictures), strict=True):
        central = peer.moments_central(picture, order=2)
        assert some == pytest.approx(peer.moments(picture)[0, 0])
        assert leans == pytest.approx(-central[1, 1] / central[2, 0])


@pytest.mark.parametrize("lean", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_a_stroke_leans_as_it_was_drawn(lean):
    up = np.arange(15)
    picture = np.zeros((15, 31))
    picture[14 - up, np.rint(15 + lean * (up - 7)).astype(int)] = 1
    assert slant(picture) == pytest.approx(lean, abs=0.05)
    assert slant(3 * picture) == pytest.approx(slant(picture))


def test_nothing_and_a_single_row_do_not_lean():
    row = np.zeros((5, 5), dtype=np.float32)
    assert slant(row) == ink(row) == 0
    row[2] = 1
    assert slant(row) == 0
