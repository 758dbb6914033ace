"""Where a classifier looks on its mistakes, laid over the photographs."""

import numpy as np
import torch
from torch import nn

from upslope.training import saliency


class Corner(nn.Module):
    """The mean brightness is the logit of the second class, on maps of half the size."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 2, stride=2, bias=False)
        nn.init.constant_(self.conv.weight, 0.25)

    def forward(self, x):
        mean = self.conv(x).mean(dim=(1, 2, 3))
        return torch.stack([-mean, mean], dim=1)


def test_the_strongest_place_is_one_and_nothing_stays_nothing():
    x = torch.zeros(2, 1, 8, 8)
    x[:, :, :2, :2] = 1.0
    model = Corner().eval()
    found = saliency.heat(model, x, torch.tensor([1, 0]), layer=model.conv, grid=None)
    assert found.shape == (2, 8, 8)
    assert found[0, 0, 0] == 1.0
    assert (found[0, 4:] == 0).all()
    assert (found[1] == 0).all()  # the bright corner speaks against the first class


def test_what_nothing_speaks_for_is_the_gray_photograph():
    photographs = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    warm = np.zeros((2, 8, 8), dtype=np.float32)
    hot = np.ones((2, 8, 8), dtype=np.float32)
    figure = saliency.mistakes(photographs, np.array([0, 1]), np.array([1, 0]), [warm, hot], ("cat", "dog"))
    tiles = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert len(tiles) == 6
    assert np.allclose(tiles[0], photographs[0] / 255)
    assert np.allclose(tiles[2], (photographs[0] / 255).mean(axis=-1, keepdims=True), atol=1e-6)
    assert np.ptp(tiles[4], axis=-1).min() > 0.5  # orange all over
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["cat", "dog", "for dog", "for cat", "for cat", "for dog"]
