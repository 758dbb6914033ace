"""Whether probabilities can be believed: of what is called 80 % sure, is 80 % right?

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017,
https://arxiv.org/abs/1706.04599: the expected calibration error (section 2) and temperature scaling (section 4.2), one
number that all logits are divided by, chosen on validation data. It changes no answer, only how sure it is.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.runs import figures

Floats = NDArray[Any]
BINS = 10


def temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """The T > 0 for which softmax(logits / T) gives these labels the smallest negative log-likelihood."""
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t))[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of probabilities, row by row."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def calibration_error(probabilities: Floats, labels: NDArray[np.int64], bins: int = BINS) -> float:
    """The mean distance between how sure an answer is and how often such answers are right, over bins of sureness."""
    sure, right, share = reliability(probabilities, labels, bins)
    return float(np.nansum(share * np.abs(sure - right)))


def reliability(probabilities: Floats, labels: NDArray[np.int64], bins: int = BINS) -> tuple[Floats, Floats, Floats]:
    """For each bin the mean sureness, the share of right answers (both nan where it is empty), its share of samples."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    where = np.minimum((top * bins).astype(np.int64), bins - 1)
    counts = np.bincount(where, minlength=bins)
    with np.errstate(invalid="ignore"):
        return (
            np.bincount(where, weights=top, minlength=bins) / counts,
            np.bincount(where, weights=right, minlength=bins) / counts,
            counts / max(1, len(labels)),
        )


def draw(before: Floats, after: Floats, labels: NDArray[np.int64]) -> Any:
    """Reliability before and after temperature scaling, beside the diagonal of perfect calibration."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color=figures.FAINT, linewidth=1)
    for name, probabilities in (("as trained", before), ("temperature scaled", after)):
        sure, right, _ = reliability(probabilities, labels)
        there = ~np.isnan(right)
        axis.plot(sure[there], right[there], marker="o", label=name)
    axis.set_xlabel("how sure")
    axis.set_ylabel("how often right")
    axis.legend(frameon=False)
    return figure
