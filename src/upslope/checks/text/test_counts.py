"""What tf_idf must do."""

import math

import numpy as np
from scipy.sparse import csr_array

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import Mismatch, close, equal, quiet, true
from upslope.checks.samples import spelled
from upslope.text import counts as module


def by_definition(counts, frequencies, documents):
    """Number by number, in plain Python."""
    rows = []
    for row in counts:
        idf = [math.log((1 + documents) / (1 + f)) + 1 for f in frequencies]
        weights = [float(c) * w for c, w in zip(row, idf, strict=True)]
        length = math.sqrt(math.fsum(w * w for w in weights))
        rows.append([w / length if length else 0.0 for w in weights])
    return np.array(rows).reshape(np.shape(counts))


def words(counts, frequencies, documents):
    return f"tf_idf({spelled(counts)}, {spelled(frequencies)}, {documents}), the counts as a csr_array"


def dense(got, case):
    if type(got) is not csr_array:
        raise Mismatch("what came back is not a csr_array", case=case, got=type(got).__name__, expected="csr_array")
    return got.toarray()


def ask(counts, frequencies, documents, expected=None):
    counts, frequencies = np.array(counts), np.array(frequencies)
    case = words(counts, frequencies, documents)
    got = dense(module.tf_idf(csr_array(counts), frequencies, documents), case)
    close(got, by_definition(counts, frequencies, documents) if expected is None else expected, case=case)


def drawn(rng, texts, terms, most=4):
    counts = rng.integers(1, most, (texts, terms)) * (rng.random((texts, terms)) < 0.5)
    return counts, (counts > 0).sum(axis=0)


@grades(module.tf_idf)
def test_by_hand(rng):
    """3 documents, frequencies [3, 1]: the row [3, 1] becomes [3, 1.693] / 3.445 = [0.871, 0.492]"""
    rare = math.log(2) + 1
    ask([[3, 1]], [3, 1], 3, np.array([[3.0, rare]]) / math.hypot(3, rare))


@grades(module.tf_idf)
def test_kind(rng):
    """a csr_array of float64 in the shape of the counts, which stores no number that they do not"""
    for dtype in (np.int64, np.int32, np.float64):
        counts, frequencies = drawn(rng, 5, 7)
        given = csr_array(counts.astype(dtype))
        case = words(counts, frequencies, 5)
        got = module.tf_idf(given, frequencies, 5)
        equal(dense(got, case).shape, (5, 7), case=case, problem="the shape is wrong")
        equal(got.dtype.name, "float64", case=case, problem="the dtype is wrong")
        true(got.nnz <= given.nnz, "zeros are stored as well", case=case, got=got.nnz, expected=given.nnz)


@grades(module.tf_idf)
def test_rare_terms(rng):
    """the rarer a term, the heavier; one that is in every document has the weight 1"""
    ask([[1, 1, 1]], [9, 4, 1], 9)
    ask([[2, 2]], [5, 5], 5, [[math.sqrt(0.5)] * 2])


@grades(module.tf_idf)
def test_random(rng):
    """random counts, number by number"""
    for texts, terms in ((1, 1), (3, 4), (6, 2), (4, 9)):
        counts, frequencies = drawn(rng, texts, terms)
        ask(counts, frequencies, texts)


@grades(module.tf_idf)
def test_other_texts(rng):
    """other texts than those that were learned from: `documents` is not the number of rows"""
    counts, _ = drawn(rng, 3, 5)
    ask(counts, rng.integers(0, 50, 5), 50)
    ask([[1, 1]], [0, 2], 2)


@grades(module.tf_idf)
def test_rows(rng):
    """every row that has a term has the length 1, whatever is in the others"""
    counts, frequencies = drawn(rng, 6, 8)
    counts[:, 0] = 1 + np.arange(6) ** 3
    case = words(counts, frequencies, 6)
    got = dense(module.tf_idf(csr_array(counts), frequencies, 6), case)
    close((got**2).sum(axis=1), np.ones(6), case=f"{case}: the squares of each row, summed")


@grades(module.tf_idf)
def test_empty_texts(rng):
    """a row without terms stays zero, without nan or a warning: at the beginning, between and at the end"""
    counts = np.array([[0, 0], [1, 2], [0, 0], [0, 3], [0, 0]])
    frequencies = np.array([1, 2])
    case = words(counts, frequencies, 5)
    expected = by_definition(counts, frequencies, 5)
    quiet(lambda: module.tf_idf(csr_array(counts), frequencies, 5).toarray(), expected, case=case)
    ask(np.zeros((2, 3), dtype=np.int64), [1, 1, 1], 4)
    stored = csr_array((np.array([0, 0, 3]), np.array([0, 1, 1]), np.array([0, 2, 3])), shape=(2, 2))
    case = "a row that stores two zeros, and one that stores a 3"
    quiet(lambda: module.tf_idf(stored, frequencies, 5).toarray(), np.array([[0.0, 0.0], [0.0, 1.0]]), case=case)


@grades(module.tf_idf)
def test_large(rng):
    """a vocabulary so large that only what is stored can be computed with"""
    width = 10**6
    columns = np.sort(rng.choice(width, 12, replace=False)).astype(np.int32)
    given = csr_array((np.arange(1, 13), columns, [0, 5, 5, 12]), shape=(3, width))
    frequencies = np.full(width, 2)
    got = module.tf_idf(given, frequencies, 7)
    true(type(got) is csr_array and got.nnz == 12, "not 12 stored numbers", case="12 counts in 3 rows of 1,000,000")
    part = given[:, columns].toarray()
    expected = by_definition(part, frequencies[:12], 7)
    close(got[:, columns].toarray(), expected, case="12 counts in 3 rows of 1,000,000")


@grades(module.tf_idf)
def test_inputs_stay(rng):
    """the counts and frequencies stay, and a later change of the counts does not reach the result"""
    counts, frequencies = drawn(rng, 4, 5)
    counts[0, 0] = 2
    given, before = csr_array(counts), frequencies.copy()
    case = words(counts, frequencies, 4)
    got = module.tf_idf(given, frequencies, 4)
    first = dense(got, case).copy()
    equal(given.toarray(), counts, case=f"{case}: the counts afterwards")
    equal(frequencies, before, case=f"{case}: the frequencies afterwards")
    given.data[:], given.indices[:] = 7, 0
    equal(got.toarray(), first, case=f"{case}: the result after the counts were changed")


wrong(
    module.tf_idf,
    {
        "without the 1 behind the logarithm: a term of every document counts nothing": (
            "np.log((1 + documents) / (1 + frequencies)) + 1",
            "np.log((1 + documents) / (1 + frequencies))",
        ),
        "without the 1 added to documents and frequencies": (
            "(1 + documents) / (1 + frequencies)",
            "documents / np.maximum(frequencies, 1)",
        ),
        "frequent terms are the heavy ones: the fraction is upside down": (
            "(1 + documents) / (1 + frequencies)",
            "(1 + frequencies) / (1 + documents)",
        ),
        "the number of rows is taken for the number of documents": (
            "np.log((1 + documents)",
            "np.log((1 + counts.shape[0])",
        ),
        "rows are divided by their sum, not by their length": (
            "np.sqrt(np.bincount(rows, weights=values**2))",
            "np.bincount(rows, weights=values)",
        ),
        "rows are not brought to length 1": ("values / lengths[rows]", "values"),
        "all rows together are brought to length 1": ("values / lengths[rows]", "values / np.sqrt((lengths**2).sum())"),
        "a row that stores only zeros becomes nan": ("    lengths[lengths == 0] = 1\n", ""),
        "the weights of the columns are applied to the counts in place": (
            "values = counts.data * weights[counts.indices]",
            "values = counts.data * weights[counts.indices]; counts.data = values",
        ),
        "a term counts once, however often it stands there": ("counts.data * weights", "(counts.data > 0) * weights"),
        "the result is an array with all its zeros": ("shape=counts.shape)", "shape=counts.shape).toarray()"),
        "columns of the result are shared with the counts": ("counts.indices.copy()", "counts.indices"),
    },
)
survives(
    module.tf_idf,
    {
        "0 divided by whatever it is stays 0": [("lengths[lengths == 0] = 1", "lengths[lengths == 0] = 2")],
    },
)
