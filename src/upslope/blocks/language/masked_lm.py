"""Masked language modeling: which token stood where one was hidden?

J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2018,
https://arxiv.org/abs/1810.04805, section 3.1, task 1; the head as in the authors' code.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.post_norm import Activation, activation
from upslope.blocks.norms import LayerNorm


class MaskedLMHead(nn.Module):
    """States (B, T, dim) to logits (B, T, vocab_size): a hidden layer, a norm, and the table of tokens read backwards.

    The last matrix is tied: it is the embedding's own table, (vocab_size, embedding_dim), which `forward` is given.
    """

    def __init__(
        self,
        dim: int,
        vocab_size: int,
        *,
        embedding_dim: int = 0,
        nonlinearity: Activation = "gelu",
        eps: float = 1e-12,
        fused: bool = False,
    ) -> None:
        """`embedding_dim` is the length of the table's rows, where that is not dim."""
        super().__init__()
        self.dense = nn.Linear(dim, embedding_dim or dim)
        self.activation = activation(nonlinearity)
        self.norm = LayerNorm(embedding_dim or dim, eps=eps, fused=fused)
        self.bias = nn.Parameter(self.dense.bias.new_zeros(vocab_size))

    def forward(self, states: Float[Tensor, "B T D"], table: Float[Tensor, "V E"]) -> Float[Tensor, "B T V"]:
        return F.linear(self.norm(self.activation(self.dense(states))), table, self.bias)
