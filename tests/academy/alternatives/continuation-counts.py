"""With the neighbours in a sorted row: where a number differs from the one before, an n-gram begins."""

import numpy as np

from upslope.blocks.language.kneser_ney import gram_numbers


def counted(numbers):
    ordered = np.sort(numbers)
    begins = np.flatnonzero(np.concatenate([[True], np.diff(ordered) > 0]))
    return ordered[begins], np.diff(np.concatenate([begins, [len(ordered)]])).astype(np.int64)


def continuation_counts(tokens, *, order, vocab_size):
    tables = [counted(gram_numbers(tokens, order, vocab_size))]
    while len(tables) < order:
        longer = tables[0][0]
        first = vocab_size ** (order - len(tables))
        tables = [counted(longer - longer // first * first), *tables]
    return tables
