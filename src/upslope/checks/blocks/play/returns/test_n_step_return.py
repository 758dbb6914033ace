"""What n_step_return must do."""

import numpy as np

from upslope.blocks.play import returns
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.play.returns.episodes import drawn, spelled_steps, steps
from upslope.checks.expect import close, equal


def by_definition(rewards, terminated, truncated, *, gamma):
    """One environment, one reward after the other: return, discount, last."""
    total, factor = 0.0, 1.0
    for k, reward in enumerate(rewards.tolist()):
        total += factor * reward
        factor *= gamma
        if terminated[k]:
            return total, 0.0, k
        if truncated[k]:
            return total, factor, k
    return total, factor, len(rewards) - 1


def agrees(window, gamma):
    """The answer for these steps is that of the definition, environment by environment."""
    rewards, terminated, truncated = window
    case = spelled_steps(window, gamma)
    got = returns.n_step_return(rewards, terminated, truncated, gamma=gamma)
    each = zip(rewards.T, terminated.T, truncated.T, strict=True)
    columns = [by_definition(*one, gamma=gamma) for one in each]
    for name, ours, expected in zip(("returns", "discounts", "last"), got, zip(*columns, strict=True), strict=True):
        close(ours, np.array(expected), case=f"{case}: {name}")


@grades(returns.n_step_return)
def test_by_hand(rng):
    """rewards [1, 1, 1] and gamma 0.5: 1.75; with an end at step 1, by the clock or by a fall, 1.5"""
    for ends, expected in (("...", (1.75, 0.125, 2)), (".C.", (1.5, 0.25, 1)), (".T.", (1.5, 0.0, 1))):
        window = steps(ends)
        got = returns.n_step_return(*window, gamma=0.5)
        for name, ours, wanted in zip(("returns", "discounts", "last"), got, expected, strict=True):
            close(ours, wanted, case=f"{spelled_steps(window, 0.5)}: {name}")


@grades(returns.n_step_return)
def test_nothing_ends(rng):
    """where nothing ends it is the polynomial in gamma with the rewards as coefficients"""
    for count in (1, 2, 4, 10):
        rewards = np.round(rng.normal(size=(count, 3)), 2)
        nothing = np.zeros((count, 3), dtype=bool)
        case = spelled_steps((rewards, nothing, nothing), 0.9)
        got, discounts, last = returns.n_step_return(rewards, nothing, nothing, gamma=0.9)
        close(got, np.polynomial.polynomial.polyval(0.9, rewards), case=f"{case}: returns")
        close(discounts, [0.9**count] * 3, case=f"{case}: discounts")
        close(last, [count - 1] * 3, case=f"{case}: last")


@grades(returns.n_step_return)
def test_every_end(rng):
    """one end at each step, of both kinds: that step counts, and what lies behind it does not"""
    for kind in "TC":
        for at in range(4):
            ends = "." * at + kind + "." * (3 - at)
            rewards, terminated, truncated = steps(ends, rewards=np.round(rng.uniform(1, 2, 4), 2))
            agrees((rewards[:, None], terminated[:, None], truncated[:, None]), 0.5)


@grades(returns.n_step_return)
def test_two_ends(rng):
    """only the first end counts: a later one belongs to another episode"""
    for ends in ("C.T.", ".CT.", "T.C.", ".TC.", "CCTT", "TTCC"):
        rewards, terminated, truncated = steps(ends, rewards=np.round(rng.uniform(1, 2, 4), 2))
        agrees((rewards[:, None], terminated[:, None], truncated[:, None]), 0.5)


@grades(returns.n_step_return)
def test_many(rng):
    """many environments at once, each with ends of its own"""
    for count, batch in ((1, 2), (3, 4), (5, 8)):
        agrees(drawn(rng, count, batch), float(np.round(rng.uniform(0.3, 0.95), 2)))


@grades(returns.n_step_return)
def test_endless_reward(rng):
    """a reward of 1 for ever is worth 1 / (1 - gamma), wherever the clock cuts the window"""
    for gamma in (0.5, 0.9):
        value = 1 / (1 - gamma)
        for ends in ("....", "C...", "..C.", "...C"):
            window = steps(ends)
            got, discount, _ = returns.n_step_return(*window, gamma=gamma)
            case = f"{spelled_steps(window, gamma)}: returns + discounts * {value:g}"
            close(got + discount * value, value, case=case)


@grades(returns.n_step_return)
def test_dtype(rng):
    """returns and discounts have the rewards' dtype, last is whole, and the inputs stay as they were"""
    for dtype in ("float32", "float64"):
        rewards, terminated, truncated = drawn(rng, 3, 4)
        rewards = rewards.astype(dtype)
        given = (rewards.copy(), terminated.copy(), truncated.copy())
        got, discounts, last = returns.n_step_return(rewards, terminated, truncated, gamma=0.9)
        equal(str(got.dtype), dtype, case=f"{dtype} rewards: returns.dtype")
        equal(str(discounts.dtype), dtype, case=f"{dtype} rewards: discounts.dtype")
        equal(np.issubdtype(last.dtype, np.integer), True, case=f"{dtype} rewards: last.dtype is {last.dtype}")
        after = zip(("rewards", "terminated", "truncated"), (rewards, terminated, truncated), given, strict=True)
        for name, now, before in after:
            close(now, before, case=f"{name} afterwards")


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
        "the value is discounted once, as after a single step": ("gamma**steps", "gamma ** np.ones(steps.shape)"),
        "the value is discounted once too seldom": ("gamma**steps", "gamma ** (steps - 1)"),
        "the first reward is discounted already": ("np.arange(len(rewards))", "(1 + np.arange(len(rewards)))"),
        "a termination in the next episode counts for this one": ("(terminated & counts)", "terminated"),
        "last is the number of steps, one more than the index": ("steps - 1", "steps"),
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
