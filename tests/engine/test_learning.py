"""Optimizers and schedules step for step against torch.optim, batches, and a network that learns."""

import numpy as np
import pytest

from upslope.scratch import nn, ops, optim, schedules
from upslope.scratch.data import Batches
from upslope.scratch.tensor import Tensor

OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.05}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "betas": (0.5, 0.9)}),
]


@pytest.mark.parametrize(("name", "kwargs"), OPTIMISERS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ten_steps_are_torchs(rng, name, kwargs, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    start = [rng.standard_normal((3, 4)).astype(dtype), rng.standard_normal(5).astype(dtype)]
    params = [Tensor(a.copy(), requires_grad=True) for a in start]
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    idle = Tensor(np.ones(2), requires_grad=True)
    ours_opt = getattr(optim, name)([*params, idle], **kwargs)
    their_opt = getattr(torch.optim, name)(theirs, **{"lr": 1e-3, **kwargs})
    for step in range(10):
        for i, (p, t) in enumerate(zip(params, theirs, strict=True)):
            g = rng.standard_normal(p.shape).astype(dtype)
            p.grad, t.grad = (None, None) if (step, i) == (4, 1) else (g.copy(), torch.tensor(g))
        before = [None if p.grad is None else p.grad.copy() for p in params]
        if step == 6:
            ours_opt.lr = their_opt.param_groups[0]["lr"] = 0.02
        ours_opt.step()
        their_opt.step()
        for p, t, g in zip(params, theirs, before, strict=True):
            assert p.dtype == dtype
            rtol = 1e-5 if dtype == "float32" else 1e-10
            np.testing.assert_allclose(p.data, t.detach().numpy(), rtol=rtol, atol=rtol / 100)
            assert g is None or np.array_equal(p.grad, g)
    assert idle.tolist() == [1, 1]
    ours_opt.zero_grad()
    assert all(p.grad is None for p in params)


@pytest.mark.parametrize(("name", "kwargs"), OPTIMISERS, ids=str)
def test_optimizers_resume_where_they_stopped(rng, name, kwargs):
    gradients = [rng.standard_normal((2, 3)) for _ in range(6)]

    def steps(optimizer, p, some):
        for g in some:
            p.grad = g.copy()
            optimizer.step()

    whole = Tensor(np.ones((2, 3)), requires_grad=True)
    steps(getattr(optim, name)([whole], **kwargs), whole, gradients)

    first = Tensor(np.ones((2, 3)), requires_grad=True)
    optimizer = getattr(optim, name)([first], **kwargs)
    optimizer.lr = 0.5
    optimizer.lr = kwargs.get("lr", 1e-3)
    steps(optimizer, first, gradients[:3])
    state = optimizer.state_dict()
    assert all(isinstance(value, np.ndarray | int | float) for value in state.values())
    second = Tensor(first.data.copy(), requires_grad=True)
    steps(optimizer, first, gradients[3:])  # must not reach into the saved state
    resumed = getattr(optim, name)([second], **{**kwargs, "lr": 9.0})
    resumed.load_state_dict(state)
    steps(resumed, second, gradients[3:])
    assert np.array_equal(second.data, whole.data)
    assert np.array_equal(first.data, whole.data)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda p: optim.SGD([], lr=1), "got none"),
        (lambda p: optim.SGD([p], lr=-1), "lr=-1"),
        (lambda p: optim.SGD([p], lr=1, nesterov=True), "momentum"),
    ],
)
def test_optimizers_refuse_nonsense(attempt, words):
    with pytest.raises(ValueError, match=words):
        attempt(Tensor([1.0], requires_grad=True))


def test_schedules_are_torchs():
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    theirs = torch.optim.lr_scheduler
    for make, ours in (
        (lambda o: theirs.OneCycleLR(o, 0.3, total_steps=50), lambda i: schedules.one_cycle(i, 50, max_lr=0.3)),
        (lambda o: theirs.CosineAnnealingLR(o, 50, 0.01), lambda i: schedules.cosine(i, 50, lr=0.3, min_lr=0.01)),
    ):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
        schedule = make(optimizer)
        for i in range(49):
            assert optimizer.param_groups[0]["lr"] == pytest.approx(ours(i), rel=1e-9)
            optimizer.step()
            schedule.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(ours(49), rel=1e-9)
    assert [schedules.cosine(i, 10, lr=1.0, warmup=4) for i in range(4)] == [0.25, 0.5, 0.75, 1.0]
    with pytest.raises(ValueError, match="steps 0 to 9, got 10"):
        schedules.one_cycle(10, 10, max_lr=1)


def test_clip_grad_norm():
    x, y = Tensor(np.zeros(2), requires_grad=True), Tensor(np.zeros(()), requires_grad=True)
    x.grad, y.grad = np.array([3.0, 0.0]), np.array(4.0)
    assert optim.clip_grad_norm([x, y], 10) == 5
    assert optim.clip_grad_norm([x, y, Tensor(1.0)], 1) == 5
    assert np.hypot(x.grad[0], y.grad) == pytest.approx(1, rel=1e-5)


def test_every_sample_once_in_an_epoch_and_another_order_in_the_next(rng):
    x, y = np.arange(10), np.arange(10) * 2
    batches = Batches(x, y, batch_size=3, rng=rng)
    assert len(batches) == 4
    epochs = [[(a.tolist(), b.tolist()) for a, b in batches] for _ in range(2)]
    for epoch in epochs:
        assert [len(a) for a, _ in epoch] == [3, 3, 3, 1]
        assert sorted(i for a, _ in epoch for i in a) == list(range(10))
        assert all([2 * i for i in a] == b for a, b in epoch)
    assert epochs[0] != epochs[1]
    assert batches.epoch == 2
    assert [len(a) for (a,) in Batches(x, batch_size=3, rng=rng, drop_last=True)] == [3, 3, 3]
    in_order = Batches(x, batch_size=5, rng=rng, shuffle=False)
    assert [a.tolist() for (a,) in in_order] == [list(range(5)), list(range(5, 10))]


@pytest.mark.parametrize("stop", range(9))
def test_batches_resume_anywhere(stop):
    x = np.arange(10)

    def new(seed):
        return Batches(x, batch_size=3, rng=np.random.default_rng(seed))

    def endless(batches):
        while True:
            for (a,) in batches:
                yield a.tolist()

    whole = endless(new(1))
    expected = [next(whole) for _ in range(12)]
    first = new(1)
    walk = endless(first)
    seen = [next(walk) for _ in range(stop)]
    state = first.state_dict()
    second = new(99)
    second.load_state_dict(state)
    rest = endless(second)
    assert seen + [next(rest) for _ in range(12 - stop)] == expected


@pytest.mark.parametrize(
    ("arrays", "size", "words"), [((3, 4), 1, r"lengths \[3, 4\]"), ((3,), 0, "batch_size=0"), ((0,), 2, "0 samples")]
)
def test_batches_refuse_nonsense(rng, arrays, size, words):
    with pytest.raises(ValueError, match=words):
        Batches(*[np.zeros(n) for n in arrays], batch_size=size, rng=rng)


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.AdamW(p, lr=0.01)])
def test_a_small_convolutional_network_learns(rng, make):
    """Two kinds of stripes under noise: a few dozen steps are enough."""
    labels = rng.integers(0, 2, 256)
    stripes = np.stack([np.tile([[0, 1]], (8, 4)), np.tile([[0], [1]], (4, 8))])
    images = (stripes[labels][:, np.newaxis] + 0.5 * rng.standard_normal((256, 1, 8, 8))).astype(np.float32)
    convolution = (nn.Conv2d(1, 4, 3, rng=rng), nn.BatchNorm(4), nn.ReLU(), nn.MaxPool2d(2))
    net = nn.Sequential(*convolution, nn.Flatten(), nn.Linear(36, 2, rng=rng))
    optimizer = make(net.parameters())
    batches = Batches(images, labels, batch_size=32, rng=rng)
    for _ in range(4):
        for x, y in batches:
            loss = ops.cross_entropy(net(Tensor(x)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    guesses = net.eval()(Tensor(images)).argmax(1)
    assert (guesses.data == labels).mean() > 0.97
    assert net.state_dict()["1.num_batches_tracked"] == 32
