"""What CrossAttention must do."""

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks.generative import cross_attention as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.blocks.tensors import filled, holding, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.samples import some

# Batch, positions, words, dim, numbers of a word, heads.
SIZES = ((2, 3, 2, 4, 3, 2), (1, 1, 3, 2, 5, 1), (1, 4, 1, 3, 2, 3), (2, 2, 5, 6, 4, 3))


def drawn(*sizes):
    return lambda rng: [
        (
            {"dim": dim, "context_dim": of_word, "heads": heads},
            {"x": some(rng, batch, places, dim), "context": some(rng, batch, words, of_word)},
        )
        for batch, places, words, dim, of_word, heads in sizes
    ]


def alone(rng):
    """Without a context."""
    return [
        ({"dim": dim, "context_dim": dim, "heads": heads}, {"x": some(rng, batch, places, dim)})
        for batch, places, _, dim, _, heads in SIZES
    ]


def pytorchs(x, weights, *, dim, heads, context=None, **_):
    """Section 3.2.3 by PyTorch's own function, which wants positions first and the three matrices apart."""
    key, value = weights["kv.weight"].chunk(2)
    asked = x if context is None else context
    found = F.multi_head_attention_forward(
        x.transpose(0, 1),
        asked.transpose(0, 1),
        asked.transpose(0, 1),
        dim,
        heads,
        None,
        None,
        None,
        None,
        False,
        0.0,
        weights["projection.weight"],
        weights["projection.bias"],
        need_weights=False,
        use_separate_proj_weight=True,
        q_proj_weight=weights["q.weight"],
        k_proj_weight=key,
        v_proj_weight=value,
    )
    return found[0].transpose(0, 1)


ATTENTION = ModuleInfo(module.CrossAttention, samples=drawn(*SIZES), truth=pytorchs)
MEAN = {"q.weight": np.zeros((2, 2)), "kv.weight": np.eye(4, 2, -2) + np.eye(4, 2)}
MEAN |= {"projection.weight": np.eye(2), "projection.bias": np.zeros(2)}

test_parameters = ATTENTION.parameters(
    "q of dim, kv of context_dim, both without bias; projection with one",
    (
        {"dim": 4, "context_dim": 3, "heads": 2},
        {"q.weight": [4, 4], "kv.weight": [8, 3], "projection.weight": [4, 4], "projection.bias": [4]},
    ),
)


@grades(module.CrossAttention)
def test_length(rng):
    """as many positions as x has, however long the context is"""
    made = module.CrossAttention(4, context_dim=3, heads=2)
    for places, words in ((3, 5), (5, 3), (1, 2)):
        x, context = tensor(some(rng, 2, places, 4)).float(), tensor(some(rng, 2, words, 3)).float()
        case = f"CrossAttention(4, context_dim=3, heads=2) on x (2, {places}, 4) and a context (2, {words}, 3)"
        tensor_of(made(x, context), (2, places, 4), dtype="float32", case=case)


@grades(module.CrossAttention)
def test_by_hand(rng):
    """queries of 0 give the mean of the context: [[1, 3], [3, 5]] becomes [2, 4] for each of three positions"""
    made = holding(module.CrossAttention(2, context_dim=2, heads=1), MEAN).eval()
    x, context = tensor([[[7.0, 0.0], [1.0, 1.0], [0.0, 9.0]]]), tensor([[[1.0, 3.0], [3.0, 5.0]]])
    case = "CrossAttention(2, context_dim=2, heads=1) with queries of 0, values and projection the identity"
    close(made(x, context), [[[2, 4]] * 3], case=f"{case}, on three positions and the context [[1, 3], [3, 5]]")


test_itself_by_hand = ATTENTION.by_hand(
    "without a context x attends to itself: [[1, 3], [3, 5]] becomes [[2, 4], [2, 4]]",
    ({"dim": 2, "context_dim": 2, "heads": 1}, MEAN, [[[1.0, 3.0], [3.0, 5.0]]], [[[2, 4], [2, 4]]]),
)
test_random = ATTENTION.random(
    "random weights, the same for PyTorch's own: every head by itself", drawn(*SIZES, (2, 16, 5, 32, 24, 4))
)
test_itself = ATTENTION.random("the same without a context", alone)


@grades(module.CrossAttention)
def test_order_of_words(rng):
    """the words of the context in another order change nothing; those of another sample do not count"""
    made = filled(module.CrossAttention(4, context_dim=3, heads=2), rng).eval()
    x, context = tensor(some(rng, 2, 3, 4)), tensor(some(rng, 2, 4, 3))
    before = made(x, context).detach().numpy()
    case = "CrossAttention(4, context_dim=3, heads=2) on 2 samples of 3 positions and 4 words"
    close(made(x, context.flip(1)), before, case=f"{case}, the words in the opposite order")
    other = torch.cat([context[:1], context[1:] + 1])
    close(made(x, other)[:1], before[:1], case=f"{case}: sample 1, where only the words of sample 2 changed")


test_gradient = ATTENTION.gradient(
    "the gradients of x and of all weights are those that PyTorch finds", drawn(*SIZES[:2])
)
test_refuse = ATTENTION.refuses(
    "heads that do not divide dim raise a ValueError that names both",
    ({"dim": 100, "context_dim": 8, "heads": 6}, (), ["heads=6", "dim=100"]),
)
test_laws = ATTENTION.laws("calls, passes and memory do not get mixed up", alone)
test_learns = ATTENTION.learns(
    "a plain backward pass reaches every parameter and the input", lambda rng: alone(rng)[:1]
)


wrong(
    module.CrossAttention,
    {
        "x attends to itself even where a context is given": ("x if context is None else context", "x"),
        "the weights sum to 1 over the positions that ask, not over the words that are asked": (
            "scaled_dot_product_attention(q, k, v)",
            "(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-2) @ v",
        ),
        "the queries are cut from the graph, so what places ask for is never learned": (
            "scaled_dot_product_attention(q, k, v)",
            "scaled_dot_product_attention(q.detach(), k, v)",
        ),
        "the first half of kv is taken for the values, the second for the keys": ("k, v = ", "v, k = "),
        "x is lined up by view, which only the usual memory order allows": (
            "rearrange(self.q(x), ",
            "rearrange(self.q(x.view(-1, x.shape[-1])).view(*x.shape[:2], -1), ",
        ),
        "queries have a bias, which the published weights lack": (
            "nn.Linear(dim, dim, bias=False)",
            "nn.Linear(dim, dim)",
        ),
        "the heads are joined by a plain reshape, which mixes them with the positions": (
            'rearrange(gathered, "B heads T d -> B T (heads d)")',
            "gathered.reshape(x.shape)",
        ),
        "heads that do not divide dim are accepted until the first forward": ("if dim % heads:", "if False:"),
    },
)
