"""The background is the light on the paper, and contrast is what ink takes of it, wherever the light falls."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from upslope.image.background import background, contrast

SIZE = (240, 320)


def ink():
    """A stroke of 9 pixels: (H, W) in [0, 1]."""
    image = Image.new("L", SIZE[::-1])
    ImageDraw.Draw(image).line([(120, 60), (200, 60), (150, 180)], fill=255, width=9)
    return ndimage.gaussian_filter(np.asarray(image, dtype=np.float32) / 255, 1)


def light(kind):
    y, x = np.mgrid[0:240, 0:320] / 320
    lights = {
        "even": np.ones(SIZE),
        "falling off": 1 - 0.6 * x,
        "a lamp": 1 / (1 + 2 * ((x - 0.3) ** 2 + (y - 0.2) ** 2)),
        "a shadow": np.where(x + 0.3 * y > 0.5, 1, 0.5),
    }
    return lights[kind].astype(np.float32)[..., None]


LIGHTS = ("even", "falling off", "a lamp", "a shadow")


def written(kind, *, paper=(0.9, 0.88, 0.8), pen=(0.1, 0.2, 0.5)):
    covered = ink()[..., None]
    return (np.array(paper) * (1 - covered) + np.array(pen) * covered).astype(np.float32) * light(kind)


@pytest.mark.parametrize("kind", LIGHTS)
def test_the_background_is_the_picture_without_ink(kind):
    found, dark = background(written(kind))
    assert dark
    assert found.shape == (*SIZE, 3)
    bare = np.array((0.9, 0.88, 0.8)) * light(kind)
    # At the edge of a shadow the two are a pixel or two apart.
    assert np.quantile(np.abs(found / bare - 1), 0.97) < 0.03


@pytest.mark.parametrize("kind", LIGHTS)
def test_chalk_is_brighter_than_its_board(kind):
    found, dark = background(written(kind, paper=(0.1, 0.15, 0.12), pen=(0.9, 0.9, 0.85)))
    assert not dark
    assert np.quantile(np.abs(found - np.array((0.1, 0.15, 0.12)) * light(kind)), 0.97) < 0.01


@pytest.mark.parametrize("kind", LIGHTS)
def test_contrast_does_not_depend_on_the_light(kind):
    """With the constant that keeps the dark quiet, it is (paper - ink) / (paper + DIM) along the ink's colour."""
    found = contrast(written(kind))
    covered = ink()
    even = float(np.median(contrast(written("even")).values[covered > 0.99]))
    inside = found.values[covered > 0.99]
    assert even > 0.8
    assert np.quantile(np.abs(inside - even), 0.95) < 0.12
    assert np.quantile(np.abs(found.values[covered == 0]), 0.97) < 0.05
    assert found.dark


def test_a_coloured_pen_has_more_contrast_than_grey_alone_would_show():
    """Red ink is nearly as bright as the paper in red."""
    found = contrast(written("even", pen=(0.85, 0.1, 0.1)))
    assert np.median(found.values[ink() > 0.99]) > 1.0


def test_noise_is_measured_on_the_paper():
    rng = np.random.default_rng(3)
    quiet, loud = (
        contrast(np.clip(written("even") + rng.normal(0, noise, (*SIZE, 3)), 0, 1).astype(np.float32))
        for noise in (0.01, 0.03)
    )
    assert loud.noise == pytest.approx(3 * quiet.noise, rel=0.15)
    bare = ink() == 0
    for found in (quiet, loud):
        assert found.noise == pytest.approx(float(found.values[bare].std()), rel=0.15)
        assert abs(float(found.values[bare].mean())) < found.noise


def test_edges_are_where_the_picture_has_them():
    found = contrast(written("even"))
    covered = ink()
    half = (covered > 0.4) & (covered < 0.6)
    assert np.median(found.edges[half]) > 0.15
    assert np.quantile(found.edges[covered == 0], 0.9) < 0.01


def test_an_edge_is_one_in_the_picture_and_in_the_contrast():
    """A shadow's edge is in the picture alone; a wrong corner of the background is in the contrast alone."""
    found = contrast(written("a shadow"))
    own = ndimage.gaussian_gradient_magnitude(found.values, 1.0, mode="nearest")
    assert np.all(found.edges <= own + 1e-6)
    assert np.mean(found.edges < 0.8 * own) > 0.01
