"""What coverage must do."""

import numpy as np
import torch

from upslope.blocks.generative import coverage as module
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, equal, true
from upslope.checks.samples import some

# Real images, generated images, features, neighbors.
SIZES = ((4, 3, 1, 1), (8, 8, 2, 2), (12, 5, 3, 5), (9, 20, 4, 3), (40, 30, 3, 5))


def one_by_one(real, generated, neighbors=5):
    """Image by image: the distances to the others in order, and whether a generated one is nearer."""
    covered = 0
    for number, image in enumerate(real):
        others = sorted(np.linalg.norm(image - other) for place, other in enumerate(real) if place != number)
        covered += any(np.linalg.norm(image - made) <= others[neighbors - 1] for made in generated)
    return covered / len(real)


ASIDE = np.pi / 1000  # of numbers with two digits, so that no distance equals another by chance


def drawn(*sizes):
    def samples(rng):
        for n, m, features, neighbors in sizes:
            real, generated = some(rng, n, features), some(rng, m, features, spread=0.5) + some(rng, features) + ASIDE
            yield {"real": real, "generated": generated, "neighbors": neighbors}

    return samples


def crowded(rng):
    """Generated images at one place, and real ones that are many here and rare there."""
    for n, m in ((12, 30), (30, 6)):
        real = np.concatenate([some(rng, n // 2, 2, spread=0.1), 5 + some(rng, n - n // 2, 2, spread=3.0)])
        yield {"real": real, "generated": some(rng, m, 2, spread=0.2) + ASIDE, "neighbors": 3}


COVERAGE = TorchOp(module.coverage, samples=drawn(*SIZES), truth=one_by_one, tensor=torch.from_numpy)

LINE = [[0.0], [1.0], [3.0], [7.0]]
test_by_hand = COVERAGE.by_hand(
    "real 0, 1, 3, 7 and generated 0.5, 2.5: three of four have one within reach of their nearest neighbor",
    ({"real": LINE, "generated": [[0.5], [2.5]], "neighbors": 1}, 3 / 4),
)
test_ends = COVERAGE.by_hand(
    "the real images themselves cover all; images far away cover none; one image in the middle some",
    ({"real": LINE, "generated": LINE, "neighbors": 1}, 1.0),
    ({"real": LINE, "generated": [[90.0], [-90.0], [80.0]], "neighbors": 2}, 0.0),
    ({"real": LINE, "generated": [[3.25]], "neighbors": 2}, 2 / 4),
)
test_surface = COVERAGE.by_hand(
    "a generated image that is exactly as far as the neighbor is near enough",
    ({"real": LINE, "generated": [[2.0]], "neighbors": 1}, 2 / 4),
)
test_alike = COVERAGE.by_hand(
    "two real images that are alike are each other's neighbors, at distance 0",
    ({"real": [[0.0], [0.0], [5.0]], "generated": [[1.0]], "neighbors": 1}, 1 / 3),
    ({"real": [[0.0], [0.0], [5.0]], "generated": [[0.0], [-9.0]], "neighbors": 1}, 1.0),
)
test_random = COVERAGE.random("random features, of different counts: image by image", dtypes=("float64",))
test_crowded = COVERAGE.random(
    "real images that are many here and rare there, generated ones that crowd", crowded, dtypes=("float64",)
)
test_large = COVERAGE.large("120 images of 16 features", drawn((120, 90, 16, 5)), dtype="float64")


@grades(module.coverage)
def test_five_neighbors(rng):
    """without a number of neighbors it is 5"""
    real, generated = some(rng, 12, 2), some(rng, 7, 2) + ASIDE
    close(module.coverage(tensor(real), tensor(generated)), one_by_one(real, generated), case="12 real, 7 generated")


@grades(module.coverage)
def test_float64(rng):
    """a Python number, computed in float64 also for features in float32 far from 0, which stay as they are"""
    real, generated = (np.round(64 * some(rng, n, 2)) / 64 for n in (30, 20))  # numbers that float32 holds exactly
    one, two = (torch.tensor(x + 4096, dtype=torch.float32) for x in (real, generated))
    got = module.coverage(one, two, neighbors=3)
    true(type(got) is float, "a Python number is wanted", case="float32 features", got=type(got).__name__)
    close(got, one_by_one(real, generated, 3), case="float32 features around 4096", atol=0.04)
    equal(one, real + 4096, case="the real features afterwards")


test_refuses = COVERAGE.refuses(
    "with as many real images as neighbors, or fewer, a ValueError says how many there are",
    ({"real": np.eye(4, 2), "generated": np.ones((9, 2)), "neighbors": 5}, ["4 real images"]),
    ({"real": np.eye(3, 2), "generated": np.ones((9, 2)), "neighbors": 3}, ["3 real images"]),
)


wrong(
    module.coverage,
    {
        "the image itself is counted as its first neighbor: every ball is one neighbor too small": (
            "kthvalue(neighbors + 1)",
            "kthvalue(neighbors)",
        ),
        "the share is of the generated images' number": ("covered / len(real)", "covered / len(generated)"),
        "the ball reaches the k-th generated image, not the k-th real one": (
            "torch.cdist(some, real).kthvalue(neighbors + 1)",
            "torch.cdist(some, generated).kthvalue(min(neighbors, len(generated)))",
        ),
        "all generated images must be near on average; one is enough": (".amin(dim=1)", ".mean(dim=1)"),
        "one ball for all: the mean radius, also where real images are rare": (
            "nearest <= radius)",
            "nearest <= radius.mean())",
        ),
        "the number of neighbors is always 5, whatever was asked for": ("kthvalue(neighbors + 1", "kthvalue(6"),
        "the distance to generated images is the sum of differences, not Euclidean": (
            "torch.cdist(some, generated)",
            "torch.cdist(some, generated, p=1)",
        ),
        "with exactly as many real images as neighbors it goes on": ("len(real) <= neighbors", "len(real) < neighbors"),
        "an image on the ball's surface is left out": ("nearest <= radius", "nearest < radius"),
    },
)
