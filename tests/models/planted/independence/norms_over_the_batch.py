"""Mean and variance of the batch at hand, in evaluation as well."""

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
        x = self.linear1(x)
        x = (x - x.mean(dim=0)) * (x.var(dim=0, correction=0) + 1e-5).rsqrt()
        return self.linear2(F.relu(x))


CARD = ModelCard(
    name="norms_over_the_batch",
    title="Planted",
    paper="none",
    link="",
    domain="planted",
    builder="Planted",
    sizes={"toy": Size(arguments={}, inputs=(Input(shape=(6,)),), output=(4,))},
)
