"""What lstm_cell must do."""

import math

import numpy as np
import torch

from upslope.blocks.language import recurrent
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import equal, true
from upslope.checks.samples import some

SIZES = ((1, 1), (2, 2), (3, 1), (1, 3), (0, 2))  # batch, numbers in the state


def lstm_cell(x, h, c, weight):
    """The answer, with both of its results in one: h' above c'."""
    hidden, cell = recurrent.lstm_cell(x, h, c, weight=weight)
    return torch.stack([hidden, cell])


def by_numbers(x, h, c, weight):
    """Each number of the state by itself, in Python's own floats."""
    batch, size = h.shape
    out = np.zeros((2, batch, size))
    for b, j in np.ndindex(batch, size):
        i, f, g, o = (
            x[b, part * size + j] + math.fsum(h[b, k] * weight[part * size + j, k] for k in range(size))
            for part in range(4)
        )
        out[1, b, j] = c[b, j] / (1 + math.exp(-f)) + math.tanh(g) / (1 + math.exp(-i))
        out[0, b, j] = math.tanh(out[1, b, j]) / (1 + math.exp(-o))
    return out


def pytorchs(x, h, c, weight):
    """PyTorch's own cell, whose input reaches every part as it is."""
    state = torch.lstm_cell(x, (h, c), torch.eye(x.shape[-1], dtype=x.dtype), weight)
    return torch.stack(state)


def drawn(*sizes):
    return lambda rng: [
        {
            "x": some(rng, batch, 4 * size),
            "h": some(rng, batch, size),
            "c": some(rng, batch, size),
            "weight": some(rng, 4 * size, size),
        }
        for batch, size in sizes
    ]


CELL = TorchOp(recurrent.lstm_cell, call=lstm_cell, samples=drawn(*SIZES), truth=by_numbers, peer=pytorchs)
LN3 = math.log(3)
STILL = {"x": [[0.0] * 4], "h": [[0.0]], "c": [[2.0]], "weight": [[1.0]] * 4}
# The input gate lets 1/4 in, the forget gate keeps 3/4; the candidate is tanh(ln 3) = 0.8.
OPEN = {"x": [[-LN3, LN3, LN3, 0.0]], "h": [[0.0]], "c": [[0.4]], "weight": [[0.0]] * 4}

test_shape_and_dtype = CELL.shape("two tensors (h', c') of the state's shape and dtype")
test_by_hand = CELL.by_hand(
    "where nothing is said all gates are 1/2: c = 2 becomes c' = 1 and h' = tanh(1) / 2",
    (STILL, [[[math.tanh(1) / 2]], [[1]]]),
    (OPEN, [[[math.tanh(0.5) / 2]], [[0.5]]]),
)
test_random = CELL.random("random numbers: the equations for each number of the state by itself, and PyTorch's cell")
test_gradient = CELL.gradient(
    "the gradients of x, h, c and weight agree with finite differences", drawn((1, 1), (2, 2))
)
test_large = CELL.large("a batch of 16 with 32 numbers in the state", drawn((16, 32)), atol=1e-4)
test_stable = CELL.stable(
    "gates that are wide open or shut: what the cell holds is kept to the last digit",
    (
        {"x": [[-200.0, 200.0, 5.0, 200.0]], "h": [[0.0]], "c": [[3.0]], "weight": [[0.0]] * 4},
        [[[math.tanh(3)]], [[3]]],
    ),
)
test_laws = CELL.laws("the laws of every operation: calls, passes and memory do not get mixed up")


@grades(recurrent.lstm_cell)
def test_two_results(rng):
    """what comes back is a pair, first the hidden state and then the cell"""
    sample = {name: tensor(value) for name, value in drawn((2, 3))(rng)[0].items()}
    out = recurrent.lstm_cell(sample["x"], sample["h"], sample["c"], weight=sample["weight"])
    true(isinstance(out, tuple), "what comes back is not a tuple", case="lstm_cell(...)", got=type(out).__name__)
    equal(len(out), 2, case="lstm_cell(...)", problem="it does not hold two tensors")
    largest = float(out[0].abs().max())
    true(largest <= 1, "a hidden state is a gate times a tanh, so no number is above 1", case="h'", got=largest)


@grades(recurrent.lstm_cell)
def test_long_memory(rng):
    """forget gate open, input gate shut: a cell holds a number, and passes its gradient on, for 100 steps"""
    c = start = tensor([[0.5]]).requires_grad_()
    h, weight, x = tensor([[0.0]]), tensor([[0.0]] * 4), tensor([[-50.0, 50.0, 0.0, 0.0]])
    for _ in range(100):
        h, c = recurrent.lstm_cell(x, h, c, weight=weight)
    c.backward()
    slope = math.nan if start.grad is None else float(start.grad)
    held = float(c.detach())
    true(abs(held - 0.5) < 1e-9, "the cell forgets", case="c after 100 steps", got=held)
    true(abs(slope - 1) < 1e-9, "the gradient vanishes or grows", case="dc'/dc over 100 steps", got=slope)


wrong(
    recurrent.lstm_cell,
    {
        "the order of the parts is i, f, o, g": ("i, f, g, o = (", "i, f, o, g = ("),
        "both states come back as float32": (
            "o.sigmoid() * c.tanh(), c",
            "(o.sigmoid() * c.tanh()).float(), c.float()",
        ),
        "input and forget gate are exchanged": (
            "f.sigmoid() * c + i.sigmoid() * g.tanh()",
            "i.sigmoid() * c + f.sigmoid() * g.tanh()",
        ),
        "the candidate has no tanh, so the cell grows without bound": ("* g.tanh()", "* g"),
        "the hidden state shows the cell without tanh": ("o.sigmoid() * c.tanh(), c", "o.sigmoid() * c, c"),
        "the output gate acts on the cell as it was before this step": (
            "c = f.sigmoid() * c + i.sigmoid() * g.tanh()",
            "before, c = c, f.sigmoid() * c + i.sigmoid() * g.tanh()\n    return o.sigmoid() * before.tanh(), c",
        ),
        "h' and c' are returned the other way round": (
            "return o.sigmoid() * c.tanh(), c",
            "return c, o.sigmoid() * c.tanh()",
        ),
        "the weight is not transposed": ("h @ weight.T", "h @ weight.reshape(weight.shape[1], -1)"),
        "the forget gate is 1 minus the input gate, as in coupled gates": (
            "f.sigmoid() * c +",
            "(1 - i.sigmoid()) * c +",
        ),
        "the cell is cut from the graph: nothing is learned over more than one step": (
            "c = f.sigmoid() * c +",
            "c = f.sigmoid() * c.detach() +",
        ),
    },
)
survives(
    recurrent.lstm_cell,
    {"states have two dimensions, and the last one is the second": [("chunk(4, dim=-1)", "chunk(4, dim=(1))")]},
)
