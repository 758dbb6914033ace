"""NBSVM: a support vector machine over words that are weighted by what naive Bayes knows of them.

S. Wang, C. Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", 2012,
https://aclanthology.org/P12-2018/

- What counts is whether a word or a pair of words is there, not how often.
- Each is multiplied by its log-count ratio r: how much commoner it is in one class than in the rest.
- The paper draws the weights towards their mean size by `beta`, and its rows are as long as its texts. With rows of
  length 1, as TF-IDF's are, nothing has to be drawn anywhere (`beta` = 1), and validation prefers that.
- For several classes each stands against all others, which the paper leaves open.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from upslope.text.classify.linear import Floats, one_hot
from upslope.text.classify.svm import fit_svm


def log_count_ratio(present: csr_array, belongs: NDArray[np.bool_], *, alpha: float = 1.0) -> Floats:
    """ln of how much commoner each term is in the texts that belong to a class than in the others: (V,)."""
    p = alpha + np.asarray(present[belongs].sum(axis=0), dtype=np.float64)
    q = alpha + np.asarray(present[~belongs].sum(axis=0), dtype=np.float64)
    return np.asarray(np.log((p / p.sum()) / (q / q.sum())))


def binary(counts: csr_array) -> csr_array:
    """1 where a term is, however often."""
    return csr_array((np.ones(len(counts.data)), counts.indices, counts.indptr), shape=counts.shape)


@dataclass(frozen=True)
class NBSVM:
    """A border for each class: ratios (V, K) that terms are multiplied by, weights (V, K), intercepts (K,)."""

    ratios: Floats
    weights: Floats
    intercept: Floats
    unit_rows: bool = True

    def scores(self, counts: csr_array) -> Floats:
        """How strongly each text speaks for each class: (N, K)."""
        present = binary(counts)
        columns = [
            weighted(present, r, unit_rows=self.unit_rows) @ w
            for r, w in zip(self.ratios.T, self.weights.T, strict=True)
        ]
        found = np.stack(columns, axis=1) + self.intercept
        return np.concatenate([-found, found], axis=1) if found.shape[1] == 1 else found

    def predict(self, counts: csr_array) -> NDArray[np.int64]:
        """The class of each text: (N,)."""
        return np.asarray(self.scores(counts).argmax(axis=1))


def weighted(present: csr_array, ratio: Floats, *, unit_rows: bool) -> csr_array:
    """The terms that are there, each by its ratio; rows of length 1 if wished, empty ones zero."""
    rows = csr_array(present.multiply(ratio))
    if not unit_rows:
        return rows
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.where(lengths > 0, lengths, 1)) @ rows)


def fit_nbsvm(
    counts: csr_array,
    labels: NDArray[np.int64],
    classes: int,
    *,
    c: float = 30.0,
    alpha: float = 1.0,
    beta: float = 1.0,
    unit_rows: bool = True,
    tolerance: float = 1e-3,
) -> NBSVM:
    """Learn from counts (N, V) with classes (N,). The paper's own: c=1, beta=0.25, unit_rows=False."""
    one_hot(labels, classes)
    present = binary(counts)
    ratios, weights, intercepts = [], [], []
    for label in range(classes) if classes > 2 else (1,):
        belongs = labels == label
        r = log_count_ratio(present, belongs, alpha=alpha)
        rows = weighted(present, r, unit_rows=unit_rows)
        machine = fit_svm(rows, belongs.astype(np.int64), 2, c=c, tolerance=tolerance)
        w = machine.weights[:, 1]
        ratios.append(r)
        weights.append((1 - beta) * np.abs(w).mean() + beta * w)
        intercepts.append(machine.intercept[1])
    return NBSVM(np.stack(ratios, axis=1), np.stack(weights, axis=1), np.array(intercepts), unit_rows)
