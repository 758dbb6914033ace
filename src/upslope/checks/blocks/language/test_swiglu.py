"""What SwiGLU must do."""

import math

import numpy as np
from torch.nn import functional as F

from upslope.blocks.language import swiglu
from upslope.checks import grades, wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.blocks.tensors import filled, tensor
from upslope.checks.expect import close, equal
from upslope.checks.samples import some

# What stands in front of the features, dim, hidden.
SIZES = (((2, 3), 2, 3), ((1, 2), 4, 1), ((3,), 1, 2), ((2, 1, 2), 3, 4))


def drawn(*sizes):
    return lambda rng: [
        ({"dim": dim, "hidden": hidden}, {"x": some(rng, *front, dim, spread=2)}) for front, dim, hidden in sizes
    ]


def by_functions(x, weights, *, hidden, **_):
    """Equation 6 with a matrix for each of its three products, and SiLU by its definition."""
    gate, up = (F.linear(x, weights["gate_up.weight"][rows]) for rows in (slice(hidden), slice(hidden, None)))
    return F.linear(gate / (1 + (-gate).exp()) * up, weights["down.weight"])


MLP = ModuleInfo(swiglu.SwiGLU, samples=drawn(*SIZES), truth=by_functions)
ONE = {"dim": 1, "hidden": 1}
SILU = 1 / (1 + math.exp(-1))

test_parameters = MLP.parameters(
    "gate_up with 2 * hidden rows and down with dim rows, without biases",
    ({"dim": 2, "hidden": 5}, {"gate_up.weight": [10, 2], "down.weight": [2, 5]}),
    (ONE, {"gate_up.weight": [2, 1], "down.weight": [1, 1]}),
)
test_shape_and_dtype = MLP.shape("shape and dtype of x, whatever stands in front of the features")
test_by_hand = MLP.by_hand(
    "gate_up [[1], [2]] and down [[4]]: 1 becomes 4 * silu(1) * 2, which is 5.8485",
    (ONE, {"gate_up.weight": [[1.0], [2.0]], "down.weight": [[4.0]]}, [[1.0]], [[8 * SILU]]),
    (ONE, {"gate_up.weight": [[1.0], [2.0]], "down.weight": [[4.0]]}, [[-1.0], [0.0]], [[8 * (1 - SILU)], [0]]),
)
test_gate_first = MLP.by_hand(
    "the first half of gate_up is the gate: if it is 0 nothing passes, if it is large all of up does",
    (
        {"dim": 1, "hidden": 2},
        {"gate_up.weight": [[0.0], [50.0], [7.0], [2.0]], "down.weight": [[1.0, 1.0]]},
        [[1.0]],
        [[100]],
    ),
)
test_random = MLP.random("random weights: equation 6 with three products", drawn(*SIZES, ((2, 16), 64, 96)))
test_gradient = MLP.gradient("gradients reach x and both matrices", drawn(*SIZES[:3]))
test_laws = MLP.laws("x itself is not changed; calls, passes and memory do not get mixed up")


@grades(swiglu.SwiGLU)
def test_positions_apart(rng):
    """each position is computed by itself: alone or among others it becomes the same"""
    mlp, x = filled(swiglu.SwiGLU(2, hidden=3), rng), tensor(some(rng, 4, 2))
    for place in range(4):
        close(mlp(x[place : place + 1]), mlp(x)[place : place + 1].detach(), case=f"row {place} of 4, alone")


@grades(swiglu.SwiGLU)
def test_scale(rng):
    """without biases and with a gate that is wide open it grows with the square of x"""
    mlp = filled(swiglu.SwiGLU(1, hidden=1), rng)
    weights = {name: np.ones(tuple(value.shape)) for name, value in mlp.state_dict().items()}
    mlp.load_state_dict({name: tensor(value) for name, value in weights.items()})
    close(mlp(tensor([[40.0]])), [[1600.0]], case="SwiGLU(1, hidden=1) with weights of 1 on [[40]]")
    equal(mlp(tensor([[0.0]])).detach(), [[0.0]], case="SwiGLU(1, hidden=1) with weights of 1 on [[0]]")


wrong(
    swiglu.SwiGLU,
    {
        "the second half is the gate, and the first what passes": ("gate, up = self", "up, gate = self"),
        "the gate is a sigmoid: this is GLU, not SwiGLU": ("F.silu(gate)", "gate.sigmoid()"),
        "the gate goes through GELU, not SiLU: this is GEGLU": ("F.silu(gate)", "F.gelu(gate)"),
        "the gate has no nonlinearity: this is a bilinear layer": ("F.silu(gate) * up", "gate * up"),
        "the gate is added, not multiplied": ("F.silu(gate) * up", "F.silu(gate) + up"),
        "gate and up take turns in the rows of gate_up, where they should be two halves": (
            "self.gate_up(x).chunk(2, dim=-1)",
            "self.gate_up(x).unflatten(-1, (-1, 2)).unbind(dim=-1)",
        ),
        "the linear layers have biases": ("2 * hidden, bias=False)", "2 * hidden)"),
        "no gradient goes through the gate": ("F.silu(gate)", "F.silu(gate).detach()"),
        "the halves are cut along the positions": (
            "chunk(2, dim=-1)",
            "unflatten(-1, (2, -1)).roll(1, 0).unbind(dim=-2)",
        ),
        "hidden is the width of both halves together": (
            "2 * hidden, bias=False)\n        self.down = nn.Linear(hidden, dim",
            "hidden, bias=False)\n        self.down = nn.Linear(hidden // 2, dim",
        ),
        "x itself goes through SiLU in place": ("self.gate_up(x)", "self.gate_up(F.silu(x, inplace=True))"),
    },
)
