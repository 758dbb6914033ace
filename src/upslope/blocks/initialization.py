"""He's initialization: first weights under which signals keep their size through many layers of ReLU.

K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
Classification", 2015, https://arxiv.org/abs/1502.01852, section 2.2.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor


def he_normal_(
    weight: Float[Tensor, "D *rest"],
    *,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    generator: torch.Generator | None = None,
) -> Float[Tensor, "D *rest"]:
    """Fill a weight in place with normal numbers of mean 0 and variance 2 / fan, and give it back.

    A weight is (out, in) for a linear layer and (out, in / groups, height, width) for a convolution. `fan_in` counts
    the products that are summed for one number of the output, in / groups * height * width: activations keep their
    size on the way forward. `fan_out` is out * height * width: gradients keep theirs on the way back. The 2 makes up
    for ReLU, which sets half of the numbers to 0. Randomness comes from `generator`, and from PyTorch's own without
    one. Nothing is recorded for the backward pass.

    From 64 to 128 channels with a kernel of 3x3, fan_in is 576 and the standard deviation 0.0589; fan_out is 1152, and
    with it the standard deviation 0.0417.
    A weight of fewer than two dimensions raises a ValueError: "a weight of shape (3,) has no fan". He et al. 2015b,
    equations 10 and 14.
    """
    # A bias has no inputs to sum over.
    if weight.ndim < 2:
        raise ValueError(f"a weight of shape {tuple(weight.shape)} has no fan")
    # The places of the kernel count on both sides: 1 for a linear layer.
    places = math.prod(weight.shape[2:])
    fan = (weight.shape[1] if mode == "fan_in" else weight.shape[0]) * places
    # Filling is not a step of training, so no graph is kept.
    with torch.no_grad():
        return weight.normal_(0, (2 / fan) ** 0.5, generator=generator)
