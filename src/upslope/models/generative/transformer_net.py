"""The image transformation network: a photograph in, the same scene in the manner of one painting out.

J. Johnson, A. Alahi, L. Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", 2016,
https://arxiv.org/abs/1603.08155, section 3.1 and table 1 of its supplement.

- Two strided convolutions make maps of a quarter of the side, where the residual blocks are cheap and see far; two
  steps of twice the side lead back.
- Instance normalization in place of batch normalization (D. Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022):
  the contrast of one photograph does not depend on the others of its batch.
- Nearest-neighbor upsampling before a convolution in place of transposed convolutions, whose kernels overlap unevenly
  and leave checkerboards (A. Odena et al. 2016, https://distill.pub/2016/deconv-checkerboard).
- Reflection padding at every convolution, also in the residual blocks, which in the paper have none and crop instead.
- `residual=True` (not in the paper): the network says by how much the log odds of each level are changed. It begins
  with the photograph, and no level leaves [0, 1]: without bounds a small one pays for style with levels far outside.
- Left out where `residual=False`: the scaled tanh at the end; levels outside of [0, 1] are clipped by whoever makes a
  picture of them. As with it, the first outputs are grey: the last bias begins in the middle of the range.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

DARKEST = 0.02  # of the levels whose log odds are changed: those of 0 and 1 are infinite
FEWEST = 5  # pixels on a side: less cannot be mirrored by the first kernel


class Convolution(nn.Sequential):
    """Reflection padding and a convolution: the side stays, or is halved and rounded up."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(in_channels, out_channels, kernel, stride))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))): nothing follows the sum, as S. Gross and M. Wilber 2016 propose."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = Convolution(width, width, 3), nn.InstanceNorm2d(width, affine=True)
        self.conv2, self.norm2 = Convolution(width, width, 3), nn.InstanceNorm2d(width, affine=True)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        return x + self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))


class TransformerNet(nn.Module):
    """Pictures (B, C, H, W) in [0, 1] to pictures of the same size, mostly in [0, 1]; any sides from 5 pixels on."""

    def __init__(
        self, *, widths: tuple[int, ...] = (32, 64, 128), blocks: int = 5, channels: int = 3, residual: bool = False
    ) -> None:
        """`residual`: what leaves the last layer is added to the picture's log odds, and is 0 at first."""
        super().__init__()
        self.residual = residual
        self.first = Convolution(channels, widths[0], 9)
        self.down = nn.ModuleList(Convolution(a, b, 3, stride=2) for a, b in pairwise(widths))
        self.down_norms = nn.ModuleList(nn.InstanceNorm2d(width, affine=True) for width in widths)
        self.blocks = nn.Sequential(*(ResidualBlock(widths[-1]) for _ in range(blocks)))
        self.up = nn.ModuleList(Convolution(a, b, 3) for a, b in pairwise(widths[::-1]))
        self.up_norms = nn.ModuleList(nn.InstanceNorm2d(width, affine=True) for width in widths[-2::-1])
        self.last = Convolution(widths[0], channels, 9)
        end = self.last[1]
        nn.init.constant_(end.bias, 0.0 if residual else 0.5)  # type: ignore[arg-type]
        if residual:
            nn.init.zeros_(end.weight)  # type: ignore[arg-type]
        # How many pixels away a pixel may lie that counts for an answer, and of how many pixels a place is in the
        # smallest maps: by these, a large picture is cut into tiles that give what the whole would give.
        self.grid = 2 ** len(self.down)
        self.reach = 2 * 4 + sum(3 * 2**k for k in range(len(self.down))) + 2 * blocks * self.grid

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        picture, (height, width) = x, x.shape[-2:]
        if min(height, width) < FEWEST:
            raise ValueError(f"a picture of {height} x {width} pixels: each side has at least {FEWEST}")
        x = self.down_norms[0](self.first(x)).relu()
        for conv, norm in zip(self.down, list(self.down_norms)[1:], strict=True):
            x = norm(conv(x)).relu()  # half the side, rounded up
        x = self.blocks(x)
        for conv, norm in zip(self.up, self.up_norms, strict=True):
            x = norm(conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))).relu()
        # Where a side was rounded up, there is a rim too much.
        painted = self.last(x)[..., :height, :width]
        if not self.residual:
            return painted
        level = picture.clamp(DARKEST, 1 - DARKEST)
        return ((level / (1 - level)).log() + painted).sigmoid()


@torch.no_grad()
def freeze_statistics(model: nn.Module, x: Float[Tensor, "B C H W"]) -> None:
    """Let every instance norm use the means and variances that it finds in `x`, for any picture, in evaluation mode.

    A tile has not the contrast of the picture that it was cut from; normalized by its own, neighbors would not fit
    together. Several pictures of one size, tiles of one large picture say, count together as if they were one.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.InstanceNorm2d)]

    def note(norm: nn.Module, args: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.InstanceNorm2d)
        norm.running_mean = args[0].mean(dim=(0, 2, 3))
        norm.running_var = args[0].var(dim=(0, 2, 3), correction=0)
        norm.track_running_stats = True

    handles = [norm.register_forward_pre_hook(note) for norm in norms]
    model.eval()(x)
    for handle in handles:
        handle.remove()


def overfitting_loss(output: Tensor, *inputs: Tensor) -> Float[Tensor, ""]:
    """How far an output is from the picture in coarse squares: what passes through the smallest maps."""
    coarse = F.interpolate(F.avg_pool2d(inputs[0], 4), scale_factor=4.0, mode="nearest")
    return (output - coarse).square().mean()


PICTURE = (Input(shape=(3, 256, 256)),)

CARD = ModelCard(
    name="transformer-net",
    title="Image transformation network",
    paper="Johnson, Alahi and Fei-Fei 2016",
    link="https://arxiv.org/abs/1603.08155",
    domain="generative",
    builder="TransformerNet",
    loss="overfitting_loss",
    sizes={
        "toy": Size(
            arguments={"widths": (8, 12, 16), "blocks": 1},
            inputs=(Input(shape=(3, 16, 16)),),
            output=(3, 16, 16),
        ),
        "transformer-net-johnson": Size(
            arguments={},
            inputs=PICTURE,
            output=(3, 256, 256),
            parameters=1_679_235,
            counted_by="the examples of PyTorch, fast_neural_style: with instance normalization and padded blocks",
        ),
        "transformer-net-small": Size(
            arguments={"widths": (16, 32, 48), "blocks": 3, "residual": True},
            inputs=PICTURE,
            output=(3, 256, 256),
            parameters=170_355,
            counted_by="hand: 169,491 in convolutions, 864 in norms",
        ),
    },
)
