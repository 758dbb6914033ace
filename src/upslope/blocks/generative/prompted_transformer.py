"""The transformer block of Stable Diffusion: the places of an image exchange what they know, and read the prompt.

R. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2021,
https://arxiv.org/abs/2112.10752, section 3.3 and appendix E.2.1; the gated MLP: N. Shazeer, "GLU Variants Improve
Transformer", 2020, https://arxiv.org/abs/2002.05202.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.generative.cross_attention import CrossAttention
from upslope.blocks.norms import LayerNorm

WIDER = 4  # times as many hidden numbers in the MLP


class GatedMLP(nn.Module):
    """hidden * gelu(gate), back to dim; one linear layer gives both."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.up = nn.Linear(dim, 2 * WIDER * dim)
        self.down = nn.Linear(WIDER * dim, dim)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        hidden, gate = self.up(x).chunk(2, dim=-1)
        return self.down(hidden * F.gelu(gate))


class PromptedTransformer(nn.Module):
    """Attention among places, from places to the words of a prompt, and an MLP; all added to the maps that came in."""

    def __init__(self, channels: int, *, context_dim: int, heads: int, groups: int) -> None:
        """`context_dim` is the length of a word's state; 0 leaves cross-attention out."""
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.enter = nn.Conv2d(channels, channels, 1)
        self.norm1 = LayerNorm(channels, eps=1e-5, fused=True)
        self.attention = CrossAttention(channels, context_dim=channels, heads=heads)
        if context_dim:
            self.norm2 = LayerNorm(channels, eps=1e-5, fused=True)
            self.cross = CrossAttention(channels, context_dim=context_dim, heads=heads)
        self.norm3 = LayerNorm(channels, eps=1e-5, fused=True)
        self.mlp = GatedMLP(channels)
        self.leave = nn.Conv2d(channels, channels, 1)
        self.prompted = context_dim > 0

    def forward(self, x: Float[Tensor, "B C H W"], context: Float[Tensor, "B S E"]) -> Float[Tensor, "B C H W"]:
        h = self.enter(self.norm(x)).flatten(2).transpose(1, 2)  # (B, H W, C)
        h = h + self.attention(self.norm1(h))
        if self.prompted:
            h = h + self.cross(self.norm2(h), context)
        h = h + self.mlp(self.norm3(h))
        return x + self.leave(h.transpose(1, 2).unflatten(2, x.shape[2:]))
