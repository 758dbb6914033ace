"""Logits far from those of the data are found, and the distance is SciPy's."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from upslope.runs import out_of_distribution as ood


def sample(count, *, classes=5, seed=0, spread=1.0):
    """Logits of a network that is nearly always right, with a covariance that is no multiple of the identity."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    mixed = np.random.default_rng(9).normal(size=(classes, classes))
    around = rng.normal(size=(count, classes)) @ mixed * 0.3 * spread
    return 6 * np.eye(classes)[labels] + around, labels


def test_the_distance_is_the_one_of_scipy():
    logits, labels = sample(4000)
    typical = ood.fit(logits, labels)
    right = logits.argmax(axis=1) == labels
    means = np.stack([logits[right & (labels == k)].mean(axis=0) for k in range(5)])
    around = logits[right] - means[labels[right]]
    inverse = np.linalg.inv(around.T @ around / len(around))
    expected = [mahalanobis(row, means[row.argmax()], inverse) for row in logits[:50]]
    assert ood.distances(logits[:50], typical) == pytest.approx(expected, rel=1e-3)


def test_about_two_of_a_hundred_new_samples_are_doubted():
    typical = ood.fit(*sample(5000))
    new, _ = sample(20_000, seed=1)
    assert 0.014 < ood.unlike(new, typical).mean() < 0.026


def test_the_threshold_is_not_too_low_for_few_samples():
    """With the means of the very samples it would be: each lies nearer to a mean that it had a part in."""
    shares = [
        ood.unlike(sample(2000, seed=50 + seed)[0], ood.fit(*sample(120, seed=seed))).mean() for seed in range(20)
    ]
    assert np.mean(shares) < 0.045


def test_data_in_turn_from_two_sources_are_split_by_chance():
    """Of MNIST every other digit is from another source, and fitting on one of them would doubt the other."""
    logits, labels = sample(4000)
    wider, theirs = sample(4000, seed=3, spread=1.6)
    both, whose = np.empty((8000, 5)), np.empty(8000, dtype=np.int64)
    both[::2], both[1::2], whose[::2], whose[1::2] = logits, wider, labels, theirs
    assert 0.015 < ood.unlike(both, ood.fit(both, whose)).mean() < 0.025


def test_a_sure_answer_far_from_every_class_is_doubted():
    """The softmax of these is sure: one logit is 10 above the others, and all are 10 below those of the data."""
    typical = ood.fit(*sample(3000))
    odd = 10 * np.eye(5) - 10
    assert (np.exp(odd).max(axis=1) / np.exp(odd).sum(axis=1) > 0.999).all()
    assert ood.unlike(odd, typical).all()
    assert not ood.unlike(6 * np.eye(5), typical).any()


def test_json_holds_it():
    typical = ood.fit(*sample(1000))
    new, _ = sample(200, seed=4)
    again = json.loads(json.dumps(typical))
    assert np.array_equal(ood.distances(new, again), ood.distances(new, typical))


def test_logits_that_always_add_up_to_the_same():
    logits, labels = sample(2000)
    logits -= logits.mean(axis=1, keepdims=True)
    new = sample(2000, seed=1)[0]
    new -= new.mean(axis=1, keepdims=True)
    assert ood.unlike(new, ood.fit(logits, labels)).mean() < 0.05


@pytest.mark.parametrize("case", ["few samples", "a class without samples", "a class that is never right", "many"])
def test_where_nothing_can_be_said_nothing_is_doubted(case):
    logits, labels = sample(8 if case == "few samples" else 2000)
    if case == "a class without samples":
        logits, labels = logits[labels != 2], labels[labels != 2]
    elif case == "a class that is never right":
        labels = np.where(labels == 2, 3, labels)
    elif case == "many":
        labels = np.repeat(np.arange(101), 20)
        logits = np.eye(101)[labels]
    assert ood.fit(logits, labels) is None
    assert not ood.unlike(logits, None).any()
