"""Modules: parameters, state dicts and layers, against torch.nn with the same weights."""

import math

import numpy as np
import pytest

from upslope.scratch import init, nn, ops
from upslope.scratch.tensor import Tensor


@pytest.fixture
def tnn():
    return pytest.importorskip("torch", reason="PyTorch is the oracle of these tests").nn


def pairs(tnn):
    """Our layer, PyTorch's, and the shape of an input."""
    return {
        "linear": (nn.Linear(4, 6), tnn.Linear(4, 6), (5, 4)),
        "linear without bias": (nn.Linear(4, 6, bias=False), tnn.Linear(4, 6, bias=False), (5, 4)),
        "conv": (nn.Conv2d(3, 4, 3, stride=2, padding=1), tnn.Conv2d(3, 4, 3, stride=2, padding=1), (2, 3, 7, 8)),
        "conv without bias": (nn.Conv2d(3, 4, 2, bias=False), tnn.Conv2d(3, 4, 2, bias=False), (2, 3, 7, 8)),
        "batch norm": (nn.BatchNorm(3), tnn.BatchNorm2d(3), (4, 3, 5, 6)),
        "layer norm": (nn.LayerNorm((3, 4)), tnn.LayerNorm((3, 4)), (5, 3, 4)),
        "pools": (nn.Sequential(nn.MaxPool2d(2), nn.AvgPool2d(2, stride=1), nn.Flatten()),
                  tnn.Sequential(tnn.MaxPool2d(2), tnn.AvgPool2d(2, stride=1), tnn.Flatten()), (2, 3, 8, 8)),
        "activations": (*(m.Sequential(m.LeakyReLU(0.1), m.ELU(), m.Sigmoid(), m.Tanh(), m.SiLU(), m.GELU(), m.ReLU())
                          for m in (nn, tnn)), (4, 5)),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["linear", "linear without bias", "conv", "conv without bias", "batch norm", "layer norm", "pools", "activations"],
)
def test_layers_with_pytorchs_weights(tnn, rng, name):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    ours, theirs, shape = pairs(tnn)[name]
    ours.double()
    theirs.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for mode in (True, False):
        ours.train(mode)
        theirs.train(mode)
        a = rng.standard_normal(shape)
        x, t = Tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        got, want = ours(x), theirs(t)
        np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=1e-9, atol=1e-12)
        g = rng.standard_normal(got.shape)
        theirs.zero_grad()
        ours.zero_grad()
        got.backward(g)
        want.backward(torch.tensor(g))
        np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-9, atol=1e-12)
        for (ours_name, p), (theirs_name, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert ours_name == theirs_name
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-9, atol=1e-12)
        for key, value in theirs.state_dict().items():
            np.testing.assert_allclose(ours.state_dict()[key], value.numpy(), rtol=1e-9)


def test_embedding_and_loss(tnn, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    ours, theirs = nn.Embedding(7, 3), tnn.Embedding(7, 3)
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    ids, target = rng.integers(0, 7, 5), rng.integers(0, 3, 5)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)(ours(ids), target)
    want = tnn.CrossEntropyLoss(label_smoothing=0.1)(theirs(torch.tensor(ids)), torch.tensor(target))
    loss.backward()
    want.backward()
    assert loss.item() == pytest.approx(want.item(), rel=1e-5)
    np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad.numpy(), rtol=1e-4, atol=1e-7)


class LeNet(nn.Module):
    def __init__(self, *, rng):
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2, rng=rng)
        self.conv2 = nn.Conv2d(6, 16, 5, rng=rng)
        self.norm = nn.BatchNorm(16)
        self.head = nn.Sequential(nn.Linear(400, 120, rng=rng), nn.ReLU(), nn.Linear(120, 10, rng=rng))

    def forward(self, x):
        x = ops.max_pool2d(self.conv1(x).relu(), 2)
        x = ops.max_pool2d(self.norm(self.conv2(x)).relu(), 2)
        return self.head(x.flatten(1))


def test_state_dict_round_trip(rng):
    first, second = LeNet(rng=rng), LeNet(rng=rng)
    x = Tensor(rng.standard_normal((3, 1, 28, 28), dtype=np.float32))
    first(x)
    state = {key: value.copy() for key, value in first.state_dict().items()}
    assert list(state)[:3] == ["conv1.weight", "conv1.bias", "conv2.weight"]
    assert "norm.running_mean" in state
    assert "head.2.bias" in state
    assert not np.array_equal(first.eval()(x).data, second.eval()(x).data)
    second.load_state_dict(state)
    assert np.array_equal(first(x).data, second(x).data)
    second.conv1.weight.data += 1
    assert np.array_equal(first.conv1.weight.data, state["conv1.weight"])


def test_load_state_dict_names_what_does_not_fit(rng):
    net = nn.Sequential(nn.Linear(2, 3))
    good = {key: value.copy() for key, value in net.state_dict().items()}
    with pytest.raises(KeyError, match=r"lacks \['0.bias'\].*unknown \['bias'\]"):
        net.load_state_dict({"0.weight": good["0.weight"], "bias": good["0.bias"]})
    with pytest.raises(ValueError, match=r"0\.weight has shape \(3, 2\).*\(2, 3\)"):
        net.load_state_dict({**good, "0.bias": np.zeros(3), "0.weight": np.zeros((2, 3))})
    assert np.array_equal(net.state_dict()["0.bias"], good["0.bias"])


def test_parameters_are_found_once_and_in_order(rng):
    net = LeNet(rng=rng)
    names = [name for name, _ in net.named_parameters()]
    assert names == [
        "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "norm.weight", "norm.bias",
        "head.0.weight", "head.0.bias", "head.2.weight", "head.2.bias",
    ]  # fmt: skip
    net.tied = net.conv1
    assert len(list(net.parameters())) == len(names)
    assert sum(p.numel() for p in net.conv1.parameters()) == 156


def test_train_and_eval_reach_every_part(rng):
    net = nn.Sequential(nn.Dropout(0.5, rng=rng), nn.Sequential(nn.Dropout(0.5, rng=rng)))
    x = Tensor(np.ones((4, 50)))
    assert net.training
    assert (net(x).data == 0).any()
    assert net.eval() is net
    assert (net(x).data == 1).all()
    assert all(not module.training for module in net.modules())
    assert net.train().training


def test_initial_weights_follow_the_generator_and_pytorchs_bounds():
    first, second = (nn.Linear(100, 50, rng=np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.weight.data, second.weight.data)
    assert first.weight.dtype == np.float32
    for layer, fan_in in ((first, 100), (nn.Conv2d(4, 50, 5), 100)):
        for p in layer.parameters():
            assert np.abs(p.data).max() <= 1 / math.sqrt(fan_in)
        assert np.abs(layer.weight.data).max() > 0.97 / math.sqrt(fan_in)
    assert not np.array_equal(nn.Linear(3, 3).weight.data, nn.Linear(3, 3).weight.data)


@pytest.mark.parametrize(
    ("draw", "variance"),
    [
        (init.kaiming_uniform, 2 / 200), (init.kaiming_normal, 2 / 200), (init.xavier_uniform, 2 / 600),
        (init.xavier_normal, 2 / 600),
    ],
)  # fmt: skip
def test_variances_of_initial_weights(rng, draw, variance):
    weights = draw((400, 200), rng=rng)
    assert weights.dtype == np.float32
    assert weights.var() == pytest.approx(variance, rel=0.03)
    assert init.fans((8, 3, 5, 5)) == (75, 200)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        draw((3,), rng=rng)


def test_a_network_prints_as_its_parts():
    text = repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(1, 2, 3))))
    assert text.splitlines() == [
        "Sequential(",
        "  (0): Linear(weight (3, 2), bias (3,))",
        "  (1): ReLU()",
        "  (2): Sequential(",
        "    (0): Conv2d(weight (2, 1, 3, 3), bias (2,), stride=1, padding=0)",
        "  )",
        ")",
    ]


def test_sequential_is_a_sequence():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    assert len(net) == 2
    assert [type(part).__name__ for part in net] == ["Linear", "ReLU"]
    assert isinstance(net[-1], nn.ReLU)
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        nn.Module()(1)
