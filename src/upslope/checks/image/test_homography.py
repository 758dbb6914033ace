"""What homography must do."""

import numpy as np

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
from upslope.checks.op_info import OpInfo
from upslope.image import homography as module

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
HELD = np.array([[2.0, 3], [4, 3], [4, 5], [2, 5]])


def some_homography(rng, *, size):
    """A camera that turned: some rotation, zoom, shift, and perspective for pictures of this size."""
    turn = rng.uniform(-0.5, 0.5)
    matrix = np.eye(3)
    matrix[:2, :2] = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * rng.uniform(0.7, 1.4)
    matrix[:2, 2] = rng.uniform(-0.5, 0.5, 2) * size
    matrix[2, :2] = rng.uniform(-0.2, 0.2, 2) / size
    return matrix


def moved(matrix, points):
    """Each point with a 1 behind it, times the matrix, divided by the third number."""
    rows = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return rows[:, :2] / rows[:, 2:]


def spread(rng, count, size):
    """Points of which no three lie near one line: jittered around a circle."""
    angles = 2 * np.pi * (np.arange(count) + rng.uniform(-0.2, 0.2, count)) / count
    radius = size * rng.uniform(0.3, 0.5, count)
    return np.round(size / 2 + radius[:, None] * np.column_stack([np.cos(angles), np.sin(angles)]), 2)


def noisy(*counts, size=100.0, deviation=0.01):
    def samples(rng):
        for count in counts:
            source = spread(rng, count, size)
            target = moved(some_homography(rng, size=size), source)
            yield {"source": source, "target": target + rng.normal(0, deviation * size, (count, 2))}

    return samples


def by_eigenvector(source, target):
    """The definition: normalized, the eigenvector of A^T A with the smallest eigenvalue."""
    scaled, forms = [], []
    for points in (source, target):
        middle = points.sum(axis=0) / len(points)
        scale = np.sqrt(2) / (sum(float(np.hypot(*(p - middle))) for p in points) / len(points))
        forms.append(np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]]))
        scaled.append((points - middle) * scale)
    rows = []
    for (x, y), (u, v) in zip(*scaled, strict=True):
        rows.append([-x, -y, -1, 0, 0, 0, u * x, u * y, u])
        rows.append([0, 0, 0, -x, -y, -1, v * x, v * y, v])
    system = np.array(rows)
    h = np.linalg.eigh(system.T @ system)[1][:, 0].reshape(3, 3)
    whole = np.linalg.solve(forms[1], h) @ forms[0]
    return whole / whole[2, 2]


DLT = OpInfo(module.homography, samples=noisy(4, 5, 8, 20), truth=by_eigenvector, tensor=np.asarray)

test_shape_and_dtype = DLT.shape("a matrix of 3 x 3, float64, also of float32 points", gives="float64")
test_by_hand = DLT.by_hand(
    "the unit square to (2, 3), (4, 3), (4, 5), (2, 5) gives [[2, 0, 2], [0, 2, 3], [0, 0, 1]]",
    ({"source": SQUARE, "target": HELD}, [[2, 0, 2], [0, 2, 3], [0, 0, 1]]),
)


@grades(module.homography)
def test_exact(rng):
    """points that a homography moved give that homography"""
    for count, size in ((4, 1.0), (4, 600.0), (5, 10.0), (30, 600.0)):
        matrix, source = some_homography(rng, size=size), spread(rng, count, size)
        case = f"{count} points within {size:g}, moved by {np.round(matrix, 4).tolist()}"
        close(module.homography(source, moved(matrix, source)), matrix, case=case, rtol=1e-5, atol=1e-7)


@grades(module.homography)
def test_perspective(rng):
    """a square seen from below, narrow at the top, needs the third row"""
    seen = np.array([[1.0, 1], [3, 1], [4, 3], [0, 3]])
    got = np.asarray(module.homography(SQUARE, seen), dtype=float)
    case = "the unit square to (1, 1), (3, 1), (4, 3), (0, 3): where the corners go"
    close(moved(got, SQUARE), seen, case=case)


test_noisy = DLT.random("noisy points: what the normalized equations are violated by least", dtypes=("float64",))
test_far = DLT.random(
    "pixels far from 0, where numbers of very different size meet",
    noisy(6, 12, size=4000.0, deviation=0.003),
    dtypes=("float64",),
)
test_near = DLT.random(
    "points that lie within a hundredth of a pixel are brought to the same size",
    noisy(6, 12, size=0.01),
    dtypes=("float64",),
)
test_large = DLT.large("500 pairs", noisy(500, size=640.0), dtype="float64")
test_refuses = DLT.refuses(
    "fewer than four pairs, or sets of different length",
    ({"source": SQUARE[:3], "target": HELD[:3]}, ("3",)),
    ({"source": SQUARE, "target": np.concatenate([HELD, HELD])}, ("4", "8")),
)


@grades(module.homography)
def test_lists(rng):
    """points may be lists of whole numbers"""
    square, seen = [[0, 0], [1, 0], [1, 1], [0, 1]], [[2, 3], [4, 3], [4, 5], [2, 5]]
    got = module.homography(square, seen)  # type: ignore[arg-type]
    close(got, [[2, 0, 2], [0, 2, 3], [0, 0, 1]], case=f"homography({square}, {seen})")


@grades(module.homography)
def test_inputs_stay(rng):
    """the points are not changed"""
    source, target = SQUARE.copy(), HELD.copy()
    module.homography(source, target)
    close(source, SQUARE, case="source after homography(source, target)")
    close(target, HELD, case="target after homography(source, target)")


wrong(
    module.homography,
    {
        "the points are not normalized": (
            "        scale = np.sqrt(2) / max(float(spread), 1e-12)\n",
            "        scale, middle = 1.0, np.zeros(2)\n",
        ),
        "the homography goes the wrong way, from target to source": (
            "np.asarray(matrix / matrix[2, 2])",
            "np.linalg.inv(matrix) / np.linalg.inv(matrix)[2, 2]",
        ),
        "the scaling is not undone": (
            "    matrix = np.linalg.inv(transforms[1]) @ matrix @ transforms[0]\n",
            "",
        ),
        "the direction in which the equations are violated most": ("[2][-1]", "[2][0]"),
        "the column of V^T in place of its row": ("[2][-1]", "[2][:, -1]"),
        "the matrix is kept in float32": ("np.asarray(matrix / matrix[2, 2])", "np.float32(matrix / matrix[2, 2])"),
        "three pairs are taken for enough": ("len(source) < 4", "len(source) < 3"),
        "the points are moved to their mean in place": (
            "middle = points.mean(axis=0)",
            "middle = points.mean(axis=0)\n        points -= middle",
        ),
        "lists of points are not made arrays": (
            "    source, target = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)\n",
            "",
        ),
        "the matrix keeps length one: its last entry is not made 1": (
            "np.asarray(matrix / matrix[2, 2])",
            "np.asarray(matrix / np.linalg.norm(matrix))",
        ),
        "the third row is left out: an affine map, in which parallels stay parallel": (
            "    above = np.stack([-x, -y, -one, zero, zero, zero, u * x, u * y, u], axis=1)\n"
            "    below = np.stack([zero, zero, zero, -x, -y, -one, v * x, v * y, v], axis=1)\n",
            "    above = np.stack([-x, -y, -one, zero, zero, zero, zero, zero, u], axis=1)\n"
            "    below = np.stack([zero, zero, zero, -x, -y, -one, zero, zero, v], axis=1)\n",
        ),
    },
)
survives(
    module.homography,
    {
        "points of another dtype become float64 in the first product": [
            ("np.asarray(source, dtype=np.float64)", "np.asarray(source)"),
            ("np.asarray(target, dtype=np.float64)", "np.asarray(target)"),
        ],
        "points all in one place have no homography, whatever they are divided by": [("1e-12", "-0.999999999999")],
        "how many left singular vectors are computed does not matter": [
            ("len(rows) < 9", "len(rows) <= 9"),
            ("len(rows) < 9", "len(rows) < 10"),
            (", full_matrices=len(rows) < 9", ""),
        ],
    },
)
