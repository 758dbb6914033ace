"""One product of matrices for each picture: the weights in a row, times the maps laid out as rows."""

import torch
from torch import Tensor


def grad_cam(maps: Tensor, gradients: Tensor) -> Tensor:
    pictures, count, height, width = maps.shape
    weights = gradients.reshape(pictures, 1, count, height * width).sum(dim=3) / (height * width)
    total = torch.bmm(weights, maps.reshape(pictures, count, height * width))
    return total.clamp(min=0).reshape(pictures, height, width)
