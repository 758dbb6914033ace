"""Seeds: a network's randomness comes from PyTorch's generator and from nowhere else."""

import random

import numpy as np

from upslope.checks.contract.subject import Broken, Subject, changed, equal, run


def seeds(subject: Subject) -> None:
    """The same seed gives the same weights and the same training outputs; another seed gives other weights.

    Python's and NumPy's own generators, which PyTorch's seed does not reach, are left alone.
    """
    others = _others()
    first, again, other = subject.build(seed=0), subject.build(seed=0), subject.build(seed=1)
    unlike = changed(first.state_dict(), again.state_dict())
    if unlike:
        raise Broken(f"two networks built under one seed have different {', '.join(unlike)}")
    if not changed(first.state_dict(), other.state_dict()):
        raise Broken("another seed draws the same weights: the seed has no effect")
    inputs = subject.inputs(8)
    outputs = [[run(model.train(), inputs, seed=seed) for model in (first, again)] for seed in range(2)]
    for name, state in _others().items():
        if state != others[name]:
            raise Broken(f"the network draws from {name}'s own generator, which PyTorch's seed does not reach")
    if not all(equal(one, two) for one, two in outputs):
        raise Broken("under one seed two equal networks in training give different outputs")


def _others() -> dict[str, object]:
    """Where the other generators stand."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {"Python": random.getstate(), "NumPy": (kind, keys.tobytes(), *rest)}  # type: ignore[union-attr]
