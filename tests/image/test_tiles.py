"""Tiles of large pictures, and masks as run lengths, against a network that is asked whole and against pycocotools."""

import numpy as np
import pytest
from scipy import ndimage

from upslope.image.run_lengths import decode, encode
from upslope.image.tiles import tile_and_blend


def test_what_a_convolution_says_inside_is_what_it_says_of_the_whole():
    """A filter that sees 4 pixels far: with an overlap of four times that, seams are less than a thousandth."""
    rng = np.random.default_rng(0)
    picture = rng.random((1, 150, 200)).astype(np.float32)

    def forward(x):
        return np.stack([ndimage.gaussian_filter(each[0], 1.0, truncate=4, mode="constant")[None] for each in x])

    whole = forward(picture[None])[0]
    tiled = tile_and_blend(picture, forward, tile=(64, 64), overlap=16)
    inside = np.s_[:, 8:-8, 8:-8]
    hard = np.abs(forward(picture[None, :, :64, :64])[0][0, 60:, 8:56] - whole[0, 60:64, 8:56]).max()
    soft = np.abs(tiled - whole)[inside].max()
    assert soft < 0.12 * hard, "what the border of a tile says hardly counts"
    assert np.abs(tiled - whole)[inside].mean() < 1e-3


def test_run_lengths_come_back(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for size in ((1, 1), (7, 5), (40, 30)):
            for share in (0.0, 0.1, 0.5, 1.0):
                mask = rng.random(size) < share
                runs = encode(mask)
                assert sum(runs["counts"]) == mask.size
                assert np.array_equal(decode(runs), mask)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_run_lengths_are_cocos():
    coco = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(3)
    for share in (0.02, 0.4, 0.98):
        mask = rng.random((33, 21)) < share
        runs = encode(mask)
        packed = coco.frPyObjects({"size": runs["size"], "counts": runs["counts"]}, 33, 21)
        assert np.array_equal(coco.decode(packed).astype(bool), mask)
        assert coco.area(packed) == mask.sum()


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="sum to 5, and the mask has 2 x 3 pixels"):
        decode({"size": [2, 3], "counts": [2, 3]})
