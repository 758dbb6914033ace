"""A network for reading digits in seconds, and the plain one that it was made from.

Both have the same three convolutions and the same linear layer, 29,434 parameters in all; what differs is how much work
is done with them. Every change can be taken back by an argument, which is how `upslope lab mnist` measures them.

- `strided`: the first filters look at every second place, instead of at every one, of which pooling keeps a quarter.
- `padded=False`: digits have an empty border, so nothing is drawn around the maps to keep them large.
- `pool_first`: maxima before normalisation and activation, which then have a quarter of the numbers to work on.
- `activation`: GELU (D. Hendrycks, K. Gimpel 2016, https://arxiv.org/abs/1606.08415), which passes a little of what is
  below zero, and learns more from every image than ReLU.
- `channels_last`: the channels of a pixel lie side by side in memory, as matrix products over them like it.
- Left out: shortcuts, dropout, global average pooling (with so few maps, where a stroke is matters).

The idea of a record run on a small data set, with everything in it measured, is Keller Jordan's: "94% on CIFAR-10 in
3.29 Seconds on a Single GPU", 2024, https://arxiv.org/abs/2404.00498.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


class Stage(nn.Module):
    """A convolution, batch normalisation, an activation, and a maximum over 2 x 2 at its place among them."""

    def __init__(
        self, conv: nn.Conv2d, *, pool: bool, pool_first: bool = True, activation: Literal["gelu", "relu"] = "gelu"
    ) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels)
        self.activation = ACTIVATIONS[activation]()
        self.pool: nn.Module = nn.MaxPool2d(2) if pool else nn.Identity()
        self.pool_first = pool_first

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        x = self.conv(x)
        if self.pool_first:
            return self.activation(self.norm(self.pool(x)))
        return self.pool(self.activation(self.norm(x)))


class Sprint(nn.Module):
    """Pictures of 28 x 28 pixels to scores."""

    def __init__(
        self,
        *,
        in_channels: int = 1,
        num_classes: int = 10,
        widths: tuple[int, int, int] = (16, 32, 64),
        strided: bool = True,
        padded: bool = False,
        pool_first: bool = True,
        activation: Literal["gelu", "relu"] = "gelu",
        channels_last: bool = True,
    ) -> None:
        super().__init__()
        self.memory = torch.channels_last if channels_last else torch.contiguous_format
        first, second, third = widths
        stride, edge = (2 if strided else 1), int(padded)
        convolutions = (
            nn.Conv2d(in_channels, first, 5, stride=stride, padding=2 * edge, bias=False),
            nn.Conv2d(first, second, 3, padding=edge, bias=False),
            nn.Conv2d(second, third, 3, padding=edge, bias=False),
        )
        # Whatever is switched on, the last maps are 3 x 3: padded, 28 to 14, 7 and 3; else 28 to 12, 5 and 3.
        pools = (not strided, True, padded)
        self.stages = nn.Sequential(
            *(
                Stage(conv, pool=pool, pool_first=pool_first, activation=activation)
                for conv, pool in zip(convolutions, pools, strict=True)
            )
        )
        self.head = nn.Linear(third * 3 * 3, num_classes)
        self.to(memory_format=self.memory)  # type: ignore[call-overload]

    def forward(self, x: Float[Tensor, "B C 28 28"]) -> Float[Tensor, "B K"]:
        x = self.stages(x.contiguous(memory_format=self.memory))  # (B, D, 3, 3)
        return self.head(x.flatten(1))


BY_HAND = "a count by hand: 16 * 25 + 32 + 32 * 16 * 9 + 64 + 64 * 32 * 9 + 128 + 576 * 10 + 10"

CARD = ModelCard(
    name="sprint",
    title="Sprint",
    paper="after Jordan 2024",
    link="https://arxiv.org/abs/2404.00498",
    domain="vision",
    builder="Sprint",
    sizes={
        "toy": Size(arguments={"widths": (4, 6, 8)}, inputs=(Input(shape=(1, 28, 28)),), output=(10,)),
        "sprint": Size(
            arguments={},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=29_434,
            counted_by=BY_HAND,
        ),
        "sprint-plain": Size(
            arguments={
                "strided": False,
                "padded": True,
                "pool_first": False,
                "activation": "relu",
                "channels_last": False,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=29_434,
            counted_by=BY_HAND,
        ),
    },
    differs_in_training=("BatchNorm2d",),
)
