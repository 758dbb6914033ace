"""Pictures as sequences: cut into square patches, each projected to a vector; a class token and positions are added.

A. Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020, https://arxiv.org/abs/2010.11929, section 3.1.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    """Cuts a picture into patches and projects each to `dim` numbers (Dosovitskiy et al. 2020, equation 1).

    Child: `projection`, a Conv2d whose kernel and stride are both the patch size, so that every patch is multiplied
    once, with the same matrix. With patch_size=2, weights of 1 and a bias of 0, the picture [[1, 2, 5, 6], [3, 4, 7,
    8]] becomes [[10], [26]].
    """

    def __init__(self, *, in_channels: int, patch_size: int, dim: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Conv2d(in_channels, dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B T D"]:
        """(B, C, H, W) to (B, T, dim), with the T = H / patch_size * W / patch_size patches row by row.

        A side that `patch_size` does not divide is refused: ValueError says "patch_size=4 does not divide a picture of
        30 x 32", the height first.
        """
        # Only whole patches: a border that is cut off in silence would be lost to the network.
        height, width = x.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(f"patch_size={self.patch_size} does not divide a picture of {height} x {width}")
        # One product for each patch, then the grid of patches read row by row as a sequence.
        return rearrange(self.projection(x), "B D h w -> B (h w) D")


class ClassTokenAndPositions(nn.Module):
    """Puts a learned class token before the patches, and adds to every token what is learned of its place.

    Parameters, for T = `tokens`: `class_token` (1, 1, dim), the same for every picture; `positions` (1, 1 + T, dim),
    with the class token's own place first. Both begin as normal noise of standard deviation 0.02. With class_token =
    [9] and positions = [[100], [200], [300]], [[1], [2]] becomes [[109], [201], [302]]. Dosovitskiy et al. 2020,
    equation 1.
    """

    def __init__(self, *, tokens: int, dim: int) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 1 + tokens, dim) * 0.02)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T+1 D"]:
        """(B, T, dim) to (B, 1 + T, dim)."""
        # The same token before every picture of the batch.
        first = self.class_token.expand(x.shape[0], -1, -1)
        # Attention does not know order: only what is added here tells one place from another.
        return torch.cat([first, x], dim=1) + self.positions
