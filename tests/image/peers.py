"""Pictures on which our image processing is compared with OpenCV and scikit-image: photographs of the latter, noise."""

import numpy as np
import pytest


def grey(name):
    """A grey picture of bytes."""
    if name == "noise":
        return np.random.default_rng(7).integers(0, 256, (101, 77), dtype=np.uint8)
    return getattr(pytest.importorskip("skimage.data"), name)()


def color(name):
    """A color picture of bytes."""
    if name == "noise":
        return np.random.default_rng(8).integers(0, 256, (67, 91, 3), dtype=np.uint8)
    return getattr(pytest.importorskip("skimage.data"), name)()


def levels_apart(ours, theirs):
    """The largest difference in grey levels."""
    assert ours.shape == theirs.shape
    return int(np.abs(ours.astype(int) - theirs.astype(int)).max())
