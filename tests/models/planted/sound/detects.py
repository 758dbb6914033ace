"""A detector: a dict of boxes and scores."""

from jaxtyping import Float
from torch import Tensor, nn

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 16, 4, stride=4)
        self.boxes = nn.Linear(16, 4)
        self.scores = nn.Linear(16, 3)

    def forward(self, x: Float[Tensor, "batch 1 8 8"]) -> dict[str, Float[Tensor, "batch 4 _"]]:
        h = self.features(x).tanh().flatten(2).transpose(1, 2)
        return {"boxes": self.boxes(h), "scores": self.scores(h)}


def loss(outputs: dict[str, Tensor], x: Tensor) -> Tensor:
    corners = x[:, 0, ::4, ::4].flatten(1)[..., None]
    return (outputs["boxes"] - corners).square().mean() + (outputs["scores"] + corners).square().mean()


CARD = ModelCard(
    name="detects",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(1, 8, 8)),), outputs={"boxes": (4, 4), "scores": (None, 3)})},
    loss="loss",
)
