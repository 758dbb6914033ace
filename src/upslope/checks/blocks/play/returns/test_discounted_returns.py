"""What discounted_returns must do."""

import numpy as np

from upslope.blocks.play import returns
from upslope.checks import wrong
from upslope.checks.blocks.play.returns.episodes import drawn, every_end, steps
from upslope.checks.op_info import OpInfo


def by_definition(rewards, terminated, truncated, next_values, gamma):
    """For every step the sum over what follows in its episode, forwards; one environment after the other."""
    if rewards.ndim > 1:
        columns = zip(rewards.T, terminated.T, truncated.T, next_values.T, strict=True)
        return np.array([by_definition(*column, gamma) for column in columns]).T
    found = []
    for start in range(len(rewards)):
        total = 0.0
        for k in range(start, len(rewards)):
            total += gamma ** (k - start) * rewards[k]
            if terminated[k] or truncated[k] or k == len(rewards) - 1:
                total += 0.0 if terminated[k] else gamma ** (k - start + 1) * next_values[k]
                break
        found.append(total)
    return np.array(found)


def values(rng, *shape):
    """Another value after every step."""
    return np.round(rng.uniform(1, 5, shape), 2)


def many(rng):
    """Environments side by side, each with ends of its own."""
    for count, batch in ((3, 4), (1, 2), (6, 3), (50, 8)):
        yield drawn(rng, count, batch, next_values=values(rng, count, batch), gamma=0.7)


RETURNS = OpInfo(returns.discounted_returns, samples=many, truth=by_definition, tensor=np.asarray)
FOUR = np.full(3, 4.0)

test_by_hand = RETURNS.by_hand(
    "rewards [1, 1, 1], gamma 0.5 and values 4: [2.25, 2.5, 3]; with an end at step 1 other sums",
    (steps("...", next_values=FOUR, gamma=0.5), [2.25, 2.5, 3]),
    (steps(".T.", next_values=FOUR, gamma=0.5), [1.5, 1, 3]),
    (steps(".C.", next_values=FOUR, gamma=0.5), [2.5, 3, 3]),
)
test_every_end = RETURNS.random(
    "one end at each step, of both kinds, with another value after every step",
    lambda rng: every_end(rng, next_values=values(rng, 4), gamma=0.5),
)
test_many = RETURNS.random("many environments at once, each with ends of its own")
test_endless_reward = RETURNS.by_hand(
    "a reward of 1 for ever is worth 1 / (1 - gamma) from every step, wherever the clock cuts it",
    *(
        (steps(ends, next_values=np.full(4, 10.0), gamma=0.9), np.full(4, 10.0))
        for ends in ("....", "C.C.", "...C", "CCCC")
    ),
)
test_dtype = RETURNS.shape("the result has the rewards' shape and dtype")
test_laws = RETURNS.laws(
    "the laws of every operation: calls and memory do not get mixed up, and inputs stay", backward=False, dtypes=()
)


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
        "nothing is discounted": ("gamma * following", "following"),
        "the reward is discounted along with what follows": (
            "rewards[t] + gamma * following",
            "gamma * (rewards[t] + following)",
        ),
        "the returns are written over the rewards": ("returns = np.empty_like(rewards)", "returns = rewards"),
        "the returns are doubles, whatever the rewards are": (
            "returns = np.empty_like(rewards)",
            "returns = np.empty(rewards.shape)",
        ),
    },
)
