"""Where a Vision Transformer looks: the attention of its class token, read from the last block."""

from typing import cast

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from upslope.blocks.transformer import EncoderBlock
from upslope.models.vision.vit import ViT


@torch.no_grad()
def class_token_attention(model: ViT, x: Float[Tensor, "N C H W"]) -> NDArray[np.float32]:
    """How much the last block's class token takes from each patch, the mean over heads: (N, h, w)."""
    attention = cast(EncoderBlock, model.blocks[-1]).attention
    asked: list[Tensor] = []
    hook = attention.register_forward_pre_hook(lambda module, inputs: asked.append(inputs[0]))
    model(x)
    hook.remove()
    q, k, _ = rearrange(
        attention.qkv(asked[0]), "N T (three heads d) -> three N heads T d", three=3, heads=attention.heads
    )
    scores = q[:, :, :1] @ k.transpose(-2, -1) * q.shape[-1] ** -0.5  # of the class token: (N, heads, 1, 1 + T)
    weights = scores.softmax(dim=-1).mean(dim=1)[:, 0, 1:]
    side = int(weights.shape[1] ** 0.5)
    return weights.reshape(-1, side, side).numpy()
