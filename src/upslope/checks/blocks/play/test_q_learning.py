"""What double_dqn_target must do."""

import numpy as np

from upslope.blocks.play import q_learning
from upslope.checks import grades, survives, wrong
from upslope.checks.blocks.tensors import TorchOp, leaf, tensor
from upslope.checks.expect import equal
from upslope.checks.samples import apart


def drawn(rng, sizes=((1, 2), (2, 2), (4, 3), (32, 6)), over=False):
    """Returns, discounts (some 0), and Q values by two networks that disagree on the best action in every row."""
    for batch, actions in sizes:
        online, target = apart(rng, batch, actions, gap=0.5), apart(rng, batch, actions, gap=0.5)
        for ours, theirs in zip(online, target, strict=True):
            best, other = int(ours.argmax()), int(theirs.argmax())
            if best == other:
                theirs[[best, (best + 1) % actions]] = theirs[[(best + 1) % actions, best]]
        discounts = np.round(rng.uniform(0.3, 0.9, batch), 2) * (not over)
        discounts[1::3] = 0
        returns = np.round(rng.uniform(1, 3, batch), 2)
        yield {"returns": returns, "discounts": discounts, "online": online, "target": target}


def row_by_row(returns, discounts, online, target):
    return [
        r + d * theirs[max(range(len(ours)), key=ours.__getitem__)]
        for r, d, ours, theirs in zip(returns, discounts, online.tolist(), target.tolist(), strict=True)
    ]


TARGET = TorchOp(q_learning.double_dqn_target, samples=drawn, truth=row_by_row)

test_by_hand = TARGET.by_hand(
    "returns [1], discounts [0.5], online [[1, 3]], target [[6, 4]]: 1 + 0.5 * 4 = 3",
    ({"returns": [1.0], "discounts": [0.5], "online": [[1.0, 3.0]], "target": [[6.0, 4.0]]}, [3]),
)
test_shape_and_dtype = TARGET.shape("one target for each row, of the dtype of the Q values")
test_random = TARGET.random("row by row: online chooses, target says what it is worth")
test_over = TARGET.random(
    "where the discount is 0 the target is the return alone", lambda rng: drawn(rng, [(4, 3)], over=True)
)


@grades(q_learning.double_dqn_target)
def test_no_gradient(rng):
    """a target is a number to aim at: it requires no gradient"""
    (given,) = drawn(rng, [(2, 3)])
    made = {name: (leaf if name in ("online", "target") else tensor)(value) for name, value in given.items()}
    out = q_learning.double_dqn_target(**made)
    equal(out.requires_grad, False, case="Q values that require gradients: out.requires_grad")


test_laws = TARGET.laws("the laws of every operation: calls and memory do not get mixed up", drawn, backward=False)


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
        "what follows is added to the returns in place": (
            "return returns + discounts * value",
            "return returns.add_(discounts * value)",
        ),
    },
)
survives(
    q_learning.double_dqn_target,
    {
        "one column is the first and the last": [("best)[:, 0]", "best)[:, -1]")],
    },
)
