"""Integrated gradients: how much of a score each number of the input accounts for, compared with a baseline.

M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", 2017, https://arxiv.org/abs/1703.01365.

- Gradients along the straight line from the baseline to the input, averaged, times the difference (equation 1).
- Completeness (proposition 1): the attributions add up to the difference of the scores. Steps are finite, so they do
  nearly; `completeness_error` says by how much they miss.
- The sum is taken at the middle of each step, where it is exact for scores that are quadratic along the line. The
  paper's own sum (equation 3) takes the end of each step.
- Left out: other paths, and the average over many baselines.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Score = Callable[[Tensor], Tensor]  # (N, *S) to (N,)


def integrated_gradients(
    score: Score, x: Float[Tensor, "*S"], *, baseline: Float[Tensor, "*S"], steps: int = 64
) -> Float[Tensor, "*S"]:
    """(x - baseline) times the mean of score's gradient at `steps` points of the line from the baseline to x.

    `score` takes a batch of inputs (N, *S) and gives a number for each, (N,). The line is cut into equal steps and each
    gradient taken at the middle of one: baseline + (k - 1/2) / steps * (x - baseline) for k = 1 ... steps. The result
    has the shape and dtype of x, belongs to no graph, and its sum is nearly score(x) - score(baseline).

    For score = x1 * x2 at x = [2, 3] over the baseline [0, 0] the gradient at a point a * x is [3a, 2a]; its mean is
    [1.5, 1], and the result [3, 3], which sums to 6 = 2 * 3. The plain gradient times x would be [6, 6].
    Sundararajan et al. 2017, equations 1 and 3.
    """
    # How far along the line each point lies: in the middle of its step.
    along = (torch.arange(steps, dtype=x.dtype, device=x.device) + 0.5) / steps
    difference = (x - baseline).detach()
    # All points of the line as one batch.
    points = baseline.detach() + along.reshape(-1, *(1 for _ in x.shape)) * difference
    points.requires_grad_()
    # Every point's score depends on that point alone, so the gradient of the sum holds each one's own.
    with torch.enable_grad():
        (gradients,) = torch.autograd.grad(score(points).sum(), points)
    # The mean stands for the integral.
    return difference * gradients.mean(dim=0)


@torch.no_grad()
def completeness_error(
    attributions: Float[Tensor, "*S"], score: Score, x: Float[Tensor, "*S"], *, baseline: Float[Tensor, "*S"]
) -> float:
    """How far the attributions' sum is from score(x) - score(baseline), with its sign (proposition 1)."""
    there, here = score(torch.stack([baseline, x])).double().tolist()
    return float(attributions.double().sum() - (here - there))
