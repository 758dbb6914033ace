"""Calibration: of all answers that are given with 80 % confidence, are 80 % right?

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017,
https://arxiv.org/abs/1706.04599: the expected calibration error (section 2) and temperature scaling (section 4.2), one
number by which all logits are divided, fitted on validation data. It changes no answer, only the confidence in it.
Left out: vector and matrix scaling, histogram binning, isotonic regression.
"""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from upslope.runs.figures import COLOURS, FAINT

Floats = NDArray[np.floating]  # (N, K): logits or probabilities
Labels = NDArray[np.int64]  # (N,)
BINS = 15  # as in the paper's table 1
COLDEST, HOTTEST = 0.05, 20.0


def temperature(logits: Floats, labels: Labels) -> float:
    """The T for which softmax(logits / T) has the smallest negative log-likelihood; in [0.05, 20].

    In 1 / T that likelihood is convex, so one search finds the minimum. Where all answers are right there is none, and
    T would fall to 0: the lower bound stands for that.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        return float(-log_softmax(logits / np.exp(log_t))[np.arange(len(labels)), labels].mean())

    bounds = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def log_softmax(logits: Floats) -> NDArray[np.float64]:
    """Logarithms of probabilities, row by row: (N, K)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float64)


def calibration_error(probabilities: Floats, labels: Labels, *, bins: int = BINS) -> float:
    """The expected calibration error: mean distance of confidence and accuracy over bins, by their share of samples."""
    confidence, right, share = reliability(probabilities, labels, bins=bins)
    return float(np.nansum(share * np.abs(confidence - right)))


def reliability(
    probabilities: Floats, labels: Labels, *, bins: int = BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """By bin of confidence (bins,): its mean, the share of right answers (nan in empty bins), the share of samples."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # A bin takes its upper edge, as in the paper: (0.8, 0.9].
    where = np.clip(np.ceil(top * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(where, minlength=bins)
    with np.errstate(invalid="ignore"):
        return (
            np.bincount(where, weights=top, minlength=bins) / counts,
            np.bincount(where, weights=right, minlength=bins) / counts,
            counts / max(1, len(labels)),
        )


def diagram(before: Floats, after: Floats, labels: Labels) -> Figure:
    """The reliability diagram before and after temperature scaling; on the diagonal confidence is accuracy."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axis = figure.add_subplot()
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    for colour, (name, probabilities) in zip(
        COLOURS, (("as trained", before), ("temperature scaled", after)), strict=False
    ):
        confidence, right, share = reliability(probabilities, labels)
        there = share > 0
        error = calibration_error(probabilities, labels)
        axis.plot(confidence[there], right[there], color=colour, linewidth=1, label=f"{name}: ECE {100 * error:.1f} %")
        axis.scatter(confidence[there], right[there], s=12 + 400 * share[there], color=colour, alpha=0.6, linewidths=0)
    axis.set_xlabel("confidence")
    axis.set_ylabel("accuracy")
    axis.set_xlim(0, 1.02)
    axis.set_ylim(0, 1.02)
    axis.legend(frameon=False, fontsize=8, loc="upper left")
    return figure
