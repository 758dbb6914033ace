"""Where a Vision Transformer looks: the attention of its class token, read from the last block."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from upslope.blocks.attention_weights import recorded_attention
from upslope.models.vision.vit import ViT


@torch.no_grad()
def class_token_attention(model: ViT, x: Float[Tensor, "N C H W"]) -> NDArray[np.float32]:
    """How much the last block's class token takes from each patch, the mean over heads: (N, h, w)."""
    with recorded_attention() as tables:
        model(x)
    weights = tables[-1].mean(dim=1)[:, 0, 1:]
    side = int(weights.shape[1] ** 0.5)
    return weights.reshape(-1, side, side).numpy()
