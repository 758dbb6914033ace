"""Cross-attention: how the places of an image look at the words of a prompt.

A. Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762, section 3.2.3; in diffusion: R.
Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021, https://arxiv.org/abs/2112.10752,
section 3.3.
"""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.attention import scaled_dot_product_attention


class CrossAttention(nn.Module):
    """Attention from one sequence to another in several heads: x asks, the context answers.

    Children, as in Stable Diffusion: `q`, a Linear from dim to dim without bias, of x; `kv`, a Linear from context_dim
    to 2 * dim without bias, of the context, whose output holds all keys, then all values; `projection`, a Linear from
    dim to dim with bias, over the joined heads. Queries, keys and values are split into heads one after the other, and
    each head is `scaled_dot_product_attention` over its own dim / heads numbers. `heads` must divide `dim`; ValueError
    says "heads=6 does not divide dim=100". Without a context x attends to itself.

    Where all queries are 0 every position of x gets the mean of all values: if values and projection are the identity
    and the context is [[1, 3], [3, 5]], what each position gets is [2, 4].
    """

    def __init__(self, dim: int, *, context_dim: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"heads={heads} does not divide dim={dim}")
        self.heads = heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(context_dim, 2 * dim, bias=False)
        self.projection = nn.Linear(dim, dim)

    def forward(
        self, x: Float[Tensor, "B T D"], context: Float[Tensor, "B S C"] | None = None
    ) -> Float[Tensor, "B T D"]:
        """(B, T, dim), and a context of any other length S, (B, S, context_dim), to (B, T, dim)."""
        # Whoever is asked gives keys and values; without a context that is x itself.
        asked = x if context is None else context
        # The queries are x's, T of them; keys and values the other's, S of each. All are cut into heads.
        q = rearrange(self.q(x), "B T (heads d) -> B heads T d", heads=self.heads)
        k, v = rearrange(self.kv(asked), "B S (two heads d) -> two B heads S d", two=2, heads=self.heads)
        # Every head attends by itself: a table of T x S weights, each row of which sums to 1.
        gathered = scaled_dot_product_attention(q, k, v)
        # The heads side by side, mixed by a last linear layer.
        return self.projection(rearrange(gathered, "B heads T d -> B T (heads d)"))
