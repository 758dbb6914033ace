"""Exports: the graph that leaves Python gives what the network gives, for any number of samples."""

import functools
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from upslope.checks.contract.subject import Broken, Outputs, Subject, apart, in_one_line, leaves, run, seeded

_TRACED = 2
_TRIED = (1, 5)


def export(subject: Subject) -> None:
    """`torch.export` with a dynamic batch: equal to eager within 1e-5 for 1 and for 5 samples, traced with 2."""
    model, program = _exported(subject)
    _compare(subject, model, lambda inputs: leaves(program.module()(*inputs)), "the exported graph", within=1e-5)


def onnx(subject: Subject) -> None:
    """The same graph as ONNX, run by onnxruntime: equal to eager within 1e-4."""
    import onnxruntime

    model, program = _exported(subject)
    with _as_quiet_as_possible():
        try:
            made = torch.onnx.export(program, dynamo=True, optimize=False, verbose=False, external_data=False)
        except Exception as error:
            raise Broken(f"torch.onnx.export refuses the toy: {in_one_line(error)}") from error
    assert made is not None
    session = onnxruntime.InferenceSession(made.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def in_onnxruntime(inputs: tuple[Tensor, ...]) -> Outputs:
        fed = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return tuple(map(torch.from_numpy, session.run(None, fed)))

    steady = subject.steady(model, subject.inputs(_TRACED))  # onnxruntime has a generator of its own
    _compare(subject, model, in_onnxruntime, "the ONNX graph", within=1e-4, steady=steady)


@functools.lru_cache(maxsize=1)
def _exported(subject: Subject) -> tuple[nn.Module, ExportedProgram]:
    """The toy and its graph; both contracts use the same one, for tracing takes its time."""
    model = subject.used()
    inputs = subject.inputs(_TRACED)
    batch = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings():
            # nn.LSTM and nn.GRU list their parameters a second time; the comparison shows that it does no harm.
            warnings.filterwarnings("ignore", r"The tensor attributes? self\..*_flat_weights", UserWarning)
            return model, torch.export.export(model, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))
    except Exception as error:
        raise Broken(f"torch.export refuses the toy with a dynamic batch: {in_one_line(error)}") from error


def _compare(
    subject: Subject,
    model: nn.Module,
    graph: Callable[[tuple[Tensor, ...]], Outputs],
    what: str,
    *,
    within: float,
    steady: tuple[bool, ...] = (),
) -> None:
    for batch in _TRIED:
        inputs = subject.inputs(batch, seed=batch)
        expected = run(model, inputs)
        try:
            # Under another seed than eager's, chance shows; where the card speaks of it, both are given the same.
            with seeded(0 if subject.card.random_in_evaluation else 1), torch.no_grad():
                got = graph(inputs)
        except Exception as error:
            raise Broken(f"{what}, traced with {_TRACED} samples, fails for {batch}: {in_one_line(error)}") from error
        if len(got) != len(expected):
            raise Broken(f"{what} gives {len(got)} outputs, and eager gives {len(expected)}")
        for number, (one, other) in enumerate(zip(got, expected, strict=True)):
            same = one.shape == other.shape
            compared = same and (not steady or steady[number])
            off = apart(one, other) if compared else 0.0
            if not same or off > within:
                by = f"{off:.2g}" if same else f"its shape {tuple(one.shape)}"
                where = f" in {subject.leaf(number)}" if subject.toy.outputs else ""
                raise Broken(f"{what}, traced with {_TRACED} samples, differs from eager by {by} for {batch}{where}")


@contextmanager
def _as_quiet_as_possible() -> Iterator[None]:
    """Without two remarks of the exporter that are about itself: a deprecated call in it, and torchvision's absence."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        log.setLevel(level)
