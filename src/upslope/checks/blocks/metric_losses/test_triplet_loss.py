"""What triplet_loss must do."""

import math

import numpy as np

from upslope.blocks import metric_losses
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

# Labels, and the length of an embedding.
SIZES = (([0, 0, 1], 2), ([2, 0, 2, 0], 3), ([1, 1, 0, 2, 2], 2), ([3, 0, 3, 0, 3, 1], 2), ([0, 1, 0, 1, 1, 0, 2], 4))


def distance(a, b):
    return math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def hardest(embeddings, labels, margin=0.2):
    """Anchor by anchor, over every triplet there is: the hardest costs most."""
    rows, costs = embeddings.tolist(), []
    for a, anchor in enumerate(rows):
        others = [i for i in range(len(rows)) if i != a]
        triplets = [
            distance(anchor, rows[p]) - distance(anchor, rows[n]) + margin
            for p in others
            for n in others
            if labels[p] == labels[a] != labels[n]
        ]
        if triplets:
            costs.append(max(0.0, *triplets))
    return math.fsum(costs) / max(1, len(costs))


def of(embeddings, labels, **more):
    return {"embeddings": np.array(embeddings, dtype=float), "labels": np.array(labels), **more}


def drawn(rng, margin=1.0):
    for labels, dim in SIZES:
        yield of(some(rng, len(labels), dim), rng.permutation(labels), margin=margin)


def defaults(rng):
    return [of(some(rng, 6, 3, spread=0.3), [0, 0, 1, 1, 2, 2])]


LOSS = TorchOp(metric_losses.triplet_loss, samples=drawn, truth=hardest)

test_shape_and_dtype = LOSS.shape("a scalar of the embeddings' dtype")
test_by_hand = LOSS.by_hand(
    "[0], [1], [3] with labels 0, 0, 1 and a margin of 4 cost 0.5",
    (of([[0.0], [1.0], [3.0]], [0, 0, 1], margin=4.0), 0.5),
)
test_default = LOSS.random("the margin is 0.2 where none is given", defaults)
test_random = LOSS.random("random embeddings: the hardest of all triplets of each anchor, tried one by one")
test_gradient = LOSS.gradient("the gradient agrees with finite differences")
test_alone = LOSS.random(
    "who is alone with a label is no anchor; without anchors, and among a single label, it is 0",
    lambda rng: [
        of(some(rng, 4, 2), [0, 1, 1, 2], margin=3.0),
        of(some(rng, 3, 2), [1, 1, 1], margin=3.0),
        of(some(rng, 3, 2), [0, 1, 2], margin=3.0),
        of(some(rng, 1, 2), [0], margin=3.0),
    ],
)
test_equal = LOSS.stable(
    "embeddings that are equal give no nan: the loss is the margin, the gradient 0",
    (
        of(np.ones((4, 2)), [0, 0, 1, 1], margin=0.5),
        0.5,
        1,
        {"embeddings": np.zeros((4, 2))},
    ),
    (
        of([[1.0, 0.0], [1.0, 0.0]], [0, 0], margin=0.5),
        0.0,
        1,
        {"embeddings": np.zeros((2, 2))},
    ),
)
test_large = LOSS.large(
    "a batch of a lab: 12 people, 5 pictures of each, embeddings of length 1",
    lambda rng: [of(unit(some(rng, 60, 16)), np.repeat(np.arange(12), 5), margin=0.3)],
)
test_laws = LOSS.laws("the laws of every operation: calls, passes and memory do not get mixed up")


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


wrong(
    metric_losses.triplet_loss,
    {
        "the nearest positive is taken, not the farthest: the easy one": (
            "distances.masked_fill(~same, -math.inf).amax(dim=1)",
            "distances.masked_fill(~same | (distances == 0), math.inf).amin(dim=1).nan_to_num(posinf=0.0)",
        ),
        "the farthest negative is taken, not the nearest": (
            "distances.masked_fill(same, math.inf).amin(dim=1)",
            "distances.masked_fill(same, -math.inf).amax(dim=1)",
        ),
        "distances are not squared, and their root has no gradient where two are equal": (
            ".square().sum(dim=2)",
            ".square().sum(dim=2).sqrt()",
        ),
        "the mean is over all samples, also over those that are no anchor": (
            "losses.mean() if len(losses) else losses.sum()",
            "losses.sum() / len(labels)",
        ),
        "the losses are summed, not averaged": ("losses.mean() if len(losses) else losses.sum()", "losses.sum()"),
        "triplets that are far apart already are rewarded: nothing cuts off below 0": (".relu()", ""),
        "who is alone with a label counts with itself as positive": (
            "same.sum(dim=1) > 1",
            "same.sum(dim=1) > 0",
        ),
        "without any anchor the mean of nothing is nan": (
            "losses.mean() if len(losses) else losses.sum()",
            "losses.mean()",
        ),
        "the margin is taken off in place of added": ("- negative + margin", "- negative - margin"),
        "the distance of the negative is cut from the graph": ("- negative + margin", "- negative.detach() + margin"),
        "the loss is always float64": ("losses.mean() if", "losses.double().mean() if"),
    },
)
survives(
    metric_losses.triplet_loss,
    {
        "distances and labels are the same both ways, so rows are columns": [
            ("amax(dim=1)", "amax(dim=0)"),
            ("amin(dim=1)", "amin(dim=0)"),
            ("same.sum(dim=1)", "same.sum(dim=0)"),
        ],
    },
)
