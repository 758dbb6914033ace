"""RANSAC: a model found among data of which many are plainly wrong, by guessing from as few as possible.

M. Fischler, R. Bolles, "Random Sample Consensus: A Paradigm for Model Fitting with Applications to Image Analysis and
Automated Cartography", 1981, https://doi.org/10.1145/358669.358692.

Four pairs of points make a homography. If they are all right, others agree with it; if one is wrong, hardly any do.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.image.homography import Matrix, homography, project, refined

Points = NDArray[np.floating[Any]]
ROUNDS = 3  # of choosing the pairs that agree and fitting again


def ransac(
    source: Points,
    target: Points,
    *,
    threshold: float,
    rng: np.random.Generator,
    confidence: float = 0.999,
    most: int = 2000,
) -> NDArray[np.bool_]:
    """Which pairs of points, (N, 2) and (N, 2), agree on one homography: (N,) of True and False.

    Four different pairs are drawn with rng, their homography is computed, and a pair agrees with it if the distance of
    the projected source point from its target is at most `threshold` pixels. The largest set of pairs that agree
    counts. Draws go on until, if a share w of the pairs is right, all-right samples were drawn with the confidence:
    log(1 - confidence) / log(1 - w**4) draws, with w the largest share found so far, and `most` draws at the most.
    With fewer than four pairs none agrees. If (0, 0), (40, 0), (40, 40), (0, 40) and (20, 90) each move by (5, 5), and
    a sixth, (90, 20), by (60, 0), then with threshold=1 the result is [True, True, True, True, True, False]. Fischler
    and Bolles 1981.
    """
    count = len(source)
    best = np.zeros(count, dtype=bool)
    if count < 4:
        return best
    needed = float("inf")
    with np.errstate(all="ignore"):
        for drawn in range(most):
            if drawn >= needed:
                break
            # As few pairs as make a homography: the fewer, the likelier that all are right.
            sample = rng.choice(count, size=4, replace=False)
            matrix = homography(source[sample], target[sample])
            # How far each pair is from it; what cannot be projected is infinitely far.
            apart = np.sqrt(((project(matrix, source) - target) ** 2).sum(axis=1))
            agree = apart <= threshold
            if agree.sum() > best.sum():
                best = agree
                # The more agree, the fewer draws are needed to have met a sample without a wrong pair.
                needed = np.log(1 - confidence) / np.log1p(-((agree.sum() / count) ** 4))
    return best


def find_homography(
    source: Points, target: Points, *, threshold: float = 3.0, rng: np.random.Generator
) -> tuple[Matrix | None, NDArray[np.bool_]]:
    """The homography that most pairs (N, 2), (N, 2) agree on, and which these are; None where there is none.

    What RANSAC chose is fitted by the DLT, the pairs that agree with that are chosen once more, and at the end the
    error in pixels is made least.
    """
    agree = ransac(source, target, threshold=threshold, rng=rng)
    matrix: Matrix | None = None
    for _ in range(ROUNDS):
        if agree.sum() < 4:
            return None, agree
        with np.errstate(all="ignore"):
            matrix = homography(source[agree], target[agree])
        if not np.isfinite(matrix).all():  # of points on one line no homography can be told
            return None, np.zeros_like(agree)
        matrix = refined(matrix, source[agree], target[agree])
        apart = np.sqrt(((project(matrix, source) - target) ** 2).sum(axis=1))
        again = np.asarray(apart <= threshold)
        if np.array_equal(again, agree):
            break
        agree = again
    return matrix, agree
