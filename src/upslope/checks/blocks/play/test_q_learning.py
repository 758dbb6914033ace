"""What double_dqn_target must do."""

import numpy as np
import torch

from upslope.blocks.play import q_learning
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import leaf, tensor
from upslope.checks.expect import close, equal, tensor_of
from upslope.checks.samples import apart, spelled


def drawn(rng, batch, actions):
    """Returns, discounts (some 0), and Q values by two networks that disagree on the best action in every row."""
    online, target = apart(rng, batch, actions, gap=0.5), apart(rng, batch, actions, gap=0.5)
    for ours, theirs in zip(online, target, strict=True):
        best, other = int(ours.argmax()), int(theirs.argmax())
        if best == other:
            theirs[[best, (best + 1) % actions]] = theirs[[(best + 1) % actions, best]]
    discounts = np.round(rng.uniform(0.3, 0.9, batch), 2)
    discounts[1::3] = 0
    return np.round(rng.uniform(1, 3, batch), 2), discounts, online, target


def call(returns, discounts, online, target):
    return q_learning.double_dqn_target(tensor(returns), tensor(discounts), tensor(online), tensor(target))


@grades(q_learning.double_dqn_target)
def test_by_hand(rng):
    """returns [1], discounts [0.5], online [[1, 3]], target [[6, 4]]: 1 + 0.5 * 4 = 3"""
    close(call([1], [0.5], [[1, 3]], [[6, 4]]), [3], case="returns [1], discounts [0.5], [[1, 3]] and [[6, 4]]")


@grades(q_learning.double_dqn_target)
def test_shape_and_dtype(rng):
    """one target for each row, of the dtype of the Q values"""
    for dtype in (torch.float32, torch.float64):
        given = [tensor(part, dtype) for part in drawn(rng, 3, 2)]
        out = q_learning.double_dqn_target(*given)
        tensor_of(out, (3,), dtype=str(dtype).removeprefix("torch."), case="3 rows, 2 actions")


@grades(q_learning.double_dqn_target)
def test_random(rng):
    """row by row: online chooses, target says what it is worth"""
    for batch, actions in ((1, 2), (2, 2), (4, 3), (16, 5)):
        returns, discounts, online, target = drawn(rng, batch, actions)
        expected = [
            r + d * theirs[max(range(actions), key=ours.__getitem__)]
            for r, d, ours, theirs in zip(returns, discounts, online.tolist(), target.tolist(), strict=True)
        ]
        case = f"returns {spelled(returns)}, discounts {spelled(discounts)}, {spelled(online)} and {spelled(target)}"
        close(call(returns, discounts, online, target), expected, case=case)


@grades(q_learning.double_dqn_target)
def test_over(rng):
    """where the discount is 0 the target is the return alone"""
    returns, _, online, target = drawn(rng, 4, 3)
    close(call(returns, np.zeros(4), online, target), returns, case=f"returns {spelled(returns)}, discounts 0")


@grades(q_learning.double_dqn_target)
def test_no_gradient(rng):
    """a target is a number to aim at: it requires no gradient, and the inputs stay as they were"""
    returns, discounts, online, target = drawn(rng, 2, 3)
    ours, theirs = leaf(online), leaf(target)
    out = q_learning.double_dqn_target(tensor(returns), tensor(discounts), ours, theirs)
    equal(out.requires_grad, False, case="Q values that require gradients: out.requires_grad")
    close(ours, online, case="online afterwards")
    close(theirs, target, case="target afterwards")


wrong(
    q_learning.double_dqn_target,
    {
        "the older copy chooses as well: plain DQN, whose maximum is too high on average": (
            "online.argmax(dim=1, keepdim=True)",
            "target.argmax(dim=1, keepdim=True)",
        ),
        "the network that learns judges its own choice": ("target.gather(1, best)", "online.gather(1, best)"),
        "the two networks have changed places": (
            "best = online.argmax(dim=1, keepdim=True)",
            "best = target.argmax(dim=1, keepdim=True); target = online",
        ),
        "the value is not discounted": ("discounts * value", "value"),
        "the return is discounted, too": ("returns + discounts * value", "discounts * (returns + value)"),
        "a gradient flows into the target": ("with torch.no_grad():", "with torch.enable_grad():"),
        "a column meets a row: every return is added to every value": (
            "target.gather(1, best)[:, 0]",
            "target.gather(1, best)",
        ),
        "the mean over all actions, not the value of the best": ("target.gather(1, best)[:, 0]", "target.mean(dim=1)"),
    },
)
survives(
    q_learning.double_dqn_target,
    {
        "one column is the first and the last": [("best)[:, 0]", "best)[:, -1]")],
    },
)
