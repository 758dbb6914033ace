"""Multinomial naive Bayes: the probability of a class given the words, as if words were drawn one by one.

M. Maron, "Automatic Indexing: An Experimental Inquiry", 1961, https://doi.org/10.1145/321075.321084; as in C. Manning,
P. Raghavan, H. Schütze, "Introduction to Information Retrieval", 2008, chapter 13, https://nlp.stanford.edu/IR-book/.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from upslope.text.classify.linear import Linear, one_hot

Floats = NDArray[np.float64]


def naive_bayes(
    counts: csr_array, labels: NDArray[np.int64], classes: int, *, alpha: float = 1.0
) -> tuple[Floats, Floats]:
    """The logarithms of P(class) and P(term | class), learned by counting.

    `counts` (N, V) is how often each term stands in each text, `labels` (N,) the class of each text, from 0 to
    `classes` - 1, and every class has a text. With N_c the number of texts of class c and T_ct the number of times that
    term t stands in all of them together

        P(c) = N_c / N        P(t | c) = (T_ct + alpha) / (sum over all terms of (T_cs + alpha))

    The `alpha` added to each count (Laplace smoothing) keeps a term that a class has never shown from ruling the class
    out. Returned are ln P(c), (K,), and ln P(t | c), (K, V), of float64; `counts` is not changed. For two texts [2, 0]
    and [1, 1] of class 0 and one [0, 1] of class 1, with alpha 1: T is [[3, 1], [0, 1]], so P(t | 0) = [4/6, 2/6],
    P(t | 1) = [1/3, 2/3] and P(c) = [2/3, 1/3]. Manning et al. 2008, section 13.2.
    """
    # A row for each class says which texts are its own.
    belongs = np.arange(classes)[:, np.newaxis] == labels
    # How many texts of each class there are, as a share of all.
    prior = belongs.sum(axis=1) / len(labels)
    # How often each term stands in the texts of a class, all of them together, and a little more.
    totals = (counts.T @ belongs.T.astype(np.float64)).T + alpha
    # Of each class a distribution over terms.
    likelihood = totals / totals.sum(axis=1, keepdims=True)
    return np.log(prior), np.log(likelihood)


def fit_naive_bayes(counts: csr_array, labels: NDArray[np.int64], classes: int, *, alpha: float = 1.0) -> Linear:
    """The classifier: ln P(class) and the sum of ln P(term | class) over the words of a text, which is linear."""
    one_hot(labels, classes)  # refuses labels from which nothing follows
    prior, likelihood = naive_bayes(counts, labels, classes, alpha=alpha)
    return Linear(likelihood.T, prior)
