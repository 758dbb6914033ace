"""Returns: what the rewards after an action add up to, when later ones count less and episodes end inside a batch.

R. S. Sutton, "Learning to Predict by the Methods of Temporal Differences", 1988,
https://doi.org/10.1007/BF00115009; R. S. Sutton and A. G. Barto, "Reinforcement Learning: An Introduction", 2nd edition
2018, http://incompleteideas.net/book/the-book-2nd.html, sections 3.3 and 7.1.

An episode ends in two ways. *Terminated*: the pole fell, nothing follows, the value of what follows is 0. *Truncated*:
the clock ran out, the pole still stands, and what would have followed is estimated by a value. F. Pardo et al., "Time
Limits in Reinforcement Learning", 2018, https://arxiv.org/abs/1712.00378, section 3.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


def n_step_return(
    rewards: Floats, terminated: Bools, truncated: Bools, *, gamma: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """The n-step return of the first of n steps: (returns, discounts, last), each of shape (*B).

    All inputs are (n, *B): n steps in a row of each of B environments. An episode may end inside the window; the steps
    after its end belong to another episode and do not count. With m steps up to the end of the episode, or m = n if it
    does not end: `returns` is r[0] + gamma r[1] + ... + gamma^(m-1) r[m-1], of the rewards' dtype; `last` = m - 1 is
    the step after which a value is bootstrapped; `discounts`, of the same dtype, is what that value is multiplied by:
    gamma^m, also where the window ended by truncation, and 0 where it ended by termination.

    With rewards [1, 1, 1] and gamma 0.5 the result is 1.75, 0.125 and 2 if nothing ends; 1.5, 0.25 and 1 if step 1 is
    truncated; 1.5, 0 and 1 if it is terminated. Sutton and Barto 2018, equation 7.1.
    """
    # Step k counts if no step before it ended the episode; the step that ends it does.
    goes_on = ~(terminated | truncated)
    counts = np.ones(rewards.shape, dtype=bool)
    counts[1:] = np.logical_and.accumulate(goes_on[:-1], axis=0)
    # Rewards that count, each multiplied by gamma once for every step before it.
    powers = (gamma ** np.arange(len(rewards))).astype(rewards.dtype)
    returns = np.tensordot(powers, np.where(counts, rewards, 0), axes=1)
    # How many steps there were.
    steps = counts.sum(axis=0)
    # After them the value counts gamma^m, unless the episode was over: then nothing follows.
    over = (terminated & counts).any(axis=0)
    discounts = np.where(over, 0, gamma**steps).astype(rewards.dtype)
    return returns, discounts, steps - 1


def discounted_returns(
    rewards: Floats, terminated: Bools, truncated: Bools, next_values: Floats, *, gamma: float
) -> Floats:
    """The discounted return from every step on, R[t] = r[t] + gamma R[t+1], of the rewards' shape (T, *B) and dtype.

    A return does not cross the end of an episode. After a terminated step nothing follows: R[t] = r[t]. After a
    truncated step the value of the state it led to stands for what would have followed: R[t] = r[t] + gamma
    next_values[t]; so it does after the last of the T steps, unless that one is terminated. `next_values` is (T, *B),
    and elsewhere it is not used.

    With rewards [1, 1, 1], gamma 0.5 and the value 4 after each step the result is [2.25, 2.5, 3] if nothing ends;
    [1.5, 1, 3] if step 1 is terminated; [2.5, 3, 3] if it is truncated. Sutton and Barto 2018, equation 3.9.
    """
    returns = np.empty_like(rewards)
    # From the last step backwards; after it stands a value.
    following = next_values[-1]
    for t in reversed(range(len(rewards))):
        # Where the clock ended the episode, a value takes the place of the return that belongs to the next episode.
        following = np.where(truncated[t], next_values[t], following)
        # Where the episode was over, nothing follows.
        following = np.where(terminated[t], 0, following)
        returns[t] = rewards[t] + gamma * following
        following = returns[t]
    return returns
