"""Seeds: a network's randomness comes from PyTorch's generator and from nowhere else."""

import torch

from upslope.checks.contract.subject import Broken, Subject, changed, run


def seeds(subject: Subject) -> None:
    """The same seed gives the same weights and the same training outputs; another seed gives other weights."""
    first, again, other = subject.build(seed=0), subject.build(seed=0), subject.build(seed=1)
    unlike = changed(first.state_dict(), again.state_dict())
    if unlike:
        raise Broken(f"two networks built under one seed have different {', '.join(unlike)}")
    if not changed(first.state_dict(), other.state_dict()):
        raise Broken("another seed draws the same weights: the seed has no effect")
    inputs = subject.inputs(8)
    for seed in range(2):
        if not torch.equal(run(first.train(), inputs, seed=seed), run(again.train(), inputs, seed=seed)):
            raise Broken("under one seed two equal networks in training give different outputs")
