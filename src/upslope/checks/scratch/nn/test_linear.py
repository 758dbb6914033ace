"""What the layer Linear must do."""

import math

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, tensor_of, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import some
from upslope.scratch import nn
from upslope.scratch.tensor import Tensor

# in_features, out_features, shape of x.
SIZES = ((3, 2, (4, 3)), (2, 2, (2,)), (3, 2, (1, 3)), (2, 3, (4, 2)), (3, 1, (2, 2, 3)), (128, 10, (4, 128)))


def linear(x, weight, bias=None):
    """A layer with these parameters, called."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, rng=np.random.default_rng(1))
    layer.weight = weight
    if bias is not None:
        layer.bias = bias
    return layer(x)


def weighted_sums(x, weight, bias=None):
    """Each output a sum over the inputs, in float64."""
    sums = np.stack([(x * row).sum(axis=-1) for row in weight], axis=-1)
    return sums if bias is None else sums + bias


def drawn(rng):
    for n_in, n_out, shape in SIZES:
        yield {"x": some(rng, *shape), "weight": some(rng, n_out, n_in), "bias": some(rng, n_out)}


LINEAR = OpInfo(nn.Linear, samples=drawn, truth=weighted_sums, call=linear)
X, W = [1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]]


@grades(nn.Linear)
def test_parameters(rng):
    """weight (out, in) and bias (out,) are float32 Parameters that the module finds"""
    layer = nn.Linear(3, 2, rng=rng)
    tensor_of(layer.weight, (2, 3), dtype="float32", case="Linear(3, 2).weight")
    tensor_of(layer.bias, (2,), dtype="float32", case="Linear(3, 2).bias")
    names = sorted(name for name, _ in layer.named_parameters())
    problem = "an optimizer would not find them"
    equal(names, ["bias", "weight"], case="Linear(3, 2).named_parameters()", problem=problem)


test_shape = LINEAR.shape("the shape: in_features become out_features, whatever stands in front")
test_by_hand = LINEAR.by_hand(
    "with weight [[1, 2], [3, 4]] and bias [10, 20], x = [1, 1] becomes [13, 27]",
    ({"x": X, "weight": W, "bias": [10.0, 20.0]}, [13, 27], [1, 10], {"weight": [[1, 1], [10, 10]], "bias": [1, 10]}),
)
test_random = LINEAR.random("random inputs: weighted sums plus the bias", atol=1e-4)
test_gradient = LINEAR.gradient("gradients reach x, weight and bias, and agree with finite differences")


@grades(nn.Linear)
def test_without_bias(rng):
    """bias=False: the bias is None and nothing is added"""
    layer = nn.Linear(2, 2, bias=False, rng=rng)
    case = "Linear(2, 2, bias=False)"
    true(layer.bias is None, "the bias is not None", case=f"{case}.bias", got=layer.bias, expected=None)
    equal([name for name, _ in layer.named_parameters()], ["weight"], case=f"{case}.named_parameters()")
    close(linear(Tensor(X), Tensor(W)), [3, 7], case=f"{case} with weight {W} on {X}")


@grades(nn.Linear)
def test_initial_weights(rng):
    """at first weights and biases are uniform between -1/sqrt(in) and 1/sqrt(in)"""
    n_in, n_out = 100, 400
    bound = 1 / math.sqrt(n_in)
    for name, values in nn.Linear(n_in, n_out, rng=rng).state_dict().items():
        case = f"Linear({n_in}, {n_out}).{name}"
        # 400 uniform numbers reach 0.98 of the bound on some side but for a chance of 3 in 10,000.
        largest = float(np.abs(values).max())
        close(largest, 0.99 * bound, case=f"{case}: the largest, beside {bound:g}", rtol=0.0102, atol=0)
        # Their mean strays by bound / sqrt(3 n), their mean square by 0.3 bound^2 / sqrt(n); not by five times that.
        mean, square = float(values.mean()), float(np.square(values.astype(np.float64)).mean())
        close(mean, 0.0, case=f"{case}: mean", rtol=0, atol=5 * bound / math.sqrt(3 * values.size))
        stray = 1.5 * bound**2 / math.sqrt(values.size)
        close(square, bound**2 / 3, case=f"{case}: variance, of uniform numbers", rtol=0, atol=stray)


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
        "rng is not used: the weights come from a generator of the layer's own": (
            "rng = rng or np.random.default_rng()",
            "rng = np.random.default_rng()",
        ),
        "without rng every layer gets the same weights, from one fixed seed": (
            "rng = rng or np.random.default_rng()",
            "rng = rng or np.random.default_rng(0)",
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
