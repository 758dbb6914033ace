"""What kneser_ney must do."""

import numpy as np

from upslope.blocks.language import kneser_ney as module
from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close
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
