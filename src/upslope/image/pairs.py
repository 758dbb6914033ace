"""Pairs of pictures cut from one photograph with a homography that is known, to measure how well others find it.

After D. DeTone, T. Malisiewicz, A. Rabinovich, "Deep Image Homography Estimation", 2016,
https://arxiv.org/abs/1606.03798, section 3, and the corner error of HPatches (Balntas et al. 2017).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from upslope.image.homography import Matrix, homography, project
from upslope.image.read import Picture
from upslope.image.resize import with_longest
from upslope.image.warp import warp_perspective

SHARE = 0.65  # of the photograph's width that each picture has
LARGEST = 640  # pixels
NEVER = 1000.0  # pixels: the error where no homography was found, and the largest


@dataclass(frozen=True)
class Pair:
    """Two pictures (H, W, 3) of bytes, and the homography from the pixels of the first to those of the second."""

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    truth: Matrix

    def corner_error(self, matrix: Matrix | None) -> float:
        """The mean distance of the first picture's corners from where they belong in the second, in pixels."""
        height, width = self.first.shape[:2]
        corners = np.array([[0.0, 0], [width, 0], [width, height], [0, height]])
        if matrix is None:
            return NEVER
        apart = np.linalg.norm(project(matrix, corners) - project(self.truth, corners), axis=1).mean()
        return float(min(apart, NEVER)) if np.isfinite(apart) else NEVER


def cut_pair(photograph: Picture, *, perspective: float, noise: float, rng: np.random.Generator) -> Pair:
    """The left part of a photograph (H, W, 3) in [0, 1], and its right part seen in perspective.

    Of a photograph with more than LARGEST pixels on its longer side a smaller copy is cut.
    Each of the right part's corners moves by up to `perspective` times the picture's sides. Both pictures have their
    own light, 0.8 to 1.2 times the photograph's, and normal noise of `noise` times white.
    """
    photograph = with_longest(photograph, LARGEST) if max(photograph.shape) > LARGEST else photograph
    height, width = photograph.shape[0], round(SHARE * photograph.shape[1])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    moved = corners + perspective * rng.uniform(-1, 1, (4, 2)) * [width, height]
    truth = homography(corners + np.array([photograph.shape[1] - width, 0]), moved)
    pair = photograph[:, :width], warp_perspective(photograph, truth, height, width)
    lit = [each * rng.uniform(0.8, 1.2) + noise * rng.normal(size=each.shape) for each in pair]
    first, second = (np.rint(255 * np.clip(each, 0, 1)).astype(np.uint8) for each in lit)
    return Pair(first, second, truth)
