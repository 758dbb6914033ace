"""Equation 1 of Vaswani et al. 2017 written out, several heads by PyTorch's function, and masks to try both with."""

import math
from typing import Any

import numpy as np
from torch.nn import functional as F


def written_out(q, k, v, mask=None):
    """Equation 1 in float64 NumPy, one query after the other; nan where every key of a query is masked."""
    front = q.shape[:-2]
    out = np.zeros((*front, q.shape[-2], v.shape[-1]))
    allowed = np.ones((*front, q.shape[-2], k.shape[-2]), bool) if mask is None else mask
    allowed = np.broadcast_to(allowed, (*front, q.shape[-2], k.shape[-2]))
    for where in np.ndindex(*front, q.shape[-2]):
        one = where[:-1]
        seen = [s for s in range(k.shape[-2]) if allowed[(*where, s)]]
        scores = [float(q[where] @ k[(*one, s)]) / math.sqrt(q.shape[-1]) for s in seen]
        shares = [math.exp(score - max(scores)) for score in scores]
        for share, s in zip(shares, seen, strict=True):
            out[where] += share / math.fsum(shares) * v[(*one, s)]
        if not seen:
            out[where] = math.nan
    return out


def masked(rng, *shape):
    """A random mask in which every query may look at one key at least, and at least one query not at all of them."""
    mask = rng.random(shape) < 0.5
    rows = mask.reshape(-1, shape[-1])
    rows[np.arange(len(rows)), rng.integers(0, shape[-1], len(rows))] = True
    rows[0] = np.arange(shape[-1]) == rng.integers(0, shape[-1])
    return mask


def pytorchs(x, weights, *, heads, mask=None, prefix="", **_):
    """Section 3.2.2 by PyTorch's own function, which wants positions first and True where nobody looks."""
    batch, length, dim = x.shape
    kept = {name.removeprefix(prefix): value for name, value in weights.items()}
    hidden = None if mask is None else ~mask.expand(batch, heads, length, length).flatten(0, 1)
    turned = x.transpose(0, 1)
    weight, bias = kept["projection.weight"], kept["projection.bias"]
    settings: dict[str, Any] = {"need_weights": False, "attn_mask": hidden}
    # Between the biases and the last layer: two biases of keys and values, zeros to look at, dropout.
    inner = (kept["qkv.weight"], kept.get("qkv.bias"), None, None, False, 0.0)
    found = F.multi_head_attention_forward(turned, turned, turned, dim, heads, *inner, weight, bias, **settings)
    return found[0].transpose(0, 1)
