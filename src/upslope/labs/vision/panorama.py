"""Finding how two photographs fit together: SIFT, and our own ratio test, direct linear transform and RANSAC.

M. Brown, D. Lowe, "Automatic Panoramic Image Stitching using Invariant Features", 2007,
https://doi.org/10.1007/s11263-006-0002-3, section 2 and 3.

Claim: of 30 pairs cut from ten photographs, with a homography that is known, at least 85 % are found to within one
pixel at the corners, and the median error is at most 1.1 times that of OpenCV's findHomography from the same matches.

- Each picture has 65 % of the width; the second one is seen in perspective, both in their own light and with noise.
- The error is the mean distance of the first picture's four corners from where they truly lie in the second one.
- Beside it: ORB, and our own Harris corners with BRIEF descriptors.

Without RANSAC (`fit=dlt`), from all matches at once, no pair is found. Left out: cameras, lens distortion.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from upslope.cards import Ablation, Expect, LabCard, Metric, discover
from upslope.image import keypoints
from upslope.image.homography import homography
from upslope.image.pairs import cut_pair
from upslope.image.ransac import find_homography
from upslope.runs import figures
from upslope.runs.config import LabConfig
from upslope.runs.reports import registration
from upslope.runs.run import Run

Matrix = NDArray[np.float64]
KINDS = {"sift": keypoints.sift, "orb": keypoints.orb, "harris": keypoints.harris_brief}


class Config(LabConfig):
    """Settings of this lab."""

    data: Literal["photographs", "toy"] = Field("photographs", description="what is cut; toy is generated")
    pairs: int = Field(30, ge=1, le=1000, description="pairs that are cut")
    fit: Literal["ransac", "dlt"] = Field("ransac", description="dlt: from all matches at once")
    threshold: float = Field(2.0, gt=0, le=50, description="pixels within which a match agrees")
    perspective: float = Field(0.06, ge=0, le=0.2, description="how far corners move, in parts of the picture's size")
    noise: float = Field(0.01, ge=0, le=0.2, description="deviation of a pixel's noise, in parts of white")


def run(config: Config, run: Run[Config]) -> None:
    """Cut a pair, find it in four ways, compare with the truth; once more for each pair."""
    photographs, rng = load(config), np.random.default_rng(config.seed)
    run.register(rng=rng)
    for step in run.steps(config.pairs):
        photograph = photographs[step % len(photographs)]
        pair = cut_pair(photograph, perspective=config.perspective, noise=config.noise, rng=rng)
        errors = {}
        for way, kind in KINDS.items():
            a, b = kind(pair.first), kind(pair.second)
            matches = keypoints.matched(a, b)
            source, target = a.points[matches[:, 0]], b.points[matches[:, 1]]
            errors[way] = pair.corner_error(fitted(source, target, config, rng=rng))
            if way == "sift":
                peer = keypoints.opencv_homography(source, target, threshold=config.threshold)
                errors["opencv"] = pair.corner_error(peer)
        found = sum(row["sift"] <= 1 for row in [*run.logged(), errors])
        run.log(step, registered=found, **errors)

    table = {way: np.array([row[way] for row in run.logged()]) for way in (*KINDS, "opencv")}
    run.picture("curves", figures.curves(run.logged(), {"pairs found to a pixel": ["registered"]}))
    run.picture("errors", registration.cumulative(table), "Pairs found at least so well, by each way.")
    pair = cut_pair(photographs[0], perspective=config.perspective, noise=config.noise, rng=rng)
    shown = registration.side_by_side(pair.first, pair.second, pair.truth)
    run.picture("pair", shown, "Where the first picture lies in the second.")
    run.save_model({way: values.astype(np.float32) for way, values in table.items()})
    medians = {f"{way}_median": float(np.median(values)) for way, values in table.items()}
    within = {f"{way}_within": float((values <= 1).mean()) for way, values in table.items()}
    run.finish({**within, **medians, "over_opencv": medians["sift_median"] / max(medians["opencv_median"], 1e-9)})


def load(config: Config) -> list[NDArray[np.float32]]:
    """The ten photographs, or ten generated scenes: each (H, W, 3) in [0, 1]."""
    sets = [discover("data")[name].load() for name in ("skimage_photos", "style_images")]
    if config.data == "toy":
        return list(sets[0].toy(rng=np.random.default_rng(config.seed), count=10)["image"])
    return [row["image"] for module in sets for row in module.load() if row.get("kind", 0) == 0]


def fitted(source: Matrix, target: Matrix, config: Config, *, rng: np.random.Generator) -> Matrix | None:
    """The homography from matches; None where there is none."""
    if config.fit == "dlt":
        return homography(source, target) if len(source) > 3 else None
    return find_homography(source, target, threshold=config.threshold, rng=rng)[0]


REAL = {"data": "photographs"}
CARD = LabCard(
    name="panorama",
    title="How two photographs fit together",
    paper="Brown and Lowe 2007",
    claim=(
        "of 30 pairs cut from ten photographs, with a homography that is known, at least 85 % are found to within one "
        "pixel at the corners, and the median error is at most 1.1 times that of OpenCV's findHomography from the same "
        "matches"
    ),
    domain="vision",
    seconds={"smoke": 8, "laptop": 60, "full": 300},
    data=("skimage_photos", "style_images"),
    expect=(
        Expect(metric="sift_within", at_least=0.85, when=REAL, ablations={"without RANSAC": 0.0}),
        Expect(metric="over_opencv", at_most=1.1, when=REAL, ablations={"without RANSAC": 1840.67}),
    ),
    presets={"smoke": {"data": "toy", "pairs": 16}, "laptop": {}, "full": {"pairs": 200}},
    metrics={
        "sift_within": Metric(unit="%", chance=0.0),
        "over_opencv": Metric(unit="times", higher_is_better=False),
        "registered": Metric(unit="pairs"),
        "opencv_within": Metric(unit="%"),
        "orb_within": Metric(unit="%"),
        "harris_within": Metric(unit="%"),
        "sift_median": Metric(unit="px", higher_is_better=False),
        "opencv_median": Metric(unit="px", higher_is_better=False),
        "orb_median": Metric(unit="px", higher_is_better=False),
        "harris_median": Metric(unit="px", higher_is_better=False),
    },
    ablations=(Ablation(name="without RANSAC", settings={"fit": "dlt"}),),
    seeds=3,
)
