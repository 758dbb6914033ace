"""What EncoderBlock must do."""

import numpy as np
from torch.nn import functional as F

from upslope.blocks import transformer
from upslope.checks import grades, wrong
from upslope.checks.blocks.attention.equation import pytorchs
from upslope.checks.blocks.module_info import ModuleInfo
from upslope.checks.blocks.tensors import filled, tensor
from upslope.checks.expect import close, equal, true
from upslope.checks.samples import some

SIZES = ((2, 3, 4, 2), (1, 2, 2, 1), (2, 2, 6, 3))  # batch, positions, dim, heads
SAMPLES = 24


def drawn(*sizes, **settings):
    return lambda rng: [
        ({"dim": dim, "heads": heads, **settings}, {"x": some(rng, batch, length, dim)})
        for batch, length, dim, heads in sizes
    ]


def looked(**settings):
    """With a mask that hides the future."""
    return lambda rng: [
        (made, inputs | {"mask": np.tril(np.ones(2 * inputs["x"].shape[1:2], bool))})
        for made, inputs in drawn(*SIZES, **settings)(rng)
    ]


def normed(x, weights, name, eps):
    return F.layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], eps)


def thought(x, weights, eps=1e-6):
    """mlp(norm2(x))."""
    x = F.gelu(F.linear(normed(x, weights, "norm2", eps), weights["mlp.0.weight"], weights["mlp.0.bias"]))
    return F.linear(x, weights["mlp.3.weight"], weights["mlp.3.bias"])


def attended(x, weights, heads, eps=1e-6, mask=None):
    """attention(norm1(x))."""
    return pytorchs(normed(x, weights, "norm1", eps), weights, heads=heads, mask=mask, prefix="attention.")


def by_functions(x, weights, *, heads, eps=1e-6, mask=None, **_):
    """Equations 2 and 3 with PyTorch's functions."""
    x = x + attended(x, weights, heads, eps, mask)
    return x + thought(x, weights, eps)


def kept(hidden):
    """Names and shapes for 4 numbers."""
    shapes = {f"{norm}.{what}": [4] for norm in ("norm1", "norm2") for what in ("weight", "bias")}
    shapes |= {"attention.qkv.weight": [12, 4], "attention.qkv.bias": [12], "attention.projection.weight": [4, 4]}
    shapes |= {"attention.projection.bias": [4], "mlp.0.weight": [hidden, 4], "mlp.0.bias": [hidden]}
    return shapes | {"mlp.3.weight": [4, hidden], "mlp.3.bias": [4]}


BLOCK = ModuleInfo(transformer.EncoderBlock, samples=drawn(*SIZES), truth=by_functions)
LAST = {"attention.projection.weight": np.zeros((2, 2)), "mlp.3.weight": np.zeros((2, 8))}

test_parameters = BLOCK.parameters(
    "two norms, attention, and an mlp with int(mlp_ratio * dim) hidden numbers",
    ({"dim": 4, "heads": 2}, kept(16)),
    ({"dim": 4, "heads": 2, "mlp_ratio": 2.5}, kept(10)),
)
test_shape_and_dtype = BLOCK.shape("the shape and the dtype of x")
test_by_hand = BLOCK.by_hand(
    "last weights of 0 leave their biases: [[1, 2]] becomes [[111, 222]]",
    (
        {"dim": 2, "heads": 1},
        LAST | {"attention.projection.bias": [10.0, 20.0], "mlp.3.bias": [100.0, 200.0]},
        [[[1.0, 2.0]]],
        [[[111, 222]]],
    ),
)
test_random = BLOCK.random("random weights: equations 2 and 3 with PyTorch's functions", drawn(*SIZES, (2, 16, 64, 4)))
test_eps = BLOCK.random("both norms get eps", drawn(*SIZES, eps=0.1))
test_gradient = BLOCK.gradient(
    "gradients reach x and every parameter, as PyTorch finds them for the equations",
    drawn((2, 3, 2, 1), mlp_ratio=1.5),
)
test_mask = BLOCK.random("the mask is handed to the attention", looked())
test_fused = BLOCK.random("fused gives the same", looked(fused=True))


@grades(transformer.EncoderBlock)
def test_drop_path(rng):
    """each branch of each sample is dropped, or divided by 1 - drop_path, by itself"""
    block = filled(transformer.EncoderBlock(2, heads=1, drop_path=0.5), rng)
    x, weights = tensor(some(rng, 1, 2, 2)), block.state_dict()
    close(block.eval()(x), by_functions(x, weights, heads=1), case="drop_path=0.5, in evaluation")
    out = block.train()(x.repeat(SAMPLES, 1, 1)).detach()
    ways = {(i, j): x + i * 2 * attended(x, weights, 1) for i in (0, 1) for j in (0, 1)}
    ways = {(i, j): y + j * 2 * thought(y, weights) for (i, j), y in ways.items()}
    seen = set()
    for sample in out:
        best = min(ways, key=lambda way: float((sample - ways[way][0]).abs().max()))
        close(sample, ways[best][0], case="a sample in training, drop_path=0.5, beside the nearest of the four ways")
        seen.add(best)
    case = f"{SAMPLES} equal samples in training, drop_path=0.5: ways that came"
    # Chance leaves one of the four out of 24 draws once in 250.
    true(len(seen) >= 3, "of four ways, each branch kept or dropped, some never came", case=case, got=len(seen))


@grades(transformer.EncoderBlock)
def test_settings(rng):
    """mlp is Linear, GELU, Dropout, Linear, Dropout, both of rate dropout; norms and attention get fused"""
    block = transformer.EncoderBlock(2, heads=1, dropout=0.5, fused=True)
    case = "EncoderBlock(2, heads=1, dropout=0.5, fused=True)"
    kinds = [type(layer).__name__ for layer in block.mlp]
    equal(kinds, ["Linear", "GELU", "Dropout", "Linear", "Dropout"], case=f"{case}.mlp")
    equal([block.mlp[2].p, block.mlp[4].p], [0.5, 0.5], case=f"{case}: rates of the two Dropout layers")
    equal(block.skip.rate, 0.0, case=f"{case}.skip.rate")
    for name in ("norm1", "norm2", "attention"):
        equal(getattr(block, name).fused, True, case=f"{case}.{name}.fused")
        plain = getattr(transformer.EncoderBlock(2, heads=1), name)
        equal(plain.fused, False, case=f"EncoderBlock(2, heads=1).{name}.fused")


test_laws = BLOCK.laws("x is not changed; calls, passes and memory do not get mixed up")
test_learns = BLOCK.learns(
    "a plain backward pass, in training and in evaluation, reaches every parameter and the input", drawn(SIZES[0])
)


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
        "what the branches give is added into x itself, which others still need": (
            "x = x + self.skip(self.attention",
            "x += self.skip(self.attention",
        ),
        "the mask is not handed on": ("self.attention(self.norm1(x), mask=mask)", "self.attention(self.norm1(x))"),
        "the result is always float32": (
            "return x + self.skip(self.mlp(self.norm2(x)))",
            "return (x + self.skip(self.mlp(self.norm2(x)))).float()",
        ),
        "fused is not handed to the attention": ("heads=heads, fused=fused)", "heads=heads)"),
        "mlp_ratio is not looked at: the hidden layer is always four times as wide": (
            "hidden = int(mlp_ratio * dim)",
            "hidden = 4 * dim",
        ),
        "stochastic depth drops the whole sum, x as well": (
            "return x + self.skip(self.mlp(self.norm2(x)))",
            "return self.skip(x + self.mlp(self.norm2(x)))",
        ),
        "the branches are cut from the graph, so gradients pass only along x": (
            "x = x + self.skip(self.attention(self.norm1(x), mask=mask))",
            "x = x + self.skip(self.attention(self.norm1(x), mask=mask)).detach()",
        ),
    },
)
