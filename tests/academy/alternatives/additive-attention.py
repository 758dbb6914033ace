"""With the softmax by hand, and sums written by their letters."""

import torch
from torch import Tensor


def additive_attention(query: Tensor, keys: Tensor, values: Tensor, *, v: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.einsum("...sd,d->...s", torch.tanh(query[..., None, :] + keys), v)
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    powers = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return torch.einsum("...s,...se->...e", powers, values) / powers.sum(dim=-1, keepdim=True)
