"""Classifiers equal scikit-learn's where it has them; NBSVM is its formulas, written out."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC

from upslope.text.classify.linear import NothingToLearn
from upslope.text.classify.logistic import fit_logistic
from upslope.text.classify.naive_bayes import fit_naive_bayes, naive_bayes
from upslope.text.classify.nbsvm import binary, fit_nbsvm, log_count_ratio, weighted
from upslope.text.classify.svm import fit_svm


@pytest.fixture(params=[2, 4])
def problem(request):
    """Counts whose terms lean towards the classes, and the classes."""
    rng = np.random.default_rng(request.param)
    labels = np.concatenate([np.arange(request.param), rng.integers(request.param, size=120 - request.param)])
    rates = rng.gamma(0.3, 1.0, size=(request.param, 60))
    return csr_array(rng.poisson(rates[labels]).astype(np.int64)), labels, request.param


def test_naive_bayes(problem):
    counts, labels, classes = problem
    for alpha in (1.0, 0.2):
        peer = MultinomialNB(alpha=alpha).fit(counts, labels)
        ours = fit_naive_bayes(counts, labels, classes, alpha=alpha)
        np.testing.assert_allclose(ours.weights.T, peer.feature_log_prob_, atol=1e-12)
        np.testing.assert_allclose(ours.intercept, peer.class_log_prior_, atol=1e-12)
        assert (ours.predict(counts) == peer.predict(counts)).all()


def test_logistic_regression(problem):
    counts, labels, classes = problem
    x = csr_array(counts / 10)
    peer = LogisticRegression(C=0.7, tol=1e-9, max_iter=5000).fit(x, labels)
    ours = fit_logistic(x, labels, classes, c=0.7, tolerance=1e-7)
    scores = ours.scores(x)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    if classes == 2:  # there one set of weights is as good as two that are half as large and opposite
        assert (ours.predict(x) == peer.predict(x)).mean() > 0.97
    else:
        np.testing.assert_allclose(probabilities, peer.predict_proba(x), atol=1e-4)


def test_support_vector_machine(problem):
    counts, labels, classes = problem
    x = csr_array(counts / 10)
    peer = LinearSVC(C=2.0, tol=1e-9, max_iter=100_000).fit(x, labels)
    ours = fit_svm(x, labels, classes, c=2.0, tolerance=1e-7)
    weights = ours.weights if classes > 2 else ours.weights[:, 1:]
    np.testing.assert_allclose(weights.T, peer.coef_, atol=1e-3)
    assert (ours.predict(x) == peer.predict(x)).all()


def test_nbsvm_by_its_formulas(problem):
    counts, labels, classes = problem
    present = (counts.toarray() > 0).astype(float)
    assert (binary(counts).toarray() == present).all()
    p, q = present[labels == 1].sum(axis=0) + 1, present[labels != 1].sum(axis=0) + 1
    r = np.log((p / p.sum()) / (q / q.sum()))
    np.testing.assert_allclose(log_count_ratio(binary(counts), labels == 1), r)
    peer = LinearSVC(C=1.0, tol=1e-9, max_iter=100_000).fit(present * r, labels == 1)
    for beta in (0.25, 1.0):
        ours = fit_nbsvm(counts, labels, classes, c=1.0, beta=beta, unit_rows=False, tolerance=1e-7)
        w = (1 - beta) * np.abs(peer.coef_[0]).mean() + beta * peer.coef_[0]
        np.testing.assert_allclose(ours.scores(counts)[:, 1], present * r @ w + peer.intercept_, atol=2e-2)
    assert (fit_nbsvm(counts, labels, classes).predict(counts) == labels).mean() > 0.9


def test_rows_of_length_1():
    rows = weighted(csr_array(np.array([[1.0, 1.0], [0.0, 0.0]])), np.array([3.0, -4.0]), unit_rows=True)
    np.testing.assert_allclose(rows.toarray(), [[0.6, -0.8], [0.0, 0.0]])


def test_labels_that_make_no_sense_are_said():
    counts = csr_array(np.eye(3, dtype=np.int64))
    for fit in (fit_naive_bayes, fit_logistic, fit_svm, fit_nbsvm):
        with pytest.raises(NothingToLearn, match="class 1 of 3 has no text to learn from"):
            fit(counts, np.array([0, 0, 2]), 3)
        with pytest.raises(NothingToLearn, match="label 2 is none of 2 classes, which are 0 to 1"):
            fit(counts, np.array([0, 1, 2]), 2)


def test_naive_bayes_takes_a_class_that_has_few_words():
    prior, likelihood = naive_bayes(csr_array(np.array([[2, 0], [1, 1], [0, 1]])), np.array([0, 0, 1]), 2)
    np.testing.assert_allclose(np.exp(prior), [2 / 3, 1 / 3])
    np.testing.assert_allclose(np.exp(likelihood), [[4 / 6, 2 / 6], [1 / 3, 2 / 3]])
