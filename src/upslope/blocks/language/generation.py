"""Generation: a causal model continues texts, one token at a time."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from upslope.blocks.language.cache import StaticCache
from upslope.blocks.language.min_p import keep_min_p
from upslope.blocks.language.penalties import presence_frequency_penalty, repetition_penalty, token_counts
from upslope.blocks.language.sampling import next_token_probabilities, sample


@torch.no_grad()
def generate(
    model: nn.Module,
    prompt: Int[Tensor, "B T"],
    length: int,
    *,
    generator: torch.Generator,
    mask: Bool[Tensor, "B T"] | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition: float = 1.0,
    presence: float = 0.0,
    frequency: float = 0.0,
    ends: Sequence[int] = (),
    use_cache: bool = True,
) -> Int[Tensor, "B L"]:
    """At most `length` tokens that follow each prompt; the generator draws them.

    The model is called with tokens and a cache, and reads at most `model.context` tokens. When they are full it goes on
    from the last half of them: what is read at a position depends on the position alone, so the text is the same with
    the cache and without it. The cache only saves computing the same keys and values again.

    Prompts of different lengths are padded on the left, where `mask` is False. A text that has come to one of the
    `ends` repeats it; when all have, generation stops. The repetition penalty is about the prompt and what was written,
    presence and frequency are about what was written.
    """
    context = model.context
    assert isinstance(context, int)
    text = prompt
    start = max(0, prompt.shape[1] - context // 2) if prompt.shape[1] >= context else 0
    cache = StaticCache(most=context)
    final = torch.tensor(list(ends), dtype=torch.int64, device=prompt.device)
    done = torch.zeros(prompt.shape[0], 1, dtype=torch.bool, device=prompt.device)
    for _ in range(length):
        if text.shape[1] - start > context:
            start, cache = text.shape[1] - context // 2, StaticCache(most=context)
        given = (text[:, start + cache.length :], cache) if use_cache else (text[:, start:],)
        logits = (model(*given) if mask is None else model(*given, mask=mask[:, start:]))[:, -1]
        if repetition != 1:
            read = text if mask is None else torch.where(mask, text, -1)
            logits = repetition_penalty(logits, token_counts(read, logits.shape[-1]) > 0, repetition)
        if presence or frequency:
            counts = token_counts(text[:, prompt.shape[1] :], logits.shape[-1])
            logits = presence_frequency_penalty(logits, counts, presence=presence, frequency=frequency)
        probabilities = next_token_probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        if min_p and temperature > 0:
            probabilities = keep_min_p(probabilities, min_p)
        token = torch.where(done, text[:, -1:], sample(probabilities, generator=generator))
        text = torch.cat([text, token], dim=1)
        if mask is not None:
            mask = torch.cat([mask, torch.ones_like(done)], dim=1)
        done = done | torch.isin(token, final)
        if len(final) and done.all():
            break
    return text[:, prompt.shape[1] :]
