"""What naive_bayes must do."""

import math

import numpy as np
from scipy.sparse import csr_array

from upslope.checks import grades, wrong
from upslope.checks.expect import Mismatch, close, equal, quiet
from upslope.checks.samples import spelled
from upslope.text.classify import naive_bayes as module


def by_definition(counts, labels, classes, alpha):
    """Class by class and term by term, in plain Python."""
    rows = [[counts[n] for n in range(len(labels)) if labels[n] == c] for c in range(classes)]
    prior = [math.log(len(row) / len(labels)) for row in rows]
    terms = []
    for row in rows:
        totals = [math.fsum(text[t] for text in row) + alpha for t in range(counts.shape[1])]
        terms.append([math.log(total / math.fsum(totals)) for total in totals])
    return np.array(prior), np.array(terms)


def words(counts, labels, classes, alpha):
    return f"naive_bayes({spelled(counts)}, {spelled(labels)}, {classes}, alpha={alpha:g}), the counts as a csr_array"


def both(got, case):
    if type(got) is not tuple or len(got) != 2:
        raise Mismatch("what came back is not a pair of arrays", case=case, got=type(got).__name__, expected="tuple")
    return got


def ask(counts, labels, classes, alpha=1.0, expected=None):
    counts, labels = np.array(counts), np.array(labels)
    case = words(counts, labels, classes, alpha)
    prior, terms = both(module.naive_bayes(csr_array(counts), labels, classes, alpha=alpha), case)
    wanted = expected or by_definition(counts, labels, classes, alpha)
    close(prior, wanted[0], case=f"{case}: ln P(class)")
    close(terms, wanted[1], case=f"{case}: ln P(term | class)")


def drawn(rng, texts, terms, classes):
    labels = rng.permutation(np.concatenate([np.arange(classes), rng.integers(0, classes, texts - classes)]))
    return rng.integers(0, 4, (texts, terms)) * (rng.random((texts, terms)) < 0.6), labels


@grades(module.naive_bayes)
def test_by_hand(rng):
    """[2, 0] and [1, 1] of class 0, [0, 1] of class 1: P(term | 0) = [4/6, 2/6], P(term | 1) = [1/3, 2/3]"""
    wanted = np.log([2 / 3, 1 / 3]), np.log([[4 / 6, 2 / 6], [1 / 3, 2 / 3]])
    ask([[2, 0], [1, 1], [0, 1]], [0, 0, 1], 2, expected=wanted)


@grades(module.naive_bayes)
def test_kind(rng):
    """a pair of arrays of float64: one number a class, and a row a class with a column a term"""
    for dtype in (np.int64, np.float64):
        counts, labels = drawn(rng, 6, 5, 3)
        case = words(counts, labels, 3, 1.0)
        got = both(module.naive_bayes(csr_array(counts.astype(dtype)), labels, 3), case)
        for array, shape, what in zip(got, ((3,), (3, 5)), ("ln P(class)", "ln P(term | class)"), strict=True):
            if type(array) is not np.ndarray:
                raise Mismatch(f"{what} is not an array", case=case, got=type(array).__name__, expected="ndarray")
            equal(array.shape, shape, case=case, problem=f"the shape of {what} is wrong")
            equal(array.dtype.name, "float64", case=case, problem=f"the dtype of {what} is wrong")


@grades(module.naive_bayes)
def test_prior(rng):
    """the probability of a class is its share of the texts, however long they are"""
    ask([[9, 9], [1, 0], [0, 1], [0, 0]], [1, 0, 0, 0], 2)


@grades(module.naive_bayes)
def test_random(rng):
    """random counts of two to four classes, in any order, class by class"""
    for texts, terms, classes in ((2, 1, 2), (5, 3, 2), (9, 4, 3), (8, 6, 4)):
        counts, labels = drawn(rng, texts, terms, classes)
        ask(counts, labels, classes)


@grades(module.naive_bayes)
def test_one_class(rng):
    """with a single class its probability is 1"""
    ask([[1, 2], [3, 0]], [0, 0], 1)


@grades(module.naive_bayes)
def test_alpha(rng):
    """other values of alpha, each added to every count, those that are 0 as well"""
    counts, labels = drawn(rng, 6, 4, 2)
    for alpha in (0.01, 0.5, 3.0):
        ask(counts, labels, 2, alpha)


@grades(module.naive_bayes)
def test_never_seen(rng):
    """a term that no text of a class has is improbable there, and not impossible: no ln 0"""
    counts, labels = np.array([[3, 0, 0], [0, 5, 0]]), np.array([0, 1])
    case = words(counts, labels, 2, 1.0)
    expected = by_definition(counts, labels, 2, 1.0)[1]
    quiet(lambda: module.naive_bayes(csr_array(counts), labels, 2)[1], expected, case=case)


@grades(module.naive_bayes)
def test_sums_to_one(rng):
    """over all terms the probabilities of each class sum to 1, and over the classes those of the classes"""
    counts, labels = drawn(rng, 30, 50, 4)
    case = words(counts, labels, 4, 0.7)
    prior, terms = both(module.naive_bayes(csr_array(counts), labels, 4, alpha=0.7), case)
    close(np.exp(prior).sum(), 1.0, case=f"{case}: P(class), summed")
    close(np.exp(terms).sum(axis=1), np.ones(4), case=f"{case}: P(term | class), summed over the terms")


@grades(module.naive_bayes)
def test_inputs_stay(rng):
    """the counts and the labels are as before"""
    counts, labels = drawn(rng, 6, 4, 2)
    given, before = csr_array(counts), labels.copy()
    module.naive_bayes(given, labels, 2)
    equal(given.toarray(), counts, case=f"{words(counts, before, 2, 1.0)}: the counts afterwards")
    equal(labels, before, case=f"{words(counts, before, 2, 1.0)}: the labels afterwards")


wrong(
    module.naive_bayes,
    {
        "nothing is added to the counts, so a term that was never seen has the probability 0": (
            ").T + alpha\n",
            ").T\n",
        ),
        "alpha is always 1, whatever was given": (").T + alpha\n", ").T + 1.0\n"),
        "alpha is added to the counts, not to their sum, so they do not sum to 1": (
            "totals / totals.sum(axis=1, keepdims=True)",
            "totals / (totals - alpha).sum(axis=1, keepdims=True)",
        ),
        "the probability of a class given the term: each column sums to 1, not each row": (
            "totals.sum(axis=1, keepdims=True)",
            "totals.sum(axis=0, keepdims=True)",
        ),
        "all classes are taken to be equally frequent": (
            "belongs.sum(axis=1) / len(labels)",
            "np.full(classes, 1 / classes)",
        ),
        "the probability of a class is its share of all words, so long texts count more": (
            "np.log(prior)",
            "np.log((totals - alpha).sum(axis=1) / counts.sum())",
        ),
        "probabilities, not their logarithms": (
            "return np.log(prior), np.log(likelihood)",
            "return prior, likelihood",
        ),
        "the share of the texts that have the term, not of the words": (
            "(counts.T @ belongs",
            "((counts > 0).astype(np.float64).T @ belongs",
        ),
        "a column for each class and a row for each term": ("np.log(likelihood)", "np.log(likelihood).T"),
        "the counts are capped at 1 in place": (
            "    # How often each term stands",
            "    counts.data[:] = np.minimum(counts.data, 1)\n    # How often each term stands",
        ),
    },
)
