"""Shapes: what the card says of inputs and outputs is what the network takes and gives."""

import torch
from torch import nn

from upslope.cards import Size
from upslope.checks.contract.subject import Broken, Outputs, Subject, leaves, run, seeded


def shapes(subject: Subject) -> None:
    """The toy gives finite numbers of the card's shape, for one sample as for three; in training auxiliaries, too."""
    model = subject.used()
    for batch in (1, 3):
        outputs = run(model, subject.inputs(batch))
        _compare(outputs, subject.toy, batch, "the toy")
        for name, output in zip(subject.toy.leaves, outputs, strict=True):
            if not torch.isfinite(output).all():
                raise Broken(f"{_said('the toy', name, batch)} holds numbers that are not finite")
    _auxiliaries(subject, model.train())


def sizes(subject: Subject) -> None:
    """Every named size can be built, and takes and gives the card's shapes: on the meta device, so without memory."""
    alone = {size.builder or subject.card.builder for size in subject.card.sizes.values()}
    alone -= {size.builder or subject.card.builder for name, size in subject.card.sizes.items() if name[:3] == "toy"}
    if alone:
        raise Broken(f"no size whose name begins with toy is built by {', '.join(sorted(alone))}")
    for name, size in subject.sizes.items():
        model = subject.build_without_memory(name).eval()
        inputs = tuple(
            torch.empty((2, *each.shape), dtype=getattr(torch, each.dtype), device="meta") for each in size.inputs
        )
        with torch.no_grad():
            outputs = leaves(model(*inputs))
        _compare(outputs, size, 2, name)


def _auxiliaries(subject: Subject, model: nn.Module) -> None:
    """In training a dict of the logits and the card's auxiliaries leaves, and the network knows what they count."""
    stated = subject.toy.auxiliaries
    if dict(getattr(model, "auxiliary_weights", {})) != stated:
        said = getattr(model, "auxiliary_weights", {})
        raise Broken(f"by the card the auxiliaries count {stated or 'nothing'}, and by auxiliary_weights {said}")
    if not stated:
        return
    with seeded(0), torch.no_grad():
        given = model(*subject.inputs(3))
    names = ["logits", *stated]
    if not isinstance(given, dict) or list(given) != names:
        got = ", ".join(given) if isinstance(given, dict) else type(given).__name__
        raise Broken(f"in training the toy gives {got}, and by the card a dict of {', '.join(names)}")
    for name, output in given.items():
        if tuple(output.shape) != (3, *subject.toy.output):
            raise Broken(f"in training the output {name} has the shape {tuple(output.shape)} for a batch of 3")


def _compare(outputs: Outputs, size: Size, batch: int, whose: str) -> None:
    if len(outputs) != len(size.leaves):
        stated = f" ({', '.join(size.outputs)})" if size.outputs else ""
        raise Broken(f"{whose} gives {len(outputs)} outputs, and by the card they are {len(size.leaves)}{stated}")
    for (name, shape), output in zip(size.leaves.items(), outputs, strict=True):
        got = tuple(output.shape)
        expected = None if shape is None else (batch, *shape)
        if expected is None:
            continue
        fits = len(got) == len(expected) and all(b in (None, a) for a, b in zip(got, expected, strict=True))
        if not fits:
            raise Broken(f"{_said(whose, name, batch)} has the shape {got}, and by the card it is {expected}")


def _said(whose: str, name: str, batch: int) -> str:
    return f"{whose}'s output {name}".rstrip() + f" for a batch of {batch}"
