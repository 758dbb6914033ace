"""The laws of operations: an operation that keeps them passes, one that breaks a single one is found."""

import numpy as np
import pytest

from upslope.checks.expect import Mismatch
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some
from upslope.scratch.tensor import Tensor

MEMORY = {}


def relu(x):
    return x.then(np.maximum(x.data, 0), lambda g: g * (x.data > 0))


def one_mask(x):
    MEMORY["mask"] = x.data > 0
    return x.then(np.maximum(x.data, 0), lambda g: g * np.resize(MEMORY["mask"], g.shape))


def remembered(x):
    out = np.maximum(x.data, 0) + MEMORY.setdefault("first", float(x.data.ravel()[0]))
    MEMORY["first"] = float(x.data.ravel()[0])
    return x.then(out, lambda g: g * (x.data > 0))


def one_buffer(x):
    out = MEMORY.setdefault("buffer", np.zeros(100))[: x.data.size].reshape(x.shape)
    out[...] = np.maximum(x.data, 0)
    return x.then(out, lambda g: g * (x.data > 0))


def by_memory(x):
    return x.then(np.maximum(x.data.ravel("K").reshape(x.shape), 0), lambda g: g * (x.data > 0))


def gradient_by_memory(x):
    return x.then(np.maximum(x.data, 0), lambda g: (g.ravel("K") * (x.data > 0).ravel("K")).reshape(x.shape))


def in_place(x):
    x.data[...] = np.maximum(x.data, 0)
    return x.then(x.data.copy(), lambda g: g * (x.data > 0))


def always_float64(x):
    return x.then(np.maximum(x.data.astype(float), 0), lambda g: g * (x.data > 0))


def changes_g(x):
    def back(g):
        np.asarray(g)[...] *= x.data > 0
        return g

    return x.then(np.maximum(x.data, 0), back)


def calls(f, rng):
    return [Call(f, [some(rng, *shape)]) for shape in ((2, 3), (4, 2))]


def test_a_right_operation_keeps_them():
    rng = np.random.default_rng(0)
    keeps_laws(*calls(relu, rng))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (one_mask, "two forward passes"),
        (remembered, "the same call once more"),
        (one_buffer, "the result after a call"),
        (by_memory, "transposed in memory"),
        (gradient_by_memory, "and so is g"),
        (in_place, "changed in place"),
        (always_float64, "dtype is wrong"),
    ],
)
def test_a_broken_law_is_found(broken, said):
    rng = np.random.default_rng(0)
    MEMORY.clear()
    with pytest.raises(Mismatch, match=said):
        keeps_laws(*calls(broken, rng))


def test_a_gradient_changed_in_place_is_found():
    rng = np.random.default_rng(0)
    with pytest.raises((Mismatch, ValueError)):  # the engine hands on arrays that cannot be written
        keeps_laws(*calls(changes_g, rng))


torch = pytest.importorskip("torch")


def test_pytorch_too():
    from upslope.checks.blocks.tensors import laid

    rng = np.random.default_rng(0)
    keeps_laws(*calls(torch.relu, rng), tensor=laid, dtypes=("float16", "float32", "float64"))

    class Frees(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mask = [x > 0]
            return x.relu()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.mask.pop()

    with pytest.raises(IndexError):
        keeps_laws(*calls(Frees.apply, rng), tensor=laid)


def test_a_module_that_learns_in_all_its_parts():
    from torch import nn

    from upslope.checks.laws import learns

    x = torch.randn(4, 3)
    learns(nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), x, case="two layers")
    frozen = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    frozen[0].requires_grad_(False)
    detached = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    detached[0].register_forward_hook(lambda module, inputs, out: out.detach())
    for module, said in ((detached, "no gradient reaches 0.weight"),):
        with pytest.raises(Mismatch, match=said):
            learns(module, x, case="two layers")


def test_a_law_needs_two_calls():
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match="two calls"):
        keeps_laws(Call(relu, [some(rng, 2)]))
    assert Call(relu, [np.zeros((2, 3))]).words == "numbers of shape (2, 3)"
    assert isinstance(relu(Tensor([1.0])), Tensor)
