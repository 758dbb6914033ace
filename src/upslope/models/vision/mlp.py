"""Multilayer perceptron: pictures as rows of numbers, through fully connected layers.

D. Rumelhart, G. Hinton, R. Williams, "Learning Representations by Back-Propagating Errors", 1986,
https://doi.org/10.1038/323533a0; with the layers of Y. LeCun et al. 1998, section III.C.4.

- Hidden layers whose weights are learned by backpropagation; relu between them, where the papers have sigmoids.
- Nothing knows which pixels are neighbors: with the pixels of all pictures in another order it learns as well.
- Left out: the papers' squared error, dropout, batch norm.
"""

from math import prod

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class MLP(nn.Module):
    """Pictures (B, C, H, W) of one `shape` (C, H, W) to scores (B, num_classes)."""

    def __init__(
        self, *, shape: tuple[int, int, int] = (1, 28, 28), hidden: tuple[int, ...] = (300, 100), num_classes: int = 10
    ) -> None:
        """`hidden` units in each hidden layer."""
        super().__init__()
        self.shape = tuple(shape)
        layers: list[nn.Module] = []
        width = prod(shape)
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU()]
            width = units
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        if x.shape[1:] != self.shape:
            raise ValueError(f"pictures are {tuple(x.shape[1:])}, and shape={self.shape}")
        return self.head(self.hidden(x.flatten(1)))


CARD = ModelCard(
    name="mlp",
    title="Multilayer perceptron",
    paper="Rumelhart, Hinton and Williams 1986",
    link="https://doi.org/10.1038/323533a0",
    domain="vision",
    builder="MLP",
    sizes={
        "toy": Size(arguments={"shape": (1, 8, 8), "hidden": (24, 16)}, inputs=(Input(shape=(1, 8, 8)),), output=(10,)),
        "mlp-300-100": Size(
            arguments={},
            inputs=(Input(shape=(1, 28, 28)),),
            output=(10,),
            parameters=266_610,
            counted_by="the layer sizes of LeCun et al. 1998, figure 9: 28x28-300-100-10",
        ),
    },
)
