"""Interpolated Kneser-Ney: the strongest language model that only counts.

R. Kneser, H. Ney, "Improved backing-off for m-gram language modeling", 1995; interpolated, with one discount for each
order: S. Chen, J. Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1998,
https://arxiv.org/abs/cmp-lg/9606011 (the longer report of Harvard, TR-10-98, sections 3 and 4).

- From every count a discount is taken; what is saved goes to the shorter history.
- Below the highest order nothing is counted by how often it occurs, but by how many different tokens it follows.
- Left out: three discounts for each order (Chen and Goodman's modification), pruning.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def kneser_ney(count: Numbers, total: Numbers, distinct: Numbers, lower: Numbers, *, discount: float) -> Numbers:
    """max(count - discount, 0) / total + discount * distinct / total * lower, and `lower` where total is 0.

    The probability of a token after a history: `count` is how often the token followed it, `total` how often any
    did, `distinct` how many different ones did, and `lower` the probability of the token after the shorter history.
    All are arrays of one shape, float64. What the discount takes from each of the `distinct` counts is shared out in
    proportion to `lower`, so that probabilities still sum to 1. With count 2 of total 4, distinct 3, lower 0.2 and
    discount 0.5 it is 1.5 / 4 + 1.5 / 4 * 0.2 = 0.45. Chen and Goodman 1998, equation 4.34.
    """
    # Each count that is there gives the same discount away; a count of 0 has nothing to give.
    kept = np.maximum(count - discount, 0.0)
    # All that was given away, one discount for each token that was seen.
    saved = discount * distinct
    # Nothing was ever seen after some histories: then the shorter one alone counts.
    seen = total > 0
    whole = np.where(seen, total, 1.0)
    return np.where(seen, (kept + saved * lower) / whole, lower)


def gram_numbers(tokens: NDArray[np.integer], length: int, vocab_size: int) -> NDArray[np.int64]:
    """Each n-gram of this length as one number, its tokens as the digits."""
    tokens = np.asarray(tokens, dtype=np.int64)
    last = len(tokens) - length + 1
    found = np.zeros(max(last, 0), dtype=np.int64)
    for place in range(length):
        found = found * vocab_size + tokens[place : place + last]
    return found


def continuation_counts(
    tokens: NDArray[np.integer], *, order: int, vocab_size: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """What Kneser-Ney counts in a row of tokens (N,): for each order from 1 to `order` n-grams, and a count of each.

    An n-gram is written as one number, its tokens as digits to the base `vocab_size`: of a, b, c it is (a vocab_size +
    b) vocab_size + c. `gram_numbers` gives these numbers for a row of tokens. In the highest order an n-gram counts as
    often as it occurs. In each lower one it counts as many different tokens as it follows: that is, as many as there
    are different n-grams one order up that end in it. What stands at the very beginning follows nothing.

    The list holds a pair (grams, counts) for each order, the shortest first, arrays of int64; `grams` rises and has
    each n-gram once. continuation_counts([0, 1, 0, 1, 2, 1], order=2, vocab_size=3) is [([0, 1, 2], [1, 2, 1]), ([1, 3,
    5, 7], [2, 1, 1, 1])]: the pair 0 1, number 1, occurs twice; the token 1 occurs three times, behind 0 and behind 2,
    and counts 2. Kneser and Ney 1995; Chen and Goodman 1998, section 2.7.
    """
    # The longest n-grams count as they occur.
    grams, counts = np.unique(gram_numbers(tokens, order, vocab_size), return_counts=True)
    found = [(grams, counts)]
    for length in range(order - 1, 0, -1):
        # Without their first tokens: those that become equal differed in what stood before.
        grams, counts = np.unique(grams % vocab_size**length, return_counts=True)
        found.insert(0, (grams, counts))
    return found


class KneserNey:
    """A model of a given order, counted from a row of tokens: order 6 looks at five tokens and predicts the next."""

    def __init__(self, tokens: NDArray[np.integer], *, order: int, vocab_size: int) -> None:
        if order < 1 or vocab_size**order > 2**62:
            raise ValueError(
                f"order={order} with vocab_size={vocab_size}: order is 1 or more, vocab_size ** order < 2**62"
            )
        self.order, self.vocab_size = order, vocab_size
        counted = continuation_counts(tokens, order=order, vocab_size=vocab_size)
        self.tables = [_Table(grams, counts, vocab_size) for grams, counts in counted]

    def probabilities(self, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
        """The probability of each token after those before it, at most order - 1: (N,) for N tokens."""
        found = np.full(len(tokens), 1 / self.vocab_size)
        for length, table in enumerate(self.tables, 1):
            if length > len(tokens):
                break
            # The first tokens have no history of this length: for them the shorter one stays.
            found[length - 1 :] = table.probabilities(
                gram_numbers(tokens, length, self.vocab_size), found[length - 1 :]
            )
        return found

    def following(self, history: NDArray[np.integer]) -> NDArray[np.float64]:
        """The probability of every token after each of several histories of one length: (B, T) to (B, vocab_size)."""
        found = np.full((len(history), self.vocab_size), 1 / self.vocab_size)
        every = np.arange(self.vocab_size)
        for length, table in enumerate(self.tables[: history.shape[1] + 1], 1):
            before = history[:, history.shape[1] - length + 1 :].astype(np.int64)
            grams = np.zeros((len(history), 1), dtype=np.int64)
            for place in range(length - 1):
                grams = grams * self.vocab_size + before[:, place : place + 1]
            found = table.probabilities(grams * self.vocab_size + every, found)
        return found


class _Table:
    """What one order knows: n-grams in order with their counts, and their histories."""

    def __init__(self, grams: NDArray[np.int64], counts: NDArray[np.int64], vocab_size: int) -> None:
        self.grams, self.counts, self.vocab_size = grams, counts, vocab_size
        self.histories, first, self.distinct = np.unique(grams // vocab_size, return_index=True, return_counts=True)
        self.totals = np.add.reduceat(counts, first)
        once, twice = ((counts == times).sum() for times in (1, 2))
        # Ney, Essen and Kneser 1994: the discount that suits the counts of counts.
        self.discount = float(once / (once + 2 * twice)) if once else 0.5

    def probabilities(self, grams: NDArray[np.int64], lower: NDArray[np.float64]) -> NDArray[np.float64]:
        count = _looked_up(grams, self.grams, self.counts)
        histories = grams // self.vocab_size
        total = _looked_up(histories, self.histories, self.totals)
        distinct = _looked_up(histories, self.histories, self.distinct)
        return kneser_ney(count, total, distinct, lower, discount=self.discount)


def _looked_up(wanted: NDArray[np.int64], keys: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.float64]:
    """The value of each key, 0 where it is not there; the keys stand in order."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0).astype(np.float64)
