"""Precision: a network also works in bfloat16, which has float32's range and three digits."""

import copy

import torch
from torch import Tensor

from upslope.checks.contract.subject import Broken, Subject, run

_WITHIN = 0.1  # of the norm of all outputs; bfloat16 rounds every number by up to 0.4 %


def bfloat16(subject: Subject) -> None:
    """With weights in bfloat16, and under autocast, outputs are finite and near those of float32."""
    inputs = subject.inputs(8)
    model = subject.used()
    expected = run(model, inputs)
    halved = tuple(x.bfloat16() if x.is_floating_point() else x for x in inputs)
    _near(run(copy.deepcopy(model).bfloat16(), halved), expected, "with weights in bfloat16")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _near(run(model, inputs), expected, "under autocast to bfloat16")


def _near(got: Tensor, expected: Tensor, how: str) -> None:
    if not torch.isfinite(got).all():
        raise Broken(f"{how} the output holds numbers that are not finite")
    off = ((got.float() - expected).norm() / expected.norm()).item()
    if not off <= _WITHIN:
        raise Broken(f"{how} the outputs are off by {100 * off:.1f} % of float32's")
