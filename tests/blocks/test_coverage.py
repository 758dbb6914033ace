"""Coverage and density beside scikit-learn's neighbors, and what the paper says of two sets that are alike."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch

from upslope.blocks.generative.coverage import ROWS, coverage, density


def by_scikit_learn(real, generated, neighbors):
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    radius = NearestNeighbors(n_neighbors=neighbors).fit(real).kneighbors()[0][:, -1]  # of the others
    inside = pairwise_distances(real, generated) <= radius[:, None]
    return inside.any(axis=1).mean(), inside.sum() / (neighbors * len(generated))


@pytest.mark.parametrize(("real", "generated", "neighbors"), [(50, 30, 5), (ROWS + 30, 200, 3), (20, 20, 1)])
def test_both_are_those_of_scikit_learn(real, generated, neighbors):
    rng = np.random.default_rng(real)
    a, b = rng.standard_normal((real, 6)), 1.2 * rng.standard_normal((generated, 6)) + 0.2
    ours = [each(torch.tensor(a), torch.tensor(b), neighbors=neighbors) for each in (coverage, density)]
    assert ours == pytest.approx(by_scikit_learn(a, b, neighbors))


def test_sets_that_are_alike_and_one_that_crowds():
    rng = np.random.default_rng(0)
    real, alike = (torch.tensor(rng.standard_normal((1000, 16))) for _ in range(2))
    assert coverage(real, alike) == pytest.approx(1 - 1 / 2**5, abs=0.02)  # Naeem et al. 2020, section 3.3
    assert density(real, alike) == pytest.approx(1, abs=0.1)
    assert coverage(real, alike / 4) < 0.7
    assert density(real, alike / 4) > 1.5
    far = alike + 100
    assert (coverage(real, far), density(real, far)) == (0, 0)


def test_density_needs_as_many_real_images_as_coverage():
    for each in (coverage, density):
        with pytest.raises(ValueError, match="5 real images do not have 5 neighbors each"):
            each(torch.zeros(5, 2), torch.zeros(9, 2))


def test_numbers_of_the_lesson():
    from tests.academy.lesson_prose import says

    real, generated = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([[0.5], [2.5]])
    assert coverage(real, generated, neighbors=1) == 3 / 4
    assert density(real, generated, neighbors=1) == 1.5
    assert round(1 - 1 / 2**5, 2) == 0.97
    says("coverage", "the nearest others are 1, 1, 2, 4 away", "Coverage 3/4", "3 / (1 · 2) = 1.5")
