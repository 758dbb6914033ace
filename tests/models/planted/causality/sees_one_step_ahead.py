"""A mask with its diagonal one step too far."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self, *, vocab_size: int = 11, dim: int = 16, length: int = 7) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Parameter(torch.randn(length, dim) * 0.02)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.head = nn.Linear(dim, vocab_size)

    def forward(self, x: Int[Tensor, "..."]) -> Float[Tensor, "..."]:
        h = self.tokens(x) + self.positions
        q, k, v = self.qkv(h).chunk(3, dim=-1)
        scores = q @ k.transpose(1, 2) / 4  # (B, T, T)
        seen = torch.ones(scores.shape[1:], dtype=torch.bool, device=x.device).tril(1)
        weights = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1)
        return self.head(h + weights @ v)


CARD = ModelCard(
    name="sees_one_step_ahead",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(7,), dtype="int64", high=11),), output=(7, 11))},
    causal=True,
)
