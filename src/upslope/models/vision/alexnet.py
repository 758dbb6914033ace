"""AlexNet, the convolutional network that won ImageNet's contest of 2012 and began the decade of deep learning.

A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks. In one tower:
A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, https://arxiv.org/abs/1404.5997.

- ReLU in place of tanh (section 3.1), overlapping pooling, 3 wide and 2 apart (3.4), dropout in front of both hidden
  layers (4.2).
- `towers=2`, of 2012: half of the channels lived on each of two GPUs, which met in the third convolution only. Here the
  towers are groups of one convolution. Local response normalization after the first two (3.3), dropped by later work.
- `towers=1`, of 2014: fewer channels, one tower, no local response normalization.
- Left out: the first weights of section 5 (standard deviation 0.01, some biases of 1), under which small networks stand
  still for epochs; He's initialization stands there. Color augmentation belongs to training.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.convolution_arithmetic import output_size
from upslope.blocks.initialization import he_normal_
from upslope.cards import File, Input, ModelCard, Size, Weights


class AlexNet(nn.Module):
    """Pictures of image_size x image_size pixels to scores (B, num_classes)."""

    def __init__(
        self,
        *,
        towers: Literal[1, 2] = 1,
        image_size: int = 224,
        widths: tuple[int, int, int, int, int] = (64, 192, 384, 256, 256),
        stem: tuple[int, int, int] = (11, 4, 2),
        hidden: int = 4096,
        dropout: float = 0.5,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        """`stem` is kernel, stride and padding of the first convolution."""
        super().__init__()
        self.image_size = image_size
        kernel, stride, padding = stem
        first, second, third, fourth, fifth = widths
        apart = towers == 2
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, first, kernel, stride=stride, padding=padding),
            nn.ReLU(inplace=True),
            *_normed(apart),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(first, second, 5, padding=2, groups=towers),
            nn.ReLU(inplace=True),
            *_normed(apart),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(second, third, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(third, fourth, 3, padding=1, groups=towers),
            nn.ReLU(inplace=True),
            nn.Conv2d(fourth, fifth, 3, padding=1, groups=towers),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        side = output_size(image_size, kernel=kernel, stride=stride, padding=padding)
        for _ in range(3):  # the other convolutions keep height and width, the poolings halve them
            side = output_size(side, kernel=3, stride=2)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(fifth * side * side, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_classes),
        )
        self.apply(_begin)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        if x.shape[-2:] != (self.image_size, self.image_size):  # the hidden layer weighs every place
            raise ValueError(f"pictures of {x.shape[-2]} x {x.shape[-1]} for a network of image_size={self.image_size}")
        return self.classifier(self.features(x).flatten(1))


def _normed(wanted: bool) -> list[nn.Module]:
    """Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. PyTorch takes the mean of n squares, the paper the sum."""
    return [nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)] if wanted else []


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        he_normal_(module.weight)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


CARD = ModelCard(
    name="alexnet",
    title="AlexNet",
    paper="Krizhevsky, Sutskever and Hinton 2012",
    link="https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
    domain="vision",
    builder="AlexNet",
    sizes={
        "toy": Size(
            arguments={
                "image_size": 28,
                "widths": (4, 6, 8, 8, 8),
                "stem": (3, 1, 1),
                "hidden": 32,
                "dropout": 0.1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 28, 28)),),
            output=(10,),
        ),
        "alexnet-small": Size(
            arguments={
                "image_size": 28,
                "widths": (24, 64, 96, 64, 64),
                "stem": (5, 1, 2),
                "hidden": 256,
                "dropout": 0.1,
                "in_channels": 1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=320_922,
            counted_by="hand: 186,768 in convolutions, 134,154 in linear layers",
        ),
        "alexnet": Size(
            arguments={},
            inputs=(Input(shape=(3, 224, 224)),),
            output=(1000,),
            parameters=61_100_840,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="alexnet-owt-7be5be79.pth",
                        sha256="7be5be79",
                        urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
                    ),
                    keys=((r"((?:features|classifier)\.\d+\.(?:weight|bias))", r"\1"),),
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.56522, "ImageNet top-5": 0.79066},
                    note="pictures: short side 256, centre 224; torchvision publishes the first 8 digits of the hash",
                ),
            ),
        ),
        "alexnet-2012": Size(
            arguments={"towers": 2, "image_size": 227, "widths": (96, 256, 384, 384, 256), "stem": (11, 4, 0)},
            inputs=(Input(shape=(3, 227, 227)),),
            output=(1000,),
            parameters=60_965_224,
            counted_by="the layer sizes of the paper; Caffe's copy, bvlc_reference_caffenet, has as many",
        ),
    },
    differs_in_training=("Dropout",),
    note="Pictures: in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).",
)
