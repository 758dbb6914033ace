"""Steps of several environments with ends among them."""

import numpy as np


def steps(ends, rewards=None, **more):
    """One environment, a letter for each step: "." goes on, "T" terminated, "C" cut off by the clock (truncated)."""
    letters = np.array(list(ends))
    given = np.ones(len(letters)) if rewards is None else np.array(rewards, dtype=float)
    return {"rewards": given, "terminated": letters == "T", "truncated": letters == "C", **more}


def drawn(rng, count, batch, **more):
    """`count` steps of `batch` environments; every column ends somewhere else, the last one nowhere."""
    letters = rng.choice(list("...TC"), size=(count, batch))
    letters[:, -1] = "."
    letters[0, 0], letters[-1, 0] = "C", "T"
    rewards = np.round(rng.uniform(0.5, 2.0, (count, batch)) * rng.choice([-1.0, 1.0], (count, batch)), 2)
    return {"rewards": rewards, "terminated": letters == "T", "truncated": letters == "C", **more}


def every_end(rng, **more):
    """One end at each of four steps, of both kinds."""
    for kind in "TC":
        for at in range(4):
            yield steps("." * at + kind + "." * (3 - at), np.round(rng.uniform(1, 2, 4), 2), **more)
