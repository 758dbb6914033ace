"""Color spaces beside OpenCV (whole numbers, to the last bit) and scikit-image (floating point)."""

import colorsys

import numpy as np
import pytest

from upslope.image import color_spaces


@pytest.mark.parametrize("name", ["astronaut", "coffee", "noise"])
def test_grey_and_chroma_are_opencvs_to_the_last_bit(name, peers):
    cv2 = pytest.importorskip("cv2")
    picture = peers.color(name)
    assert np.array_equal(color_spaces.grey(picture), cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    ours, theirs = color_spaces.rgb_to_ycbcr(picture), cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    assert np.array_equal(ours[..., [0, 2, 1]], theirs)
    assert np.array_equal(color_spaces.ycbcr_to_rgb(ours), cv2.cvtColor(theirs, cv2.COLOR_YCrCb2RGB))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "noise"])
def test_hue_and_lab_are_scikit_images(name, peers):
    peer = pytest.importorskip("skimage.color")
    picture = peers.color(name) / 255
    hsv, lab = color_spaces.rgb_to_hsv(picture), color_spaces.rgb_to_lab(picture)
    assert np.allclose(hsv, peer.rgb2hsv(picture), atol=1e-12)
    assert np.allclose(lab, peer.rgb2lab(picture), atol=2e-3)
    assert np.allclose(color_spaces.lab_to_rgb(lab), picture, atol=1e-5)
    assert np.allclose(color_spaces.hsv_to_rgb(hsv), picture)


def test_hue_is_that_of_the_standard_library():
    rng = np.random.default_rng(0)
    picture = np.concatenate([rng.random((200, 3)), np.eye(3), 1 - np.eye(3), np.zeros((1, 3)), np.ones((1, 3))])
    assert np.allclose(color_spaces.rgb_to_hsv(picture), [colorsys.rgb_to_hsv(*pixel) for pixel in picture])
    hsv = rng.random((200, 3))
    assert np.allclose(color_spaces.hsv_to_rgb(hsv), [colorsys.hsv_to_rgb(*pixel) for pixel in hsv])


def test_grey_pictures_are_refused():
    for convert in (color_spaces.grey, color_spaces.rgb_to_ycbcr, color_spaces.rgb_to_hsv, color_spaces.rgb_to_lab):
        with pytest.raises(ValueError, match=r"three channels last, \(\.\.\., 3\), not shape \(4, 5\)"):
            convert(np.zeros((4, 5), dtype=np.uint8))
