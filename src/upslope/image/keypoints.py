"""Keypoints and their descriptors: our own, by Harris and BRIEF, and two of OpenCV's.

D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", 2004,
https://doi.org/10.1023/B:VISI.0000029664.99615.94, SIFT: blobs at any scale, described by the directions of slopes. E.
Rublee, V. Rabaud, K. Konolige, G. Bradski, "ORB: An Efficient Alternative to SIFT or SURF", 2011,
https://doi.org/10.1109/ICCV.2011.6126544: FAST corners and BRIEF bits that turn with the image. Both need OpenCV.

All take a picture of bytes, grey (H, W) or in color (H, W, 3). Our own know one scale and one direction, and so are for
pictures that hardly turn and zoom.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.image.brief import brief, brief_pairs
from upslope.image.color_spaces import grey
from upslope.image.gaussian import gaussian_blur
from upslope.image.harris import harris, peaks
from upslope.image.matching import one_to_one, ratio_matches
from upslope.runs.errors import Problem

MOST = 2000  # keypoints of a picture
FAINT = 0.01  # SIFT's threshold of contrast: at OpenCV's 0.04 pictures of few edges have too few keypoints
Bytes = NDArray[np.uint8]


class OpenCVMissing(Problem):
    """What is asked for needs OpenCV, which is not installed."""


@dataclass(frozen=True)
class Keypoints:
    """Places in a picture that can be found again, and what lies around each."""

    points: NDArray[np.float64]  # (N, 2), x and y in pixels
    descriptors: NDArray[Any]  # (N, D) of floats, or of True and False


def sift(picture: Bytes, *, most: int = MOST) -> Keypoints:
    """SIFT, by OpenCV."""
    return _of_opencv(opencv().SIFT_create(nfeatures=most, contrastThreshold=FAINT), picture, bits=False)


def orb(picture: Bytes, *, most: int = MOST) -> Keypoints:
    """ORB, by OpenCV."""
    return _of_opencv(opencv().ORB_create(nfeatures=most), picture, bits=True)


def harris_brief(picture: Bytes, *, most: int = MOST) -> Keypoints:
    """Harris corners with BRIEF descriptors, all our own."""
    image = (grey(picture) if picture.ndim == 3 else picture) / 255
    corners = peaks(harris(image, sigma=1.5), count=most, apart=3, border=16)
    descriptors, kept = brief(gaussian_blur(image, sigma=2.0, radius=6), corners, brief_pairs())
    return Keypoints(corners[kept], descriptors)


def matched(first: Keypoints, second: Keypoints) -> NDArray[np.intp]:
    """Pairs (K, 2) of rows that pass the ratio test, each row of both at most once."""
    pairs = ratio_matches(first.descriptors, second.descriptors)
    return one_to_one(pairs, first.descriptors, second.descriptors)


def opencv_homography(
    source: NDArray[np.float64], target: NDArray[np.float64], *, threshold: float
) -> NDArray[np.float64] | None:
    """What OpenCV's findHomography makes of pairs of points (N, 2), by its own RANSAC: a peer to compare with."""
    if len(source) < 4:
        return None
    cv2 = opencv()
    matrix: NDArray[np.float64] | None = cv2.findHomography(source, target, cv2.RANSAC, threshold)[0]
    return matrix


def opencv() -> Any:
    """OpenCV's module; OpenCVMissing where it is not installed."""
    try:
        import cv2
    except ImportError:
        raise OpenCVMissing("this needs OpenCV, which is not installed: pip install 'upslope[vision]'") from None
    return cv2


def _of_opencv(detector: Any, picture: Bytes, *, bits: bool) -> Keypoints:
    levels = np.ascontiguousarray(grey(picture) if picture.ndim == 3 else picture)
    found, descriptors = detector.detectAndCompute(levels, None)
    points = np.array([point.pt for point in found], dtype=np.float64).reshape(-1, 2)
    if descriptors is None:
        descriptors = np.empty((0, 32 if bits else 128), dtype=np.uint8)
    return Keypoints(points, np.unpackbits(descriptors, axis=1).astype(bool) if bits else descriptors)
