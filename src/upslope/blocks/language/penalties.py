"""Penalties: tokens that were written already become less likely.

Repetition: N. Keskar et al., "CTRL: A Conditional Transformer Language Model for Controllable Generation", 2019,
https://arxiv.org/abs/1909.05858, section 4.1, with the sign of the logits taken into account as everywhere since.
Presence and frequency: OpenAI, API reference, https://platform.openai.com/docs/api-reference/completions.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def repetition_penalty(
    logits: Float[Tensor, "*B V"], seen: Bool[Tensor, "*B V"], penalty: float
) -> Float[Tensor, "*B V"]:
    """The logits of tokens that were seen, positive ones divided by the penalty and negative ones multiplied with it.

    A penalty of 1 changes nothing, above 1 what was seen becomes less likely: with penalty 2, [4, -1, 3] of which the
    first two were seen become [2, -2, 3]. Keskar et al. 2019, section 4.1.
    """
    penalised = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, penalised, logits)


def presence_frequency_penalty(
    logits: Float[Tensor, "*B V"], counts: Int[Tensor, "*B V"], *, presence: float = 0.0, frequency: float = 0.0
) -> Float[Tensor, "*B V"]:
    """logits - frequency * counts - presence * (counts > 0): once for having been written, and again for each time."""
    return logits - frequency * counts - presence * (counts > 0)


def token_counts(tokens: Int[Tensor, "B T"], vocabulary: int) -> Int[Tensor, "B V"]:
    """How often each token of the vocabulary occurs in each row; negative ids count nothing."""
    counts = torch.zeros(tokens.shape[0], vocabulary + 1, dtype=torch.int64, device=tokens.device)
    place = torch.where(tokens < 0, vocabulary, tokens)
    return counts.scatter_add_(1, place, torch.ones_like(place))[:, :-1]
