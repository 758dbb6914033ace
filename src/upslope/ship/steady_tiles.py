"""A painting network whose normalization stays the same from tile to tile."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from upslope.models.generative.transformer_net import freeze_statistics


@dataclass(frozen=True)
class Steady:
    """A copy of a network, how far it sees, and the step of its coarsest maps, in pixels."""

    module: Any
    reach: int
    grid: int

    def forward(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, 3, H, W) to the same, levels clipped to [0, 1]."""
        with torch.no_grad():
            painted = self.module(torch.from_numpy(np.array(part, order="C")))
        return np.asarray(painted.clamp(0, 1).numpy())


def steadied(module: Any, tiles: NDArray[np.float32]) -> Steady:
    """The network with the means and variances that it finds in these tiles (N, 3, side, side) of one picture."""
    inner = copy.deepcopy(module)
    model: Any = getattr(inner, "unwrapped", inner)
    freeze_statistics(model, torch.from_numpy(tiles))
    return Steady(model, int(model.reach), int(model.grid))
