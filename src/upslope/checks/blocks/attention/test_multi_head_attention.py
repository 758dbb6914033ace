"""What MultiHeadAttention must do."""

import numpy as np

from upslope.blocks import attention
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.attention.equation import masked, pytorchs
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.expect import equal
from upslope.checks.samples import some

SIZES = ((2, 3, 4, 2), (1, 2, 2, 2), (1, 1, 2, 1), (2, 2, 6, 3))  # batch, positions, dim, heads


def drawn(*sizes, **settings):
    return lambda rng: [
        ({"dim": dim, "heads": heads, **settings}, {"x": some(rng, batch, length, dim)})
        for batch, length, dim, heads in sizes
    ]


def looked(**settings):
    """With a mask for all heads that hides the future, and with one for each sample."""

    def sampled(rng):
        for made, inputs in drawn(*SIZES, **settings)(rng):
            batch, length, _ = inputs["x"].shape
            yield made, inputs | {"mask": np.tril(np.ones((length, length), bool))}
            yield made, inputs | {"mask": masked(rng, batch, 1, length, length)}

    return sampled


ATTENTION = ModuleInfo(attention.MultiHeadAttention, samples=drawn(*SIZES), truth=pytorchs)
WEIGHTS = {"qkv.weight": [12, 4], "projection.weight": [4, 4], "projection.bias": [4]}
NOTHING = {"qkv.weight": np.eye(6, 2, -2) + np.eye(6, 2, -4), "qkv.bias": np.zeros(6)}

test_heads_parameters = ATTENTION.parameters(
    "two linear layers, qkv and projection; bias=False takes the bias of qkv only",
    ({"dim": 4, "heads": 2}, {**WEIGHTS, "qkv.bias": [12]}),
    ({"dim": 4, "heads": 2, "bias": False}, WEIGHTS),
)


@grades(attention.MultiHeadAttention)
def test_heads_attributes(rng):
    """the attributes heads and fused are those that were asked for"""
    kept = attention.MultiHeadAttention(4, heads=2)
    equal([kept.heads, kept.fused], [2, False], case="MultiHeadAttention(4, heads=2): the attributes heads and fused")


test_heads_shape_and_dtype = ATTENTION.shape("the shape and the dtype of x")
test_heads_by_hand = ATTENTION.by_hand(
    "queries of 0 give the mean: [[1, 3], [3, 5]] becomes [[2, 4], [2, 4]]",
    (
        {"dim": 2, "heads": 1},
        NOTHING | {"projection.weight": np.eye(2), "projection.bias": np.zeros(2)},
        [[[1.0, 3.0], [3.0, 5.0]]],
        [[[2, 4], [2, 4]]],
    ),
)
test_heads_random = ATTENTION.random(
    "random weights, the same for PyTorch's own: every head by itself", drawn(*SIZES, (2, 16, 64, 4))
)
test_heads_without_bias = ATTENTION.random("the same without the bias of qkv", drawn(*SIZES, bias=False))
test_heads_mask = ATTENTION.random("the mask reaches every head: one for all, or one for each sample", looked())
test_heads_fused = ATTENTION.random("fused=True gives the same numbers, with a mask as well", looked(fused=True))
test_heads_gradient = ATTENTION.gradient(
    "the gradients of x and of all weights are those that PyTorch finds", drawn(*SIZES[:2])
)
test_heads_refuse = ATTENTION.refuses(
    "heads that do not divide dim raise a ValueError that names both",
    ({"dim": 100, "heads": 6}, (), ["heads=6", "dim=100"]),
)
test_laws = ATTENTION.laws("calls, passes and memory do not get mixed up")
test_learns = ATTENTION.learns(
    "a plain backward pass, in training and in evaluation, reaches every parameter and the input", drawn(SIZES[0])
)


wrong(
    attention.MultiHeadAttention,
    {
        "the heads are joined by a plain reshape, which mixes them with the positions": (
            'rearrange(gathered, "B heads T d -> B T (heads d)")',
            "gathered.reshape(x.shape)",
        ),
        "the last linear layer is there but not used": (
            'return self.projection(rearrange(gathered, "B heads T d -> B T (heads d)"))',
            'return rearrange(gathered, "B heads T d -> B T (heads d)")',
        ),
        "the mask is not handed on": ("(q, k, v, mask=mask)", "(q, k, v)"),
        "heads that do not divide dim are accepted until the first forward": ("if dim % heads:", "if False:"),
        "bias=False is not looked at": ("3 * dim, bias=bias)", "3 * dim)"),
        "the batch is read as the positions: samples attend to one another": (
            'rearrange(self.qkv(x), "B T (three heads d)',
            'rearrange(self.qkv(x), "T B (three heads d)',
        ),
        "x is lined up by view, which only the usual memory order allows": (
            "rearrange(self.qkv(x), ",
            "rearrange(self.qkv(x.view(-1, x.shape[-1])).view(*x.shape[:2], -1), ",
        ),
        "fused is always on, whatever is asked for": ("= heads, fused", "= heads, True"),
    },
)
survives(
    attention.MultiHeadAttention,
    {
        "both ways compute the same": [("if self.fused:", "if True:"), ("if self.fused:", "if False:")],
    },
)
