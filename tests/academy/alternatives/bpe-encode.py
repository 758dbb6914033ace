"""By looking up every pair again after each merge, and slicing."""


def encode_word(symbols, ranks):
    symbols = tuple(symbols)
    while True:
        found = [(ranks[symbols[k], symbols[k + 1]], k) for k in range(len(symbols) - 1) if symbols[k : k + 2] in ranks]
        if not found:
            return list(symbols)
        _, k = min(found)
        symbols = (*symbols[:k], symbols[k] + symbols[k + 1], *symbols[k + 2 :])
