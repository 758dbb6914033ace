"""Shapes: what the card says of inputs and outputs is what the network takes and gives."""

import torch

from upslope.checks.contract.subject import Broken, Subject, run


def shapes(subject: Subject) -> None:
    """The toy gives finite numbers of the card's shape, for one sample as for three."""
    model = subject.used()
    for batch in (1, 3):
        output = run(model, subject.inputs(batch))
        _compare(tuple(output.shape), (batch, *subject.toy.output), f"the toy's output for a batch of {batch}")
        if not torch.isfinite(output).all():
            raise Broken(f"the toy's output for a batch of {batch} holds numbers that are not finite")


def sizes(subject: Subject) -> None:
    """Every named size can be built, and takes and gives the card's shapes: on the meta device, so without memory."""
    for name, size in subject.card.sizes.items():
        model = subject.build_without_memory(name).eval()
        inputs = tuple(
            torch.empty((2, *each.shape), dtype=getattr(torch, each.dtype), device="meta") for each in size.inputs
        )
        with torch.no_grad():
            output = model(*inputs)
        _compare(tuple(output.shape), (2, *size.output), f"the output of {name} for a batch of 2")


def _compare(got: tuple[int, ...], expected: tuple[int, ...], what: str) -> None:
    if got != expected:
        raise Broken(f"{what} has the shape {got}, and by the card it is {expected}")
