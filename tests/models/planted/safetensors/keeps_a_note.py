"""A note in the state dict, which is no tensor: pickle would hold it, safetensors does not."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return self.linear2(F.relu(self.linear1(x)))

    def get_extra_state(self) -> str:
        return "a note"

    def set_extra_state(self, state: str) -> None:
        pass


CARD = ModelCard(
    name="keeps_a_note",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
