"""ViT, the Vision Transformer: a picture is a sequence of patches.

A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020,
https://arxiv.org/abs/2010.11929. The tiny and the small size: H. Touvron et al., "Training data-efficient image
transformers", 2020, https://arxiv.org/abs/2012.12877, table 1.

- Patches, projected; a class token; learned positions (equation 1); encoder blocks (2, 3); the class token's last state
  is normed and read by a linear layer (4).
- `fused=True` takes PyTorch's kernels for attention and norms: the same numbers, less memory.
- Left out: the hidden layer of the head in pre-training, positions interpolated for other resolutions, dropout behind
  attention's last layer (appendix B.1).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.norms import LayerNorm
from upslope.blocks.patches import ClassTokenAndPositions, PatchEmbedding
from upslope.blocks.transformer import EncoderBlock
from upslope.cards import File, Input, ModelCard, Size, Weights


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
        self.image_size = image_size
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
        if x.shape[-2:] != (self.image_size, self.image_size):  # there are no positions for other pictures
            raise ValueError(f"pictures of {x.shape[-2]} x {x.shape[-1]} for a network of image_size={self.image_size}")
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


PICTURE = (Input(shape=(3, 224, 224)),)
CENTRE = "pictures: short side 256, centre 224"
FACEBOOK = (  # its keys, and ours
    (r"cls_token", r"tokens.class_token"),
    (r"pos_embed", r"tokens.positions"),
    (r"patch_embed\.proj\.(.+)", r"patches.projection.\1"),
    (r"blocks\.(\d+)\.norm(\d)\.(.+)", r"blocks.\1.norm\2.\3"),
    (r"blocks\.(\d+)\.attn\.qkv\.(.+)", r"blocks.\1.attention.qkv.\2"),
    (r"blocks\.(\d+)\.attn\.proj\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r"blocks\.(\d+)\.mlp\.fc1\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r"blocks\.(\d+)\.mlp\.fc2\.(.+)", r"blocks.\1.mlp.3.\2"),
    (r"norm\.(.+)", r"norm.\1"),
    (r"head\.(.+)", r"head.\1"),
)
TORCHVISION = (
    (r"class_token", r"tokens.class_token"),
    (r"encoder\.pos_embedding", r"tokens.positions"),
    (r"conv_proj\.(.+)", r"patches.projection.\1"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.ln_(\d)\.(.+)", r"blocks.\1.norm\2.\3"),
    (r".+_(\d+)\.self_attention\.in_proj_(.+)", r"blocks.\1.attention.qkv.\2"),
    (r".+_(\d+)\.self_attention\.out_proj\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r".+_(\d+)\.mlp\.(?:0|linear_1)\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r".+_(\d+)\.mlp\.(?:3|linear_2)\.(.+)", r"blocks.\1.mlp.3.\2"),
    (r"encoder\.ln\.(.+)", r"norm.\1"),
    (r"heads\.head\.(.+)", r"head.\1"),
)
HUGGINGFACE = (
    (r"vit\.embeddings\.cls_token", r"tokens.class_token"),
    (r"vit\.embeddings\.position_embeddings", r"tokens.positions"),
    (r"vit\.embeddings\.patch_embeddings\.projection\.(.+)", r"patches.projection.\1"),
    (r".+\.layer\.(\d+)\.layernorm_before\.(.+)", r"blocks.\1.norm1.\2"),
    (r".+\.layer\.(\d+)\.attention\.attention\.query\.(.+)", r"blocks.\1.attention.qkv.\2[1/3]"),
    (r".+\.layer\.(\d+)\.attention\.attention\.key\.(.+)", r"blocks.\1.attention.qkv.\2[2/3]"),
    (r".+\.layer\.(\d+)\.attention\.attention\.value\.(.+)", r"blocks.\1.attention.qkv.\2[3/3]"),
    (r".+\.layer\.(\d+)\.attention\.output\.dense\.(.+)", r"blocks.\1.attention.projection.\2"),
    (r".+\.layer\.(\d+)\.layernorm_after\.(.+)", r"blocks.\1.norm2.\2"),
    (r".+\.layer\.(\d+)\.intermediate\.dense\.(.+)", r"blocks.\1.mlp.0.\2"),
    (r".+\.layer\.(\d+)\.output\.dense\.(.+)", r"blocks.\1.mlp.3.\2"),
    (r"vit\.layernorm\.(.+)", r"norm.\1"),
    (r"vit\.pooler\..+", ""),
    (r"classifier\.(.+)", r"head.\1"),
)

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
        "vit-28": Size(
            arguments={
                "image_size": 28,
                "patch_size": 7,
                "dim": 96,
                "depth": 6,
                "heads": 4,
                "mlp_ratio": 2.0,
                "in_channels": 1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=456_394,
            counted_by="hand: patches 4,800, tokens 1,728, 6 blocks of 74,784, norm 192, head 970",
        ),
        "vit-tiny": Size(
            arguments={"dim": 192, "depth": 12, "heads": 3, "fused": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=5_717_416,
            counted_by="timm, vit_tiny_patch16_224",
            weights=(
                Weights(
                    publisher="facebook",
                    file=File(
                        name="deit_tiny_patch16_224-a1311bcf.pth",
                        sha256="a1311bcf4f24e3c95adaa75535db67bc4412d95535b98f7c1dfd1164dda41c97",
                        size=22_917_895,
                        urls=("https://dl.fbaipublicfiles.com/deit/deit_tiny_patch16_224-a1311bcf.pth",),
                    ),
                    keys=FACEBOOK,
                    licence="Apache-2.0",
                    metrics={"ImageNet top-1": 0.72202, "ImageNet top-5": 0.91124},
                    note=CENTRE,
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="winkawaks-vit-tiny-patch16-224.safetensors",
                        sha256="a9146f3ee7cf6de399190132627e4aef1aeddd13692f5b333f24629dd36c37b0",
                        urls=("https://huggingface.co/WinKawaks/vit-tiny-patch16-224/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="WinKawaks/vit-tiny-patch16-224, converted from timm",
                ),
            ),
        ),
        "vit-small": Size(
            arguments={"dim": 384, "depth": 12, "heads": 6, "fused": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=22_050_664,
            counted_by="timm, vit_small_patch16_224",
            weights=(
                Weights(
                    publisher="facebook",
                    file=File(
                        name="deit_small_patch16_224-cd65a155.pth",
                        sha256="cd65a15597004d0ce19d7a9daef969903972db5b398e3a5febcd3c4df1d8f59f",
                        urls=("https://dl.fbaipublicfiles.com/deit/deit_small_patch16_224-cd65a155.pth",),
                    ),
                    keys=FACEBOOK,
                    licence="Apache-2.0",
                    metrics={"ImageNet top-1": 0.79854, "ImageNet top-5": 0.94968},
                    note=CENTRE,
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="winkawaks-vit-small-patch16-224.safetensors",
                        sha256="7a50193b4cb731afb55bc246f82007255c59e2c15070f22e5bb71c796f944fbf",
                        urls=("https://huggingface.co/WinKawaks/vit-small-patch16-224/resolve/main/model.safetensors",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="WinKawaks/vit-small-patch16-224, converted from timm",
                ),
            ),
        ),
        "vit-base": Size(
            arguments={"dim": 768, "depth": 12, "heads": 12, "fused": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=86_567_656,
            counted_by="torchvision, vit_b_16",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vit_b_16-c867db91.pth",
                        sha256="c867db91d3e12c6cbadabb610d73c24a546bf82d8c03a9fea34f43a712ddb0e9",
                        size=346_328_529,
                        urls=("https://download.pytorch.org/models/vit_b_16-c867db91.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.81072, "ImageNet top-5": 0.95318},
                    note=CENTRE,
                ),
                Weights(
                    publisher="huggingface",
                    file=File(
                        name="google-vit-base-patch16-224.bin",
                        sha256="5f17067668129d23b52524f90a805e7d9914c276d90a59a13ebe81a09e40ceca",
                        urls=("https://huggingface.co/google/vit-base-patch16-224/resolve/main/pytorch_model.bin",),
                    ),
                    keys=HUGGINGFACE,
                    licence="Apache-2.0",
                    note="google/vit-base-patch16-224",
                ),
            ),
        ),
        "vit-large": Size(
            arguments={"dim": 1024, "depth": 24, "heads": 16, "fused": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=304_326_632,
            counted_by="torchvision, vit_l_16",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vit_l_16-852ce7e3.pth",
                        sha256="852ce7e3",
                        size=1_217_421_105,
                        urls=("https://download.pytorch.org/models/vit_l_16-852ce7e3.pth",),
                    ),
                    keys=TORCHVISION,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.79662, "ImageNet top-5": 0.94638},
                    note="pictures: short side 242, centre 224; torchvision publishes the first 8 digits of the hash",
                ),
            ),
        ),
    },
    differs_in_training=("Dropout", "StochasticDepth"),
    note="Pictures: in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225); for huggingface's files in "
    "[-1, 1], both sides 224.",
)
