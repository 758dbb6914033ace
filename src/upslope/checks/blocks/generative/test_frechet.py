"""What frechet_distance must do."""

from functools import partial

import numpy as np
import scipy.linalg
import torch

from upslope.blocks.generative import frechet
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import tensor
from upslope.checks.expect import close, equal, raises, true
from upslope.checks.samples import some, spelled

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


@grades(frechet.frechet_distance)
def test_by_hand(rng):
    """features 0, 2 and 1, 5: means 1 and 3, variances 2 and 8, distance 6"""
    got = frechet.frechet_distance(tensor([[0.0], [2.0]]), tensor([[1.0], [5.0]]))
    true(type(got) is float, "a Python number is wanted", case="[[0], [2]] and [[1], [5]]", got=type(got).__name__)
    close(got, 6.0, case="features [[0], [2]] and [[1], [5]]")


@grades(frechet.frechet_distance)
def test_random(rng):
    """random features, of different counts: the formula with SciPy's matrix root"""
    for n, m, features in SIZES:
        a, b = mixed(rng, n, features), mixed(rng, m, features)
        got = frechet.frechet_distance(tensor(a), tensor(b))
        close(got, by_scipy(a, b), case=f"features {spelled(a)} and {spelled(b)}", rtol=1e-4, atol=1e-5)


@grades(frechet.frechet_distance)
def test_moved(rng):
    """the same features moved by a vector: its squared length; to itself: 0"""
    for n, _, features in SIZES:
        a, by = mixed(rng, n, features), some(rng, features)
        case = f"features {spelled(a)}"
        close(frechet.frechet_distance(tensor(a), tensor(a)), 0.0, case=f"{case} and themselves", atol=1e-5)
        got = frechet.frechet_distance(tensor(a), tensor(a + by))
        close(got, np.square(by).sum(), case=f"{case} and the same moved by {spelled(by)}", atol=1e-5)


@grades(frechet.frechet_distance)
def test_correlations(rng):
    """features that rise together are not features of which one falls: the covariance counts"""
    x = np.array([-1.0, 1.0, -1.0, 1.0])
    a, b = np.stack([x, x], 1), np.stack([x, -x], 1)
    got = frechet.frechet_distance(tensor(a), tensor(b))
    close(got, 4 * 4 / 3, case="features (x, x) and (x, -x) for x = -1, 1, -1, 1", atol=1e-5)


@grades(frechet.frechet_distance)
def test_few_rows(rng):
    """fewer rows than features, and a feature that never changes: finite, the same both ways"""
    a, b = some(rng, 3, 5), some(rng, 4, 5)
    b[:, 2] = 1.0
    got, back = frechet.frechet_distance(tensor(a), tensor(b)), frechet.frechet_distance(tensor(b), tensor(a))
    case = "3 and 4 rows of 5 features, of which one never changes in the second"
    close(got, back, case=f"{case}: the second to the first, and the first to the second", atol=1e-5)
    floor = np.square(a.mean(0) - b.mean(0)).sum()
    true(got >= floor - 1e-6, "the distance is smaller than that of the means", case=case, got=got, expected=floor)
    # Rank 2 and 3: the nuclear norm of the product of the centred features is the trace of the root.
    left, right = a - a.mean(0), b - b.mean(0)
    shared = np.linalg.svd(left @ right.T / np.sqrt((len(a) - 1) * (len(b) - 1)), compute_uv=False).sum()
    spread = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    close(got, floor + spread - 2 * shared, case=case, atol=1e-5)


@grades(frechet.frechet_distance)
def test_precision(rng):
    """features in float32 that lie far from 0 are computed in float64, and are not changed"""
    a = some(rng, 50, 3).astype(np.float32) + np.float32(1000)
    b = some(rng, 50, 3).astype(np.float32) + np.float32(1000)
    one, two = tensor(a, torch.float32), tensor(b, torch.float32)
    got = frechet.frechet_distance(one, two)
    expected = by_scipy(a.astype(np.float64), b.astype(np.float64))
    close(got, expected, case="50 rows of 3 features around 1000, float32", rtol=1e-4, atol=1e-5)
    equal(one, a, case="the first features afterwards")


@grades(frechet.frechet_distance)
def test_refuses(rng):
    """fewer than two rows raise a ValueError that says how many"""
    for rows, says in ((1, "1 row"), (0, "0 rows")):
        few, enough = torch.zeros(rows, 2, dtype=torch.float64), tensor(some(rng, 3, 2))
        for pair in ((few, enough), (enough, few)):
            raises(ValueError, partial(frechet.frechet_distance, *pair), case=f"{rows} and 3 rows", says=[says])


@grades(frechet.frechet_distance)
def test_float64(rng):
    """computed in float64, also for features in float32 far from 0"""
    a, b = (np.round(64 * some(rng, 30, 2)) / 64 + 1000 for _ in range(2))  # numbers that float32 holds exactly
    got = frechet.frechet_distance(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    near = frechet.frechet_distance(tensor(a - 1000), tensor(b - 1000))
    close(got, near, case="float32 features around 1000", atol=1e-6)


wrong(
    frechet.frechet_distance,
    {
        "the distance of the means is not squared": (".square().sum()", ".square().sum().sqrt()"),
        "only the means are compared": ("apart + cov_a.trace() + cov_b.trace() - 2 * shared", "apart"),
        "the trace of the shared root counts once, not twice": ("- 2 * shared", "- shared"),
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
