"""With thresholds in the order of the vocabulary: ranks for top-k, and the mass of all likelier tokens for top-p."""

import torch
from torch import Tensor


def next_token_probabilities(logits: Tensor, *, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    if temperature == 0:
        first = logits.argmax(-1, keepdim=True)
        return (torch.arange(logits.shape[-1]) == first).to(logits.dtype)
    rank = logits.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    if top_k:
        logits = torch.where(rank < top_k, logits, torch.tensor(-torch.inf, dtype=logits.dtype))
    scaled = (logits - logits.max(-1, keepdim=True).values) / temperature
    probabilities = scaled.exp() / scaled.exp().sum(-1, keepdim=True)
    likelier = rank[..., None, :] < rank[..., :, None]
    mass = (probabilities[..., None, :] * likelier).sum(-1)
    kept = probabilities * ((mass < top_p) | (rank == 0))
    return kept / kept.sum(-1, keepdim=True)
