"""Steps of several environments with ends among them, and the return by the definition, one reward after the other."""

import numpy as np


def steps(ends, *, rewards=None):
    """One environment, a letter for each step: "." goes on, "T" terminated, "C" cut off by the clock (truncated)."""
    letters = np.array(list(ends))
    given = np.ones(len(letters)) if rewards is None else np.array(rewards, dtype=float)
    return given, letters == "T", letters == "C"


def drawn(rng, count, batch):
    """`count` steps of `batch` environments; every column ends somewhere else, the last one nowhere."""
    letters = rng.choice(list("...TC"), size=(count, batch))
    letters[:, -1] = "."
    letters[0, 0], letters[-1, 0] = "C", "T"
    rewards = np.round(rng.uniform(0.5, 2.0, (count, batch)) * rng.choice([-1.0, 1.0], (count, batch)), 2)
    return rewards, letters == "T", letters == "C"


def spelled_steps(window, gamma):
    """The call in words."""
    rewards, terminated, truncated = window
    ends = np.where(terminated, "T", np.where(truncated, "C", "."))
    lines = " ".join("".join(row) for row in np.atleast_2d(ends.T))
    shown = np.array2string(rewards, separator=", ").replace("\n", "") if rewards.size <= 12 else f"{rewards.shape}"
    return f"rewards {shown}, ends {lines} (T terminated, C truncated), gamma={gamma:g}"
