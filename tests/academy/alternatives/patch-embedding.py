"""With the patches cut out and lined up, and one product of matrices; the convolution only holds the weights."""

from einops import rearrange
from torch import Tensor, nn


class PatchEmbedding(nn.Module):
    def __init__(self, *, in_channels: int, patch_size: int, dim: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.projection = nn.Conv2d(in_channels, dim, patch_size, patch_size)

    def forward(self, x: Tensor) -> Tensor:
        size = self.patch_size
        if any(side % size for side in x.shape[2:]):
            height, width = x.shape[2:]
            raise ValueError(f"patch_size={size} does not divide a picture of {height} x {width}")
        cut = rearrange(x, "b c (rows p) (columns q) -> b (rows columns) (c p q)", p=size, q=size)
        return cut @ self.projection.weight.flatten(start_dim=1).T + self.projection.bias
