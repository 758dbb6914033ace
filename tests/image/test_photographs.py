"""Photographs of handwritten digits, made by program, come out as the same digits written plainly.

What is compared is what a network would be shown, so no network is needed: the same strokes on white paper, in even
light, from straight above, are the truth.
"""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from upslope.image.preprocess import handwriting
from upslope.image.read import read_picture

USUAL = {"size": (400, 300)}
PLAIN = {
    "size": (400, 300),
    "ink": "black",
    **dict.fromkeys(("away", "turn", "tilt", "falloff", "warm", "blur", "noise"), 0),
    "exposure": 1,
    "quality": 95,
}
SCENES = {
    "a fibre pen": {},
    "a ball-point": {"pen": 0.5, "tall": 40},
    "a thick marker": {"pen": 6, "ink": "black"},
    "red on cream": {"ink": "red", "paper": "cream"},
    "pencil on grey": {"ink": "pencil", "paper": "grey"},
    "lined paper": {"ruling": "lines", "pen": 0.7, "tall": 16},
    "pencil on squared paper": {"ruling": "squares", "pen": 0.8, "tall": 12, "ink": "pencil"},
    "light from one side": {"falloff": 0.6},
    "a hard shadow": {"shadow": 0.5, "soft": 0.02},
    "in the dark": {"exposure": 0.3, "noise": 0.03},
    "by a lamp": {"warm": 0.5, "falloff": 0.4},
    "tilted": {"tilt": 0.2, "turn": 8},
    "out of focus": {"blur": 0.006},
    "noise": {"noise": 0.08},
    "a coarse JPEG": {"quality": 15},
    "a tall picture": {"size": (300, 400), "orientation": 6},
    "a small digit": {"share": 0.15, "away": 0.3, "pen": 1, "size": (500, 400)},
    "a large digit": {"share": 0.9, "away": 0},
    "a sheet on a dark table": {"table": "dark", "share": 0.2, "size": (640, 480)},
    "a sheet on a wooden table": {"table": "wood", "share": 0.2, "size": (640, 480)},
    "chalk on a board": {"ink": "chalk", "paper": "board", "pen": 3},
}


WRITTEN = (2, 3, 4, 5, 7)


@pytest.fixture(scope="module")
def seen(photographs, tmp_path_factory):
    """`seen(digit, {...})` is what a network would be shown of a photograph of this digit in this scene."""

    path = tmp_path_factory.mktemp("photographs") / "photograph.jpg"
    known = {}

    def look(digit, scene):
        key = (digit, *sorted(scene.items()))
        if key not in known:
            path.write_bytes(photographs.photograph(digit, photographs.Scene(**scene), np.random.default_rng(5)))
            known[key] = handwriting(read_picture(path))
        return known[key]

    return look


def alike(a, b):
    """The correlation of two pictures, up to a pixel by which one may be moved: perspective moves the middle."""
    moved = [np.roll(b, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(float(np.corrcoef(a.ravel(), one.ravel())[0, 1]) for one in moved)


@pytest.mark.parametrize("name", SCENES)
def test_the_scene_does_not_matter(name, seen):
    scene = USUAL | SCENES[name]
    digit = WRITTEN[list(SCENES).index(name) % len(WRITTEN)]
    made = seen(digit, scene)
    same_pen = {key: scene[key] for key in ("pen", "tall") if key in scene}
    assert alike(made, seen(digit, PLAIN | same_pen)) > 0.75
    rows, columns = np.nonzero(made > 0.3)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    assert np.abs(np.array(ndimage.center_of_mass(made)) - 14).max() <= 1
    assert made.max() > 0.8


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_how_the_camera_was_held_does_not_matter(orientation, seen):
    scene = USUAL | {"quality": 95}
    assert alike(seen(4, scene | {"orientation": orientation}), seen(4, scene)) > 0.99


def test_different_digits_stay_different(seen):
    """The comparisons above mean something: no two digits are as alike as one is to itself."""
    for first, second in itertools.combinations(WRITTEN, 2):
        assert alike(seen(first, PLAIN), seen(second, PLAIN)) < 0.7, (first, second)
