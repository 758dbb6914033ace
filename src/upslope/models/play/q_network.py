"""The Q-network: an observation in, one number for each action out: what taking it would be worth.

V. Mnih et al., "Human-level control through deep reinforcement learning", 2015, https://doi.org/10.1038/nature14236,
methods, "Model architecture".

- All actions from one forward pass: the observation is the only input, and the best action is an argmax.
- Pictures, (4, 84, 84), go through the paper's three convolutions and a layer of 512; plain numbers, as CartPole's
  four, through layers of `hidden` units alone.
- `dueling=True` splits the last layer into the value of the state and the advantage of each action (Z. Wang et al.,
  2015, https://arxiv.org/abs/1511.06581, equation 9).
- Left out: the frames' preprocessing. Pictures come in as numbers in [0, 1].
"""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class QNetwork(nn.Module):
    """(B, *shape) to (B, actions). `shape` is (features,) or (channels, height, width)."""

    def __init__(
        self,
        *,
        shape: tuple[int, ...] = (4,),
        actions: int = 2,
        hidden: tuple[int, ...] = (128, 128),
        dueling: bool = False,
    ) -> None:
        super().__init__()
        if len(shape) not in (1, 3):
            raise ValueError(f"shape={tuple(shape)}: an observation is (features,) or (channels, height, width)")
        self.dueling = dueling
        layers: list[nn.Module] = []
        width = shape[0]
        if len(shape) == 3:
            layers += [nn.Conv2d(shape[0], 32, 8, stride=4), nn.ReLU()]
            layers += [nn.Conv2d(32, 64, 4, stride=2), nn.ReLU()]
            layers += [nn.Conv2d(64, 64, 3, stride=1), nn.ReLU(), nn.Flatten()]
            width = 64 * _positions(shape[1]) * _positions(shape[2])
        for before, after in pairwise((width, *hidden)):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.advantage = nn.Linear(hidden[-1] if hidden else width, actions)
        self.value = nn.Linear(hidden[-1] if hidden else width, 1) if dueling else None

    def forward(self, x: Float[Tensor, "B *S"]) -> Float[Tensor, "B A"]:
        x = self.features(x)  # (B, hidden[-1])
        advantage = self.advantage(x)
        if self.value is None:
            return advantage
        # Only the sum of the two is learned from; taking away the mean says which part is which.
        return self.value(x) + advantage - advantage.mean(dim=1, keepdim=True)


def _positions(pixels: int) -> int:
    """How many positions are left along a side after the three convolutions."""
    left = (((pixels - 8) // 4 + 1) - 4) // 2 + 1 - 2
    if left < 1:
        raise ValueError(f"{pixels} pixels are too few for the three convolutions: 36 is the least")
    return left


CARD = ModelCard(
    name="q-network",
    title="Q-network (DQN)",
    paper="Mnih et al. 2015",
    link="https://doi.org/10.1038/nature14236",
    domain="play",
    builder="QNetwork",
    sizes={
        "toy": Size(arguments={"hidden": (16,)}, inputs=(Input(shape=(4,)),), output=(2,)),
        "toy-dueling": Size(
            arguments={"hidden": (16,), "actions": 3, "dueling": True}, inputs=(Input(shape=(4,)),), output=(3,)
        ),
        "cartpole": Size(
            arguments={},
            inputs=(Input(shape=(4,)),),
            output=(2,),
            parameters=17_410,
            counted_by="hand: 640 + 16,512 + 258",
        ),
        "atari": Size(
            arguments={"shape": (4, 84, 84), "actions": 4, "hidden": (512,)},
            inputs=(Input(shape=(4, 84, 84)),),
            output=(4,),
            parameters=1_686_180,
            counted_by="the layer sizes of the paper, with four actions",
        ),
    },
)
