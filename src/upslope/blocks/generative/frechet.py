"""How far two sets of images are apart, by the means and covariances of their features.

M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017,
https://arxiv.org/abs/1706.08500, section 3, with the features of an Inception network. D. C. Dowson, B. V. Landau, "The
Frechet Distance between Multivariate Normal Distributions", 1982.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def frechet_distance(a: Float[Tensor, "N D"], b: Float[Tensor, "M D"]) -> float:
    """|m_a - m_b|^2 + trace(C_a + C_b - 2 (C_a C_b)^(1/2)): the squared Frechet distance of two normal distributions.

    Each row of `a` and `b` holds the features of one image; m are the means, C the covariances over the rows, divided
    by N - 1. Computed in float64, also for features in float32. The roots of a covariance that has no inverse (fewer
    rows than features, a feature that never changes) are real, and the distance of a set to itself is 0 within
    rounding. For the features [0], [2] and [1], [5] the means are 1 and 3, the variances 2 and 8, and the distance is
    4 + (2 + 8 - 2 * 4) = 6. Fewer than two rows have no covariance and are refused: ValueError says "1 row". Heusel et
    al. 2017, equation 6.
    """
    # One row has no covariance.
    fewest = min(len(a), len(b))
    if fewest < 2:
        raise ValueError(f"{fewest} row{'' if fewest == 1 else 's'} of features: a covariance needs at least 2")
    # The means, and how far they are apart, squared.
    a, b = a.double(), b.double()
    apart = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    # The covariances, (D, D): sums of outer products of what is left of each row without its mean.
    centred_a, centred_b = a - a.mean(dim=0), b - b.mean(dim=0)
    cov_a = centred_a.T @ centred_a / (len(a) - 1)
    cov_b = centred_b.T @ centred_b / (len(b) - 1)
    # The symmetric root of the first; rounding may have pushed an eigenvalue of 0 below it.
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    # root C_b root is symmetric with the eigenvalues of C_a C_b: the trace of the product's root is their roots' sum.
    shared = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    return float(apart + cov_a.trace() + cov_b.trace() - 2 * shared)
