"""Generation: a causal model continues a text, one token at a time."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.sampling import next_token_probabilities, sample


@torch.no_grad()
def generate(
    model: nn.Module,
    prompt: Int[Tensor, "B T"],
    length: int,
    *,
    generator: torch.Generator,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    use_cache: bool = True,
) -> Int[Tensor, "B L"]:
    """`length` tokens that follow each prompt; the generator draws them.

    The model is called with tokens and a cache, and reads at most `model.context` tokens. When they are full it goes on
    from the last half of them: what is read at a position depends on the position alone, so the text is the same with
    the cache and without it. The cache only saves computing the same keys and values again.
    """
    context = model.context
    assert isinstance(context, int)
    text = prompt
    start = max(0, prompt.shape[1] - context // 2) if prompt.shape[1] >= context else 0
    cache = KeyValueCache()
    for _ in range(length):
        if text.shape[1] - start > context:
            start, cache = text.shape[1] - context // 2, KeyValueCache()
        logits = model(text[:, start + cache.length :], cache) if use_cache else model(text[:, start:])
        probabilities = next_token_probabilities(logits[:, -1], temperature=temperature, top_k=top_k, top_p=top_p)
        text = torch.cat([text, sample(probabilities, generator=generator)], dim=1)
    return text[:, prompt.shape[1] :]
