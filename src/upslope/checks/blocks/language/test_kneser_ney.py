"""What kneser_ney must do."""

import numpy as np

from upslope.blocks.language import kneser_ney as module
from upslope.checks import grades, survives, wrong
from upslope.checks.expect import Mismatch, close, equal, true
from upslope.checks.op_info import OpInfo
from upslope.checks.samples import spelled


def counted(rng, rows, vocabulary, discount=0.5):
    """Random counts after some histories, one of them never seen, and a distribution for the shorter history."""
    counts = rng.integers(0, 4, (rows, vocabulary)).astype(np.float64)
    counts[:, 0] += 1
    counts[-1] = 0
    lower = rng.uniform(0.1, 1.0, vocabulary)
    total, distinct = counts.sum(axis=1, keepdims=True), (counts > 0).sum(axis=1, keepdims=True).astype(np.float64)
    arrays = np.broadcast_arrays(counts, total, distinct, lower / lower.sum())
    return dict(zip(("count", "total", "distinct", "lower"), arrays, strict=True), discount=discount)


def one(count, total, distinct, lower, discount):
    """A single token."""
    numbers = {"count": [count], "total": [total], "distinct": [distinct], "lower": [lower]}
    return {**numbers, "discount": discount}


def one_by_one(count, total, distinct, lower, discount):
    """The formula for each token alone, in plain Python."""
    out = np.zeros(count.shape)
    for at in np.ndindex(out.shape):
        c, t, d, q = (float(each[at]) for each in (count, total, distinct, lower))
        out[at] = q if t == 0 else (c - discount if c > discount else 0.0) / t + discount * d / t * q
    return out


SMOOTHED = OpInfo(
    module.kneser_ney,
    samples=lambda rng: [
        counted(rng, *size, discount) for size in ((2, 3), (3, 5), (4, 100)) for discount in (0.3, 0.75, 1.0)
    ],
    truth=one_by_one,
    tensor=np.asarray,
)

test_by_hand = SMOOTHED.by_hand(
    "count 2 of total 4, distinct 3, lower 0.2 and discount 0.5: the probability is 0.45",
    (one(2.0, 4.0, 3.0, 0.2, 0.5), [0.45]),
)
test_shape = SMOOTHED.shape("an array of the shape of the counts", dtypes=("float64",))
test_random = SMOOTHED.random("random counts, each token as if alone", dtypes=("float64",))


@grades(module.kneser_ney)
def test_sums_to_one(rng):
    """over the vocabulary the probabilities sum to 1, whatever the discount up to 1"""
    for discount in (0.1, 0.5, 1.0):
        given = counted(rng, 4, 6, discount)
        sums = module.kneser_ney(**given).sum(axis=-1)
        close(sums, np.ones(4), case=f"counts {spelled(given['count'])}, discount {discount}: sums over the vocabulary")


test_unseen_history = SMOOTHED.stable(
    "after a history that was never seen the shorter one alone counts, without nan or a warning",
    (one(0.0, 0.0, 0.0, 0.3, 0.7), [0.3]),
)
test_unseen_token = SMOOTHED.by_hand(
    "a token with count 0 has a share of what was saved, never less than 0", (one(0.0, 10.0, 2.0, 0.25, 0.8), [0.04])
)
test_seen_once = SMOOTHED.by_hand("a history that was seen once is a history", (one(1.0, 1.0, 1.0, 0.25, 0.5), [0.625]))
test_laws = SMOOTHED.laws(
    "the laws of every operation: calls and memory do not get mixed up, and inputs stay", backward=False, dtypes=()
)


wrong(
    module.kneser_ney,
    {
        "a count below the discount becomes negative": ("np.maximum(count - discount, 0.0)", "count - discount"),
        "nothing is taken from the counts, so the sum is above 1": ("np.maximum(count - discount, 0.0)", "count"),
        "every token gets all that was saved, whatever the shorter history says": ("saved * lower", "saved"),
        "the shorter history is asked only for tokens that were not seen: this is backing off": (
            "kept + saved * lower",
            "kept + saved * lower * (count == 0)",
        ),
        "after an unseen history every token has the probability 0": (
            "(kept + saved * lower) / whole, lower)",
            "(kept + saved * lower) / whole, 0.0)",
        ),
        "the share for the shorter history is not divided by the total": (
            "(kept + saved * lower) / whole",
            "kept / whole + saved * lower",
        ),
        "one probability for all tokens together": (
            "return np.where(seen, (kept + saved * lower) / whole, lower)",
            "return np.where(seen, (kept + saved * lower) / whole, lower).mean()",
        ),
        "the discount is taken from the counts of whoever called": (
            "kept = np.maximum(count - discount, 0.0)",
            "count -= discount; kept = np.maximum(count, 0.0)",
        ),
    },
)
survives(
    module.kneser_ney,
    {
        "what is divided by it is not used": [("np.where(seen, total, 1.0)", "np.where(seen, total, 2.0)")],
    },
)


def as_digits(gram, vocab_size):
    number = 0
    for token in gram:
        number = number * vocab_size + int(token)
    return number


def by_sets(tokens, order, vocab_size):
    """The definition, with n-grams as tuples: how often, and after how many different tokens."""
    tokens = [int(token) for token in tokens]
    grams = {n: [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)] for n in range(1, order + 1)}
    # An n-gram one order up stands for a token that it follows only where longer histories were seen, too.
    kept = set(grams[order])
    counts = {order: {gram: grams[order].count(gram) for gram in kept}}
    for length in range(order - 1, 0, -1):
        counts[length] = {gram[1:]: sum(other[1:] == gram[1:] for other in kept) for gram in kept}
        kept = {gram[1:] for gram in kept}
    found = []
    for length in range(1, order + 1):
        rows = sorted((as_digits(gram, vocab_size), count) for gram, count in counts[length].items())
        found.append(([gram for gram, _ in rows], [count for _, count in rows]))
    return found


def ask(tokens, order, vocab_size, expected=None):
    tokens = np.asarray(tokens)
    case = f"continuation_counts({spelled(tokens)}, order={order}, vocab_size={vocab_size})"
    got = module.continuation_counts(tokens, order=order, vocab_size=vocab_size)
    true(type(got) is list, "what came back is not a list", case=case, got=type(got).__name__, expected="list")
    wanted = by_sets(tokens, order, vocab_size) if expected is None else expected
    equal(len(got), len(wanted), case=case, problem="the number of orders is wrong")
    for length, (ours, theirs) in enumerate(zip(got, wanted, strict=True), 1):
        for array, values, what in zip(ours, theirs, ("the n-grams", "the counts"), strict=True):
            if type(array) is not np.ndarray:
                raise Mismatch("not an array", case=case, got=type(array).__name__, expected="ndarray")
            equal(array.dtype.name, "int64", case=f"{case}: {what} of order {length}", problem="the dtype is wrong")
            equal(array, np.array(values, dtype=np.int64), case=f"{case}: {what} of order {length}")


@grades(module.continuation_counts)
def test_counts_by_hand(rng):
    """0 1 0 1 2 1: the pairs [1, 3, 5, 7] count [2, 1, 1, 1], the tokens [0, 1, 2] count [1, 2, 1]"""
    ask([0, 1, 0, 1, 2, 1], 2, 3, [([0, 1, 2], [1, 2, 1]), ([1, 3, 5, 7], [2, 1, 1, 1])])


@grades(module.continuation_counts)
def test_counts_of_one_order(rng):
    """with order 1 a token counts as often as it occurs"""
    ask([2, 0, 2, 2], 1, 3, [([0, 2], [1, 3])])


@grades(module.continuation_counts)
def test_counts_of_a_frequent_token(rng):
    """a token that occurs often, but always behind the same one, counts 1"""
    ask([1, 2] * 5, 2, 3, [([1, 2], [1, 1]), ([5, 7], [5, 4])])


@grades(module.continuation_counts)
def test_counts_at_the_beginning(rng):
    """what stands at the very beginning, and nowhere else, follows nothing and is not there"""
    ask([0, 1, 2], 2, 3, [([1, 2], [1, 1]), ([1, 5], [1, 1])])
    ask([3, 0, 1], 3, 4, [([1], [1]), ([1], [1]), ([49], [1])])


@grades(module.continuation_counts)
def test_counts_of_three_orders(rng):
    """between the highest order and the lowest one, too, different tokens are counted, not occurrences"""
    ask([0, 1, 2, 0, 1, 2, 1, 1, 2], 3, 3)


@grades(module.continuation_counts)
def test_counts_of_random_tokens(rng):
    """random tokens: the definition, with sets"""
    for order, vocab_size, count in ((2, 4, 12), (3, 3, 30), (4, 2, 40), (5, 3, 60)):
        ask(rng.integers(0, vocab_size, count), order, vocab_size)


@grades(module.continuation_counts)
def test_counts_of_long_ngrams(rng):
    """six characters of 65 are a number above 2 ** 32, from tokens of few bits as well"""
    for dtype in (np.int64, np.int32, np.uint8):
        ask(rng.choice([0, 1, 63, 64], 30).astype(dtype), 6, 65)


@grades(module.continuation_counts)
def test_counts_leave_the_tokens(rng):
    """the tokens are as before"""
    tokens = rng.integers(0, 3, 20)
    before = tokens.copy()
    module.continuation_counts(tokens, order=3, vocab_size=3)
    equal(tokens, before, case=f"continuation_counts({spelled(before)}, order=3, vocab_size=3): the tokens afterwards")


wrong(
    module.continuation_counts,
    {
        "lower orders count how often, not after how many different tokens": (
            "np.unique(grams % vocab_size**length, return_counts=True)",
            "np.unique(gram_numbers(tokens, length, vocab_size), return_counts=True)",
        ),
        "n-grams lose their last token, not their first": ("grams % vocab_size**length", "grams // vocab_size"),
        "the counts of the order above are added up": (
            "        found.insert(0",
            "        last = found[0][0] % vocab_size**length\n"
            "        counts = np.array([found[0][1][last == gram].sum() for gram in grams])\n        found.insert(0",
        ),
        "the highest order comes first": ("found.insert(0, (grams, counts))", "found.append((grams, counts))"),
        "order 1 is missing: the list ends at pairs": ("range(order - 1, 0, -1)", "range(order - 1, 1, -1)"),
        "every order counts longest n-grams that end alike, not those one order up": (
            "np.unique(grams % vocab_size**length, return_counts=True)",
            "np.unique(found[-1][0] % vocab_size**length, return_counts=True)",
        ),
        "in the highest order, too, each n-gram counts once": (
            "found = [(grams, counts)]",
            "found = [(grams, np.ones_like(counts))]",
        ),
        "n-grams are numbers of 32 bits": (
            "found = [(grams, counts)]",
            "grams = grams.astype(np.int32).astype(np.int64); found = [(grams, counts)]",
        ),
        "the tokens are sorted in place": (
            "    # The longest n-grams count as they occur.\n",
            "    before = tokens.copy(); tokens.sort(); tokens = before\n",
        ),
    },
)
