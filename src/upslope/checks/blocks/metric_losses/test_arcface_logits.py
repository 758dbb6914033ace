"""What arcface_logits must do."""

import math

import numpy as np

from upslope.blocks import metric_losses
from upslope.checks import survives, wrong
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.samples import some

# Batch, length of an embedding, classes.
SIZES = ((1, 2, 2), (2, 3, 1), (3, 2, 4), (4, 3, 3), (6, 4, 5))


def angles(embeddings, centers, labels, margin=0.5, scale=64.0, easy_margin=False):
    """Angle by angle, by Python's math."""
    rows = []
    for embedding, label in zip(embeddings.tolist(), labels, strict=True):
        row = []
        for k, center in enumerate(centers.tolist()):
            lengths = math.hypot(*embedding) * math.hypot(*center)
            cosine = math.fsum(x * y for x, y in zip(embedding, center, strict=True)) / lengths
            theta = math.acos(max(-1.0, min(1.0, cosine)))
            if k == label and easy_margin:
                cosine = math.cos(theta + margin) if cosine > 0 else cosine
            elif k == label:
                beyond = theta + margin > math.pi
                cosine = cosine - margin * math.sin(margin) if beyond else math.cos(theta + margin)
            row.append(scale * cosine)
        rows.append(row)
    return np.array(rows)


def of(embeddings, centers, labels, **more):
    return {
        "embeddings": np.array(embeddings, dtype=float),
        "centers": np.array(centers, dtype=float),
        "labels": np.array(labels),
        **more,
    }


def drawn(rng, **more):
    """Each label near its center, far from it, and anywhere."""
    for batch, dim, classes in SIZES:
        centers, labels = some(rng, classes, dim), rng.permutation(np.arange(batch) % classes)
        turned = centers[labels] * np.where(np.arange(batch) % 3 == 1, -1, 1)[:, np.newaxis]
        near = turned + some(rng, batch, dim, spread=0.3) + (np.arange(batch) % 3 == 2)[:, np.newaxis] * some(rng, dim)
        yield of(near, centers, labels, **{"margin": 0.4, "scale": 8.0, **more})


def easy(rng):
    yield from drawn(rng, easy_margin=True)
    yield from drawn(rng, easy_margin=True, margin=1.2)
    yield of([[0.0, 2.0]], [[1.0, 0.0]], [0], margin=0.5, easy_margin=True)


def around(rng):
    """Angles of 0 to 180 degrees from the center: some nearer to 180 than the margin."""
    theta = np.linspace(0.1, 3.1, 13)
    rows = np.stack([np.cos(theta), np.sin(theta)], axis=1)
    yield of(rows, [[2.0, 0.0], [0.0, 1.0]], np.zeros(13, dtype=int), margin=0.6, scale=2.0)
    yield of(rows, [[2.0, 0.0], [0.0, 1.0]], np.zeros(13, dtype=int), margin=1.9, scale=2.0)
    yield of(rows, [[2.0, 0.0], [0.0, 1.0]], np.zeros(13, dtype=int), margin=0.0, scale=2.0)


def defaults(rng):
    return [of(some(rng, 3, 4), some(rng, 3, 4), [0, 2, 1])]


LOGITS = TorchOp(metric_losses.arcface_logits, samples=drawn, truth=angles)
ALIGNED = of([[3.0, 0.0], [-2.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]], [0, 0], margin=0.5, scale=2.0)
ENDS = [[2 * math.cos(0.5), 0.0], [2 * (-1 - 0.5 * math.sin(0.5)), 0.0]]

test_shape_and_dtype = LOGITS.shape("(B, K), the embeddings' dtype")
test_by_hand = LOGITS.by_hand(
    "the embedding [3, 0], centers [1, 0] and [0, 2], a margin of 60 degrees and a scale of 2 give [1, 0]",
    (of([[3.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]], [0], margin=math.pi / 3, scale=2.0), [[1.0, 0.0]]),
)
test_default = LOGITS.random("a margin of 0.5 and a scale of 64 where none are given", defaults)
test_random = LOGITS.random("random embeddings and centers: angle by angle")
test_beyond = LOGITS.random(
    "beyond 180 degrees a straight line takes the margin's place; a margin of 0 changes nothing", around
)
test_easy = LOGITS.random("with the easy margin only who is nearer than 90 degrees gets it", easy)
test_gradient = LOGITS.gradient("the gradients of embeddings and centers agree with finite differences")
test_ends = LOGITS.stable(
    "at cosines of 1 and -1 logits and gradients stay finite",
    (ALIGNED, ENDS, np.ones((2, 2)), {"embeddings": [[0.0, 2 / 3], [0.0, 1.0]]}),
    dtypes=("float32",),
)
test_large = LOGITS.large(
    "a batch of a lab: 60 embeddings of 64 numbers, 30 people",
    lambda rng: [of(some(rng, 60, 64), some(rng, 30, 64), rng.integers(0, 30, 60), margin=0.3, scale=16.0)],
)
test_refuses = LOGITS.refuses(
    "a margin outside of [0, pi) raises a ValueError that says it",
    *(
        (of([[1.0, 0.0]], [[1.0, 0.0]], [0], margin=value), [f"margin={value:g}", "[0, pi)"])
        for value in (-0.1, math.pi, 4.0)
    ),
)
test_laws = LOGITS.laws("the laws of every operation: calls, passes and memory do not get mixed up")


wrong(
    metric_losses.arcface_logits,
    {
        "the margin is taken off the cosine, as CosFace does": (
            "moved = own * math.cos(margin) - sines * math.sin(margin)",
            "moved = own - margin",
        ),
        "the angle is made smaller by the margin: the task gets easier": (
            "own * math.cos(margin) - sines * math.sin(margin)",
            "own * math.cos(margin) + sines * math.sin(margin)",
        ),
        "every class gets the margin, not only the sample's own": (
            "cosines.scatter(1, labels[:, None], moved)",
            "(cosines * math.cos(margin) - (1 - cosines.square()).clamp(min=1e-12).sqrt() * math.sin(margin))",
        ),
        "the centers keep their lengths": ("F.normalize(centers).T", "centers.T"),
        "the embeddings keep their lengths": ("F.normalize(embeddings) @", "embeddings @"),
        "the root is taken where it has no slope, and the gradient is nan for a sample on its center": (
            "(1 - own.square()).clamp(min=1e-12).sqrt()",
            "(1 - own.square()).clamp(min=0).sqrt()",
        ),
        "beyond 180 degrees the cosine rises again: the worst samples are pushed away": (
            "moved = moved.where(own > -math.cos(margin), own - margin * math.sin(margin))",
            "moved = moved * 1",
        ),
        "the straight line begins at 90 degrees, as if the margin were easy": (
            "own > -math.cos(margin)",
            "own > 0",
        ),
        "the easy margin is given to those farther than 90 degrees": (
            "moved.where(own > 0, own)",
            "moved.where(own < 0, own)",
        ),
        "the logits are not scaled, and a softmax of cosines is nearly flat": ("return scale * ", "return "),
        "a margin of pi is accepted, with which every cosine turns around": (
            "0 <= margin < math.pi",
            "0 <= margin <= math.pi",
        ),
        "the centers are cut from the graph, and never move": (
            "F.normalize(centers).T",
            "F.normalize(centers).T.detach()",
        ),
        "the logits are always float64": ("return scale * cosines", "return scale * cosines.double()"),
    },
)
survives(
    metric_losses.arcface_logits,
    {
        "no cosine hits the end of the margin to the bit": [("own > -math.cos", "own >= -math.cos")],
    },
)
