"""A mixture is the mean of probabilities, and its weight the best there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from upslope.text.mixture import best_weight, mixed_losses


def drawn(seed, count=200):
    rng = np.random.default_rng(seed)
    return rng.exponential(1.5, count), rng.exponential(2.0, count)


@given(st.floats(0, 1))
def test_probabilities_are_added(weight):
    first, second = drawn(0, 20)
    expected = -np.log(weight * np.exp(-first) + (1 - weight) * np.exp(-second))
    np.testing.assert_allclose(mixed_losses(first, second, weight), expected, rtol=1e-9)


def test_a_weight_of_all_or_nothing_is_one_of_them():
    first, second = drawn(1)
    np.testing.assert_allclose(mixed_losses(first, second, 1.0), first)
    np.testing.assert_allclose(mixed_losses(first, second, 0.0), second)
    assert best_weight(first, first + 1) == 1.0
    assert best_weight(first + 1, first) == 0.0


def test_what_one_model_finds_impossible_is_finite_where_the_other_does_not():
    assert mixed_losses(np.array([np.inf]), np.array([1.0]), 0.5)[0] == pytest.approx(1 + np.log(2))
    assert mixed_losses(np.array([2000.0]), np.array([2000.0]), 0.5)[0] == pytest.approx(2000)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_weight_is_scipys(seed):
    first, second = drawn(seed)
    found = minimize_scalar(lambda w: mixed_losses(first, second, w).mean(), bounds=(0, 1), method="bounded")
    assert best_weight(first, second) == pytest.approx(found.x, abs=0.0051)
