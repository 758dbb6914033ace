"""SwiGLU: an MLP in which one linear layer says how much of another one passes.

N. Shazeer, "GLU Variants Improve Transformer", 2020, https://arxiv.org/abs/2002.05202, section 2; gated linear units:
Y. Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2016, https://arxiv.org/abs/1612.08083. The
two first layers are one matrix here: a larger product in place of two.
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SwiGLU(nn.Module):
    """down(silu(gate) * up) of each position by itself, where gate and up are the two halves of gate_up(x).

    Children: `gate_up`, a Linear from dim to 2 * hidden whose output holds all of the gate, then all of up; `down`, a
    Linear from hidden back to dim. Neither has a bias. silu(a) = a * sigmoid(a) = a / (1 + exp(-a)), which lets a large
    a pass, stops a very negative one, and is 0 at 0.

    If gate_up's weight is [[1], [2]] and down's is [[4]], 1 becomes 4 * silu(1) * 2: the result is [5.8485]. Shazeer
    2020, equation 6.
    """

    def __init__(self, dim: int, *, hidden: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(dim, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, dim, bias=False)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """(..., dim) to (..., dim)."""
        # One product gives both: how far each gate is open, and what would pass.
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        # The gate goes through SiLU, up does not; what has passed is brought back to dim numbers.
        return self.down(F.silu(gate) * up)
