"""What rms_norm must do."""

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks.language import rms_norm as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

SHAPES = ((2,), (1, 3), (3, 4), (2, 3, 5), (2, 1, 2, 3))


@grades(module.rms_norm)
def test_shape_and_dtype(rng):
    """shape and dtype of x, whatever stands in front of the features"""
    for dtype in (torch.float32, torch.float64):
        for shape in (*SHAPES, (0, 3)):
            kind = str(dtype).removeprefix("torch.")
            x = tensor(some(rng, *shape), dtype)
            tensor_of(module.rms_norm(x), shape, dtype=kind, case=f"{kind} numbers of shape {shape}")


@grades(module.rms_norm)
def test_by_hand(rng):
    """rms_norm([1, 7], eps=0) is [0.2, 1.4]"""
    close(module.rms_norm(tensor([1.0, 7.0]), eps=0.0), [0.2, 1.4], case="rms_norm([1, 7], eps=0)")


@grades(module.rms_norm)
def test_eps(rng):
    """eps is added to the mean square, under the root: a row of zeros gives 0, not nan"""
    close(module.rms_norm(tensor([[1.0, 1.0]]), eps=3.0), [[0.5, 0.5]], case="x = [[1, 1]], eps=3")
    close(module.rms_norm(tensor([[0.0, 0.0]])), [[0, 0]], case="x = [[0, 0]]")
    close(module.rms_norm(tensor([[0.001, 0.001]])), np.full((1, 2), 0.5**0.5), case="x = [[0.001, 0.001]]")


@grades(module.rms_norm)
def test_random(rng):
    """random rows, as PyTorch's own"""
    for shape in SHAPES:
        x = some(rng, *shape, spread=2)
        expected = F.rms_norm(tensor(x), shape[-1:], eps=1e-6)
        close(module.rms_norm(tensor(x)), expected, case=f"x = {spelled(x)}")


@grades(module.rms_norm)
def test_gradient(rng):
    """the gradient of x agrees with finite differences"""
    for shape in SHAPES[1:4]:
        x = some(rng, *shape, spread=2)
        gradients(lambda x: module.rms_norm(x, eps=0.1), {"x": x}, rng=rng, case=f"x = {spelled(x)}, eps=0.1")


@grades(module.rms_norm)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(module.rms_norm, [some(rng, *shape)]) for shape in ((2, 3), (3, 4)))
    keeps_laws(*calls, tensor=laid)


wrong(
    module.rms_norm,
    {
        "the mean is subtracted first: this is layer norm": (
            "x.square()",
            "(x - x.mean(dim=-1, keepdim=True)).square()",
        ),
        "the squares are summed, not averaged": (".mean(dim=-1, keepdim=True)", ".sum(dim=-1, keepdim=True)"),
        "the root is missing: x is divided by the mean square": (
            "torch.rsqrt(mean_square + eps)",
            "(1 / (mean_square + eps))",
        ),
        "eps is added after the root": ("torch.rsqrt(mean_square + eps)", "(1 / (mean_square.sqrt() + eps))"),
        "eps is not added to the mean square": ("mean_square + eps", "mean_square"),
        "the mean runs over all numbers, not over each row": (
            "x.square().mean(dim=-1, keepdim=True)",
            "x.square().mean()",
        ),
        "the norm is cut from the graph, as if it did not depend on x": (
            "x.square().mean(dim=-1, keepdim=True)",
            "x.square().mean(dim=-1, keepdim=True).detach()",
        ),
        "the result is a double, whatever x is": (
            "return x * torch.rsqrt(mean_square + eps)",
            "return (x * torch.rsqrt(mean_square + eps)).double()",
        ),
    },
)
