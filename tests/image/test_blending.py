"""Exposure, pyramids and pairs: what they take apart they put together again."""

import numpy as np
import pytest

from upslope.image.exposure import gains
from upslope.image.pairs import NEVER, cut_pair
from upslope.image.pyramid import Blend, collapsed, expanded, laplacian_pyramid, reduced


@pytest.mark.parametrize("shape", [(64, 96, 3), (37, 51, 3), (64, 64, 1)])
def test_a_laplacian_pyramid_collapses_to_its_picture(shape):
    picture = np.random.default_rng(0).random(shape, dtype=np.float32)
    assert np.allclose(collapsed(laplacian_pyramid(picture, 4)), picture, atol=1e-5)


def test_pyramids_are_opencvs():
    cv2 = pytest.importorskip("cv2")
    picture = np.random.default_rng(1).random((60, 84, 3), dtype=np.float32)
    assert np.allclose(reduced(picture), cv2.pyrDown(picture), atol=1e-5)
    inner = np.s_[4:-4, 4:-4]
    assert np.allclose(expanded(picture, 120, 168)[inner], cv2.pyrUp(picture)[inner], atol=1e-5)


def test_even_pictures_blend_without_a_step():
    blend = Blend(64, 200)
    for left, right, level in ((0, 100, 0.4), (100, 200, 0.6)):
        box = blend.box(left, 0, right, 64)
        mask = np.zeros((box[1] - box[0], box[3] - box[2]))
        mask[:, left - box[2] : right - box[2]] = 1
        blend.put(np.full((*mask.shape, 3), level, dtype=np.float32), mask, box)
    row = blend.picture()[32, :, 0]
    assert row[0] == pytest.approx(0.4, abs=0.01)
    assert row[-1] == pytest.approx(0.6, abs=0.01)
    assert np.diff(row).max() < 0.01, "the step is spread over many pixels"


def test_gains_make_overlaps_equally_bright():
    """Three pictures in a row, the middle one at half of the light."""
    brightness = np.array([[0.0, 0.4, 0.0], [0.3, 0.0, 0.3], [0.0, 0.4, 0.0]])
    overlap = np.array([[9.0, 50, 0], [50, 9, 50], [0, 50, 9]])
    found = gains(brightness, overlap)
    assert found[0] == pytest.approx(found[2])
    assert found[0] < 1 < found[1]
    assert abs(found[0] * 0.4 - found[1] * 0.3) < 0.3 * abs(0.4 - 0.3)
    assert gains(brightness[:1, :1], overlap[:1, :1]).tolist() == [1.0]


def test_the_truth_of_a_pair_has_no_error(peers):
    pair = cut_pair(peers.color("coffee") / np.float32(255), perspective=0.05, noise=0.0, rng=np.random.default_rng(2))
    assert pair.first.shape == pair.second.shape == (400, 390, 3)
    assert pair.corner_error(pair.truth) < 1e-9
    moved = np.array([[1.0, 0, 3], [0, 1, 4], [0, 0, 1]]) @ pair.truth
    assert pair.corner_error(moved) == pytest.approx(5.0)
    assert pair.corner_error(None) == NEVER
    assert pair.corner_error(np.full((3, 3), np.nan)) == NEVER
