"""What kneser_ney must do."""

from functools import partial

import numpy as np

from upslope.blocks.language import kneser_ney as module
from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, quiet, true
from upslope.checks.laws import Call, keeps_laws
from upslope.checks.samples import spelled


def counted(rng, rows, vocabulary):
    """Random counts after some histories, one of them never seen, and a distribution for the shorter history."""
    counts = rng.integers(0, 4, (rows, vocabulary)).astype(np.float64)
    counts[:, 0] += 1
    counts[-1] = 0
    lower = rng.uniform(0.1, 1.0, vocabulary)
    total, distinct = counts.sum(axis=1, keepdims=True), (counts > 0).sum(axis=1, keepdims=True).astype(np.float64)
    return (*np.broadcast_arrays(counts, total, distinct, lower / lower.sum()),)


def one_by_one(given, discount):
    """The formula for each token alone, in plain Python."""
    out = np.zeros(given[0].shape)
    for at in np.ndindex(out.shape):
        c, t, d, q = (float(each[at]) for each in given)
        out[at] = q if t == 0 else (c - discount if c > discount else 0.0) / t + discount * d / t * q
    return out


@grades(module.kneser_ney)
def test_by_hand(rng):
    """count 2 of total 4, distinct 3, lower 0.2 and discount 0.5: the probability is 0.45"""
    values = (np.array([each]) for each in (2.0, 4.0, 3.0, 0.2))
    close(
        module.kneser_ney(*values, discount=0.5), [0.45], case="count 2, total 4, distinct 3, lower 0.2, discount 0.5"
    )


@grades(module.kneser_ney)
def test_shape(rng):
    """an array of the shape of the counts"""
    for rows, vocabulary in ((1, 1), (2, 5), (4, 3)):
        given = counted(rng, rows, vocabulary)
        got = module.kneser_ney(*given, discount=0.5)
        true(np.shape(got) == (rows, vocabulary), "the shape is wrong", got=np.shape(got), expected=(rows, vocabulary))


@grades(module.kneser_ney)
def test_random(rng):
    """random counts, each token as if alone"""
    for discount in (0.3, 0.75, 1.0):
        given = counted(rng, 3, 5)
        case = f"counts {spelled(given[0])}, lower {spelled(given[3][0])}, discount {discount}"
        close(module.kneser_ney(*given, discount=discount), one_by_one(given, discount), case=case)


@grades(module.kneser_ney)
def test_sums_to_one(rng):
    """over the vocabulary the probabilities sum to 1, whatever the discount up to 1"""
    for discount in (0.1, 0.5, 1.0):
        given = counted(rng, 4, 6)
        sums = module.kneser_ney(*given, discount=discount).sum(axis=-1)
        close(sums, np.ones(4), case=f"counts {spelled(given[0])}, discount {discount}: sums over the vocabulary")


@grades(module.kneser_ney)
def test_unseen_history(rng):
    """after a history that was never seen the shorter one alone counts, without nan or a warning"""
    nothing, lower = np.zeros(3), np.array([0.2, 0.3, 0.5])
    call = partial(module.kneser_ney, nothing, nothing, nothing, lower, discount=0.7)
    quiet(call, lower, case="total 0, lower [0.2, 0.3, 0.5]")


@grades(module.kneser_ney)
def test_unseen_token(rng):
    """a token with count 0 has a share of what was saved, never less than 0"""
    given = (np.array([each]) for each in (0.0, 10.0, 2.0, 0.25))
    close(
        module.kneser_ney(*given, discount=0.8), [0.04], case="count 0, total 10, distinct 2, lower 0.25, discount 0.8"
    )


@grades(module.kneser_ney)
def test_seen_once(rng):
    """a history that was seen once is a history"""
    given = (np.array([each]) for each in (1.0, 1.0, 1.0, 0.25))
    close(
        module.kneser_ney(*given, discount=0.5), [0.625], case="count 1, total 1, distinct 1, lower 0.25, discount 0.5"
    )


@grades(module.kneser_ney)
def test_laws(rng):
    """the laws of every operation: calls, passes and memory do not get mixed up"""
    f = partial(module.kneser_ney, discount=0.5)
    calls = (Call(f, list(counted(rng, *size))) for size in ((2, 3), (3, 2)))
    keeps_laws(*calls, tensor=np.asarray, backward=False, dtypes=())


wrong(
    module.kneser_ney,
    {
        "a count below the discount becomes negative": ("np.maximum(count - discount, 0.0)", "count - discount"),
        "nothing is taken from the counts, so the sum is above 1": ("np.maximum(count - discount, 0.0)", "count"),
        "the saved mass is one discount, not one for each distinct token": (
            "saved = discount * distinct",
            "saved = discount + 0 * distinct",
        ),
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
