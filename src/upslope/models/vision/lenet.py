"""LeNet-5, the convolutional network that read cheques.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998,
http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf, section II.B and figure 2.

- Two 5x5 convolutions, each followed by subsampling, then layers of 120, 84 and 10 units.
- `modern=True`: ReLU and maxima, as most copies have it today. Otherwise the paper's tanh and averages.
- Left out: the trained weights of the subsampling, the sparse connections of C3, the scale of tanh (1.7159 tanh(2a/3),
  appendix A), the radial basis functions at the end (a linear layer stands there). What is left has 61,706 parameters.
"""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class LeNet5(nn.Module):
    """Pictures of 32 x 32 pixels, or of 28 x 28 with `padding=2`, to scores."""

    def __init__(
        self,
        *,
        in_channels: int = 1,
        num_classes: int = 10,
        padding: int = 0,
        channels: tuple[int, int] = (6, 16),
        modern: bool = False,
    ) -> None:
        super().__init__()
        self.activation: nn.Module = nn.ReLU() if modern else nn.Tanh()
        self.pool: nn.Module = nn.MaxPool2d(2) if modern else nn.AvgPool2d(2)
        self.conv1 = nn.Conv2d(in_channels, channels[0], 5, padding=padding)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 5)
        self.linear1 = nn.Linear(channels[1] * 5 * 5, 120)
        self.linear2 = nn.Linear(120, 84)
        self.linear3 = nn.Linear(84, num_classes)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        x = self.pool(self.activation(self.conv1(x)))  # C1, S2: (B, 6, 14, 14)
        x = self.pool(self.activation(self.conv2(x)))  # C3, S4: (B, 16, 5, 5)
        if x.shape[-2:] != (5, 5):
            height, width = x.shape[-2:]
            raise ValueError(f"maps of {height} x {width}, not 5 x 5: pictures are 32 x 32, or 28 x 28 with padding=2")
        x = self.activation(self.linear1(x.flatten(1)))  # C5: (B, 120)
        x = self.activation(self.linear2(x))  # F6: (B, 84)
        return self.linear3(x)


CARD = ModelCard(
    name="lenet",
    title="LeNet-5",
    paper="LeCun, Bottou, Bengio and Haffner 1998",
    link="http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf",
    domain="vision",
    builder="LeNet5",
    sizes={
        "toy": Size(arguments={"channels": (2, 4)}, inputs=(Input(shape=(1, 32, 32)),), output=(10,)),
        "lenet5": Size(
            arguments={},
            inputs=(Input(shape=(1, 32, 32)),),
            output=(10,),
            parameters=61_706,
            counted_by="the layer sizes of the paper, with C3 fully connected",
        ),
        "lenet5-modern": Size(
            arguments={"modern": True, "padding": 2},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=61_706,
            counted_by="the layer sizes of the paper, with C3 fully connected",
        ),
    },
)
