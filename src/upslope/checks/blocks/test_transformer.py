"""What EncoderBlock must do."""

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from upslope.blocks import transformer
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import filled, gradients, holding, holds, tensor
from upslope.checks.expect import close, equal, tensor_of, true
from upslope.checks.laws import learns
from upslope.checks.samples import some, spelled

SIZES = ((1, 1, 2, 1), (2, 3, 4, 2), (2, 2, 6, 3))  # batch, positions, dim, heads
SAMPLES = 24


def by_functions(x, weights, heads, *, eps=1e-6, mask=None):
    """Equations 2 and 3 with PyTorch's functions."""
    first = attended(x, weights, heads, eps, mask)
    return x + first + thought(x + first, weights, eps)


def attended(x, weights, heads, eps, mask):
    """attention(norm1(x)), each head on its own rows of the weights."""
    batch, length, dim = x.shape
    x = F.layer_norm(x, (dim,), weights["norm1.weight"], weights["norm1.bias"], eps)
    parts = F.linear(x, weights["attention.qkv.weight"], weights["attention.qkv.bias"]).split(dim, dim=-1)
    q, k, v = (part.reshape(batch, length, heads, dim // heads).transpose(1, 2) for part in parts)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(batch, length, dim)
    return F.linear(out, weights["attention.projection.weight"], weights["attention.projection.bias"])


def thought(x, weights, eps):
    """mlp(norm2(x))."""
    x = F.layer_norm(x, x.shape[-1:], weights["norm2.weight"], weights["norm2.bias"], eps)
    x = F.gelu(F.linear(x, weights["mlp.0.weight"], weights["mlp.0.bias"]))
    return F.linear(x, weights["mlp.3.weight"], weights["mlp.3.bias"])


def made(rng, dim, heads, **settings):
    """A block with random weights, in evaluation."""
    return filled(transformer.EncoderBlock(dim, heads=heads, **settings), rng).eval()


@grades(transformer.EncoderBlock)
def test_parameters(rng):
    """two norms, attention, and an mlp with int(mlp_ratio * dim) hidden numbers"""
    for ratio, hidden in ((4.0, 16), (2.5, 10)):
        shapes = {f"{norm}.{what}": [4] for norm in ("norm1", "norm2") for what in ("weight", "bias")}
        shapes |= {"attention.qkv.weight": [12, 4], "attention.qkv.bias": [12]}
        shapes |= {"attention.projection.weight": [4, 4], "attention.projection.bias": [4]}
        shapes |= {"mlp.0.weight": [hidden, 4], "mlp.0.bias": [hidden]}
        shapes |= {"mlp.3.weight": [4, hidden], "mlp.3.bias": [4]}
        case = f"EncoderBlock(4, heads=2, mlp_ratio={ratio})"
        holds(transformer.EncoderBlock(4, heads=2, mlp_ratio=ratio), shapes, case=case)


@grades(transformer.EncoderBlock)
def test_shape_and_dtype(rng):
    """the shape and the dtype of x"""
    for dtype in (torch.float32, torch.float64):
        for batch, length, dim, heads in SIZES:
            block = transformer.EncoderBlock(dim, heads=heads).to(dtype)
            case = f"EncoderBlock({dim}, heads={heads}) on numbers of shape {(batch, length, dim)}"
            out = block(torch.zeros(batch, length, dim, dtype=dtype))
            tensor_of(out, (batch, length, dim), dtype=str(dtype).removeprefix("torch."), case=case)


@grades(transformer.EncoderBlock)
def test_by_hand(rng):
    """last weights of 0 leave their biases: [[1, 2]] becomes [[111, 222]]"""
    last = {"attention.projection.weight": np.zeros((2, 2)), "attention.projection.bias": [10.0, 20.0]}
    last |= {"mlp.3.weight": np.zeros((2, 8)), "mlp.3.bias": [100.0, 200.0]}
    block = holding(transformer.EncoderBlock(2, heads=1), last)
    case = "last weights 0, biases [10, 20] and [100, 200], on [[1, 2]]"
    close(block(tensor([[[1.0, 2.0]]])), [[[111.0, 222.0]]], case=case)


@grades(transformer.EncoderBlock)
def test_random(rng):
    """random weights: equations 2 and 3 with PyTorch's functions"""
    for batch, length, dim, heads in SIZES:
        for settings in ({}, {"eps": 0.1}):
            block = made(rng, dim, heads, **settings)
            x = some(rng, batch, length, dim)
            given = ", ".join(["", *(f"{name}={value:g}" for name, value in settings.items())])
            case = f"EncoderBlock({dim}, heads={heads}{given}) with random weights on {spelled(x)}"
            close(block(tensor(x)), by_functions(tensor(x), block.state_dict(), heads, **settings), case=case)


@grades(transformer.EncoderBlock)
def test_beside_pytorch(rng):
    """with the same weights PyTorch's own layer, its norm in front, gives the same"""
    block = made(rng, 4, 2)
    own = nn.TransformerEncoderLayer(4, 2, 16, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True)
    names = {"self_attn.in_proj_weight": "attention.qkv.weight", "self_attn.in_proj_bias": "attention.qkv.bias"}
    for theirs, ours in (("self_attn.out_proj", "attention.projection"), ("linear1", "mlp.0"), ("linear2", "mlp.3")):
        names |= {f"{theirs}.{what}": f"{ours}.{what}" for what in ("weight", "bias")}
    names |= {f"{norm}.{what}": f"{norm}.{what}" for norm in ("norm1", "norm2") for what in ("weight", "bias")}
    state = block.state_dict()
    holding(own, {theirs: state[ours] for theirs, ours in names.items()})
    x = tensor(some(rng, 2, 3, 4))
    case = "EncoderBlock(4, heads=2) and nn.TransformerEncoderLayer with the same weights"
    close(block(x), own(x), case=case)


@grades(transformer.EncoderBlock)
def test_gradient(rng):
    """gradients reach x and every parameter, as PyTorch finds them for the equations"""
    block = made(rng, 2, 1, mlp_ratio=1.5)
    values = {name: value.detach().numpy() for name, value in block.named_parameters()}

    def f(x, *weights):
        return functional_call(block, dict(zip(values, weights, strict=True)), x)

    def truth(x, *weights):
        return by_functions(x, dict(zip(values, weights, strict=True)), 1)

    case = "EncoderBlock(2, heads=1, mlp_ratio=1.5) on numbers of shape (2, 3, 2)"
    gradients(f, {"x": some(rng, 2, 3, 2), **values}, rng=rng, case=case, truth=truth)


@grades(transformer.EncoderBlock)
def test_mask(rng):
    """the mask is handed to the attention; fused gives the same"""
    mask = torch.ones(3, 3, dtype=torch.bool).tril()
    x = some(rng, 2, 3, 4)
    for settings in ({}, {"fused": True}):
        block = made(rng, 4, 2, **settings)
        given = ", fused=True" if settings else ""
        case = f"EncoderBlock(4, heads=2{given}) with a mask that hides the future"
        expected = by_functions(tensor(x), block.state_dict(), 2, mask=mask)
        close(block(tensor(x), mask=mask), expected, case=case)
        for name in ("norm1", "norm2", "attention"):
            equal(getattr(block, name).fused, bool(settings), case=f"EncoderBlock(4, heads=2{given}).{name}.fused")


@grades(transformer.EncoderBlock)
def test_drop_path(rng):
    """each branch of each sample is dropped, or divided by 1 - drop_path, by itself"""
    block = made(rng, 2, 1, drop_path=0.5)
    x = some(rng, 1, 2, 2)
    weights = block.state_dict()
    close(block(tensor(x)), by_functions(tensor(x), weights, 1), case="drop_path=0.5, in evaluation")
    out = block.train()(tensor(x).repeat(SAMPLES, 1, 1)).detach()
    seen = set()
    first = 2 * attended(tensor(x), weights, 1, 1e-6, None)
    ways = {(i, j): tensor(x) + i * first for i in (0, 1) for j in (0, 1)}
    ways = {(i, j): y + j * 2 * thought(y, weights, 1e-6) for (i, j), y in ways.items()}
    for sample in out:
        near = {way: float((sample - y[0]).abs().max()) for way, y in ways.items()}
        best = min(near, key=lambda way: near[way])
        close(sample, ways[best][0], case="a sample in training, drop_path=0.5, beside the nearest of the four ways")
        seen.add(best)
    problem = "of four ways, each branch kept or dropped, some never came"
    case = f"{SAMPLES} equal samples in training, drop_path=0.5: ways that came"
    # Chance leaves one of the four out of 24 draws once in 250.
    true(len(seen) >= 3, problem, case=case, got=len(seen), expected=4)


@grades(transformer.EncoderBlock)
def test_dropout(rng):
    """mlp is Linear, GELU, Dropout, Linear, Dropout, both of rate dropout"""
    block = made(rng, 2, 1, dropout=0.5)
    case = "EncoderBlock(2, heads=1, dropout=0.5)"
    kinds = [type(layer).__name__ for layer in block.mlp]
    equal(kinds, ["Linear", "GELU", "Dropout", "Linear", "Dropout"], case=f"{case}.mlp")
    equal([block.mlp[2].p, block.mlp[4].p], [0.5, 0.5], case=f"{case}: rates of the two Dropout layers")
    equal(block.skip.rate, 0.0, case=f"{case}.skip.rate")


@grades(transformer.EncoderBlock)
def test_learns(rng):
    """a plain backward pass, in training and in evaluation, reaches every parameter and the input"""
    block = filled(transformer.EncoderBlock(4, heads=2), rng)
    learns(block, tensor(some(rng, 2, 3, 4)), case="EncoderBlock(4, heads=2)")


wrong(
    transformer.EncoderBlock,
    {
        "the norm stands after the sum, as in the first Transformer (post-norm)": (
            """x = x + self.skip(self.attention(self.norm1(x), mask=mask))
        # Every position thinks for itself; again the result is added.
        return x + self.skip(self.mlp(self.norm2(x)))""",
            """x = self.norm1(x + self.skip(self.attention(x, mask=mask)))
        return self.norm2(x + self.skip(self.mlp(x)))""",
        ),
        "the norm stands after the branch, not in front of it": (
            "self.attention(self.norm1(x), mask=mask)",
            "self.norm1(self.attention(x, mask=mask))",
        ),
        "the norm before the attention is missing": (
            "self.attention(self.norm1(x), mask=mask)",
            "self.attention(x, mask=mask)",
        ),
        "the norm before the mlp is missing": ("self.mlp(self.norm2(x))", "self.mlp(x)"),
        "one norm serves both branches": ("self.mlp(self.norm2(x))", "self.mlp(self.norm1(x))"),
        "the normed x goes past the branch, so x itself is lost": (
            "x = x + self.skip(self.attention(self.norm1(x), mask=mask))",
            "x = self.norm1(x)\n        x = x + self.skip(self.attention(x, mask=mask))",
        ),
        "x is not added to what the attention gives": (
            "x = x + self.skip(self.attention",
            "x = self.skip(self.attention",
        ),
        "x is not added to what the mlp gives": ("return x + self.skip(self.mlp", "return self.skip(self.mlp"),
        "both branches read the same x, side by side; the mlp never sees what was attended": (
            """x = x + self.skip(self.attention(self.norm1(x), mask=mask))
        # Every position thinks for itself; again the result is added.
        return x + self.skip(self.mlp(self.norm2(x)))""",
            """return x + self.skip(self.attention(self.norm1(x), mask=mask)) + self.skip(self.mlp(self.norm2(x)))""",
        ),
        "the mlp comes first, the attention second": (
            """x = x + self.skip(self.attention(self.norm1(x), mask=mask))
        # Every position thinks for itself; again the result is added.
        return x + self.skip(self.mlp(self.norm2(x)))""",
            """x = x + self.skip(self.mlp(self.norm2(x)))
        return x + self.skip(self.attention(self.norm1(x), mask=mask))""",
        ),
        "the mask is not handed on": ("self.attention(self.norm1(x), mask=mask)", "self.attention(self.norm1(x))"),
        "eps is not handed to the norms": (
            """self.norm1 = LayerNorm(dim, eps=eps, fused=fused)
        self.attention = MultiHeadAttention(dim, heads=heads, fused=fused)
        self.norm2 = LayerNorm(dim, eps=eps, fused=fused)""",
            """self.norm1 = LayerNorm(dim, fused=fused)
        self.attention = MultiHeadAttention(dim, heads=heads, fused=fused)
        self.norm2 = LayerNorm(dim, fused=fused)""",
        ),
        "heads is not handed on: one head attends": ("heads=heads, fused", "heads=1, fused"),
        "the result is always float32": (
            "return x + self.skip(self.mlp(self.norm2(x)))",
            "return (x + self.skip(self.mlp(self.norm2(x)))).float()",
        ),
        "fused is not handed to the attention": ("heads=heads, fused=fused)", "heads=heads)"),
        "the activation between the two linear layers is ReLU, not GELU": ("nn.GELU()", "nn.ReLU()"),
        "the GELU is its approximation with tanh, which is off in the fourth digit": (
            "nn.GELU()",
            'nn.GELU(approximate="tanh")',
        ),
        "mlp_ratio is not looked at: the hidden layer is always four times as wide": (
            "hidden = int(mlp_ratio * dim)",
            "hidden = 4 * dim",
        ),
        "drop_path is not looked at: no branch is ever dropped": ("StochasticDepth(drop_path)", "StochasticDepth(0.0)"),
        "stochastic depth drops the whole sum, x as well": (
            "return x + self.skip(self.mlp(self.norm2(x)))",
            "return self.skip(x + self.mlp(self.norm2(x)))",
        ),
        "stochastic depth covers the attention alone, the mlp is never dropped": (
            "x + self.skip(self.mlp(self.norm2(x)))",
            "x + self.mlp(self.norm2(x))",
        ),
        "dropout is not looked at": (
            "nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim), nn.Dropout(dropout)",
            "nn.GELU(), nn.Dropout(0.0), nn.Linear(hidden, dim), nn.Dropout(0.0)",
        ),
        "the branches are cut from the graph, so gradients pass only along x": (
            "x = x + self.skip(self.attention(self.norm1(x), mask=mask))",
            "x = x + self.skip(self.attention(self.norm1(x), mask=mask)).detach()",
        ),
    },
)
