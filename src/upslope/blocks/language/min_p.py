"""Min-p: the more certain a model is, the fewer tokens are left to draw from.

N. Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", 2024,
https://arxiv.org/abs/2407.01082.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def keep_min_p(probabilities: Float[Tensor, "*B V"], min_p: float) -> Float[Tensor, "*B V"]:
    """The probabilities of tokens with p >= min_p * max(p), brought back to sum 1; the others become 0.

    `min_p` is in [0, 1]: 0 keeps all tokens, 1 only the likeliest ones. The bar moves with the model's certainty: where
    one token has 0.9 it is 0.09 for min_p = 0.1, where the likeliest has 0.05 it is 0.005. With [0.5, 0.3, 0.2] and
    min_p = 0.5 the bar is 0.25, and [0.625, 0.375, 0] is left. Nguyen et al. 2024, section 3.
    """
    # The bar is a share of the largest probability in the same row.
    bar = min_p * probabilities.amax(dim=-1, keepdim=True)
    # Whoever reaches it stays.
    kept = torch.where(probabilities >= bar, probabilities, torch.zeros_like(probabilities))
    # Sum 1 again.
    return kept / kept.sum(dim=-1, keepdim=True)
