"""IRNN and its rivals: a recurrent layer reads a long sequence, and its last state gives one number.

Q. Le, N. Jaitly, G. Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", 2015,
https://arxiv.org/abs/1504.00941, section 4.1, where four kinds of cell compete in adding two numbers far apart.

- "irnn": ReLU, with the identity as first recurrent weights and biases of 0. Such a network begins as a sum of its
  inputs, and its gradient neither vanishes nor explodes (section 3).
- "tanh", "lstm" and "gru" are the others; the LSTM's forget gates start with a bias, as in the paper.
- Left out: the scaled identity of section 4.4.
"""

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.language.recurrent import GRU, LSTM, RNN, Recurrent
from upslope.cards import Input, ModelCard, Size

Kind = Literal["tanh", "irnn", "lstm", "gru"]
LAYERS: dict[str, tuple[type[Recurrent], dict[str, Any]]] = {
    "tanh": (RNN, {}),
    "irnn": (RNN, {"nonlinearity": "relu", "identity": True}),
    "lstm": (LSTM, {"forget_bias": 1.0}),
    "gru": (GRU, {}),
}


class IRNN(nn.Module):
    """A sequence (B, T, in_dim) to a number for each, (B, 1)."""

    def __init__(self, *, in_dim: int, dim: int, kind: Kind = "irnn") -> None:
        super().__init__()
        if kind not in LAYERS:
            raise ValueError(f'kind="{kind}" is none of {", ".join(LAYERS)}')
        layer, settings = LAYERS[kind]
        self.layers = layer(in_dim, dim, **settings)
        self.head = nn.Linear(dim, 1)

    def forward(self, x: Float[Tensor, "B T I"]) -> Float[Tensor, "B 1"]:
        states, _ = self.layers(x)
        return self.head(states[:, -1])


def loss(output: Tensor, x: Tensor) -> Tensor:
    """The squared error of the sum of all first numbers, in the mean."""
    return F.mse_loss(output[:, 0], x[:, :, 0].sum(dim=1))


CARD = ModelCard(
    name="irnn",
    title="IRNN, a ReLU network that begins as a sum",
    paper="Le et al. 2015",
    link="https://arxiv.org/abs/1504.00941",
    domain="language",
    builder="IRNN",
    sizes={
        "toy": Size(
            arguments={"in_dim": 2, "dim": 16, "kind": "irnn"},
            inputs=(Input((6, 2)),),
            output=(1,),
        ),
        "irnn-100": Size(
            arguments={"in_dim": 2, "dim": 100},
            inputs=(Input((150, 2)),),
            output=(1,),
            parameters=10_501,
            counted_by="hand: 100 x (2 + 100 + 2), head 101",
        ),
        "lstm-64": Size(
            arguments={"in_dim": 2, "dim": 64, "kind": "lstm"},
            inputs=(Input((60, 2)),),
            output=(1,),
            parameters=17_473,
            counted_by="hand: 256 x (2 + 64 + 2), head 65",
        ),
    },
    loss="loss",
)
