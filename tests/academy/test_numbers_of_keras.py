"""The numbers worked by hand in the lessons on Keras, and the lessons say them so."""

import math

import numpy as np

from upslope.academy.lessons import steps


def says(name, *words):
    prose = " ".join(next(step for step in steps() if step.name == name).body.replace("−", "-").split())
    for word in words:
        assert word in prose, word


def test_numbers_of_a_layer():
    table, x = np.array([[10, 20], [30, 40], [50, 60]]), np.array([[[1, 2], [3, 4]]])
    assert (x + table[:2]).tolist() == [[[11, 22], [33, 44]]]
    assert 64 * 32 == 2048
    gradient = np.zeros((3, 2))
    gradient[:2] = np.ones((5, 2, 2)).sum(axis=0)
    assert gradient.tolist() == [[5, 5], [5, 5], [0, 0]]
    says("custom-layer", "[[[11, 22], [33, 44]]]", "64 · 32 = 2,048", "a batch of 5 gives these two rows 5")


def test_numbers_of_a_loss():
    q = 0.8 * np.array([0, 1]) + 0.2 / 2
    cost = -(q * np.log([0.25, 0.75])).sum()
    assert math.isclose(cost, 0.1 * math.log(4) + 0.9 * math.log(4 / 3))
    assert round(cost, 4) == 0.3975
    losses, weights = np.array([0.4, 1.0]), np.array([0.0, 2.0])
    assert (losses * weights).mean() == 1
    assert math.isclose((losses.mean() * weights).mean(), 0.7)
    says("custom-loss", "q = [0.1, 0.9]", "= [0.3975]", "(0 · 0.4 + 2 · 1.0)/2 = 1", "(0 · 0.7 + 2 · 0.7)/2 = 0.7")


def test_numbers_of_a_step():
    w, x, label = 2.0, 3.0, 5.0
    off = w * x - label
    assert off**2 / 2 == 0.5
    assert math.isclose(w - 0.1 * off * x, 1.7)
    assert math.isclose(w - 0.1 * (off * x + 100), -8.3)
    says("custom-train-step", "(6 - 5)²/2 = 0.5", "The gradient is 3", "w = 1.7", "103 and w = -8.3")
