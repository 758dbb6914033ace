"""What align_tasks must do."""

import numpy as np
import torch

from upslope.blocks.detection import task_alignment as module
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, leaf
from upslope.checks.expect import equal

ONE = {
    "scores": [[0.5], [0.8]],
    "boxes": [[0.0, 0, 4, 4], [0, 0, 4, 2]],
    "middles": [[1.0, 1], [3, 3]],
    "objects": [[0.0, 0, 4, 4]],
    "labels": [0],
}


def scene(rng, places=12, objects=3, kinds=2, **settings):
    """Places on a grid whose boxes lie about where they are, and objects of any size over them."""
    middles = rng.permutation(np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2))[:places] * 8 + 4.0
    size = rng.uniform(2, 14, (places, 4))
    boxes = np.concatenate([middles - size[:, :2], middles + size[:, 2:]], axis=1)
    first = rng.uniform(-4, 24, (objects, 2))
    things = np.concatenate([first, first + rng.uniform(8, 30, (objects, 2))], axis=1)
    labels = rng.integers(0, kinds, objects)
    return {
        "scores": rng.uniform(0.05, 0.95, (places, kinds)),
        "boxes": boxes,
        "middles": middles,
        "objects": things,
        "labels": labels,
        **settings,
    }


def drawn(rng):
    yield scene(rng)
    yield scene(rng, 25, 5, 4)
    yield scene(rng, 8, 1, 1)
    yield scene(rng, 6, 0, 2)
    yield scene(rng, 0, 2, 2)


def with_settings(rng):
    yield scene(rng, 25, 4, 3, most=3)
    yield scene(rng, 25, 4, 3, most=1, alpha=0.5)
    yield scene(rng, 20, 2, 2, beta=2.0, alpha=2.0)


def by_definition(scores, boxes, middles, objects, labels, most=10, alpha=1.0, beta=6.0):
    """Place by place and object by object."""
    table, alike = np.zeros((len(scores), len(objects))), np.zeros((len(scores), len(objects)))
    overlap = np.zeros_like(table)
    for n, box in enumerate(boxes.tolist()):
        for m, thing in enumerate(objects.tolist()):
            wide, high = (max(0.0, min(box[k + 2], thing[k + 2]) - max(box[k], thing[k])) for k in (0, 1))
            areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (box, thing)]
            overlap[n, m] = wide * high / (sum(areas) - wide * high)
            alike[n, m] = scores[n, labels[m]] ** alpha * overlap[n, m] ** beta
    answers: dict[int, int] = {}
    for m, (left, top, right, bottom) in enumerate(objects.tolist()):
        inside = [n for n, (x, y) in enumerate(middles.tolist()) if left < x < right and top < y < bottom]
        for n in sorted(inside, key=lambda n: -alike[n, m])[:most]:
            if n not in answers or overlap[n, m] > overlap[n, answers[n]]:
                answers[n] = m
    for m in range(len(objects)):
        own = [n for n, which in answers.items() if which == m]
        best = max((alike[n, m] for n in own), default=0.0)
        for n in own:
            table[n, m] = alike[n, m] / best * max(overlap[k, m] for k in own) if best > 0 else 0.0
    return table


ALIGN = TorchOp(module.align_tasks, samples=drawn, truth=by_definition)

test_align_shape = ALIGN.shape("a row for each place and a column for each object, also without any")
test_align_by_hand = ALIGN.by_hand(
    "the best place should say its IoU, 1; the other one 0.0125 / 0.5 of that", (ONE, [[1.0], [0.025]])
)
test_align_scores = ALIGN.by_hand(
    "it is the object's own class whose score counts",
    ({**ONE, "scores": [[0.5, 0.1], [0.1, 0.8]], "labels": [1]}, [[1.0], [0.125]]),
    ({**ONE, "scores": [[0.0], [0.0]]}, [[0.0], [0.0]]),
)
test_align_edge = ALIGN.by_hand(
    "a place on an object's edge, or outside, does not answer for it, however well it fits",
    ({**ONE, "middles": [[0.0, 1], [3, 3]]}, [[0.0], [0.5]]),
    ({**ONE, "middles": [[1.0, 1], [3, 5]]}, [[1.0], [0.0]]),
)
test_align_two = ALIGN.by_hand(
    "a place that two objects want answers for the one it overlaps more, not for the better aligned",
    (
        {
            "scores": [[0.9, 0.1]],
            "boxes": [[0.0, 0, 4, 4]],
            "middles": [[2.0, 2]],
            "objects": [[0.0, 0, 4, 5], [0, 0, 4, 4]],
            "labels": [0, 1],
        },
        [[0.0, 1.0]],
    ),
)
test_align_unmet = ALIGN.by_hand(
    "an object that no box meets has no target, and no nan",
    ({**ONE, "boxes": [[8.0, 8, 9, 9], [8, 8, 9, 9]]}, [[0.0], [0.0]]),
)
test_align_random = ALIGN.random("random places and objects", dtypes=("float64",))
test_align_settings = ALIGN.random(
    "fewer places for an object, and other exponents", with_settings, dtypes=("float64",)
)
test_align_large = ALIGN.large("300 places and 12 objects", lambda rng: [crowd(rng)], dtype="float64")
test_align_laws = ALIGN.laws("calls and memory do not get mixed up", dtypes=(), backward=False)


@grades(module.align_tasks)
def test_align_decides(rng):
    """the targets have no gradient: what is decided teaches the answers, not the other way round"""
    sample = scene(rng)
    scores, boxes, middles, objects = (leaf(sample[name]) for name in ("scores", "boxes", "middles", "objects"))
    labels = torch.from_numpy(sample["labels"])
    got = module.align_tasks(scores, boxes, middles.detach(), objects.detach(), labels)
    equal(got.requires_grad, False, case="scores and boxes want a gradient; so do the targets")


def crowd(rng):
    """As many places as a small picture has."""
    middles = np.stack(np.meshgrid(np.arange(20), np.arange(15)), -1).reshape(-1, 2) * 8 + 4.0
    size = rng.uniform(4, 40, (300, 4))
    first = rng.uniform(0, 100, (12, 2))
    return {
        "scores": rng.uniform(0.01, 0.99, (300, 3)),
        "boxes": np.concatenate([middles - size[:, :2], middles + size[:, 2:]], axis=1),
        "middles": middles,
        "objects": np.concatenate([first, first + rng.uniform(10, 60, (12, 2))], axis=1),
        "labels": rng.integers(0, 3, 12),
    }


wrong(
    module.align_tasks,
    {
        "scores of all classes are taken, not of the object's": (
            "scores[:, labels] ** alpha",
            "scores.amax(dim=1, keepdim=True) ** alpha",
        ),
        "the IoU alone decides": ("scores[:, labels] ** alpha * iou**beta", "iou**beta"),
        "the exponents are exchanged": (
            "scores[:, labels] ** alpha * iou**beta",
            "scores[:, labels] ** beta * iou**alpha",
        ),
        "places outside of an object answer for it": (".amin(dim=-1) > 0", ".amin(dim=-1) > -1e9"),
        "a place on the edge is inside": (".amin(dim=-1) > 0", ".amin(dim=-1) >= 0"),
        "places outside take the room of those inside": ("torch.where(inside, alignment, -1.0).topk", "alignment.topk"),
        "a place answers for several objects": ("if len(objects):", "if False:"),
        "of two objects a place takes the better aligned": (
            "torch.where(chosen, iou, -1.0).argmax",
            "torch.where(chosen, alignment, -1.0).argmax",
        ),
        "the targets have a gradient": ("scores.detach(), boxes.detach()", "scores * 1, boxes * 1"),
        "the target is the alignment itself": (
            "(alignment / torch.where(largest > 0, largest, 1)) * iou.amax(dim=0)",
            "alignment",
        ),
        "the best place should say 1, however badly it fits": (" * iou.amax(dim=0)", ""),
        "an object without alignment is divided by 0": ("torch.where(largest > 0, largest, 1)", "largest"),
        "the objects of a place are added up": (
            "(alignment / torch.where(largest > 0, largest, 1)) * iou.amax(dim=0)",
            "((alignment / torch.where(largest > 0, largest, 1)) * iou.amax(dim=0)).sum(dim=1)",
        ),
        "boxes are cut at the picture's edge, in place": ("boxes.detach()\n", "boxes.detach().clamp_(min=0)\n"),
        "the target is divided by the sum over the places, not by the largest": (
            "largest = alignment.amax(dim=0)",
            "largest = alignment.sum(dim=0)",
        ),
    },
)
survives(
    module.align_tasks,
    {
        "below every alignment, and every IoU, is any number below 0": [
            ("torch.where(inside, alignment, -1.0)", "torch.where(inside, alignment, -2.0)"),
            ("torch.where(chosen, iou, -1.0)", "torch.where(chosen, iou, -2.0)"),
        ],
        "what ties at 0 has the target 0, chosen or not": [
            ("torch.where(inside, alignment, -1.0)", "torch.where(inside, alignment, -0.0)"),
            ("torch.where(chosen, iou, -1.0)", "torch.where(chosen, iou, -0.0)"),
        ],
        "0 is divided by 1 or by 2": [("torch.where(largest > 0, largest, 1)", "torch.where(largest > 0, largest, 2)")],
    },
)
