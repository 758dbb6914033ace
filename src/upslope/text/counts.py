"""Texts as rows of counts: the bag of words, TF-IDF, and hashing in place of a vocabulary.

K. Spärck Jones, "A statistical interpretation of term specificity and its application in retrieval", 1972,
https://doi.org/10.1108/eb026526; K. Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009,
https://arxiv.org/abs/0902.2206.

- A matrix of counts has a row for each text and a column for each term. Most of it is 0, so it is stored sparse: the
  counts that are not 0, their columns, and where each row begins (SciPy's CSR).
- Left out: stop words, which TF-IDF makes light anyway.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from upslope.text.murmur import murmur3
from upslope.text.ngrams import word_ngrams

Terms = Callable[[str], Sequence[str]]
_WORD = re.compile(r"\b\w\w+\b")


class NoTerms(ValueError):
    """There is nothing to count."""


def plain_words(text: str) -> list[str]:
    """The words of at least two letters or digits, in lower case."""
    return _WORD.findall(text.lower())


def words_and_pairs(text: str) -> list[str]:
    """The same, and every two that follow each other."""
    return word_ngrams(plain_words(text), high=2)


def document_frequencies(counts: csr_array) -> NDArray[np.int64]:
    """In how many of the texts (N, V) each term occurs: (V,)."""
    return np.bincount(counts.indices[counts.data != 0], minlength=counts.shape[1]).astype(np.int64)


def tf_idf(counts: csr_array, frequencies: NDArray[np.int64], documents: int) -> csr_array:
    """Counts weighted by how rare their terms are, each row brought to length 1.

    `counts` (N, V) are those of any texts; `frequencies` (V,) say in how many of the `documents` texts that were
    learned from each term occurs. With

        idf_t = ln((1 + documents) / (1 + frequencies_t)) + 1

    the number of term t in a row is count_t idf_t, divided by the square root of the sum of the squares of its row. A
    row without terms stays zero, also where it stores zeros. The result is a csr_array of float64 of the same shape,
    and `counts` is not changed. For 3 documents and the frequencies [3, 1] the idf is [1, ln 2 + 1 = 1.693], and the
    row [3, 1] becomes [3, 1.693] / 3.445 = [0.871, 0.492]. Spärck Jones 1972, in the form of scikit-learn.
    """
    # A term that is in every text weighs 1, a rare one more.
    weights = np.log((1 + documents) / (1 + frequencies)) + 1
    # Only what is stored has to be multiplied: each count by the weight of its column.
    values = counts.data * weights[counts.indices]
    # Which row each stored number belongs to, and how long each row is.
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(rows, weights=values**2))
    # A row may store zeros alone: its length is 0, and they stay what they are.
    lengths[lengths == 0] = 1
    return csr_array((values / lengths[rows], counts.indices.copy(), counts.indptr.copy()), shape=counts.shape)


class BagOfWords:
    """Counts over a vocabulary that is learned from texts: terms in alphabetical order, a column each."""

    def __init__(self, terms: Terms = plain_words, *, min_texts: int = 1, most: int | None = None) -> None:
        """Only terms that occur in `min_texts` texts have a column; of these the `most` that occur most often."""
        self.terms, self.min_texts, self.most = terms, min_texts, most
        self.columns: dict[str, int] = {}

    def fit(self, texts: Iterable[str]) -> csr_array:
        """Learn the vocabulary from these texts; their counts (N, V).

        Raises:
            NoTerms: no text has a term that is kept.
        """
        seen: dict[str, int] = {}
        counts = _counted(texts, lambda term: seen.setdefault(term, len(seen)), self.terms, lambda: len(seen))
        kept = np.flatnonzero(document_frequencies(counts) >= self.min_texts)
        names = list(seen)
        if self.most is not None and len(kept) > self.most:
            totals = np.asarray(counts.sum(axis=0)).ravel()
            # Of terms that occur equally often the first of the alphabet.
            kept = np.array(sorted(kept, key=lambda column: (-totals[column], names[column]))[: self.most])
        order = np.array(sorted(kept, key=names.__getitem__), dtype=np.int64)
        if not len(order):
            raise NoTerms(f"no term occurs in {self.min_texts} of the texts or more: give more texts, or a lower limit")
        self.columns = {names[old]: new for new, old in enumerate(order)}
        chosen = csr_array(counts[:, order])
        chosen.sort_indices()
        return chosen

    def transform(self, texts: Iterable[str]) -> csr_array:
        """The counts of other texts (N, V); terms that were not learned are left out."""
        return _counted(texts, self.columns.get, self.terms, lambda: len(self.columns))


class TfIdf:
    """A bag of words with TF-IDF weights."""

    def __init__(
        self, terms: Terms = plain_words, *, min_texts: int = 1, most: int | None = None, sublinear: bool = False
    ) -> None:
        """`sublinear` takes 1 + ln(count) for a count, so that the tenth time a word is said adds little."""
        self.bag, self.sublinear = BagOfWords(terms, min_texts=min_texts, most=most), sublinear
        self.frequencies: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.documents = 0

    def fit(self, texts: Iterable[str]) -> csr_array:
        """Learn vocabulary and weights from these texts; their rows (N, V)."""
        counts = self.bag.fit(texts)
        self.frequencies, self.documents = document_frequencies(counts), counts.shape[0]
        return tf_idf(self._damped(counts), self.frequencies, self.documents)

    def transform(self, texts: Iterable[str]) -> csr_array:
        """The rows of other texts (N, V)."""
        return tf_idf(self._damped(self.bag.transform(texts)), self.frequencies, self.documents)

    def _damped(self, counts: csr_array) -> csr_array:
        if not self.sublinear:
            return counts
        return csr_array((1 + np.log(counts.data), counts.indices, counts.indptr), shape=counts.shape)


def hashed(texts: Iterable[str], *, terms: Terms = plain_words, width: int = 2**18) -> csr_array:
    """Counts without a vocabulary (N, width): a term's hash is its column, and its sign, so that collisions cancel."""

    @lru_cache(maxsize=1 << 20)
    def place(term: str) -> tuple[int, int]:
        value = murmur3(term.encode())
        return abs(value) % width, 1 if value >= 0 else -1

    indices: list[int] = []
    values: list[float] = []
    starts = [0]
    for text in texts:
        for term in terms(text):
            column, sign = place(term)
            indices.append(column)
            values.append(sign)
        starts.append(len(indices))
    counts = csr_array(
        (np.array(values, dtype=np.float64), np.array(indices, dtype=np.int32), starts), (len(starts) - 1, width)
    )
    counts.sum_duplicates()
    return counts


def _counted(
    texts: Iterable[str], column_of: Callable[[str], int | None], terms: Terms, width: Callable[[], int]
) -> csr_array:
    indices: list[int] = []
    values: list[int] = []
    starts = [0]
    for text in texts:
        row: dict[int, int] = {}
        for term in terms(text):
            column = column_of(term)
            if column is not None:
                row[column] = row.get(column, 0) + 1
        indices.extend(row)
        values.extend(row.values())
        starts.append(len(indices))
    counts = csr_array(
        (np.array(values, dtype=np.int64), np.array(indices, dtype=np.int32), np.array(starts, dtype=np.int32)),
        shape=(len(starts) - 1, width()),
    )
    counts.sort_indices()
    return counts
