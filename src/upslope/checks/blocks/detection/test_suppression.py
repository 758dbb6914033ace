"""What nms must do."""

import numpy as np

from upslope.blocks.detection import suppression as module
from upslope.checks import survives, wrong
from upslope.checks.blocks.detection.drawn import boxes, overlaps
from upslope.checks.blocks.tensors import TorchOp

THREE = [[0.0, 0, 4, 4], [0, 0, 4, 3], [4, 0, 8, 4]]
EVERY = ("float64", "float32", "float16", "bfloat16")


def crowd(rng, count, *, size=10.0, kinds=0, spread=0.04, threshold=0.5):
    """Boxes around a few places, each found several times, with scores of which some are equal."""
    middles = boxes(rng, max(1, count // 4), size=size)
    near = middles[rng.integers(0, len(middles), count)] + rng.normal(0, spread * size, (count, 4)).round(3)
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + size / 100)
    sample = {"boxes": near, "scores": rng.uniform(0, 1, count).round(1 + count // 8), "threshold": threshold}
    return {**sample, "classes": rng.integers(0, kinds, count)} if kinds else sample


def plain(rng):
    for count, threshold in ((1, 0.5), (4, 0.5), (9, 0.2), (16, 0.7), (0, 0.5)):
        yield crowd(rng, count, threshold=threshold)


def of_classes(rng):
    for count, kinds in ((3, 2), (8, 3), (16, 2), (0, 1)):
        yield crowd(rng, count, kinds=kinds)


def by_definition(boxes, scores, threshold, classes=None):
    """From the best down a box stays unless one that stays, of its class, covers it."""
    stay: list[int] = []
    for k in sorted(range(len(boxes)), key=lambda k: -scores[k]):
        rivals = [j for j in stay if classes is None or classes[j] == classes[k]]
        if all(overlaps(boxes[k], boxes[j])[0] <= threshold for j in rivals):
            stay.append(k)
    return np.array(stay, dtype=np.int64)


NMS = TorchOp(module.nms, samples=plain, truth=by_definition)

test_shape = NMS.shape("indices, int64; of no boxes none", gives="int64")
test_by_hand = NMS.by_hand(
    "of two boxes with an IoU of 0.75 the better one stays, and the one beside them",
    ({"boxes": THREE, "scores": [0.8, 0.9, 0.3], "threshold": 0.5}, [1, 2]),
    ({"boxes": THREE, "scores": [0.8, 0.9, 0.3], "threshold": 0.8}, [1, 0, 2]),
)
test_edges = NMS.by_hand(
    "an IoU of exactly the threshold stays; of equal scores the first one",
    ({"boxes": THREE, "scores": [0.8, 0.9, 0.3], "threshold": 0.75}, [1, 0, 2]),
    ({"boxes": THREE, "scores": [0.5, 0.5, 0.5], "threshold": 0.5}, [0, 2]),
    ({"boxes": [THREE[1], THREE[0], THREE[1]], "scores": [0.5, 0.5, 0.5], "threshold": 0.5}, [0]),
)
test_without_area = NMS.by_hand(
    "boxes without area cover nothing, not even each other",
    ({"boxes": [[1.0, 1, 1, 1], [1, 1, 1, 1], [0, 0, 2, 2]], "scores": [0.9, 0.8, 0.7], "threshold": 0.5}, [0, 1, 2]),
)
test_chain = NMS.by_hand(
    "a box that went takes no other with it: of a row of three only the one in the middle goes",
    (
        {"boxes": [[0.0, 0, 10, 4], [4, 0, 14, 4], [8, 0, 18, 4]], "scores": [0.9, 0.8, 0.7], "threshold": 0.3},
        [0, 2],
    ),
)
test_random = NMS.random("random boxes, several around each place")
test_classes = NMS.random("with classes: boxes of different classes may lie in one place", of_classes)
test_classes_by_hand = NMS.by_hand(
    "two boxes in one place, of two classes, both stay",
    ({"boxes": THREE, "scores": [0.8, 0.9, 0.3], "threshold": 0.5, "classes": [0, 7, 0]}, [1, 0, 2]),
    ({"boxes": THREE, "scores": [0.8, 0.9, 0.3], "threshold": 0.5, "classes": [7, 7, 7]}, [1, 2]),
)
test_many_classes = NMS.random(
    "90 classes and coordinates around 1,000, in half precision as well: what float64 gives",
    lambda rng: [crowd(rng, 24, size=1000.0, kinds=2, spread=0.01) | {"classes": rng.integers(87, 90, 24)}],
    dtypes=EVERY,
)
test_large = NMS.large("80 boxes", lambda rng: [crowd(rng, 80, size=600.0)])
test_laws = NMS.laws("calls and memory do not get mixed up, and boxes and scores stay", dtypes=(), backward=False)


wrong(
    module.nms,
    {
        "the boxes with the lowest scores stay": ("argsort(descending=True, ", "argsort("),
        "a box whose IoU is exactly the threshold goes": ("[0] > threshold", "[0] >= threshold"),
        "the boxes that overlap stay, and the others go": ("left = left[~covers]", "left = left[covers]"),
        "a box of another class is suppressed as well": ("if classes is not None:", "if False:"),
        "only boxes of another class are suppressed": (
            "classes[left] == classes[best]",
            "classes[left] != classes[best]",
        ),
        "a box goes if any better one covers it, even one that went itself": (
            "        covers = box_iou(places[best][None], places[left])[0] > threshold\n",
            "        order = scores.detach().cpu().argsort(descending=True, stable=True)\n"
            "        table = (box_iou(places[order], places[order]) > threshold).triu(1)\n"
            "        if classes is not None:\n"
            "            table &= classes[order][:, None] == classes[order][None]\n"
            "        return order[~table.any(dim=0)]\n",
        ),
        "boxes are moved apart by class in their own dtype, where they lose their digits": (
            "    places = boxes.detach().cpu().double()\n",
            "    places = boxes.detach()\n"
            "    if classes is not None and len(boxes) > 0:\n"
            "        places = places + (classes * (places.max() + 1)).to(places.dtype)[:, None]\n"
            "    classes = None\n",
        ),
        "the indices come in the order of the list, not of the scores": (
            "torch.tensor(stay,",
            "torch.tensor(sorted(stay),",
        ),
        "of equal scores the last one stays": (
            "left = scores.detach().cpu().argsort(descending=True, stable=True)",
            "left = len(scores) - 1 - scores.detach().cpu().flip(0).argsort(descending=True, stable=True)",
        ),
        "the scores are negated in place to sort them": (
            "left = scores.detach().cpu().argsort(descending=True, stable=True)",
            "left = scores.detach().neg_().argsort(stable=True)",
        ),
    },
)
survives(
    module.nms,
    {
        "of one row the first is the last": [("places[left])[0]", "places[left])[-1]")],
        "PyTorch's sort of short lists is stable in any case": [
            ("argsort(descending=True, stable=True)", "argsort(descending=True, stable=False)"),
            ("argsort(descending=True, stable=True)", "argsort(descending=True)"),
        ],
    },
)
