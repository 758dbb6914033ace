"""Filters beside OpenCV: exact where they are defined in whole numbers, one grey level elsewhere."""

import numpy as np
import pytest
from scipy import ndimage

from upslope.image import morphology
from upslope.image.adaptive_threshold import adaptive_threshold, box_mean
from upslope.image.bilateral import bilateral_filter
from upslope.image.clahe import clahe
from upslope.image.equalize import equalize
from upslope.image.gaussian import gaussian_blur, gaussian_kernel
from upslope.image.median import median_filter


@pytest.fixture
def cv2():
    return pytest.importorskip("cv2")


@pytest.fixture(params=["camera", "coins", "page", "noise"])
def image(request, peers):
    return peers.grey(request.param)


def test_equalized_is_opencvs(cv2, image):
    assert np.array_equal(equalize(image), cv2.equalizeHist(image))
    dark = image // 9 + 40
    assert np.array_equal(equalize(dark), cv2.equalizeHist(dark))


@pytest.mark.parametrize(("limit", "tiles"), [(2.0, (8, 8)), (4.0, (5, 7)), (40.0, (2, 3))])
def test_clahe_is_opencvs(cv2, image, limit, tiles, peers):
    assert (
        peers.levels_apart(clahe(image, limit=limit, tiles=tiles), cv2.createCLAHE(limit, tiles[::-1]).apply(image))
        <= 1
    )


@pytest.mark.parametrize(("sigma", "radius"), [(0.5, 1), (1.0, 4), (2.3, 5)])
def test_gaussian_is_opencvs_and_scipys(cv2, image, sigma, radius, peers):
    ours = gaussian_blur(image.astype(np.float64), sigma=sigma, radius=radius)
    assert peers.levels_apart(np.rint(ours), cv2.GaussianBlur(image, (2 * radius + 1,) * 2, sigma)) <= 1
    theirs = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode="mirror", radius=radius)
    assert np.allclose(ours, theirs)
    assert np.allclose(gaussian_kernel(sigma, radius), cv2.getGaussianKernel(2 * radius + 1, sigma).ravel())


@pytest.mark.parametrize("size", [1, 3, 5, 7, 15])
def test_median_is_opencvs(cv2, image, size):
    assert np.array_equal(median_filter(image, size), cv2.medianBlur(image, size))


def test_median_of_floats_is_scipys():
    image = np.random.default_rng(0).normal(size=(23, 31))
    assert np.array_equal(median_filter(image, 7), ndimage.median_filter(image, 7, mode="nearest"))


@pytest.mark.parametrize(("radius", "color_sigma", "space"), [(3, 30.0, 3.0), (5, 8.0, 2.0)])
def test_bilateral_is_opencvs(cv2, image, radius, color_sigma, space, peers):
    ours = bilateral_filter(image, radius=radius, sigma_color=color_sigma, sigma_space=space)
    assert peers.levels_apart(ours, cv2.bilateralFilter(image, 2 * radius + 1, color_sigma, space)) <= 1


def test_bilateral_of_colors_is_opencvs(cv2, peers):
    picture = peers.color("coffee")[:150, :200]
    ours = bilateral_filter(picture, radius=4, sigma_color=40, sigma_space=3)
    assert peers.levels_apart(ours, cv2.bilateralFilter(picture, 9, 40, 3)) <= 1


@pytest.mark.parametrize(("size", "offset"), [(3, 0), (11, 2), (51, -7)])
def test_adaptive_threshold_is_opencvs(cv2, image, size, offset):
    theirs = cv2.adaptiveThreshold(image, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, size, offset)
    assert np.array_equal(adaptive_threshold(image, size=size, offset=offset), theirs == 1)
    assert np.array_equal(box_mean(image, size), cv2.blur(image, (size, size), borderType=cv2.BORDER_REPLICATE))


OPERATIONS = {
    "erode": "MORPH_ERODE",
    "dilate": "MORPH_DILATE",
    "opening": "MORPH_OPEN",
    "closing": "MORPH_CLOSE",
    "gradient": "MORPH_GRADIENT",
    "top_hat": "MORPH_TOPHAT",
    "black_hat": "MORPH_BLACKHAT",
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_morphology_is_opencvs(cv2, image, name):
    for footprint in ((3, 3), (15, 7), (1, 9), morphology.disk(4)):
        kernel = np.ones(footprint) if isinstance(footprint, tuple) else footprint
        theirs = cv2.morphologyEx(image, getattr(cv2, OPERATIONS[name]), kernel.astype(np.uint8))
        assert np.array_equal(getattr(morphology, name)(image, footprint), theirs)


def test_morphology_with_any_footprint_is_scipys():
    """OpenCV does not turn the footprint for the second half of an opening, so its opening is none."""
    rng = np.random.default_rng(1)
    image, footprint = rng.normal(size=(40, 50)), rng.random((5, 7)) < 0.4
    footprint[2, 3] = True
    inner = np.s_[6:-6, 6:-6]  # SciPy has another border
    for ours, theirs in (
        (morphology.erode, ndimage.grey_erosion),
        (morphology.dilate, ndimage.grey_dilation),
        (morphology.opening, ndimage.grey_opening),
        (morphology.closing, ndimage.grey_closing),
    ):
        assert np.array_equal(ours(image, footprint)[inner], theirs(image, footprint=footprint)[inner])
    mask = image > 0.3
    assert np.array_equal(morphology.erode(mask, footprint), ndimage.binary_erosion(mask, footprint, border_value=1))
    assert np.array_equal(morphology.dilate(mask, footprint), ndimage.binary_dilation(mask, footprint))
    opened = morphology.opening(mask, footprint)
    assert np.array_equal(morphology.opening(opened, footprint), opened), "twice is once"
    assert np.array_equal(morphology.top_hat(mask, footprint), mask & ~opened)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda image: median_filter(image, 4), "odd, so that there is a middle: got 4"),
        (lambda image: box_mean(image, 2), "odd, so that it has a middle: got 2"),
        (lambda image: box_mean(image / 255, 3), "of uint8, not float64"),
        (lambda image: clahe(image, tiles=(0, 8)), r"at least one tile and a limit .* got \(0, 8\)"),
        (lambda image: clahe(image[..., np.newaxis]), r"not uint8 of shape \(9, 12, 1\)"),
        (lambda image: morphology.erode(image, (2, 3)), r"odd sides, got image \(9, 12\), footprint \(2, 3\)"),
        (lambda image: bilateral_filter(image, radius=0, sigma_color=1, sigma_space=1), "radius of at least 1"),
        (lambda image: gaussian_kernel(0, 3), "sigma > 0 and radius >= 0, got sigma=0"),
    ],
)
def test_what_cannot_be_is_said(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(np.zeros((9, 12), dtype=np.uint8))
