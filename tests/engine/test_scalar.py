"""Values in pure Python: slopes against finite differences and PyTorch, deep graphs, and a network that learns."""

import math
import random
import subprocess
import sys

import pytest

from upslope.scratch.mlp import MLP, SGD, cross_entropy
from upslope.scratch.scalar import Value, dot, logsumexp

FUNCTIONS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "numbers on either side": lambda x, y: (2 + x) * 3 - (1 - y) / 2 + 4 / x - 5 * y,
    "powers": lambda x, y: x**3 + y**-2 + x**0 + y**0.5,
    "exp and log": lambda x, y: (x.exp() + y).log(),
    "tanh and relu": lambda x, y: (x * y).tanh() + (x - y).relu() + (y - x).relu() - (-x).relu(),
    "used often": lambda x, y: x * x * y + x * y.exp() - x / (x + y),
    "dot of values": lambda x, y: dot([x, y], [y, x * y], x),
    "dot of numbers": lambda x, y: dot([x, y], [2.0, -3.0], y),
    "dot of both": lambda x, y: dot([x, y, x], [y, 2.0, x * y], y),
    "logsumexp": lambda x, y: logsumexp([x, y, x * y]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("a", "b"), [(1.3, 0.7), (0.4, 2.1)])
def test_slopes_are_those_of_finite_differences(name, a, b):
    f, h = FUNCTIONS[name], 1e-6
    x, y = Value(a), Value(b)
    f(x, y).backward()
    for value, up, down in (
        (x, f(Value(a + h), Value(b)), f(Value(a - h), Value(b))),
        (y, f(Value(a), Value(b + h)), f(Value(a), Value(b - h))),
    ):
        assert value.grad == pytest.approx((up.data - down.data) / (2 * h), rel=1e-6, abs=1e-7)


def test_relu_is_flat_at_zero():
    x = Value(0.0)
    x.relu().backward()
    assert x.grad == 0


def test_logsumexp_bears_large_scores():
    scores = [Value(1000.0), Value(1001.0), Value(-1000.0)]
    out = logsumexp(scores)
    out.backward()
    assert out.data == pytest.approx(1001 + math.log(1 + math.exp(-1)))
    assert [s.grad for s in scores] == pytest.approx([0.268941, 0.731059, 0.0], abs=1e-6)


def test_weights_add_up_over_calls_and_the_rest_starts_again():
    w = Value(3.0)
    square = w * w
    loss = square * 2
    for calls in (1, 2, 3):
        loss.backward()
        assert (w.grad, square.grad, loss.grad) == (12.0 * calls, 2.0, 1.0)


def test_a_value_that_was_written_down_is_its_own_gradient():
    x = Value(3.0)
    x.backward()
    assert x.grad == 1


def test_a_diamond_waits_for_both_ways():
    x = Value(2.0)
    a = x * 3
    (a * a.exp() + a).backward()
    assert x.grad == pytest.approx(3 * (math.exp(6) * 7 + 1))


def test_a_long_chain_and_a_wide_one():
    x = Value(1.0)
    chain = x
    for _ in range(50_000):
        chain = chain + x * 0.5
    chain.backward()
    assert x.grad == 25_001


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(TypeError, match="plain number, got Value"):
        Value(2.0) ** Value(2.0)
    with pytest.raises(ValueError, match="2 weights and 1 inputs"):
        dot([Value(1.0), Value(2.0)], [1.0], Value(0.0))


def test_the_network_is_the_one_that_numpys_engine_computes():
    np = pytest.importorskip("numpy")
    from upslope.scratch import nn, ops
    from upslope.scratch.tensor import Tensor

    rng = random.Random(0)
    net = MLP(4, 5, 3, rng=rng)
    inputs = [rng.random() for _ in range(4)]
    loss = cross_entropy(net(inputs), 2)
    loss.backward()
    twin = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    for layer, other in ((net.layers[0], twin[0]), (net.layers[1], twin[2])):
        other.weight.data = np.array([[w.data for w in neuron.weights] for neuron in layer.neurons])
        other.bias.data = np.array([neuron.bias.data for neuron in layer.neurons])
    expected = ops.cross_entropy(twin(Tensor(np.array([inputs]))), [2])
    expected.backward()
    assert loss.data == pytest.approx(expected.item())
    for layer, other in ((net.layers[0], twin[0]), (net.layers[1], twin[2])):
        np.testing.assert_allclose([[w.grad for w in n.weights] for n in layer.neurons], other.weight.grad)
        np.testing.assert_allclose([n.bias.grad for n in layer.neurons], other.bias.grad)


def test_two_circles_are_learned():
    rng = random.Random(1)
    points = [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(200)]
    labels = [int(x * x + y * y < 0.4) for x, y in points]
    net = MLP(2, 12, 2, rng=rng)
    sgd = SGD(net.parameters(), lr=0.2)
    for _ in range(40):
        for start in range(0, 200, 20):
            batch = range(start, start + 20)
            total = sum((cross_entropy(net(points[i]), labels[i]) for i in batch), Value(0.0))
            (total / 20).backward()
            sgd.step()
    guesses = [max((0, 1), key=[s.data for s in net(p)].__getitem__) for p in points]
    assert sum(g == y for g, y in zip(guesses, labels, strict=True)) >= 190
    assert all(p.grad == 0 for p in net.parameters())


def test_nothing_but_the_standard_library_is_loaded():
    code = "import sys, upslope.scratch.mlp; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
