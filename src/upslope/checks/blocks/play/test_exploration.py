"""What epsilon_greedy must do."""

import numpy as np

from upslope.blocks.play import exploration
from upslope.checks import grades, survives, wrong
from upslope.checks.expect import close, equal, true
from upslope.checks.samples import apart, spelled

MANY = 4000  # states, for what holds on average


def chosen(values, epsilon, rng):
    return exploration.epsilon_greedy(np.array(values, dtype=float), epsilon=epsilon, rng=rng)


def share(actions, action, expected, case):
    """`action` was taken in this share of the states, within five standard deviations."""
    got = float((np.asarray(actions) == action).mean())
    within = 5 * (expected * (1 - expected) / len(actions)) ** 0.5
    true(
        abs(got - expected) <= within,
        f"action {action} comes too {'often' if got > expected else 'rarely'}",
        case=case,
        got=f"{got:.3f} of {len(actions)} states",
        expected=f"{expected:.3f}, within {within:.3f}",
    )


@grades(exploration.epsilon_greedy)
def test_by_hand(rng):
    """values [[1, 3], [2, 0]] with epsilon 0: actions [1, 0]"""
    close(chosen([[1, 3], [2, 0]], 0.0, rng), [1, 0], case="values [[1, 3], [2, 0]], epsilon=0")


@grades(exploration.epsilon_greedy)
def test_greedy(rng):
    """with epsilon 0 always the best action of the state's own row"""
    for n, actions in ((1, 2), (3, 2), (6, 5)):
        values = apart(rng, n, actions)
        got = chosen(values, 0.0, rng)
        equal(got.shape, (n,), case=f"values {spelled(values)}, epsilon=0: shape")
        equal(np.issubdtype(got.dtype, np.integer), True, case=f"an action is a whole number, dtype {got.dtype}")
        close(got, [max(range(actions), key=row.__getitem__) for row in values.tolist()], case=f"{spelled(values)}")


@grades(exploration.epsilon_greedy)
def test_random(rng):
    """with epsilon 1 every action equally often, the best among them"""
    for actions in (2, 3, 4):
        got = chosen(np.tile(np.arange(actions)[::-1], (MANY, 1)), 1.0, rng)
        for action in range(actions):
            share(got, action, 1 / actions, f"{MANY} states, {actions} actions, epsilon=1")


@grades(exploration.epsilon_greedy)
def test_between(rng):
    """with epsilon between, the best comes with probability 1 - epsilon + epsilon / A"""
    for epsilon in (0.2, 0.6):
        for best in (0, 2):
            got = chosen(np.tile(np.eye(3)[best], (MANY, 1)), epsilon, rng)
            for action in range(3):
                expected = epsilon / 3 + (1 - epsilon) * (action == best)
                share(got, action, expected, f"{MANY} states, action {best} of 3 is the best, epsilon={epsilon:g}")


@grades(exploration.epsilon_greedy)
def test_ties(rng):
    """where several actions are equally good, each of them as often, and no other"""
    got = chosen(np.tile([1.0, 2.0, 0.0, 2.0], (MANY, 1)), 0.0, rng)
    for action, expected in enumerate((0, 0.5, 0, 0.5)):
        share(got, action, expected, f"{MANY} states with the values [1, 2, 0, 2], epsilon=0")


@grades(exploration.epsilon_greedy)
def test_seed(rng):
    """all chance comes from rng: the same seed gives the same actions, another one others"""
    values = apart(rng, 200, 3)
    first, again, other = (chosen(values, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    close(again, first, case="200 states, epsilon=0.5, the same seed twice")
    true(bool((other != first).any()), "another seed changes nothing", case="200 states, epsilon=0.5")


wrong(
    exploration.epsilon_greedy,
    {
        "the worst action in place of the best": ("values.max(axis=1", "values.min(axis=1"),
        "a random action is never the best one": (
            "rng.integers(actions, size=n)",
            "(greedy + rng.integers(1, actions, size=n)) % actions",
        ),
        "one coin for all states: they explore together or not at all": (
            "rng.random(n) < epsilon",
            "rng.random() < epsilon",
        ),
        "the coin is read the other way round": ("rng.random(n) < epsilon", "rng.random(n) >= epsilon"),
        "where several actions are equally good, always the first": (
            "np.where(best, rng.random((n, actions)), -1)",
            "best",
        ),
        "where several actions are equally good, all states take the same": (
            "rng.random((n, actions))",
            "rng.random(actions)",
        ),
        "the best value over all states, not of each state's own row": (
            "values.max(axis=1, keepdims=True)",
            "values.max()",
        ),
        "random actions come from a generator of their own, not from rng": (
            "rng.integers(actions, size=n)",
            "np.random.default_rng().integers(actions, size=n)",
        ),
    },
)
survives(
    exploration.epsilon_greedy,
    {
        "any number below all random ones will do": [("(n, actions)), -1)", "(n, actions)), -2)")],
        "a random number is 0 with probability 0": [("(n, actions)), -1)", "(n, actions)), -0)")],
        "a random number equals epsilon with probability 0": [("rng.random(n) < epsilon", "rng.random(n) <= epsilon")],
    },
)
