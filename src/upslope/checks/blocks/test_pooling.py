"""What global_average_pool must do."""

import numpy as np
import torch
from torch.nn import functional as F

from upslope.blocks import pooling
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import gradients, laid, tensor
from upslope.checks.expect import close, tensor_of
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import some, spelled

# Batch, channels, height, width.
SHAPES = ((1, 1, 2, 2), (2, 3, 1, 1), (1, 2, 2, 3), (3, 2, 5, 4), (2, 1, 1, 7))


@grades(pooling.global_average_pool)
def test_shape(rng):
    """(B, C, H, W) becomes (B, C), for pictures of any size"""
    for shape in (*SHAPES, (0, 3, 2, 2)):
        out = pooling.global_average_pool(tensor(some(rng, *shape)))
        tensor_of(out, shape[:2], case=f"global_average_pool of shape {shape}")


@grades(pooling.global_average_pool)
def test_dtype(rng):
    """the dtype stays, be it float64 or bfloat16"""
    for dtype in ("float32", "float64", "bfloat16"):
        out = pooling.global_average_pool(tensor(np.ones((1, 2, 2, 2)), getattr(torch, dtype)))
        tensor_of(out, (1, 2), dtype=dtype, case=f"global_average_pool of {dtype} numbers")


@grades(pooling.global_average_pool)
def test_by_hand(rng):
    """the picture [[1, 2], [3, 6]] becomes [3]"""
    close(pooling.global_average_pool(tensor([[[[1.0, 2.0], [3.0, 6.0]]]])), [[3.0]], case="[[1, 2], [3, 6]]")


@grades(pooling.global_average_pool)
def test_random(rng):
    """random pictures: one mean for each channel"""
    for shape in SHAPES:
        x = some(rng, *shape)
        case = f"global_average_pool of {spelled(x)}"
        expected = [[channel.sum() / channel.size for channel in picture] for picture in x]
        close(pooling.global_average_pool(tensor(x)), expected, case=case)
        close(pooling.global_average_pool(tensor(x)), F.adaptive_avg_pool2d(tensor(x), 1)[:, :, 0, 0], case=case)


@grades(pooling.global_average_pool)
def test_gradient(rng):
    """every pixel gets the same share of the gradient"""
    for shape in SHAPES[:4]:
        x = some(rng, *shape)
        gradients(pooling.global_average_pool, {"x": x}, rng=rng, case=f"global_average_pool of {spelled(x)}")


@grades(pooling.global_average_pool)
def test_memory_order(rng):
    """channels last in memory, and transposed pictures, are read as they lie"""
    x = tensor(some(rng, 2, 3, 4, 5))
    last = x.to(memory_format=torch.channels_last)
    for words, view in (("channels last in memory", last), ("H and W exchanged", x.transpose(2, 3))):
        expected = np.array(view.tolist()).mean(axis=(2, 3))
        close(pooling.global_average_pool(view), expected, case=f"pictures of shape {tuple(view.shape)}, {words}")


@grades(pooling.global_average_pool)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    calls = (Call(pooling.global_average_pool, [some(rng, *shape)]) for shape in ((2, 3, 2, 4), (1, 2, 3, 3)))
    keeps_laws(*calls, tensor=laid, dtypes=("float16", "float32", "float64"))


wrong(pooling.global_average_pool, "the sum over the pixels, not their mean", "x.mean(dim=(2, 3))", "x.sum(dim=(2, 3))")
wrong(
    pooling.global_average_pool,
    "channels are averaged as well: one number for each picture",
    "dim=(2, 3)",
    "dim=(1, 2, 3)",
)
wrong(pooling.global_average_pool, "the mean runs over the channels, and the pixels stay", "dim=(2, 3)", "dim=1")
wrong(
    pooling.global_average_pool, "height and width stay there with size 1", "dim=(2, 3))", "dim=(2, 3), keepdim=True)"
)
wrong(pooling.global_average_pool, "the mean runs over the width alone", "dim=(2, 3)", "dim=3")
wrong(
    pooling.global_average_pool,
    "the batch is averaged as well: all pictures become one",
    "x.mean(dim=(2, 3))",
    "x.mean(dim=(0, 2, 3)).expand(x.shape[:2])",
)
wrong(
    pooling.global_average_pool,
    "the largest pixel, not the mean: this is global max pooling",
    "x.mean(dim=(2, 3))",
    "x.amax(dim=(2, 3))",
)
wrong(
    pooling.global_average_pool,
    "the sum is divided by the height squared, as if all pictures were square",
    "x.mean(dim=(2, 3))",
    "x.sum(dim=(2, 3)) / x.shape[2] ** 2",
)
wrong(
    pooling.global_average_pool,
    "the pixels are lined up by view, which only a picture in the usual memory order allows",
    "x.mean(dim=(2, 3))",
    "x.view(x.shape[0], x.shape[1], x.shape[2] * x.shape[3]).mean(dim=2)",
)
wrong(pooling.global_average_pool, "the result is always float32", "x.mean(", "x.float().mean(")
wrong(pooling.global_average_pool, "the result is cut from the graph", "x.mean(", "x.detach().mean(")
