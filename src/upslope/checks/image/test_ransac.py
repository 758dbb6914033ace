"""What ransac must do."""

import warnings

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import Mismatch, close, equal, true
from upslope.image import ransac as module

SIX = np.array([[0.0, 0], [40, 0], [40, 40], [0, 40], [20, 90], [90, 20]])


def scene(rng, right, wrong, *, zoom=1.0, size=600.0):
    """Pairs that one homography moved, among others that go anywhere else; in random order, and which are right."""
    turn = rng.uniform(-0.4, 0.4)
    matrix = np.eye(3)
    matrix[:2, :2] = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix[:2, 2], matrix[2, :2] = rng.uniform(-50, 50, 2), rng.uniform(-0.2, 0.2, 2) / size
    source = rng.uniform(0, size, (right + wrong, 2))
    rows = np.column_stack([source, np.ones(len(source))]) @ matrix.T
    target = rows[:, :2] / rows[:, 2:]
    far = rng.uniform(0.1, 0.4, (wrong, 2)) * rng.choice([-1, 1], (wrong, 2)) * size * zoom
    target[right:] += far
    order = rng.permutation(right + wrong)
    return source[order], target[order], order < right


def bounded(rng, calls):
    """A generator that is asked at most so many times."""
    left = [calls]

    def counted(name):
        def ask(self, *args, **more):
            left[0] -= 1
            if left[0] < 0:
                raise Mismatch("draws go on and on", got=f"more than {calls} calls of the generator")
            return getattr(super(Bounded, self), name)(*args, **more)

        return ask

    names = ("choice", "integers", "permutation", "permuted", "random", "shuffle", "uniform")
    Bounded = type("Bounded", (np.random.Generator,), {name: counted(name) for name in names})
    return Bounded(rng.bit_generator)


def found(source, target, rng, *, case, threshold=3.0, **more):
    got = module.ransac(source, target, threshold=threshold, rng=rng, **more)
    if type(got) is not np.ndarray or got.dtype != np.bool_:
        kind = f"an array of {got.dtype}" if type(got) is np.ndarray else type(got).__name__
        raise Mismatch("what came back is not an array of True and False", case=case, got=kind, expected="bool")
    equal(got.shape, (len(source),), case=case, problem="the shape is wrong")
    return got


def same(got, right, *, case):
    true(
        bool((got == right).all()),
        "other pairs agree",
        case=case,
        got=f"{int((got & right).sum())} of {int(right.sum())} right ones, {int((got & ~right).sum())} wrong ones",
        expected=f"{int(right.sum())} right ones, 0 wrong ones",
    )


@grades(module.ransac)
def test_by_hand(rng):
    """five of six pairs move by (5, 5), and agree"""
    target = SIX + 5.0
    target[5] = SIX[5] + [60, 0]
    case = f"ransac({SIX.tolist()}, target=... + (5, 5), but the last one + (60, 0), threshold=1)"
    got = found(SIX, target, rng, case=case, threshold=1.0)
    equal(got.tolist(), [True] * 5 + [False], case=case)


@grades(module.ransac)
def test_all_right(rng):
    """where all pairs are right all agree, after a draw or two: no million of them is needed"""
    source, target, right = scene(rng, 40, 0)
    case = "40 right pairs, threshold=3, most=10**9"
    same(found(source, target, bounded(rng, 400), case=case, most=10**9), right, case=case)


@grades(module.ransac)
def test_wrong_ones(rng):
    """a third and more than half of the pairs go anywhere: the others agree, and all of them"""
    for right, lost in ((30, 15), (20, 20), (18, 20)):
        source, target, who = scene(rng, right, lost)
        case = f"{right} right pairs among {right + lost}, threshold=3, most=400"
        same(found(source, target, rng, case=case, most=400), who, case=case)


@grades(module.ransac)
def test_few_right_ones(rng):
    """fewer than half of the pairs are right: even a confidence of 0.5 needs many draws at first"""
    for _ in range(4):
        source, target, who = scene(rng, 16, 24)
        case = "16 right pairs among 40, threshold=3, confidence=0.5, most=600"
        same(found(source, target, rng, case=case, confidence=0.5, most=600), who, case=case)


@grades(module.ransac)
def test_threshold(rng):
    """the distance is that of pixels in the target: 2 away agrees with threshold=3, 4 away does not"""
    source, target, right = scene(rng, 60, 20, zoom=5.0)
    one, two = np.flatnonzero(right)[:2]
    target[one] += [2 * 0.6, 2 * 0.8]
    target[two] += [4 * 0.6, -4 * 0.8]
    right[two] = False
    case = "60 right pairs among 80, enlarged five times, one of them moved by 2 and one by 4 pixels, threshold=3"
    # A sample with a moved pair in it may be met first; that all others agree decides.
    same(found(source, target, rng, case=case, confidence=1 - 1e-9), right, case=case)


@grades(module.ransac)
def test_most(rng):
    """no more than `most` draws, however hopeless"""
    source, target, _ = scene(rng, 4, 60)
    case = "4 right pairs among 64, most=40, confidence=1 - 1e-12"
    found(source, target, bounded(rng, 400), case=case, most=40, confidence=1 - 1e-12)


@grades(module.ransac)
def test_few(rng):
    """with fewer than four pairs none agrees"""
    for count in range(4):
        points = rng.uniform(0, 9, (count, 2))
        case = f"ransac of {count} pairs, threshold=3"
        got = found(points, points + 1, rng, case=case)
        equal(got.tolist(), [False] * count, case=case)


@grades(module.ransac)
def test_first_draw(rng):
    """four pairs are one sample: all agree after one draw, none after none; equal pairs are no failure"""
    source, target, right = scene(rng, 4, 0)
    same(found(source, target, rng, case="4 right pairs, most=1", most=1), right, case="4 right pairs, most=1")
    same(found(source, target, rng, case="4 right pairs, most=0", most=0), ~right, case="4 right pairs, most=0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found(np.ones((4, 2)), np.ones((4, 2)), bounded(rng, 60), case="4 times the same pair, most=3", most=3)


@grades(module.ransac)
def test_last_draws(rng):
    """as long as not enough was drawn the best so far is kept, whatever the last samples say"""
    for _ in range(8):
        source, target, right = scene(rng, 28, 12)
        case = "28 right pairs among 40, most=49, confidence=1 - 1e-6"
        same(found(source, target, rng, case=case, most=49, confidence=1 - 1e-6), right, case=case)


@grades(module.ransac)
def test_chance(rng):
    """the generator alone decides: the same seed draws the same samples"""
    source, target, _ = scene(rng, 12, 60)
    seed = int(rng.integers(1000))
    first, again = (
        found(source, target, np.random.default_rng(seed), case=f"12 right pairs among 72, seed {seed}", most=5)
        for _ in range(2)
    )
    equal(first.tolist(), again.tolist(), case=f"12 right pairs among 72, most=5, twice with seed {seed}")


@grades(module.ransac)
def test_inputs_stay(rng):
    """the points are not changed"""
    source, target, _ = scene(rng, 12, 3)
    before = source.copy(), target.copy()
    module.ransac(source, target, threshold=3.0, rng=rng)
    close(source, before[0], case="source after ransac(source, target)")
    close(target, before[1], case="target after ransac(source, target)")


wrong(
    module.ransac,
    {
        "one homography is fitted to all pairs, wrong ones too": (
            (
                "        for drawn in range(most):\n            if drawn >= needed:\n                break\n"
                "            # As few pairs as make a homography: the fewer, the likelier that all are right.\n"
                "            sample = rng.choice(count, size=4, replace=False)\n"
            ),
            "        for sample in [np.arange(count)]:\n",
        ),
        "the first sample counts, not the best": ("if agree.sum() > best.sum():", "if not best.any():"),
        "w is not raised to the fourth power: too few draws": (
            "(agree.sum() / count) ** 4",
            "(agree.sum() / count)",
        ),
        "the squared distance is compared with the threshold": (
            "np.sqrt(((project(matrix, source) - target) ** 2).sum(axis=1))",
            "((project(matrix, source) - target) ** 2).sum(axis=1)",
        ),
        "the distance is measured in the source": (
            "np.sqrt(((project(matrix, source) - target) ** 2).sum(axis=1))",
            "np.sqrt(((project(np.linalg.pinv(matrix), target) - source) ** 2).sum(axis=1))",
        ),
        "draws go on to the end, however many agree": (
            "            if drawn >= needed:\n                break\n",
            "",
        ),
        "the limit of draws is not kept": ("for drawn in range(most):", "for drawn in range(10**9):"),
        "only the four drawn pairs are said to agree": (
            "                best = agree\n",
            "                best = np.isin(np.arange(count), sample)\n",
        ),
        "chance comes from a generator of its own, not from rng": ("rng.choice(", "np.random.default_rng().choice("),
        "with fewer than four pairs a draw is tried all the same": ("count < 4", "count < 0"),
        "the differences are written over target": (
            "apart = np.sqrt(((project(matrix, source) - target) ** 2).sum(axis=1))",
            "target -= project(matrix, source)\n            apart = np.sqrt((target**2).sum(axis=1))",
        ),
    },
)
survives(
    module.ransac,
    {
        "one draw more or fewer": [("2000", "2001"), ("2000", "1999"), ("drawn >= needed", "drawn > needed")],
        "a distance of exactly the threshold does not occur": [("apart <= threshold", "apart < threshold")],
        "of two sets of one size either may count": [("agree.sum() > best", "agree.sum() >= best")],
        "another power means more draws than are needed": [("** 4", "** 5")],
    },
)
