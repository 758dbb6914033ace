"""What rms_norm must do."""

import numpy as np
from torch.nn import functional as F

from upslope.blocks.language import rms_norm as module
from upslope.checks import wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

SHAPES = ((2,), (1, 3), (3, 4), (2, 3, 5), (2, 1, 2, 3), (0, 3), (4, 128))

NORM = TorchOp(
    module.rms_norm,
    # eps as it is, and so large that it counts.
    samples=lambda rng: [
        {"x": some(rng, *s, spread=2)} | ({} if k % 2 else {"eps": 0.1}) for k, s in enumerate(SHAPES)
    ],
    truth=lambda x, eps=1e-6: x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps),
    peer=lambda x, eps=1e-6: F.rms_norm(x, x.shape[-1:], eps=eps),
)

test_shape_and_dtype = NORM.shape("shape and dtype of x, whatever stands in front of the features")
test_by_hand = NORM.by_hand("rms_norm([1, 7], eps=0) is [0.2, 1.4]", ({"x": [1.0, 7.0], "eps": 0.0}, [0.2, 1.4]))
test_eps = NORM.by_hand(
    "eps is added to the mean square, under the root: a row of zeros gives 0, not nan",
    ({"x": [[1.0, 1.0]], "eps": 3.0}, [[0.5, 0.5]]),
    ({"x": [[0.0, 0.0]]}, [[0, 0]]),
    ({"x": [[0.001, 0.001]]}, np.full((1, 2), 0.5**0.5)),
)
test_random = NORM.random("random rows, as PyTorch's own")
test_rows_apart = NORM.stable(
    "rows far apart have a root mean square each", ({"x": [[100.0, 700.0], [-0.01, 0.07]], "eps": 0.0}, ...)
)
test_gradient = NORM.gradient("the gradient of x agrees with finite differences")
test_laws = NORM.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    module.rms_norm,
    {
        "the mean is subtracted first: this is layer norm": (
            "x.square()",
            "(x - x.mean(dim=-1, keepdim=True)).square()",
        ),
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
