"""With a mask that multiplies, over the ratio to the largest probability."""

from torch import Tensor


def keep_min_p(probabilities: Tensor, min_p: float) -> Tensor:
    largest = probabilities.max(-1, keepdim=True).values
    kept = probabilities * (probabilities >= largest * min_p).to(probabilities.dtype)
    return kept / kept.sum(-1, keepdim=True)
