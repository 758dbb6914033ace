"""Otsu's threshold beside the definition, tried for every threshold, and beside scikit-image where it is installed."""

import numpy as np
import pytest

from upslope.image.otsu import otsu

SAMPLES = {
    "two groups": lambda rng: np.concatenate([rng.normal(0.2, 0.05, 400), rng.normal(0.8, 0.05, 600)]),
    "a small group": lambda rng: np.concatenate([rng.normal(0.9, 0.02, 2000), rng.normal(0.1, 0.02, 30)]),
    "three groups": lambda rng: np.concatenate([rng.normal(m, 0.03, 300) for m in (0.1, 0.5, 0.9)]),
    "no groups": lambda rng: rng.random(1000),
    "negative": lambda rng: rng.normal(-5, 1, 500),
    "two values": lambda rng: np.array([0.0, 1.0, 1.0]),
}


@pytest.fixture(params=SAMPLES)
def values(request):
    return SAMPLES[request.param](np.random.default_rng(4)).astype(np.float32)


def within(values, threshold):
    """The variance that is left within the two groups, weighted by their sizes."""
    return sum(
        len(group) * group.var() for group in (values[values <= threshold], values[values > threshold]) if len(group)
    )


def test_no_threshold_leaves_less_variance_within(values):
    """Tried for every edge of the bins."""
    best = min(within(values.astype(np.float64), edge) for edge in np.histogram_bin_edges(values, bins=128)[1:-1])
    assert within(values.astype(np.float64), otsu(values)) == pytest.approx(best, rel=1e-3)


def test_the_same_as_scikit_image(values):
    """Which gives the middle of the last bin below, not its edge."""
    filters = pytest.importorskip("skimage.filters")
    bins = float(np.ptp(values)) / 128
    assert otsu(values) == pytest.approx(filters.threshold_otsu(values, nbins=128) + bins / 2, abs=bins / 100)


def test_it_lies_between_the_groups():
    levels = np.concatenate([np.full(50, 0.2), np.full(50, 0.7)])
    assert 0.2 <= otsu(levels) < 0.7
    assert np.array_equal(levels > otsu(levels), levels == 0.7)


def test_scaled_and_shifted_values_have_a_scaled_and_shifted_threshold(values):
    assert otsu(3 * values.astype(np.float64) + 2) == pytest.approx(3 * otsu(values.astype(np.float64)) + 2)


def test_one_value_is_no_accident():
    assert np.isfinite(otsu(np.full(10, 0.5)))
