"""What image U-Nets and autoencoders are made of: residual blocks that may be told the step, attention over places.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239, appendix
B; P. Esser, R. Rombach, B. Ommer, "Taming Transformers", 2020, https://arxiv.org/abs/2012.09841, where the
autoencoders have them. Both begin with group normalization.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.attention import scaled_dot_product_attention


class ResidualBlock(nn.Module):
    """Two convolutions around a skip connection; an embedding of the step, if any, is added to each channel between."""

    def __init__(
        self, channels: int, out: int, *, groups: int, embedding: int = 0, dropout: float = 0.0, eps: float = 1e-6
    ) -> None:
        """`embedding` is the length of what it is told; 0: nothing."""
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels, eps=eps)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.time = nn.Linear(embedding, out) if embedding else None
        self.norm2 = nn.GroupNorm(groups, out, eps=eps)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(
        self, x: Float[Tensor, "B C H W"], embedding: Float[Tensor, "B E"] | None = None
    ) -> Float[Tensor, "B D H W"]:
        h = self.conv1(F.silu(self.norm1(x)))
        if self.time is not None and embedding is not None:
            h = h + self.time(F.silu(embedding))[:, :, None, None]
        return self.shortcut(x) + self.conv2(self.dropout(F.silu(self.norm2(h))))


class PlaceAttention(nn.Module):
    """Every place looks at every other one, with one head; added to what was there."""

    def __init__(self, channels: int, *, groups: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=eps)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.projection = nn.Linear(channels, channels)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        q, k, v = self.qkv(self.norm(x).flatten(2).transpose(1, 2)).chunk(3, dim=-1)  # (B, H W, C) each
        gathered = self.projection(scaled_dot_product_attention(q, k, v))
        return x + gathered.transpose(1, 2).unflatten(2, x.shape[2:])
