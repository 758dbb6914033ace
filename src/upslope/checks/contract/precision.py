"""Precision: a network also works in bfloat16, which has float32's range and three digits."""

import copy

import torch

from upslope.checks.contract.subject import Broken, Outputs, Subject, run

_WITHIN = 0.1  # of an output's norm; bfloat16 rounds every number by up to 0.4 %


def bfloat16(subject: Subject) -> None:
    """With weights in bfloat16, and under autocast, outputs are finite and near those of float32."""
    inputs = subject.inputs(8)
    model = subject.used()
    expected = run(model, inputs)
    halved = tuple(x.bfloat16() if x.is_floating_point() else x for x in inputs)
    # What is drawn in bfloat16 is not what is drawn in float32; of such outputs only finite numbers are asked.
    comparable = [
        steady and x.is_floating_point() for steady, x in zip(subject.steady(model, inputs), expected, strict=True)
    ]

    def near(got: Outputs, how: str) -> None:
        for number, (one, other, compared) in enumerate(zip(got, expected, comparable, strict=True)):
            if not torch.isfinite(one).all():
                raise Broken(f"{how} {subject.leaf(number)} holds numbers that are not finite")
            off = (one.float() - other).norm().item() / max(other.norm().item(), 1e-12) if compared else 0.0
            if not off <= _WITHIN:
                raise Broken(f"{how} {subject.leaf(number)} is off by {100 * off:.1f} % of float32's")

    near(run(copy.deepcopy(model).bfloat16(), halved), "with weights in bfloat16")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near(run(model, inputs), "under autocast to bfloat16")
