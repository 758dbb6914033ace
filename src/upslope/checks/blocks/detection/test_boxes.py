"""What box_iou and generalized_iou must do."""

import numpy as np
import torch

from upslope.blocks.detection import boxes as module
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.detection.drawn import boxes, overlaps, pair
from upslope.checks.blocks.tensors import TorchOp, leaf
from upslope.checks.expect import close, tensor_of
from upslope.checks.numbers import array_of

# How many boxes, how many others, and in a picture of which size: coordinates may be parts of it.
TABLES = ((1, 1, 10.0), (3, 2, 10.0), (2, 4, 1.0), (5, 3, 600.0), (0, 3, 10.0), (2, 0, 10.0))


def tables(rng, sizes=TABLES):
    return [{"a": boxes(rng, n, size=size), "b": boxes(rng, m, size=size)} for n, m, size in sizes]


def table_of(a, b):
    """Pair by pair in Python's numbers."""
    return np.array([[overlaps(one, other)[0] for other in b] for one in a]).reshape(len(a), len(b))


def overlapping(rng):
    """Boxes around one place: all meet, so that every one of them has a gradient."""
    for n, m in ((1, 2), (2, 1), (2, 2)):
        held = np.concatenate([[-1, -1, 1, 1] * rng.uniform(0.3, 5, (count, 4)).round(3) for count in (n, m)])
        yield {"a": held[:n], "b": held[n:]}


IOU = TorchOp(module.box_iou, samples=tables, truth=table_of)

test_iou_shape = IOU.shape("each with each: a table of N x M, and the dtype stays; N or M may be 0")
test_iou_by_hand = IOU.by_hand(
    "a square moved by half its side has an IoU of 1/3",
    ({"a": [[0.0, 0, 2, 2]], "b": [[1.0, 0, 3, 2]]}, [[1 / 3]]),
    ({"a": [[0.0, 0, 4, 4], [0, 0, 4, 3]], "b": [[0.0, 0, 4, 3]]}, [[0.75], [1.0]]),
)
test_iou_apart = IOU.by_hand(
    "boxes that do not meet, to one side, to both, or at an edge only, have 0",
    (
        {"a": [[0.0, 0, 2, 2]], "b": [[3.0, 0, 5, 2], [0, 4, 2, 6], [3, 4, 5, 6], [2, 0, 4, 2], [-4, -4, -3, -3]]},
        [[0.0, 0, 0, 0, 0]],
    ),
)
test_iou_random = IOU.random("random boxes, in pixels and in parts of the picture, pair by pair")
test_iou_large = IOU.large("40 boxes and 60", lambda rng: tables(rng, ((40, 60, 600.0),)))
test_iou_gradient = IOU.gradient("the gradient agrees with finite differences", overlapping)


@grades(module.box_iou)
def test_iou_without_area(rng):
    """boxes without area have 0, with each other too, and no gradient is nan"""
    held = leaf([[1.0, 1, 1, 1], [1, 1, 1, 5], [0, 0, 2, 2]])
    got = module.box_iou(held, held)
    close(got, [[0, 0, 0], [0, 0, 0], [0, 0, 1]], case="a point, a line and a square with each other")
    got.sum().backward()
    close(np.isfinite(array_of(held.grad)), np.ones((3, 4)), case="a point, a line and a square: finite gradients")


@grades(module.box_iou)
def test_iou_half_precision(rng):
    """boxes whose area is too large for float16: computed in float32, of bfloat16 too"""
    for dtype in (torch.float16, torch.bfloat16):
        held = torch.tensor([[0.0, 0, 2048, 2048], [0, 1024, 2048, 2048]], dtype=dtype)
        case = f"[0, 0, 2048, 2048] and its lower half in {dtype}"
        tensor_of(module.box_iou(held, held), (2, 2), dtype="float32", case=case)
        close(module.box_iou(held, held), [[1, 0.5], [0.5, 1]], case=case)


test_iou_laws = IOU.laws("the laws of every operation: calls, passes and memory do not get mixed up")


def pairs(rng):
    for count in (1, 2, 5, 40):
        a, b = pair(rng, count)
        yield {"a": a, "b": b}
    yield {"a": pair(rng, 3)[0] / 10, "b": pair(rng, 3)[1] / 10}
    yield {"a": np.zeros((0, 4)), "b": np.zeros((0, 4))}


def of_pairs(a, b):
    found = [overlaps(one, other) for one, other in zip(a, b, strict=True)]
    return np.array([iou - (hull - union) / hull for iou, union, hull in found])


GIOU = TorchOp(module.generalized_iou, samples=pairs, truth=of_pairs)

test_giou_shape = GIOU.shape("one number for each pair, and the dtype stays")
test_giou_by_hand = GIOU.by_hand(
    "two squares with a gap as wide as they are: -1/3; the same box twice: 1; halves moved: 1/3",
    ({"a": [[0.0, 0, 1, 1]], "b": [[2.0, 0, 3, 1]]}, [-1 / 3]),
    ({"a": [[0.0, 0, 1, 1]], "b": [[0.0, 0, 1, 1]]}, [1.0]),
    ({"a": [[0.0, 0, 2, 2]], "b": [[1.0, 0, 3, 2]]}, [1 / 3]),
    ({"a": [[0.0, 0, 1, 1]], "b": [[1.0, 1, 2, 2]]}, [-0.5]),
)
test_giou_random = GIOU.random("random pairs, that meet and that do not")
test_giou_gradient = GIOU.gradient("the gradient agrees with finite differences, of pairs that do not meet as well")


@grades(module.generalized_iou)
def test_giou_broadcasts(rng):
    """each with each by a[:, None] and b[None]"""
    a, b = boxes(rng, 3), boxes(rng, 2)
    wanted = [[of_pairs([one], [other])[0] for other in b] for one in a]
    got = module.generalized_iou(torch.tensor(a)[:, None], torch.tensor(b)[None])
    close(got, wanted, case="generalized_iou of 3 boxes[:, None] and 2 boxes[None]")


@grades(module.generalized_iou)
def test_giou_without_area(rng):
    """a point and itself, a point and a line: finite, and no gradient is nan"""
    a, b = leaf([[1.0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 2, 2]]), leaf([[1.0, 1, 1, 1], [1, 1, 1, 5], [1, 1, 1, 1]])
    got = module.generalized_iou(a, b)
    close(got, [0, 0, 0], case="a point and itself, a point and a line, a square and a point in it")
    got.sum().backward()
    for name, held in (("a", a), ("b", b)):
        close(
            np.isfinite(array_of(held.grad)), np.ones((3, 4)), case=f"boxes without area: a finite gradient of {name}"
        )


@grades(module.generalized_iou)
def test_giou_half_precision(rng):
    """boxes whose area is too large for float16: computed in float32, of bfloat16 too"""
    for dtype in (torch.float16, torch.bfloat16):
        whole, half = (torch.tensor([[0.0, top, 2048, 2048]], dtype=dtype) for top in (0.0, 1024.0))
        case = f"[0, 0, 2048, 2048] and its lower half in {dtype}"
        tensor_of(module.generalized_iou(whole, half), (1,), dtype="float32", case=case)
        close(module.generalized_iou(whole, half), [0.5], case=case)


test_giou_laws = GIOU.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    module.box_iou,
    {
        "boxes that do not meet share a product of two negative sides": (").clamp(min=0)\n", ")\n"),
        "the intersection is counted twice in the union": ("area_a + area_b - intersection", "area_a + area_b"),
        "sides are taken to be one pixel longer, as if edges were pixels": (
            "b[..., :2])).clamp(min=0)",
            "b[..., :2]) + 1).clamp(min=0)",
        ),
        "boxes are read as left, top, width, height": (
            "a, b = a[:, None], b[None]",
            "a, b = (torch.cat([x[..., :2], x[..., :2] + x[..., 2:]], dim=-1) for x in (a[:, None], b[None]))",
        ),
        "pairs are compared, not each with each": ("a, b = a[:, None], b[None]", "a, b = a[: len(b)], b[: len(a)]"),
        "the intersection ends where the later of the two ends": (
            "torch.minimum(a[..., 2:], b[..., 2:])",
            "torch.maximum(a[..., 2:], b[..., 2:])",
        ),
        "two boxes without area give nan": ("torch.where(union > 0, union, 1)", "union"),
        "areas are computed in half precision, where they overflow": ("a, b = a.float(), b.float()", "pass"),
        "the shared area is cut from the graph": ("shared[..., 0] * shared[..., 1]", "shared.detach().prod(dim=-1)"),
        "the table is always float64": ("return intersection /", "return intersection.double() /"),
    },
)
survives(
    module.box_iou,
    {
        "0 divided by anything is 0": [("torch.where(union > 0, union, 1)", "torch.where(union > 0, union, 2)")],
    },
)
wrong(
    module.generalized_iou,
    {
        "the empty part is divided by the union, not by the box around both": (
            "torch.where(hull > 0, hull, 1)",
            "torch.where(union > 0, union, 1)",
        ),
        "the box around both is taken to be as large as the union": (
            "hull = around[..., 0] * around[..., 1]",
            "hull = union",
        ),
        "the empty part is added": ("iou - (hull - union)", "iou + (hull - union)"),
        "the box around both goes from the later beginning": (
            "torch.minimum(a[..., :2], b[..., :2])\n    hull",
            "torch.maximum(a[..., :2], b[..., :2])\n    hull",
        ),
        "the intersection of boxes that do not meet is a product of negative sides": (").clamp(min=0)\n", ")\n"),
        "the loss, 1 - GIoU, not the GIoU": ("return iou - (", "return 1 - iou + ("),
        "the box around both has no gradient, so boxes that do not meet are not drawn together": (
            "hull = around[..., 0] * around[..., 1]",
            "hull = (around[..., 0] * around[..., 1]).detach()",
        ),
        "a point and itself give nan": ("torch.where(hull > 0, hull, 1)", "hull"),
        "the result is always float64": ("return iou - (", "return iou.double() - ("),
    },
)
survives(
    module.generalized_iou,
    {
        "0 divided by anything is 0": [
            ("torch.where(union > 0, union, 1)", "torch.where(union > 0, union, 2)"),
            ("torch.where(hull > 0, hull, 1)", "torch.where(hull > 0, hull, 2)"),
        ],
    },
)
