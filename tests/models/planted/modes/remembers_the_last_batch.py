"""State between calls that no state dict knows of."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.cards import Input, ModelCard, Size

ALSO = ("export", "independence", "inputs")


class Planted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(6, 32)
        self.linear2 = nn.Linear(32, 4)
        self.last: Tensor | None = None

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        x = self.linear1(x)
        before, self.last = self.last, x.detach()
        if before is not None and before.shape == x.shape and before.dtype == x.dtype:
            x = x + 0.1 * before
        return self.linear2(F.relu(x))


CARD = ModelCard(
    name="remembers_the_last_batch",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
