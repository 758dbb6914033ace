"""Mean and deviation of pictures beside PyTorch, for bytes and for floats, grey and in colour."""

import numpy as np
import pytest
import torch

from upslope.training.tasks.image_classification import moments


@pytest.mark.parametrize("shape", [(7, 5, 6), (7, 5, 6, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_moments_are_those_of_all_pixels(shape, kind):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    images = images if kind is np.uint8 else (images / np.float32(255)).astype(np.float32)
    pixels = torch.from_numpy(images / (255.0 if kind is np.uint8 else 1.0)).double().reshape(7 * 5 * 6, -1)
    mean, std = moments(images)
    assert mean.dtype == std.dtype == np.float32
    assert mean == pytest.approx(pixels.mean(dim=0).numpy(), abs=1e-6)
    assert std == pytest.approx(pixels.std(dim=0, correction=0).numpy(), abs=1e-6)
