"""Decoding: from the logits of a language model to the next token.

Top-k: A. Fan, M. Lewis, Y. Dauphin, "Hierarchical Neural Story Generation", 2018, https://arxiv.org/abs/1805.04833.
Top-p (nucleus sampling): A. Holtzman et al., "The Curious Case of Neural Text Degeneration", 2019,
https://arxiv.org/abs/1904.09751.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def next_token_probabilities(
    logits: Float[Tensor, "*B V"], *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> Float[Tensor, "*B V"]:
    """softmax(logits / temperature), kept to the likeliest tokens and brought back to sum 1.

    `top_k` keeps the k largest logits (0, or more than V: all). `top_p` then keeps the smallest set of likeliest
    tokens whose probabilities, after temperature and top-k, sum to at least p: a token stays if those before it sum to
    less than p, so the likeliest one always stays. temperature=0 gives the largest logit the probability 1, the first
    one if several are equal. With logits [ln 1, ln 2, ln 5] the probabilities are [0.125, 0.25, 0.625]; top_k=2 makes
    [0, 2/7, 5/7] of them, and temperature=0.5 squares them: [1/30, 4/30, 25/30]. Holtzman et al. 2019, section 3.1.
    """
    # Temperature 0 is the limit: all probability on one token, greedy decoding.
    if temperature == 0:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, keepdim=True), 1.0)
    # Tokens from the likeliest to the least likely; equal logits stay in the order of the vocabulary.
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    # Top-k: whatever comes after the first k has no probability left.
    if top_k:
        ordered = torch.cat([ordered[..., :top_k], torch.full_like(ordered[..., top_k:], float("-inf"))], dim=-1)
    # A temperature below 1 sharpens the distribution, one above 1 flattens it.
    probabilities = (ordered / temperature).softmax(dim=-1)
    # Top-p: a token stays if the likelier ones do not reach p yet.
    before = probabilities.cumsum(dim=-1) - probabilities
    kept = (before < top_p) | (torch.arange(logits.shape[-1], device=logits.device) == 0)
    probabilities = torch.where(kept, probabilities, torch.zeros_like(probabilities))
    # Sum 1 again, and back to the order of the vocabulary.
    probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    return torch.empty_like(probabilities).scatter(-1, order, probabilities)


def sample(probabilities: Float[Tensor, "B V"], *, generator: torch.Generator) -> Int[Tensor, "B 1"]:
    """One token for each row, drawn with these probabilities."""
    return torch.multinomial(probabilities, 1, generator=generator)


def likeliest_tokens(
    logits: Float[Tensor, "B V"], *, temperature: float, top_k: int = 0, top_p: float = 1.0, most: int = 512
) -> tuple[Float[Tensor, "B N"], Int[Tensor, "B N"]]:
    """The same probabilities for the tokens that have any, and which tokens these are.

    Sorting a vocabulary of 50,000 takes a tenth of a small model's time for a token. Where its `most` likeliest tokens
    reach top_p, or top_k is no more than that, the others need not be sorted: N is `most` then, and else V.
    """
    every = torch.arange(logits.shape[-1], device=logits.device).expand_as(logits)
    if temperature > 0 and not top_k and top_p >= 1:  # nothing is left out, so nothing need be sorted
        return (logits / temperature).softmax(dim=-1), every
    if temperature > 0 and most < logits.shape[-1]:
        largest, tokens = logits.topk(most, dim=-1)
        # Their share of the whole vocabulary's probability: that of top_p is a share of it again.
        share = ((largest / temperature).logsumexp(-1) - (logits / temperature).logsumexp(-1)).exp()
        if 0 < top_k <= most:
            return next_token_probabilities(largest, temperature=temperature, top_k=top_k, top_p=top_p), tokens
        if not top_k and len(logits) == 1 and share >= top_p:
            top_p = min(1.0, top_p / float(share))
            return next_token_probabilities(largest, temperature=temperature, top_p=top_p), tokens
    return next_token_probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p), every
