"""Directions among latents: what is taken from whom, and what counts as rising."""

import numpy as np

from upslope.training.attributes import direction, rising, walks


def test_a_direction_is_taken_within_each_class():
    """Class 1 is thicker, and its latents lie elsewhere: the direction says nothing of that."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 300)
    values = rng.random(600)
    latents = np.stack([values, rng.normal(0, 0.01, 600), 10.0 * labels], axis=1)
    found = direction(latents, values + 5 * labels, labels)
    assert 0.5 < found[0] < 0.8, "two thirds: between the means of the outer thirds of what is even"
    np.testing.assert_allclose(found[1:], 0, atol=0.01)


def test_classes_of_one_image_have_no_direction():
    np.testing.assert_array_equal(direction(np.eye(3), np.arange(3.0), np.arange(3)), np.zeros(3))


def test_a_walk_goes_through_where_it_came_from():
    way = walks(np.array([[1.0, 2.0]]), np.array([3.0, 0.0]))
    assert way.shape == (1, 7, 2)
    np.testing.assert_allclose(way[0, :, 0], np.arange(-2, 5), rtol=1e-6)
    np.testing.assert_allclose(way[0, :, 1], 2)


def test_rising_means_with_every_step():
    assert rising(np.array([[1.0, 2, 3], [1, 3, 2], [1, 1, 2], [-1, 0, 4]])) == 0.5
