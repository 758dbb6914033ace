"""What gru_cell must do."""

import math

import numpy as np
import torch

from upslope.blocks.language import recurrent
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

SIZES = ((1, 1), (2, 2), (3, 1), (1, 3), (0, 2))  # batch, numbers in the state


def by_numbers(x, h, weight, bias):
    """Each number of the state by itself, in Python's own floats."""
    batch, size = h.shape
    out = np.zeros((batch, size))
    for b, j in np.ndindex(batch, size):
        ours, theirs = (
            [x[b, part * size + j] for part in range(3)],
            [
                bias[part * size + j] + math.fsum(h[b, k] * weight[part * size + j, k] for k in range(size))
                for part in range(3)
            ],
        )
        reset, update = (1 / (1 + math.exp(-ours[part] - theirs[part])) for part in range(2))
        out[b, j] = (1 - update) * math.tanh(ours[2] + reset * theirs[2]) + update * h[b, j]
    return out


def pytorchs(x, h, weight, bias):
    """PyTorch's own cell, whose input reaches every part as it is."""
    return torch.gru_cell(x, h, torch.eye(x.shape[-1], dtype=x.dtype), weight, torch.zeros_like(bias), bias)


def drawn(*sizes):
    return lambda rng: [
        {
            "x": some(rng, batch, 3 * size),
            "h": some(rng, batch, size),
            "weight": some(rng, 3 * size, size),
            "bias": some(rng, 3 * size),
        }
        for batch, size in sizes
    ]


CELL = TorchOp(recurrent.gru_cell, samples=drawn(*SIZES), truth=by_numbers, peer=pytorchs)
LN3 = math.log(3)
STILL = {"x": [[0.0] * 3], "h": [[2.0]], "weight": [[0.0]] * 3, "bias": [0.0] * 3}
# Reset 1/4, update 3/4: the candidate is tanh(4 ln 3 / 4) = 0.8.
OPEN = {"x": [[-LN3, LN3, 0.0]], "h": [[0.4]], "weight": [[0.0]] * 3, "bias": [0.0, 0.0, 4 * LN3]}

test_shape_and_dtype = CELL.shape("the state's shape and dtype")
test_by_hand = CELL.by_hand(
    "where nothing is said both gates are 1/2: h = 2 becomes h' = 1",
    (STILL, [[1]]),
    (OPEN, [[0.25 * 0.8 + 0.75 * 0.4]]),
)
test_random = CELL.random("random numbers: the equations for each number of the state by itself, and PyTorch's cell")
test_gradient = CELL.gradient(
    "the gradients of x, h, weight and bias agree with finite differences", drawn((1, 1), (2, 2))
)
test_large = CELL.large("a batch of 16 with 32 numbers in the state", drawn((16, 32)), atol=1e-4)
test_stable = CELL.stable(
    "with the update gate wide open the state is kept to the last digit, with it shut it is the candidate",
    ({**STILL, "x": [[0.0, 200.0, 5.0]]}, [[2]]),
    ({**STILL, "x": [[0.0, -200.0, 0.0]], "bias": [200.0, 0.0, LN3]}, [[0.8]]),
)
test_laws = CELL.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    recurrent.gru_cell,
    {
        "the update gate is the wrong way round: it says how much is new": (
            "return (1 - z) * n + z * h",
            "return z * n + (1 - z) * h",
        ),
        "the state comes back as float32": ("return (1 - z) * n + z * h", "return ((1 - z) * n + z * h).float()"),
        "the order of the parts is z, r, n": ("h_r, h_z, h_n = F", "h_z, h_r, h_n = F"),
        "the reset gate acts on the state itself, as in the paper": (
            "(x_n + (x_r + h_r).sigmoid() * h_n).tanh()",
            "(x_n + F.linear((x_r + h_r).sigmoid() * h, weight, bias).chunk(3, dim=-1)[2]).tanh()",
        ),
        "the reset gate acts on the input's share as well": (
            "(x_n + (x_r + h_r).sigmoid() * h_n).tanh()",
            "((x_r + h_r).sigmoid() * (x_n + h_n)).tanh()",
        ),
        "the bias of the state's share is left out": ("F.linear(h, weight, bias)", "F.linear(h, weight)"),
        "the reset gate is forgotten": ("(x_r + h_r).sigmoid() * h_n", "h_n"),
        "the candidate is a sigmoid, so the state is never negative": (
            "* h_n).tanh()",
            "* h_n).sigmoid()",
        ),
        "the state is cut from the graph where it is carried on": (
            "return (1 - z) * n + z * h",
            "return (1 - z) * n + z * h.detach()",
        ),
    },
)
survives(
    recurrent.gru_cell,
    {
        "states have two dimensions, and the last one is the second": [
            ("x.chunk(3, dim=-1)", "x.chunk(3, dim=(1))"),
            ("bias).chunk(3, dim=-1)", "bias).chunk(3, dim=(1))"),
        ]
    },
)
