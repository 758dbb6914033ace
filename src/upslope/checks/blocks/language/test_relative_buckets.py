"""What relative_buckets must do."""

import numpy as np

from upslope.blocks.language import relative_buckets as module
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import equal, true

# Buckets and the distance from which on all are in the last one.
SIZES = ((8, 16), (32, 128), (12, 30), (6, 20), (4, 100))


def one_by_one(distance, bidirectional, buckets=32, max_distance=128):
    """One distance after the other in whole numbers: d^n e^r >= m^r e^n says the same as the logarithms do."""
    found = np.zeros(distance.shape)
    for place in np.ndindex(distance.shape):
        d, count, first = int(distance[place]), buckets, 0
        if bidirectional:
            count = buckets // 2
            first = count if d > 0 else 0
        d = abs(d) if bidirectional or d < 0 else 0
        exact = count // 2
        ranges = count - exact
        reached = [r for r in range(ranges) if d**ranges * exact**r >= max_distance**r * exact**ranges]
        found[place] = first + (d if d < exact else exact + max(reached))
    return found


def drawn(*sizes, shape=(3, 5), sides=(False, True)):
    return lambda rng: [
        {
            "distance": rng.integers(-2 * most, 2 * most, shape),
            "bidirectional": both,
            "buckets": buckets,
            "max_distance": most,
        }
        for buckets, most in sizes
        for both in sides
    ]


BUCKETS = TorchOp(module.relative_buckets, samples=drawn(*SIZES), truth=one_by_one)
SMALL = {"bidirectional": False, "buckets": 8, "max_distance": 16}

test_shape_and_dtype = BUCKETS.shape(
    "a whole number for each distance, in any number of dimensions",
    lambda rng: [each for shape in ((4,), (2, 3), (1, 2, 3)) for each in drawn((8, 16), shape=shape)(rng)],
    gives="int64",
)
test_by_hand = BUCKETS.by_hand(
    "[0, -1, -3, -4, -6, -9, -100] with 8 buckets and max_distance=16 becomes [0, 1, 3, 4, 5, 6, 7]",
    ({"distance": [0, -1, -3, -4, -6, -9, -100], **SMALL}, [0, 1, 3, 4, 5, 6, 7]),
)
test_not_seen = BUCKETS.by_hand(
    "keys behind the query share bucket 0 if only one side is seen",
    ({"distance": [1, 2, 50, 1000], **SMALL}, [0, 0, 0, 0]),
)
test_both_sides = BUCKETS.by_hand(
    "with both sides the keys behind the query have the upper half of the buckets",
    (
        {"distance": [-3, -1, 0, 1, 3, 100], "bidirectional": True, "buckets": 8, "max_distance": 16},
        [2, 1, 0, 5, 6, 7],
    ),
)
test_random = BUCKETS.random("random distances, one by one in whole numbers", dtypes=("float64",))
test_defaults = BUCKETS.random(
    "without sizes there are 32 buckets, and the last one begins below 128",
    lambda rng: [{"distance": np.arange(-140, 141), "bidirectional": both} for both in (False, True)],
    dtypes=("float64",),
)


@grades(module.relative_buckets)
def test_far_is_coarse(rng):
    """every bucket is used, and along the distances the buckets never fall"""
    most = int(rng.integers(40, 200))
    found = module.relative_buckets(
        tensor(-np.arange(3 * most)).long(), bidirectional=False, buckets=16, max_distance=most
    )
    case = f"relative_buckets([0, -1, ..., {1 - 3 * most}], bidirectional=False, buckets=16, max_distance={most})"
    equal(sorted(set(found.tolist())), list(range(16)), case=f"{case}: the buckets in use")
    steps = found[1:] - found[:-1]
    true(bool((steps >= 0).all()), "a farther key is in a lower bucket", case=case, got=int(steps.min()), expected=0)
    widths = [found.tolist().count(bucket) for bucket in range(8)]
    equal(widths, [1] * 8, case=f"{case}: distances in each of the first 8 buckets")


@grades(module.relative_buckets)
def test_input_stays(rng):
    """the distances that came are not changed"""
    for both in (False, True):
        given = tensor(rng.integers(-20, 20, 6)).long()
        before = given.tolist()
        module.relative_buckets(given, bidirectional=both, buckets=8, max_distance=16)
        equal(given.tolist(), before, case=f"the distances after relative_buckets({before}, bidirectional={both}, ...)")


test_refuses = BUCKETS.refuses(
    "a max_distance among the distances that have their own bucket raises a ValueError that names it",
    ({"distance": [-1], "bidirectional": False, "buckets": 8, "max_distance": 4}, ["max_distance=4"]),
    ({"distance": [-1], "bidirectional": True, "buckets": 32, "max_distance": 7}, ["max_distance=7"]),
)


wrong(
    module.relative_buckets,
    {
        "the sign is lost: keys before and behind the query share buckets": (
            "first = (distance > 0).long() * buckets",
            "first = torch.zeros_like(distance)",
        ),
        "the lower half is for keys behind the query, and the upper half for those before it": (
            "first = (distance > 0)",
            "first = (distance < 0)",
        ),
        "keys that are not seen get buckets, as if they stood before the query": (
            "(-distance).clamp(min=0)",
            "distance.abs()",
        ),
        "the distance is that of the query minus that of the key": (
            "(-distance).clamp(min=0)",
            "distance.clamp(min=0)",
        ),
        "all ranges are equally long, without a logarithm": (
            "torch.log(distance.clamp(min=exact) / exact) / math.log(max_distance / exact)",
            "(distance - exact) / (max_distance - exact)",
        ),
        "distances are rounded to the nearest bucket, not down": (
            "(along * (buckets - exact)).long()",
            "(along * (buckets - exact)).round().long()",
        ),
        "what is beyond max_distance gets buckets that there are not": (
            "ranges.clamp(max=buckets - 1)",
            "ranges",
        ),
        "the logarithm begins at 1 and not at the first distance without a bucket of its own": (
            "/ exact) / math.log(max_distance / exact)",
            ") / math.log(max_distance)",
        ),
        "each side has all of the buckets": ("buckets //= 2", "buckets //= 1"),
        "the distances of whoever called become positive": ("distance = distance.abs()", "distance = distance.abs_()"),
        "any max_distance is accepted": ("if max_distance <= exact:", "if max_distance < 0:"),
        "the buckets are numbers with a point, which no table can be asked for": (
            "return first + torch.where(",
            "return 1.0 * first + torch.where(",
        ),
    },
)
survives(
    module.relative_buckets,
    {
        "the first distance without a bucket of its own is in bucket `exact` by both rules": [
            ("distance < exact,", "distance <= exact,")
        ],
    },
)
