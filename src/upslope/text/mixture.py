"""Two language models mixed: the probability of each token is a weighted mean of both.

F. Jelinek, R. Mercer, "Interpolated estimation of Markov source parameters from sparse data", 1980. Models that make
different mistakes are better together: where one finds a token impossible, it costs little if the other does not. The
weight is set on text that neither was fitted to.
"""

import numpy as np
from numpy.typing import NDArray

Losses = NDArray[np.float64]


def mixed_losses(first: Losses, second: Losses, weight: float) -> Losses:
    """The losses -ln(weight p + (1 - weight) q) of tokens that cost -ln p in `first` and -ln q in `second`: (N,)."""
    with np.errstate(divide="ignore"):  # the logarithm of a weight of 0 is minus infinity, as it should be
        ours, theirs = np.log(weight), np.log1p(-weight)
    return np.asarray(-np.logaddexp(ours - first, theirs - second))


def best_weight(first: Losses, second: Losses) -> float:
    """The weight of the first, out of 0.00, 0.01, ... 1.00, with the smallest mean loss of the mixture.

    The mean loss is a convex function of the weight, so a finer search would find nothing far away.
    """
    weights = np.linspace(0, 1, 101)
    means = [mixed_losses(first, second, weight).mean() for weight in weights]
    return float(weights[int(np.argmin(means))])
