"""Beam search: several texts are continued side by side, and the likeliest of all their continuations are kept.

B. Lowerre, "The HARPY Speech Recognition System", 1976. For neural models: I. Sutskever, O. Vinyals, Q. Le, "Sequence
to Sequence Learning with Neural Networks", 2014, https://arxiv.org/abs/1409.3215; length penalty: Y. Wu et al.,
"Google's Neural Machine Translation System", 2016, https://arxiv.org/abs/1609.08144, here a power of the length alone.

- One beam is greedy search; beams as many as there are texts are exhaustive search.
- A text that ends leaves the beam, and another takes its place. The search goes on until no running text could still
  become better than the worst finished one: not at the first end, and not always to the full length.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.blocks.language.cache import KeyValueCache
from upslope.blocks.language.penalties import repetition_penalty, token_counts


@dataclass(frozen=True)
class Hypothesis:
    """A continuation, with its end token if it has ended, and its score: log-probability / length ** penalty."""

    tokens: tuple[int, ...]
    score: float


def beam_step(
    scores: Float[Tensor, "K"], log_probabilities: Float[Tensor, "K V"], width: int
) -> tuple[Float[Tensor, "N"], Int[Tensor, "N"], Int[Tensor, "N"]]:
    """The best of all continuations of K texts by one token: their scores, which text each continues, and by what.

    A text's score is the sum of its tokens' log-probabilities, so that of text k with token v behind it is scores[k] +
    log_probabilities[k, v]. Of these K * V sums the `width` highest come back, the highest first, or all of them where
    there are fewer. Several may continue one text, and none another. The score -infinity is one that never wins against
    another. A width below 1 is refused with a ValueError that says "width=0". With scores [-1, -2], log_probabilities
    [[-3, -1], [-0.5, -4]] and width 2 the result is [-2, -2.5], by texts [0, 1] and tokens [1, 0]. Sutskever et al.
    2014, section 3.2.
    """
    if width < 1:
        raise ValueError(f"width={width} leaves no text to go on with")
    vocabulary = log_probabilities.shape[1]
    # The score of every text with every token behind it.
    sums = scores[:, None] + log_probabilities
    # All of them compete in one row, not each text's within itself.
    best, places = sums.flatten().topk(min(width, sums.numel()))
    # A place in that row is a text and a token.
    return best, places // vocabulary, places % vocabulary


@torch.no_grad()
def beam_search(
    model: nn.Module,
    prompt: Int[Tensor, "1 T"],
    length: int,
    *,
    beams: int,
    ends: tuple[int, ...] = (),
    length_penalty: float = 1.0,
    repetition: float = 1.0,
) -> list[Hypothesis]:
    """The best continuations of a prompt by at most `length` tokens, at most `beams` of them, the best first.

    `length_penalty` above 0 favours long texts: scores are negative sums, and they are divided by length ** penalty.
    """
    cache = KeyValueCache()
    texts = prompt
    scores = torch.zeros(1, device=prompt.device)
    finished: list[Hypothesis] = []
    logits = model(texts, cache)[:, -1]
    for count in range(1, length + 1):
        log_probabilities = logits.float().log_softmax(dim=-1)
        if repetition != 1:
            seen = token_counts(texts, log_probabilities.shape[-1]) > 0
            log_probabilities = repetition_penalty(log_probabilities, seen, repetition)
        # So many that, whichever of them are ends, enough texts are left to go on with.
        best, parents, tokens = beam_step(scores, log_probabilities, max(2, 1 + len(ends)) * beams)
        ended = torch.isin(tokens, torch.tensor(ends, device=tokens.device)) | (count == length)
        for place in ended[:beams].nonzero().flatten().tolist():  # an end that is not among the best is not taken
            before = texts[parents[place], prompt.shape[1] :].tolist()
            score = float(best[place]) / count**length_penalty
            finished.append(Hypothesis((*before, int(tokens[place])), score))
        finished = sorted(finished, key=lambda each: -each.score)[:beams]
        running = (~ended).nonzero().flatten()[:beams]
        if not len(running):
            break
        scores, parents, tokens = best[running], parents[running], tokens[running]
        if len(finished) == beams and float(scores[0]) / count**length_penalty <= finished[-1].score:
            break
        texts = torch.cat([texts[parents], tokens[:, None]], dim=1)
        cache.select(parents)
        logits = model(tokens[:, None], cache)[:, -1]
    return finished
