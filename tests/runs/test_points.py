"""Points near modes are counted as the definition says."""

import numpy as np
import pytest

from upslope.runs.reports.points import Cloud, panels

CENTERS = np.array([[0.0, 0.0], [2.0, 0.0]], dtype=np.float32)


def cloud(*points):
    return Cloud(np.array(points, dtype=np.float32), CENTERS, 0.1)


def test_near_is_within_three_deviations():
    found = cloud((0.0, 0.29), (0.0, 0.31), (2.2, 0.2), (1.0, 0.0))
    assert found.nearest.tolist() == [0, -1, 1, -1]
    assert found.near == 0.5


def test_a_mode_needs_a_tenth_of_its_share():
    """Of 40 points a mode of two should have 20; two are enough, and one is not."""
    here, there, nowhere = (0.0, 0.0), (2.0, 0.0), (9.0, 9.0)
    assert cloud(*[here] * 38, *[there] * 2).modes == 2
    assert cloud(*[here] * 39, *[there] * 1).modes == 1
    assert cloud(*[nowhere] * 40).modes == 0


def test_of_real_points_nearly_all_are_near():
    rng = np.random.default_rng(0)
    points = CENTERS[rng.integers(2, size=20_000)] + 0.1 * rng.normal(size=(20_000, 2)).astype(np.float32)
    assert Cloud(points, CENTERS, 0.1).near == pytest.approx(1 - np.exp(-4.5), abs=0.003)


def test_a_panel_for_each_cloud_says_what_was_counted():
    figure = panels({"none": cloud((0.0, 0.0)), "r1": cloud((5.0, 5.0))}, columns=2)
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == ["none\n1 modes, 100 % near", "r1\n0 modes, 0 % near"]
