"""VGG, very deep networks of nothing but 3x3 convolutions.

K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014,
https://arxiv.org/abs/1409.1556.

- Only 3x3 convolutions (section 2.3): two in a row see 5x5, three see 7x7, with fewer weights and more nonlinearities.
- Five stages, each ends in pooling; three layers over all places at the end (table 1, columns A, B, D and E).
- `batch_norm=True`: batch norm behind each convolution, which the paper did not have yet; common today.
- `hidden=0`: one linear layer over the average of each map in place of the three, for small pictures.
- Left out: the 1x1 convolutions of column C, evaluation at several scales (section 3.2), starting deep networks from
  the weights of shallow ones (3.1), for which He's initialization stands.
"""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.blocks.convolution_arithmetic import output_size
from upslope.blocks.initialization import he_normal_
from upslope.blocks.pooling import global_average_pool
from upslope.cards import File, Input, ModelCard, Size, Weights


class VGG(nn.Module):
    """Pictures of image_size x image_size pixels to scores (B, num_classes)."""

    def __init__(
        self,
        *,
        depths: tuple[int, ...],
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        batch_norm: bool = False,
        hidden: int = 4096,
        dropout: float = 0.5,
        image_size: int = 224,
        in_channels: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if len(depths) != len(widths):
            raise ValueError(f"depths={depths} and widths={widths} must name the same stages")
        self.image_size, self.hidden = image_size, hidden
        layers: list[nn.Module] = []
        channels, side = in_channels, image_size
        for depth, width in zip(depths, widths, strict=True):
            for _ in range(depth):
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU(inplace=True))
                channels = width
            layers.append(nn.MaxPool2d(2))
            side = output_size(side, kernel=2, stride=2)
        self.features = nn.Sequential(*layers)
        self.classifier: nn.Module = nn.Linear(channels, num_classes)
        if hidden:
            self.classifier = nn.Sequential(
                nn.Linear(channels * side * side, hidden),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(hidden, hidden),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(hidden, num_classes),
            )
        self.apply(_begin)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        if x.shape[-2:] != (self.image_size, self.image_size):  # the hidden layer weighs every place
            raise ValueError(f"pictures of {x.shape[-2]} x {x.shape[-1]} for a network of image_size={self.image_size}")
        x = self.features(x)
        return self.classifier(x.flatten(1) if self.hidden else global_average_pool(x))


def _begin(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        # Of the last layer, behind no further ReLU, small weights would do as well.
        he_normal_(module.weight)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


PICTURE = (Input(shape=(3, 224, 224)),)
CENTRE = "pictures: short side 256, centre 224; torchvision publishes the first 8 digits of the hash"
KEYS = ((r"((?:features|classifier)\.\d+\..+)", r"\1"),)

CARD = ModelCard(
    name="vgg",
    title="VGG",
    paper="Simonyan and Zisserman 2014",
    link="https://arxiv.org/abs/1409.1556",
    domain="vision",
    builder="VGG",
    sizes={
        "toy": Size(
            arguments={
                "depths": (1, 2),
                "widths": (6, 8),
                "batch_norm": True,
                "hidden": 24,
                "dropout": 0.1,
                "image_size": 16,
                "num_classes": 10,
            },
            inputs=(Input(shape=(3, 16, 16)),),
            output=(10,),
        ),
        "vgg-small": Size(
            arguments={
                "depths": (1, 1, 2),
                "widths": (32, 64, 96),
                "batch_norm": True,
                "hidden": 0,
                "image_size": 28,
                "in_channels": 1,
                "num_classes": 10,
            },
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=158_794,
            counted_by="hand: 157,248 in convolutions, 576 in norms, 970 in the head",
        ),
        "vgg11": Size(
            arguments={"depths": (1, 1, 2, 2, 2)},
            inputs=PICTURE,
            output=(1000,),
            parameters=132_863_336,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg11-8a719046.pth",
                        sha256="8a719046",
                        urls=("https://download.pytorch.org/models/vgg11-8a719046.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.6902, "ImageNet top-5": 0.88628},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg13": Size(
            arguments={"depths": (2, 2, 2, 2, 2)},
            inputs=PICTURE,
            output=(1000,),
            parameters=133_047_848,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg13-19584684.pth",
                        sha256="19584684",
                        urls=("https://download.pytorch.org/models/vgg13-19584684.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.69928, "ImageNet top-5": 0.89246},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg16": Size(
            arguments={"depths": (2, 2, 3, 3, 3)},
            inputs=PICTURE,
            output=(1000,),
            parameters=138_357_544,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg16-397923af.pth",
                        sha256="397923af",
                        urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.71592, "ImageNet top-5": 0.90382},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg19": Size(
            arguments={"depths": (2, 2, 4, 4, 4)},
            inputs=PICTURE,
            output=(1000,),
            parameters=143_667_240,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg19-dcbb9e9d.pth",
                        sha256="dcbb9e9d",
                        urls=("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.72376, "ImageNet top-5": 0.90876},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg11-bn": Size(
            arguments={"depths": (1, 1, 2, 2, 2), "batch_norm": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=132_868_840,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg11_bn-6002323d.pth",
                        sha256="6002323d",
                        urls=("https://download.pytorch.org/models/vgg11_bn-6002323d.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.7037, "ImageNet top-5": 0.8981},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg13-bn": Size(
            arguments={"depths": (2, 2, 2, 2, 2), "batch_norm": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=133_053_736,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg13_bn-abd245e5.pth",
                        sha256="abd245e5",
                        urls=("https://download.pytorch.org/models/vgg13_bn-abd245e5.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.71586, "ImageNet top-5": 0.90374},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg16-bn": Size(
            arguments={"depths": (2, 2, 3, 3, 3), "batch_norm": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=138_365_992,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg16_bn-6c64b313.pth",
                        sha256="6c64b313",
                        urls=("https://download.pytorch.org/models/vgg16_bn-6c64b313.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.7336, "ImageNet top-5": 0.91516},
                    note=CENTRE,
                ),
            ),
        ),
        "vgg19-bn": Size(
            arguments={"depths": (2, 2, 4, 4, 4), "batch_norm": True},
            inputs=PICTURE,
            output=(1000,),
            parameters=143_678_248,
            counted_by="torchvision",
            weights=(
                Weights(
                    publisher="torchvision",
                    file=File(
                        name="vgg19_bn-c79401a0.pth",
                        sha256="c79401a0",
                        urls=("https://download.pytorch.org/models/vgg19_bn-c79401a0.pth",),
                    ),
                    keys=KEYS,
                    licence="BSD-3-Clause",
                    metrics={"ImageNet top-1": 0.74218, "ImageNet top-5": 0.91842},
                    note=CENTRE,
                ),
            ),
        ),
    },
    differs_in_training=("BatchNorm2d", "Dropout"),
    note="Pictures: in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).",
)
