"""An auxiliary that leaves before the logits, by whose place it may be taken for them."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("modes",)
AUXILIARIES = {"aux": 0.3}


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.auxiliary_weights = dict(AUXILIARIES)
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        self.aux = nn.Linear(32, 4)

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B K"] | dict[str, Float[Tensor, "B K"]]:
        x = F.relu(self.linear1(x))
        logits = self.linear2(x)
        return {"aux": self.aux(x), "logits": logits} if self.training else logits


CARD = ModelCard(
    name="gives_its_auxiliary_first",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,), auxiliaries=AUXILIARIES)},
)
