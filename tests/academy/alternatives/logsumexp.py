"""With a bounded shift, and the softmax of the backward computed from the result."""

import numpy as np

from upslope.scratch.tensor import Tensor


def logsumexp(x: Tensor, dim: int = -1, keepdim: bool = False) -> Tensor:
    shift = np.clip(np.amax(x.data, axis=dim, keepdims=True), -1e30, 1e30)
    with np.errstate(divide="ignore"):
        kept = shift + np.log(np.sum(np.exp(x.data - shift), axis=dim, keepdims=True))

    def back(g):
        return np.exp(x.data - kept) * g.reshape(kept.shape)

    return x.then(kept if keepdim else np.squeeze(kept, axis=dim), back)
