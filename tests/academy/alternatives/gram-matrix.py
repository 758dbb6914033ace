"""By an einsum over places, each picture named."""

import torch
from torch import Tensor


def gram_matrix(features: Tensor) -> Tensor:
    if features.dim() != 4:
        raise ValueError(f"features of shape {tuple(features.shape)} are no batch of maps")
    scale = features[0].numel()
    return torch.einsum("bihw,bjhw->bij", features, features).div(scale)
