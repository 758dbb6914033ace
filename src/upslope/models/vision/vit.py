"""ViT, the Vision Transformer: a picture is a sequence of patches.

A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020,
https://arxiv.org/abs/2010.11929. The tiny and the small size: H. Touvron et al., "Training data-efficient image
transformers", 2020, https://arxiv.org/abs/2012.12877, table 1.

- Patches, projected; a class token; learned positions (equation 1); encoder blocks (2, 3); the class token's last state
  is normed and read by a linear layer (4).
- `fused=True` takes PyTorch's kernels for attention and norms: the same numbers, less memory.
- Left out: the hidden layer of the head in pre-training, positions interpolated for other resolutions.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.norms import LayerNorm
from upslope.blocks.patches import ClassTokenAndPositions, PatchEmbedding
from upslope.blocks.transformer import EncoderBlock
from upslope.cards import Input, ModelCard, Size


class ViT(nn.Module):
    """Pictures of image_size x image_size pixels to scores (B, num_classes)."""

    def __init__(
        self,
        *,
        image_size: int = 224,
        patch_size: int = 16,
        dim: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        in_channels: int = 3,
        num_classes: int = 1000,
        dropout: float = 0.0,
        drop_path: float = 0.0,
        eps: float = 1e-6,
        fused: bool = False,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"patch_size={patch_size} does not divide image_size={image_size}")
        self.patches = PatchEmbedding(in_channels=in_channels, patch_size=patch_size, dim=dim)
        self.tokens = ClassTokenAndPositions(tokens=(image_size // patch_size) ** 2, dim=dim)
        self.dropout = nn.Dropout(dropout)
        # Deeper blocks are skipped more often: from never to `drop_path` (Huang et al. 2016, section 3).
        rates = torch.linspace(0, drop_path, depth, device="cpu").tolist()
        self.blocks = nn.ModuleList(
            EncoderBlock(dim, heads=heads, mlp_ratio=mlp_ratio, dropout=dropout, drop_path=rate, eps=eps, fused=fused)
            for rate in rates
        )
        self.norm = LayerNorm(dim, eps=eps, fused=fused)
        self.head = nn.Linear(dim, num_classes)
        self.apply(_begin)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        x = self.dropout(self.tokens(self.patches(x)))  # (B, 1 + T, dim)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


def _begin(module: nn.Module) -> None:
    """Small random weights and biases of 0; PyTorch's own, larger ones would drown what the blocks pass on."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


CARD = ModelCard(
    name="vit",
    title="Vision Transformer",
    paper="Dosovitskiy et al. 2020",
    link="https://arxiv.org/abs/2010.11929",
    domain="vision",
    builder="ViT",
    sizes={
        "toy": Size(
            arguments={
                "image_size": 16,
                "patch_size": 4,
                "dim": 32,
                "depth": 2,
                "heads": 4,
                "num_classes": 10,
                "dropout": 0.1,
                "drop_path": 0.1,
            },
            inputs=(Input(shape=(3, 16, 16)),),
            output=(10,),
        ),
        "vit-tiny": Size(
            arguments={"dim": 192, "depth": 12, "heads": 3, "fused": True},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=5_717_416,
            counted_by="timm, vit_tiny_patch16_224",
        ),
        "vit-small": Size(
            arguments={"dim": 384, "depth": 12, "heads": 6, "fused": True},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=22_050_664,
            counted_by="timm, vit_small_patch16_224",
        ),
        "vit-base": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "fused": True},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=86_567_656,
            counted_by="torchvision, vit_b_16",
        ),
        "vit-large": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16, "fused": True},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=304_326_632,
            counted_by="torchvision, vit_l_16",
        ),
    },
    differs_in_training=("Dropout", "StochasticDepth"),
)
