"""What n_step_return must do."""

import numpy as np

from upslope.blocks.play import returns
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.play.returns.episodes import drawn, every_end, steps
from upslope.checks.expect import close, equal
from upslope.checks.op_info import OpInfo


def by_definition(rewards, terminated, truncated, gamma):
    """Return, discount and last, one reward after the other; one environment after the other."""
    if rewards.ndim > 1:
        columns = zip(rewards.T, terminated.T, truncated.T, strict=True)
        return np.array([by_definition(*column, gamma) for column in columns]).T
    total, factor = 0.0, 1.0
    for k, reward in enumerate(rewards.tolist()):
        total += factor * reward
        factor *= gamma
        if terminated[k]:
            return total, 0.0, k
        if truncated[k]:
            return total, factor, k
    return total, factor, len(rewards) - 1


def two_ends(rng):
    for ends in ("C.T.", ".CT.", "T.C.", ".TC.", "CCTT", "TTCC"):
        yield steps(ends, np.round(rng.uniform(1, 2, 4), 2), gamma=0.5)


RETURN = OpInfo(
    returns.n_step_return,
    samples=lambda rng: [drawn(rng, *size, gamma=0.7) for size in ((3, 4), (1, 2), (5, 8), (20, 32))],
    truth=by_definition,
    tensor=np.asarray,
)

test_by_hand = RETURN.by_hand(
    "rewards [1, 1, 1] and gamma 0.5: 1.75; with an end at step 1, by the clock or by a fall, 1.5",
    (steps("...", gamma=0.5), [1.75, 0.125, 2]),
    (steps(".C.", gamma=0.5), [1.5, 0.25, 1]),
    (steps(".T.", gamma=0.5), [1.5, 0, 1]),
    (steps("...", [1.0, -2.0, 3.0], gamma=0.9), [np.polyval([3, -2, 1], 0.9), 0.9**3, 2]),
    (steps("." * 10, np.arange(10.0), gamma=0.9), [np.polyval(range(9, -1, -1), 0.9), 0.9**10, 9]),
)
test_every_end = RETURN.random(
    "one end at each step, of both kinds: that step counts, and what lies behind it does not",
    lambda rng: every_end(rng, gamma=0.5),
)
test_two_ends = RETURN.random("only the first end counts: a later one belongs to another episode", two_ends)
test_many = RETURN.random("many environments at once, each with ends of its own")


@grades(returns.n_step_return)
def test_endless_reward(rng):
    """a reward of 1 for ever is worth 1 / (1 - gamma), wherever the clock cuts the window"""
    for ends in ("....", "C...", "..C.", "...C"):
        got, discount, _ = returns.n_step_return(**steps(ends, gamma=0.9))
        close(got + discount * 10, 10, case=f"rewards 1, 1, 1, 1, ends {ends} (C truncated): returns + discounts * 10")


@grades(returns.n_step_return)
def test_dtype(rng):
    """returns and discounts have the rewards' dtype, and last is whole"""
    for dtype in ("float32", "float64"):
        given = drawn(rng, 3, 4, gamma=0.9)
        got, discounts, last = returns.n_step_return(**given | {"rewards": given["rewards"].astype(dtype)})
        equal(str(got.dtype), dtype, case=f"{dtype} rewards: returns.dtype")
        equal(str(discounts.dtype), dtype, case=f"{dtype} rewards: discounts.dtype")
        equal(np.issubdtype(last.dtype, np.integer), True, case=f"{dtype} rewards: last.dtype is {last.dtype}")


test_laws = RETURN.laws(
    "the laws of every operation: calls and memory do not get mixed up, and inputs stay", backward=False, dtypes=()
)


wrong(
    returns.n_step_return,
    {
        "truncated is taken for terminated: nothing follows where only the clock ran out": (
            "(terminated & counts)",
            "((terminated | truncated) & counts)",
        ),
        "terminated is taken for truncated: a value follows where the episode was over": (
            "np.where(over, 0, gamma**steps)",
            "(gamma**steps)",
        ),
        "the return goes on into the next episode": ("np.where(counts, rewards, 0)", "rewards"),
        "the step that ends the episode does not count; its reward is lost": (
            "counts[1:] = np.logical_and.accumulate(goes_on[:-1], axis=0)",
            "counts[:] = np.logical_and.accumulate(goes_on, axis=0)",
        ),
        "only the step right after an end is left out, those behind it count again": (
            "np.logical_and.accumulate(goes_on[:-1], axis=0)",
            "goes_on[:-1]",
        ),
        "the value is discounted for all n steps, also where the episode ended sooner": (
            "gamma**steps",
            "gamma ** np.full(steps.shape, len(rewards))",
        ),
        "rewards that do not count are set to 0 in place": (
            "np.where(counts, rewards, 0)",
            "np.multiply(rewards, counts, out=rewards)",
        ),
        "the powers of gamma are doubles, and so are the returns": (
            "(gamma ** np.arange(len(rewards))).astype(rewards.dtype)",
            "gamma ** np.arange(len(rewards))",
        ),
    },
)
survives(
    returns.n_step_return,
    {
        "the first dimension is the one that accumulate takes by itself": [("goes_on[:-1], axis=0)", "goes_on[:-1])")],
    },
)
