"""With sums written by their letters, the mask as numbers to add, and the softmax by hand."""

import math

import torch
from torch import Tensor


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None = None) -> Tensor:
    scores = torch.einsum("...td,...sd->...ts", q / math.sqrt(q.size(-1)), k)
    if mask is not None:
        scores = scores + torch.where(mask, 0.0, -math.inf)
    powers = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return torch.einsum("...ts,...se->...te", powers, v) / powers.sum(dim=-1, keepdim=True)
