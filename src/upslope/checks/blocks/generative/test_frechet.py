"""What frechet_distance must do."""

import numpy as np
import scipy.linalg
import torch

from upslope.blocks.generative import frechet
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import TorchOp, tensor
from upslope.checks.expect import close, equal, true
from upslope.checks.samples import some

# Rows of the one, rows of the other, features.
SIZES = ((6, 6, 1), (8, 8, 2), (9, 5, 3), (30, 40, 4))


def by_scipy(a, b):
    """The formula with SciPy's matrix root."""
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return float(np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * root))


def mixed(rng, rows, features):
    """Rows whose features have means and correlations of their own."""
    return np.round(some(rng, rows, features) @ some(rng, features, features) + some(rng, features), 2)


def drawn(*sizes):
    return lambda rng: [{"a": mixed(rng, n, features), "b": mixed(rng, m, features)} for n, m, features in sizes]


def moved(rng):
    """The same features, as they are and moved by a vector."""
    for n, _, features in SIZES:
        a = mixed(rng, n, features)
        yield from ({"a": a, "b": a}, {"a": a, "b": a + some(rng, features)})


DISTANCE = TorchOp(frechet.frechet_distance, samples=drawn(*SIZES), truth=by_scipy, tensor=torch.from_numpy)

test_by_hand = DISTANCE.by_hand(
    "features 0, 2 and 1, 5: means 1 and 3, variances 2 and 8, distance 6",
    ({"a": [[0.0], [2.0]], "b": [[1.0], [5.0]]}, 6),
)
test_random = DISTANCE.random(
    "random features, of different counts: the formula with SciPy's matrix root", dtypes=("float64",), atol=1e-4
)
test_large = DISTANCE.large("300 rows of 64 features", drawn((300, 300, 64)), dtype="float64", atol=1e-3)
test_moved = DISTANCE.random(
    "the same features moved by a vector: its squared length; to itself: 0", moved, dtypes=("float64",), atol=1e-5
)
test_correlations = DISTANCE.by_hand(
    "features that rise together are not features of which one falls: the covariance counts",
    (
        {"a": [[-1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, 1.0]], "b": [[-1.0, 1.0], [1.0, -1.0]] * 2},
        16 / 3,
    ),
)


@grades(frechet.frechet_distance)
def test_few_rows(rng):
    """fewer rows than features, and a feature that never changes: finite, the same both ways"""
    a, b = some(rng, 3, 5), some(rng, 4, 5)
    b[:, 2] = 1.0
    got, back = frechet.frechet_distance(tensor(a), tensor(b)), frechet.frechet_distance(tensor(b), tensor(a))
    case = "3 and 4 rows of 5 features, of which one never changes in the second"
    close(got, back, case=f"{case}: the second to the first, and the first to the second", atol=1e-5)
    floor = np.square(a.mean(0) - b.mean(0)).sum()
    # Rank 2 and 3: the nuclear norm of the product of the centred features is the trace of the root.
    left, right = a - a.mean(0), b - b.mean(0)
    shared = np.linalg.svd(left @ right.T / np.sqrt((len(a) - 1) * (len(b) - 1)), compute_uv=False).sum()
    spread = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    close(got, floor + spread - 2 * shared, case=case, atol=1e-5)


@grades(frechet.frechet_distance)
def test_float64(rng):
    """a Python number, computed in float64 also for features in float32 far from 0, which stay as they are"""
    a, b = (np.round(64 * some(rng, 30, 2)) / 64 + 1000 for _ in range(2))  # numbers that float32 holds exactly
    one, two = (torch.tensor(x, dtype=torch.float32) for x in (a, b))
    got = frechet.frechet_distance(one, two)
    true(type(got) is float, "a Python number is wanted", case="float32 features", got=type(got).__name__)
    near = frechet.frechet_distance(tensor(a - 1000), tensor(b - 1000))
    close(got, near, case="float32 features around 1000", atol=1e-6)
    equal(one, a, case="the first features afterwards")


test_refuses = DISTANCE.refuses(
    "fewer than two rows raise a ValueError that says how many",
    ({"a": np.ones((1, 2)), "b": np.eye(3, 2)}, ["1 row"]),
    ({"a": np.eye(3, 2), "b": np.ones((1, 2))}, ["1 row"]),
    ({"a": np.ones((0, 2)), "b": np.eye(3, 2)}, ["0 rows"]),
)


wrong(
    frechet.frechet_distance,
    {
        "the distance of the means is not squared": (".square().sum()", ".square().sum().sqrt()"),
        "the covariances are divided by N, not by N - 1": ("/ (len(b) - 1)", "/ len(b)"),
        "the means are still in the covariances: these are second moments": (
            "centred_a, centred_b = a - a.mean(dim=0), b - b.mean(dim=0)",
            "centred_a, centred_b = a, b",
        ),
        "the root is taken element by element, not of the matrix": (
            "shared = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()",
            "shared = (cov_a @ cov_b).clamp(min=0).sqrt().trace()",
        ),
        "an eigenvalue that rounding pushed below 0 becomes nan": (
            """values.clamp(min=0).sqrt() @ vectors.T
    # root C_b root is symmetric with the eigenvalues of C_a C_b: the trace of the product's root is their roots' sum.
    shared = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
""",
            """values.sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ cov_b @ root).sqrt().sum()
""",
        ),
        "all is computed in float32, where large features lose their digits": (
            "a.double(), b.double()",
            "a.float(), b.float()",
        ),
        "only the variances are compared, without correlations": ("eigh(cov_a)", "eigh(cov_a.diag().diag())"),
        "a single row of features is taken: its covariance is not defined": ("if fewest < 2:", "if fewest < 1:"),
    },
)
