"""Each text's own best first, then the best of these."""

import torch
from torch import Tensor


def beam_step(scores: Tensor, log_probabilities: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    if width <= 0:
        raise ValueError(f"width={width} is not positive")
    texts, vocabulary = log_probabilities.shape
    values, tokens = torch.sort(log_probabilities, dim=1, descending=True)
    few = min(width, vocabulary)
    sums = (values[:, :few] + scores.unsqueeze(1)).reshape(-1)
    order = torch.argsort(sums, descending=True)[:width]
    rows = torch.arange(texts, device=scores.device).repeat_interleave(few)
    return sums[order], rows[order], tokens[:, :few].reshape(-1)[order]
