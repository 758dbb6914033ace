"""The target of Q-learning with two networks: one chooses the next action, the other says what it is worth.

H. van Hasselt, A. Guez, D. Silver, "Deep Reinforcement Learning with Double Q-learning", 2015,
https://arxiv.org/abs/1509.06461, equation 4. The maximum over noisy estimates is too high on average: the action whose
error is largest wins. Two networks rarely err in the same place.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def double_dqn_target(
    returns: Float[Tensor, "B"],
    discounts: Float[Tensor, "B"],
    online: Float[Tensor, "B A"],
    target: Float[Tensor, "B A"],
) -> Float[Tensor, "B"]:
    """What Q(s, a) should be: returns + discounts * target[best], where `best` is the best action by `online`.

    `online` and `target` are the Q values of A actions in the states that the returns led to, by the network that
    learns and by its older copy. `discounts` is gamma^n, and 0 where the episode terminated; there the target is the
    return alone. No gradient flows back through a target: the result does not require one. With returns [1], discounts
    [0.5], online [[1, 3]] and target [[6, 4]] the target is 1 + 0.5 * 4 = 3: action 1 is the best by `online`.
    van Hasselt et al. 2015, equation 4.
    """
    with torch.no_grad():
        # The network that learns chooses.
        best = online.argmax(dim=1, keepdim=True)
        # Its older copy says what the choice is worth.
        value = target.gather(1, best)[:, 0]
        # What came, and what is expected to follow.
        return returns + discounts * value
