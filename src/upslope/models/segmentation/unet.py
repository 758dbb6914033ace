"""U-Net: down to what is there, up again to where, with the fine maps handed across.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
https://arxiv.org/abs/1505.04597, figure 1.

- Two 3x3 convolutions a level; a pooling halves, a transposed convolution of 2x2 doubles (section 2;
  `blocks/transposed_convolution.py`).
- On the way up each level reads the maps of the way down beside its own (`blocks/unet_block.py`).
- As in the paper convolutions are not padded, so that a map of 572 x 572 gives 388 x 388 classes, and what is handed
  across is cut to its middle. `padded=True` keeps sizes; `batch_norm=True` is what came later.
- `shrink=3` looks at a picture, of any size, at a third of it and brings the logits back to the whole: a ninth of the
  work, and what is said of a pixel knows three times as far around.
- Left out: the weight map that keeps touching cells apart, which belongs to the loss.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.dilation import to_size
from upslope.blocks.initialization import he_normal_
from upslope.blocks.transposed_convolution import TransposedConvolution
from upslope.blocks.unet_block import unet_block
from upslope.cards import Input, ModelCard, Size


class Level(nn.Sequential):
    """Two 3x3 convolutions, each with ReLU."""

    def __init__(self, in_channels: int, channels: int, *, padded: bool, batch_norm: bool) -> None:
        layers: list[nn.Module] = []
        for before in (in_channels, channels):
            layers.append(nn.Conv2d(before, channels, 3, padding=int(padded), bias=not batch_norm))
            layers += [nn.BatchNorm2d(channels)] if batch_norm else []
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class UNet(nn.Module):
    """Pictures (B, in_channels, H, W) to a logit for each class at each place."""

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (64, 128, 256, 512, 1024),
        padded: bool = False,
        batch_norm: bool = False,
        dropout: float = 0.0,
        shrink: int = 1,
        in_channels: int = 1,
        num_classes: int = 2,
    ) -> None:
        """`widths`: channels of each level, the top one first. `dropout` is at the bottom, as in the paper's text.

        `shrink`: how many pixels of a side are one for the network; it needs `padded`.
        """
        if shrink > 1 and not padded:
            raise ValueError(f"shrink={shrink} brings logits back to the picture's size, and only padded=True keeps it")
        super().__init__()
        how = {"padded": padded, "batch_norm": batch_norm}
        self.down = nn.ModuleList(
            Level(before, width, **how) for before, width in zip((in_channels, *widths), widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.upsample, self.up = nn.ModuleList(), nn.ModuleList()
        for below, width in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.upsample.append(TransposedConvolution(below, width, 2, stride=2))
            self.up.append(Level(2 * width, width, **how))
        self.head = nn.Conv2d(widths[0], num_classes, 1)
        self.halvings = len(widths) - 1
        self.padded, self.shrink = padded, shrink
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                he_normal_(layer.weight)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
        if self.shrink > 1:
            return self._shrunk(x)
        by = 2**self.halvings
        if self.padded and (x.shape[-2] % by or x.shape[-1] % by):
            raise ValueError(f"a picture of {x.shape[-2]} x {x.shape[-1]}: both sides must be multiples of {by}")
        return self._logits(x)

    def _shrunk(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
        """Means of `shrink` x `shrink` pixels, and what is said of them between places by bilinear interpolation."""
        height, width, by = *x.shape[-2:], self.shrink * 2**self.halvings
        # The last row and column are repeated until the levels below can halve the map.
        whole = F.pad(x, (0, -width % by, 0, -height % by), mode="replicate")
        return to_size(self._logits(F.avg_pool2d(whole, self.shrink)), whole)[..., :height, :width]

    def _logits(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
        across = []
        for number, level in enumerate(self.down):
            x = level(self.pool(x) if number else x)
            across.append(x)
        x = self.dropout(across.pop())
        for upsample, level in zip(self.upsample, self.up, strict=True):
            x = unet_block(x, across.pop(), upsample=upsample, convolutions=level)
        return self.head(x)


def loss(outputs: Float[Tensor, "B K h w"], x: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """Every pixel of the first class: for the contract checks."""
    return F.cross_entropy(outputs, torch.zeros_like(outputs[:, 0], dtype=torch.long))


CARD = ModelCard(
    name="unet",
    title="U-Net",
    paper="Ronneberger, Fischer and Brox 2015",
    link="https://arxiv.org/abs/1505.04597",
    domain="segmentation",
    builder="UNet",
    sizes={
        "toy": Size(
            arguments={"widths": (4, 6, 8), "padded": True, "batch_norm": True, "dropout": 0.1, "num_classes": 2},
            inputs=(Input(shape=(1, 32, 32)),),
            output=(2, 32, 32),
        ),
        "toy-shrunk": Size(
            arguments={
                "widths": (4, 6),
                "padded": True,
                "batch_norm": True,
                "dropout": 0.1,
                "shrink": 3,
                "num_classes": 2,
            },
            inputs=(Input(shape=(1, 32, 32)),),
            output=(2, 32, 32),
        ),
        "toy-unpadded": Size(
            arguments={"widths": (4, 6), "batch_norm": True, "dropout": 0.1, "in_channels": 1, "num_classes": 2},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(2, 12, 12),
        ),
        "unet-small": Size(
            arguments={"widths": (24, 48, 96, 192), "padded": True, "batch_norm": True, "dropout": 0.2},
            inputs=(Input(shape=(1, 256, 256)),),
            output=(2, 256, 256),
            parameters=1_084_274,
            counted_by="hand: 985,176 in convolutions, 96,936 in transposed ones, 2,112 in norms, 50 in the head",
        ),
        "unet": Size(
            arguments={},
            inputs=(Input(shape=(1, 572, 572)),),
            output=(2, 388, 388),
            parameters=31_030_658,
            counted_by="the layer sizes of the paper's figure 1, with biases",
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
    loss="loss",
)
