"""What MultiHeadAttention must do."""

from functools import partial

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from upslope.blocks import attention
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.attention.equation import masked, written_out
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, equal, raises, tensor_of
from upslope.checks.laws import learns
from upslope.checks.samples import some, spelled

MULTI = ((1, 1, 2, 1), (1, 2, 2, 2), (2, 3, 4, 2), (2, 2, 6, 3))  # batch, positions, dim, heads


def heads_apart(x, state, heads, mask=None):
    """Section 3.2.2 in float64 NumPy: each sample and each head by itself, with its own rows of the weights."""
    _, length, dim = x.shape
    width = dim // heads
    allowed = np.broadcast_to(np.ones((1, 1), bool) if mask is None else mask, (len(x), heads, length, length))
    out = np.zeros_like(x)
    for b, sample in enumerate(x):
        for h in range(heads):
            rows = [slice(part * dim + h * width, part * dim + (h + 1) * width) for part in range(3)]
            biases = [state["qkv.bias"][r] if "qkv.bias" in state else 0.0 for r in rows]
            q, k, v = (sample @ state["qkv.weight"][r].T + bias for r, bias in zip(rows, biases, strict=True))
            out[b, :, h * width : (h + 1) * width] = written_out(q, k, v, allowed[b, h])
    return out @ state["projection.weight"].T + state["projection.bias"]


def numbers(module):
    """What a module has learned, by name, in NumPy."""
    return {name: value.detach().numpy() for name, value in module.state_dict().items()}


@grades(attention.MultiHeadAttention)
def test_heads_parameters(rng):
    """two linear layers, qkv and projection; bias=False takes the bias of qkv only"""
    weights = {"qkv.weight": [12, 4], "projection.weight": [4, 4], "projection.bias": [4]}
    holds(
        attention.MultiHeadAttention(4, heads=2), {**weights, "qkv.bias": [12]}, case="MultiHeadAttention(4, heads=2)"
    )
    without = attention.MultiHeadAttention(4, heads=2, bias=False)
    holds(without, weights, case="MultiHeadAttention(4, heads=2, bias=False)")
    kept = [without.heads, without.fused]
    equal(kept, [2, False], case="MultiHeadAttention(4, heads=2, bias=False): the attributes heads and fused")


@grades(attention.MultiHeadAttention)
def test_heads_shape_and_dtype(rng):
    """the shape and the dtype of x"""
    for batch, length, dim, heads in MULTI:
        layer = attention.MultiHeadAttention(dim, heads=heads)
        case = f"MultiHeadAttention({dim}, heads={heads}) on a tensor of shape {(batch, length, dim)}"
        tensor_of(layer(torch.zeros(batch, length, dim)), (batch, length, dim), dtype="float32", case=case)


@grades(attention.MultiHeadAttention)
def test_heads_by_hand(rng):
    """queries of 0 give the mean: [[1, 3], [3, 5]] becomes [[2, 4], [2, 4]]"""
    one, nothing = np.eye(2), np.zeros((2, 2))
    values = {"qkv.weight": np.concatenate([nothing, one, one]), "qkv.bias": np.zeros(6)}
    values |= {"projection.weight": one, "projection.bias": np.zeros(2)}
    layer = holding(attention.MultiHeadAttention(2, heads=1), values)
    case = "queries 0, keys, values and projection the identity, heads=1, on [[1, 3], [3, 5]]"
    close(layer(tensor([[[1.0, 3.0], [3.0, 5.0]]])), [[[2.0, 4.0], [2.0, 4.0]]], case=case)


@grades(attention.MultiHeadAttention)
def test_heads_random(rng):
    """random weights: every head by itself, with its own rows of the weights"""
    for batch, length, dim, heads in MULTI:
        layer = filled(attention.MultiHeadAttention(dim, heads=heads), rng)
        x = some(rng, batch, length, dim)
        case = f"MultiHeadAttention({dim}, heads={heads}) with random weights on {spelled(x)}"
        close(layer(tensor(x)), heads_apart(x, numbers(layer), heads), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_beside_pytorch(rng):
    """with the same weights PyTorch's own layer gives the same"""
    for batch, length, dim, heads in MULTI:
        layer = filled(attention.MultiHeadAttention(dim, heads=heads), rng)
        own = nn.MultiheadAttention(dim, heads, batch_first=True)
        names = {"in_proj_weight": "qkv.weight", "in_proj_bias": "qkv.bias"}
        names |= {"out_proj.weight": "projection.weight", "out_proj.bias": "projection.bias"}
        holding(own, {theirs: numbers(layer)[ours] for theirs, ours in names.items()})
        x = tensor(some(rng, batch, length, dim))
        case = f"MultiHeadAttention({dim}, heads={heads}) and nn.MultiheadAttention with the same weights"
        close(layer(x), own(x, x, x, need_weights=False)[0].detach(), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_mask(rng):
    """the mask reaches every head: one for all, or one for each sample"""
    for batch, length, dim, heads in MULTI[2:]:
        layer = filled(attention.MultiHeadAttention(dim, heads=heads), rng)
        x = some(rng, batch, length, dim)
        for words, mask in (
            ("a mask that hides the future", np.tril(np.ones((length, length), bool))),
            (f"a mask of shape {(batch, 1, length, length)}", masked(rng, batch, 1, length, length)),
        ):
            case = f"MultiHeadAttention({dim}, heads={heads}) with {words} on {spelled(x)}"
            close(layer(tensor(x), mask=torch.tensor(mask)), heads_apart(x, numbers(layer), heads, mask), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_gradient(rng):
    """the gradients of x and of all weights agree with finite differences"""
    layer = filled(attention.MultiHeadAttention(2, heads=2), rng)
    state = numbers(layer)

    def f(x, *weights):
        return functional_call(layer, dict(zip(state, weights, strict=True)), x)

    case = "MultiHeadAttention(2, heads=2) on a tensor of shape (2, 2, 2)"
    gradients(f, {"x": some(rng, 2, 2, 2), **state}, rng=rng, case=case)


@grades(attention.MultiHeadAttention)
def test_heads_fused(rng):
    """fused=True gives the same numbers, with a mask and without"""
    x = some(rng, 2, 3, 4)
    written = filled(attention.MultiHeadAttention(4, heads=2), rng)
    fused = holding(attention.MultiHeadAttention(4, heads=2, fused=True), numbers(written))
    for words, mask in (("", None), (", with a mask", masked(rng, 3, 3))):
        case = f"MultiHeadAttention(4, heads=2, fused=True) on a tensor of shape (2, 3, 4){words}"
        looked = None if mask is None else torch.tensor(mask)
        close(fused(tensor(x), mask=looked), heads_apart(x, numbers(written), 2, mask), case=case)


@grades(attention.MultiHeadAttention)
def test_heads_refuse(rng):
    """heads that do not divide dim raise a ValueError that names both"""
    call = partial(attention.MultiHeadAttention, 100, heads=6)
    raises(ValueError, call, case="MultiHeadAttention(100, heads=6)", says=["heads=6", "dim=100"])


@grades(attention.MultiHeadAttention)
def test_learns(rng):
    """a plain backward pass, in training and in evaluation, reaches every parameter and the input"""
    module = filled(attention.MultiHeadAttention(4, heads=2), rng)
    learns(module, tensor(some(rng, 2, 3, 4)), case="MultiHeadAttention(4, heads=2)")


wrong(
    attention.MultiHeadAttention,
    {
        "positions and heads are mixed by a plain reshape": (
            """rearrange(self.qkv(x), "B T (three heads d) -> three B heads T d", three=3, heads=self.heads)""",
            """self.qkv(x).reshape(3, x.shape[0], self.heads, x.shape[1], -1)""",
        ),
        "a head's numbers do not lie side by side: it takes every heads-th": (
            "B T (three heads d)",
            "B T (three d heads)",
        ),
        "the output of qkv is read as head by head, each with its query, key and value": (
            "B T (three heads d)",
            "B T (heads three d)",
        ),
        "keys and values are exchanged": ("q, k, v = rearrange", "q, v, k = rearrange"),
        "queries and keys are exchanged, so the table of weights is transposed": (
            "q, k, v = rearrange",
            "k, q, v = rearrange",
        ),
        "the heads are joined by a plain reshape, which mixes them with the positions": (
            'rearrange(gathered, "B heads T d -> B T (heads d)")',
            "gathered.reshape(x.shape)",
        ),
        "the joined heads are interleaved, not side by side": ('B T (heads d)")', 'B T (d heads)")'),
        "each position's heads attend to one another; the positions never meet": (
            """three B heads T d", three=3, heads=self.heads)
        # Every head attends by itself.
        if self.fused:
            gathered = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            gathered = scaled_dot_product_attention(q, k, v, mask=mask)
""",
            """three B T heads d", three=3, heads=self.heads)
        gathered = scaled_dot_product_attention(q, k, v).transpose(1, 2)
""",
        ),
        "the scores are divided by the root of dim, not of a head's share of it": (
            " = scaled_dot_product_attention(q, k, v, mask=mask)",
            " = scaled_dot_product_attention(q * self.heads**-0.5, k, v, mask=mask)",
        ),
        "the last linear layer is there but not used": (
            'return self.projection(rearrange(gathered, "B heads T d -> B T (heads d)"))',
            'return rearrange(gathered, "B heads T d -> B T (heads d)")',
        ),
        "the mask is not handed on": ("(q, k, v, mask=mask)", "(q, k, v)"),
        "the mask is not handed on where fused is asked for": ("(q, k, v, attn_mask=mask)", "(q, k, v)"),
        "heads that do not divide dim are accepted until the first forward": ("if dim % heads:", "if False:"),
        "bias=False is not looked at": ("3 * dim, bias=bias)", "3 * dim)"),
        "bias=False takes the bias of the projection as well": (
            "nn.Linear(dim, dim)",
            "nn.Linear(dim, dim, bias=bias)",
        ),
        "the batch is read as the positions: samples attend to one another": (
            'rearrange(self.qkv(x), "B T (three heads d)',
            'rearrange(self.qkv(x), "T B (three heads d)',
        ),
    },
)
survives(
    attention.MultiHeadAttention,
    {
        "both ways compute the same": [("if self.fused:", "if True:"), ("if self.fused:", "if False:")],
    },
)
