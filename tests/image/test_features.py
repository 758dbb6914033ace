"""Edges, corners and descriptors beside OpenCV and scikit-image."""

import numpy as np
import pytest

from upslope.image.brief import brief, brief_pairs
from upslope.image.canny import canny, hysteresis, thin
from upslope.image.fast import fast, fast_score
from upslope.image.gaussian import gaussian_blur
from upslope.image.harris import harris, peaks
from upslope.image.matching import distances, one_to_one, ratio_matches
from upslope.image.sobel import sobel


@pytest.fixture
def cv2():
    return pytest.importorskip("cv2")


@pytest.fixture(params=["camera", "coins", "page", "noise"])
def image(request, peers):
    return peers.grey(request.param)


def test_sobel_is_opencvs(cv2, image):
    dx, dy = sobel(image)
    assert np.array_equal(dx, cv2.Sobel(image, cv2.CV_16S, 1, 0))
    assert np.array_equal(dy, cv2.Sobel(image, cv2.CV_16S, 0, 1))


@pytest.mark.parametrize(("low", "high"), [(50, 100), (100, 200), (30, 250)])
def test_canny_is_opencvs(cv2, image, low, high):
    ours, theirs = canny(image, low=low, high=high), cv2.Canny(image, low, high) > 0
    assert theirs.any()
    assert (ours & theirs).sum() >= 0.99 * (ours | theirs).sum()


def test_thinned_edges_of_a_slope_are_one_pixel_wide():
    step = np.zeros((20, 30))
    step[:, 12:] = 1
    size = thin(*sobel(gaussian_blur(step, sigma=2, radius=6)))
    assert ((size > 0).sum(axis=1) == 1).all()


def test_hysteresis_keeps_what_hangs_together_with_something_strong():
    size = np.array([[0, 2, 0, 0, 2], [0, 0, 2, 0, 2], [9, 0, 0, 9, 0], [0, 0, 0, 0, 0], [2, 2, 0, 0, 0]])
    kept = [[0, 1, 0, 0, 1], [0, 0, 1, 0, 1], [1, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert hysteresis(size, low=1, high=5).astype(int).tolist() == kept
    assert not hysteresis(size, low=20, high=20).any()
    with pytest.raises(ValueError, match="0 <= low <= high: got low=5 and high=2"):
        hysteresis(size, low=5, high=2)


def test_harris_is_opencvs_steps_and_scikit_images(cv2, image):
    ours = harris(image.astype(np.float64), sigma=1.5)
    dx, dy = (cv2.Sobel(image, cv2.CV_64F, *order) for order in ((1, 0), (0, 1)))
    a, b, c = (cv2.GaussianBlur(each, (13, 13), 1.5) for each in (dx * dx, dx * dy, dy * dy))
    theirs = a * c - b * b - 0.04 * (a + c) ** 2
    assert np.allclose(ours, theirs, atol=1e-9 * np.abs(theirs).max())
    feature = pytest.importorskip("skimage.feature")
    inner = np.s_[10:-10, 10:-10]  # scikit-image has another border, and divides the slopes by 8
    peer = feature.corner_harris(image.astype(np.float64), k=0.04, sigma=1.5)[inner]
    scale = (peer * ours[inner]).sum() / (peer * peer).sum()
    assert np.allclose(ours[inner], scale * peer, atol=1e-9 * np.abs(ours).max())


def test_peaks_are_the_highest_and_apart():
    rng = np.random.default_rng(0)
    response = gaussian_blur(rng.random((60, 80)), sigma=1.5, radius=6)
    places = peaks(response, count=20, apart=4, border=5)
    assert places.shape == (20, 2)
    heights = [response[row, column] for column, row in np.rint(places).astype(int)]
    assert heights == sorted(heights, reverse=True)
    gaps = np.abs(places[:, np.newaxis] - places).max(axis=2) + 100 * np.eye(20)
    assert gaps.min() > 3, "none lies within the window of another"
    x, y = np.meshgrid(np.arange(30), np.arange(20))
    hill = 9 - (x - 12.3) ** 2 / 20 - (y - 7.8) ** 2 / 20
    assert np.allclose(peaks(hill, count=1), [[12.3, 7.8]])


@pytest.mark.parametrize("suppress", [True, False])
def test_fast_corners_are_opencvs(cv2, image, suppress):
    ours = fast(image, threshold=20, suppress=suppress)
    theirs = [point.pt for point in cv2.FastFeatureDetector_create(20, suppress).detect(image)]
    assert len(ours) > 100
    assert {tuple(map(float, point)) for point in ours} == set(theirs)


def test_nothing_is_a_corner_of_a_tiny_picture():
    assert fast(np.zeros((6, 40), dtype=np.uint8), threshold=1).shape == (0, 2)
    with pytest.raises(ValueError, match="of uint8, not float64"):
        fast_score(np.zeros((9, 9)))


def test_bits_are_scikit_images_with_its_pairs(image):
    feature = pytest.importorskip("skimage.feature")
    smooth = gaussian_blur(image / 255, sigma=1.0, radius=4)
    points = np.argwhere(np.random.default_rng(2).random(image.shape) < 0.01)[:, ::-1]
    peer = feature.BRIEF(descriptor_size=128, patch_size=31, sigma=0, rng=5)
    peer.extract(smooth, points[:, ::-1])
    # As its extract draws them.
    drawn = (31 / 5 * np.random.default_rng(5).standard_normal(128 * 8)).astype(np.intp)
    pairs = drawn[(drawn < 15) & (drawn > -15)][: 128 * 4].reshape(2, 128, 2).swapaxes(0, 1)
    bits, which = brief(smooth, points, pairs)
    theirs = np.full((len(points), 128), False)
    theirs[peer.mask] = peer.descriptors
    both = peer.mask[which]
    assert both.sum() > 5
    assert np.array_equal(bits[both], theirs[which[both]])


def test_bits_survive_light_and_noise():
    rng = np.random.default_rng(3)
    image = gaussian_blur(rng.random((120, 160)), sigma=2, radius=8)
    points, pairs = np.array([[60.0, 50.0], [90.2, 70.4], [5.0, 5.0]]), brief_pairs()
    bits, which = brief(image, points, pairs)
    assert which.tolist() == [0, 1], "the third lies too near the border"
    again, _ = brief(0.5 * image + 0.2 + rng.normal(0, 1e-3, image.shape), points, pairs)
    assert (bits != again).mean() < 0.05
    assert 0.35 < (bits[0] != bits[1]).mean() < 0.65, "unlike patches have half of their bits in common"


@pytest.mark.parametrize("bits", [True, False])
def test_matches_are_opencvs(cv2, bits):
    rng = np.random.default_rng(4)
    first, second = rng.random((60, 64)) < 0.5, rng.random((80, 64)) < 0.5
    second[:30] = first[:30] ^ (rng.random((30, 64)) < 0.1)
    norm = cv2.NORM_HAMMING
    if not bits:
        first, second, norm = first + rng.normal(0, 0.1, first.shape), second.astype(np.float64), cv2.NORM_L2
    pack = (lambda x: np.packbits(x, axis=1)) if bits else (lambda x: x.astype(np.float32))
    found = cv2.BFMatcher(norm).knnMatch(pack(first), pack(second), k=2)
    theirs = [(a.queryIdx, a.trainIdx) for a, b in found if a.distance < 0.8 * b.distance]
    pairs = ratio_matches(first, second, ratio=0.8)
    assert len(pairs) >= 30
    assert list(map(tuple, pairs)) == theirs
    assert np.allclose(distances(first, second)[0, 0], np.abs(first[0] ^ second[0]).sum()) if bits else True


def test_matches_of_few_descriptors_are_none():
    some = np.zeros((5, 8))
    for first, second in ((some[:0], some), (some, some[:0]), (some, some[:1])):
        assert ratio_matches(first, second).shape == (0, 2)


def test_of_those_who_share_a_partner_the_nearest_stays():
    first, second = np.array([[0.0], [0.4], [9.0]]), np.array([[0.3], [8.0], [20.0]])
    pairs = np.array([[0, 0], [1, 0], [2, 1]])
    assert one_to_one(pairs, first, second).tolist() == [[1, 0], [2, 1]]
