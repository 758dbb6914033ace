"""What discounted_returns must do."""

import numpy as np

from upslope.blocks.play import returns
from upslope.checks import grades, wrong
from upslope.checks.blocks.play.returns.episodes import drawn, spelled_steps, steps
from upslope.checks.expect import close, equal


def by_definition(rewards, terminated, truncated, values, *, gamma):
    """One environment: for every step the sum over what follows in its episode, forwards."""
    found = []
    for start in range(len(rewards)):
        total = 0.0
        for k in range(start, len(rewards)):
            total += gamma ** (k - start) * rewards[k]
            if terminated[k] or truncated[k] or k == len(rewards) - 1:
                total += 0.0 if terminated[k] else gamma ** (k - start + 1) * values[k]
                break
        found.append(total)
    return found


def asked(window, values, gamma):
    """The answer for these steps."""
    rewards, terminated, truncated = window
    return returns.discounted_returns(rewards, terminated, truncated, values, gamma=gamma)


def agrees(window, values, gamma):
    """The answer is that of the definition, environment by environment."""
    each = zip(*(part.T for part in (*window, values)), strict=True)
    columns = [by_definition(*one, gamma=gamma) for one in each]
    case = f"{spelled_steps(window, gamma)}, next_values {values.tolist()}"
    close(asked(window, values, gamma), np.array(columns).T, case=case)


@grades(returns.discounted_returns)
def test_by_hand(rng):
    """rewards [1, 1, 1], gamma 0.5 and values 4: [2.25, 2.5, 3]; with an end at step 1 other sums"""
    values = np.full(3, 4.0)
    for ends, expected in (("...", [2.25, 2.5, 3]), (".T.", [1.5, 1, 3]), (".C.", [2.5, 3, 3])):
        window = steps(ends)
        close(asked(window, values, 0.5), expected, case=f"{spelled_steps(window, 0.5)}, next_values [4, 4, 4]")


@grades(returns.discounted_returns)
def test_every_end(rng):
    """one end at each step, of both kinds, with another value after every step"""
    for kind in "TC":
        for at in range(4):
            ends = "." * at + kind + "." * (3 - at)
            rewards, terminated, truncated = steps(ends, rewards=np.round(rng.uniform(1, 2, 4), 2))
            values = np.round(rng.permutation(4) + rng.uniform(1, 1.5, 4), 2)
            agrees((rewards[:, None], terminated[:, None], truncated[:, None]), values[:, None], 0.5)


@grades(returns.discounted_returns)
def test_many(rng):
    """many environments at once, each with ends of its own"""
    for count, batch in ((1, 2), (3, 4), (6, 3)):
        values = np.round(rng.uniform(1, 5, (count, batch)), 2)
        agrees(drawn(rng, count, batch), values, float(np.round(rng.uniform(0.3, 0.95), 2)))


@grades(returns.discounted_returns)
def test_endless_reward(rng):
    """a reward of 1 for ever is worth 1 / (1 - gamma) from every step, wherever the clock cuts it"""
    for ends in ("....", "C.C.", "...C", "CCCC"):
        window = steps(ends)
        close(
            asked(window, np.full(4, 10.0), 0.9), np.full(4, 10.0), case=f"{spelled_steps(window, 0.9)}, next_values 10"
        )


@grades(returns.discounted_returns)
def test_dtype(rng):
    """the result has the rewards' dtype, and the inputs stay as they were"""
    for dtype in ("float32", "float64"):
        rewards, terminated, truncated = drawn(rng, 4, 3)
        rewards, values = rewards.astype(dtype), np.ones((4, 3), dtype=dtype)
        before = rewards.copy()
        got = returns.discounted_returns(rewards, terminated, truncated, values, gamma=0.9)
        equal(str(got.dtype), dtype, case=f"{dtype} rewards: dtype")
        close(rewards, before, case="rewards afterwards")
        close(values, np.ones((4, 3)), case="next_values afterwards")


wrong(
    returns.discounted_returns,
    {
        "truncated is taken for terminated: nothing follows where only the clock ran out": (
            "np.where(terminated[t], 0, following)",
            "np.where(terminated[t] | truncated[t], 0, following)",
        ),
        "the return runs over a truncation into the next episode": (
            "np.where(truncated[t], next_values[t], following)",
            "following",
        ),
        "the return runs over a termination into the next episode": (
            "np.where(terminated[t], 0, following)",
            "following",
        ),
        "after the last step nothing follows, as if the episode were over": (
            "following = next_values[-1]",
            "following = 0 * next_values[-1]",
        ),
        "at a truncation stands the value of the step before": (
            "next_values[t], following",
            "next_values[t - 1], following",
        ),
        "nothing is discounted": ("gamma * following", "following"),
        "the reward is discounted along with what follows": (
            "rewards[t] + gamma * following",
            "gamma * (rewards[t] + following)",
        ),
        "the value is not discounted by the step that leads to it": (
            "np.where(truncated[t], next_values[t], following)",
            "np.where(truncated[t], next_values[t] / gamma, following)",
        ),
        "the returns are doubles, whatever the rewards are": (
            "returns = np.empty_like(rewards)",
            "returns = np.empty(rewards.shape)",
        ),
    },
)
