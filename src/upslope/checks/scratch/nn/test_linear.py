"""What the layer Linear must do."""

import math

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, gradients, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import leaf, some, spelled
from upslope.scratch import nn
from upslope.scratch.tensor import Tensor

# in_features, out_features, shape of x.
SIZES = ((2, 2, (2,)), (3, 2, (1, 3)), (2, 3, (4, 2)), (3, 1, (2, 2, 3)))


def filled(weight, bias, dtype=np.float64):
    """A layer with these parameters."""
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    layer.weight.data = np.array(weight, dtype=dtype)
    if layer.bias is not None:
        layer.bias.data = np.array(bias, dtype=dtype)
    return layer


def weighted_sums(x, weight, bias):
    """Each output a sum over the inputs, in float64."""
    return np.stack([(x * row).sum(axis=-1) + b for row, b in zip(weight, bias, strict=True)], axis=-1)


@grades(nn.Linear)
def test_parameters(rng):
    """weight (out, in) and bias (out,) are float32 Parameters that the module finds"""
    layer = nn.Linear(3, 2, rng=rng)
    tensor_of(layer.weight, (2, 3), dtype="float32", case="Linear(3, 2).weight")
    tensor_of(layer.bias, (2,), dtype="float32", case="Linear(3, 2).bias")
    names = [name for name, _ in layer.named_parameters()]
    equal(
        sorted(names),
        ["bias", "weight"],
        case="Linear(3, 2).named_parameters()",
        problem="an optimizer would not find them",
    )


@grades(nn.Linear)
def test_shape(rng):
    """the shape: in_features become out_features, whatever stands in front"""
    for n_in, n_out, shape in SIZES:
        out = nn.Linear(n_in, n_out, rng=rng)(Tensor(some(rng, *shape).astype(np.float32)))
        tensor_of(
            out, (*shape[:-1], n_out), dtype="float32", case=f"Linear({n_in}, {n_out}) on a tensor of shape {shape}"
        )


@grades(nn.Linear)
def test_by_hand(rng):
    """with weight [[1, 2], [3, 4]] and bias [10, 20], x = [1, 1] becomes [13, 27]"""
    layer = filled([[1, 2], [3, 4]], [10, 20])
    close(
        layer(Tensor(np.array([1.0, 1.0]))),
        [13, 27],
        case="Linear with weight [[1, 2], [3, 4]], bias [10, 20] on [1, 1]",
    )


@grades(nn.Linear)
def test_random(rng):
    """random inputs: weighted sums plus the bias"""
    for n_in, n_out, shape in SIZES:
        x, weight, bias = some(rng, *shape), some(rng, n_out, n_in), some(rng, n_out)
        case = f"Linear with weight {spelled(weight)}, bias {spelled(bias)} on {spelled(x)}"
        close(filled(weight, bias)(Tensor(x)), weighted_sums(x, weight, bias), case=case)


@grades(nn.Linear)
def test_gradient(rng):
    """gradients reach x, weight and bias, and agree with finite differences"""
    for n_in, n_out, shape in SIZES:
        layer = nn.Linear(n_in, n_out)

        def f(x, weight, bias, layer=layer):
            layer.weight, layer.bias = weight, bias
            return layer(x)

        gradients(
            f,
            [some(rng, *shape), some(rng, n_out, n_in), some(rng, n_out)],
            rng=rng,
            tensor=leaf,
            names=["x", "weight", "bias"],
            case=f"Linear({n_in}, {n_out}) on a tensor of shape {shape}",
        )


@grades(nn.Linear)
def test_without_bias(rng):
    """bias=False: the bias is None and nothing is added"""
    layer = nn.Linear(2, 2, bias=False, rng=rng)
    true(
        layer.bias is None, "the bias is not None", case="Linear(2, 2, bias=False).bias", got=layer.bias, expected=None
    )
    equal(
        [name for name, _ in layer.named_parameters()], ["weight"], case="Linear(2, 2, bias=False).named_parameters()"
    )
    close(
        filled([[1, 2], [3, 4]], None)(Tensor(np.array([1.0, 1.0]))),
        [3, 7],
        case="Linear with weight [[1, 2], [3, 4]], bias=False on [1, 1]",
    )


@grades(nn.Linear)
def test_initial_weights(rng):
    """at first weights and biases are uniform between -1/sqrt(in) and 1/sqrt(in)"""
    n_in, n_out = 100, 400
    layer = nn.Linear(n_in, n_out, rng=rng)
    bound = 1 / math.sqrt(n_in)
    for name, values in layer.state_dict().items():
        case = f"Linear({n_in}, {n_out}).{name}"
        largest = float(np.abs(values).max())
        true(
            largest <= bound * 1.0001,
            "some numbers are too large",
            case=case,
            got=f"{largest:.4f}",
            expected=f"at most {bound}",
        )
        # 400 uniform numbers reach 0.98 of the bound on some side but for a chance of 3 in 10,000.
        true(
            largest > 0.98 * bound,
            "the numbers are too small",
            case=case,
            got=f"at most {largest:.4f}",
            expected=f"up to {bound}",
        )
        # Their mean strays by bound / sqrt(3 n), their mean square by 0.3 bound^2 / sqrt(n); not by five times that.
        mean, square = float(values.mean()), float(np.square(values.astype(np.float64)).mean())
        true(
            abs(mean) < 5 * bound / math.sqrt(3 * values.size),
            "the numbers lie to one side",
            case=case,
            got=f"mean {mean:.4f}",
            expected="mean 0",
        )
        true(
            abs(square - bound**2 / 3) < 1.5 * bound**2 / math.sqrt(values.size),
            "the numbers are not uniform",
            case=case,
            got=f"variance {square:.6f}",
            expected=f"variance {bound**2 / 3:.6f}",
        )


@grades(nn.Linear)
def test_generator(rng):
    """the weights come from rng, and are new for every layer"""
    first, again = (nn.Linear(3, 2, rng=np.random.default_rng(7)) for _ in range(2))
    for name, values in first.state_dict().items():
        close(again.state_dict()[name], values, case=f"Linear(3, 2, rng=default_rng(7)), made twice: {name}")
    for words, one, two in (
        ("one after the other from the same rng", nn.Linear(3, 2, rng=rng), nn.Linear(3, 2, rng=rng)),
        ("without rng", nn.Linear(3, 2), nn.Linear(3, 2)),
    ):
        same = one.weight.data.tolist() == two.weight.data.tolist()
        true(not same, "two layers start with the same weights", case=f"two layers Linear(3, 2), made {words}")


@grades(nn.Linear)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    layers = nn.Linear(3, 2), nn.Linear(2, 2)
    keeps_laws(*(Call(layer, [some(rng, *s)]) for layer, s in zip(layers, ((4, 3), (2, 2)), strict=True)))


wrong(
    nn.Linear,
    {
        "the weight is a plain Tensor, so no optimizer finds it": ("self.weight = Parameter(", "self.weight = Tensor("),
        "the bias is there but never added": ("linear(x, self.weight, self.bias)", "linear(x, self.weight)"),
        "bias=False is not looked at": ("bound, rng=rng)) if bias else None", "bound, rng=rng))"),
        "the weights are divided by in_features, not by its square root": (
            "1 / math.sqrt(in_features)",
            "1 / in_features",
        ),
        "the size of the weights is taken from out_features; the sum runs over in_features": (
            "1 / math.sqrt(in_features)",
            "1 / math.sqrt(out_features)",
        ),
        "all weights start at 0, so all neurons stay alike": ("bound = 1 / math.sqrt(in_features)", "bound = 0.0"),
        "rng is not used: the weights come from a generator of the layer's own": (
            "rng = rng or np.random.default_rng()",
            "rng = np.random.default_rng()",
        ),
        "without rng every layer gets the same weights, from one fixed seed": (
            "rng = rng or np.random.default_rng()",
            "rng = rng or np.random.default_rng(0)",
        ),
        "the bias is not drawn but starts at 0": (
            "Parameter(init.uniform((out_features,), bound, rng=rng))",
            "Parameter(np.zeros(out_features, np.float32))",
        ),
        "the weights are normal numbers, not uniform ones": (
            "Parameter(init.uniform((out_features, in_features), bound, rng=rng))",
            "Parameter((rng.standard_normal((out_features, in_features)) * bound).astype(np.float32))",
        ),
        "what stands in front of in_features is flattened to one batch": (
            "linear(x, self.weight, self.bias)",
            "linear(x.reshape(-1, x.shape[-1]), self.weight, self.bias)",
        ),
        "the input is kept where the next call finds it": (
            "return linear(x, self.weight, self.bias)",
            'self.x = getattr(self, "x", x)\n        return linear(self.x, self.weight, self.bias)',
        ),
    },
)
