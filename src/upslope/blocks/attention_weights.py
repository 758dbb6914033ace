"""The weights of attention, read while a model runs: who looks where, in every layer and head.

J. Vig, "A Multiscale Visualization of Attention in the Transformer Model", 2019, https://arxiv.org/abs/1906.05714.

- Nothing in a model has to change: PyTorch tells a TorchFunctionMode of each call of its functions, and attention is
  either its fused function, of which the table of weights is computed beside it from the same queries and keys, or a
  softmax over scores in heads, which is the table.
- Weights are what a model mixes by, not a proof of what an answer rests on: S. Jain, B. Wallace, "Attention is not
  Explanation", 2019, https://arxiv.org/abs/1902.10186.
- Left out: attention that goes on from a cache, where several query heads share the rows of one table.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_SOFTMAX = (torch.Tensor.softmax, torch.softmax, F.softmax)


def attention_weights(
    q: Float[Tensor, "*B T D"],
    k: Float[Tensor, "*B S D"],
    *,
    mask: Bool[Tensor, "*#B #T S"] | Float[Tensor, "*#B #T S"] | None = None,
    causal: bool = False,
    scale: float,
) -> Float[Tensor, "*B T S"]:
    """softmax(scale * q k^T + mask), the table inside of attention.

    A mask of booleans is True where a query may look, one of numbers is added; `causal` lets query t see keys up to t.
    """
    scores = q @ k.transpose(-2, -1) * scale
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(dim=-1)


@contextmanager
def recorded_attention() -> Iterator[list[Tensor]]:
    """Within it, the weights of every attention that is computed, in order: (B, heads, T, S) each."""
    with _Recorder() as recorder:
        yield recorder.tables


class _Recorder(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            self.tables.append(_of_fused(*args, **kwargs).detach())
        elif func in _SOFTMAX and isinstance(result, Tensor) and result.ndim == 4:
            self.tables.append(result.detach())
        return result


def _of_fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The table of a call of F.scaled_dot_product_attention, whose parameters these are."""
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return attention_weights(query, key, mask=attn_mask, causal=is_causal, scale=scale)
