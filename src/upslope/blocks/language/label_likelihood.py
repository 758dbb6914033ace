"""Classification by a language model: how probable is each label as the continuation of a prompt?

T. Brown et al., "Language Models are Few-Shot Learners", 2020, https://arxiv.org/abs/2005.14165, section 2.4: labels
are compared by their likelihood, nothing is generated. Z. Zhao, E. Wallace, S. Feng, D. Klein, S. Singh, "Calibrate
Before Use: Improving Few-Shot Performance of Language Models", 2021, https://arxiv.org/abs/2102.09690.

- What all prompts have in common (instruction, examples) is read once; only their ends are read side by side.
- Labels of one token share a row. A longer one costs a row of its own, in which its tokens are scored one by one.
- Left out: labels compared by how much the prompt raises their probability (Brown et al.'s unconditional norm).
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.language.cache import KeyValueCache, SharedPrefix

Tokens = Sequence[int]


@torch.inference_mode()
def label_log_likelihoods(
    model: nn.Module,
    prompts: Sequence[Tokens],
    labels: Sequence[Tokens],
    *,
    mean: bool = False,
    batch_size: int = 16,
) -> Float[Tensor, "N K"]:
    """log p(label k | prompt n): the sum over the label's tokens, or their mean.

    `model` has `states(tokens, cache)` and `logits(states)`, as `Llama`. Prompts and labels hold at least one token.
    """
    if not all(prompts) or not all(labels):
        raise ValueError("a prompt or a label has no tokens")
    network: Any = model
    common = in_common(prompts)
    beginning = KeyValueCache()
    if common:
        network.states(torch.tensor([list(prompts[0][:common])]), beginning)
    # A row is a prompt and all tokens of a label but its last.
    stems = list(dict.fromkeys(tuple(label[:-1]) for label in labels))
    rows = [(n, stem, [*prompt[common:], *stem]) for n, prompt in enumerate(prompts) for stem in stems]
    rows.sort(key=lambda row: len(row[2]))
    longest = max(map(len, stems))
    scores = torch.empty(len(prompts), len(labels))
    for first in range(0, len(rows), batch_size):
        batch = rows[first : first + batch_size]
        width = len(batch[-1][2])
        # Filled up on the right: in a causal model nothing before it sees the filling.
        tokens = torch.tensor([[*row, *[0] * (width - len(row))] for _, _, row in batch])
        states = network.states(tokens, SharedPrefix(beginning) if common else KeyValueCache())
        ends = torch.tensor([len(row) - len(stem) - 1 for _, stem, row in batch])
        places = (ends[:, None] + torch.arange(longest + 1)).clamp(max=width - 1)
        said = network.logits(states[torch.arange(len(batch))[:, None], places]).float().log_softmax(dim=-1)
        for (n, stem, _), given in zip(batch, said, strict=True):
            for k, label in enumerate(labels):
                if tuple(label[:-1]) == stem:
                    found = given[torch.arange(len(label)), torch.tensor(list(label))]
                    scores[n, k] = found.mean() if mean else found.sum()
    return scores


def in_common(prompts: Sequence[Tokens]) -> int:
    """With how many tokens all prompts begin; at least one of each is left over."""
    shortest = min(map(len, prompts)) - 1
    return next((n for n in range(shortest) if len({prompt[n] for prompt in prompts}) > 1), shortest)


def contextual_calibration(scores: Float[Tensor, "N K"], content_free: Float[Tensor, "M K"]) -> Float[Tensor, "N K"]:
    """Log-probabilities of the labels, corrected by what the prompt says about texts without content.

    p_k / q_k, scaled to a sum of 1, where p = softmax(scores) and q is the mean of softmax over the M inputs such as
    "N/A". If both inputs are the same text every label gets 1 / K. Zhao et al. 2021, equation 1 with W = diag(q)^-1.
    """
    bias = content_free.softmax(dim=-1).mean(dim=0).log()
    return (scores.log_softmax(dim=-1) - bias).log_softmax(dim=-1)
