"""The three file formats, each written and read: ONNX, safetensors, and PyTorch's own pt2.

ONNX and pt2 hold the graph as the task's pipeline uses it, with what belongs before and after the model inside. A
safetensors file holds weights alone. Each carries the model's spec in its metadata, so that one file is enough to use
it, and none of them can run code of its own when it is loaded.

Writers put the bytes together in memory and write them from Python: on a full disk safetensors raises an error of its
own kind, and PyTorch's zip writer ends the process.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec

if TYPE_CHECKING:
    from torch import nn

FORMATS = ("onnx", "safetensors", "pt2")
_KEY = "upslope"  # of the metadata
Weights = dict[str, NDArray[Any]]
Arrays = dict[str, NDArray[Any]]


def built(spec: ModelSpec, weights: Weights) -> "nn.Module":
    """The module that a spec describes, with these weights, in evaluation mode, wrapped as its pipeline uses it."""
    import torch

    from upslope.cards import discover
    from upslope.models.build import construct
    from upslope.ship.pipelines.pipeline import pipeline_of

    found = discover("models").get(spec.model)
    if found is None:
        raise RunProblem(f'the model is a "{spec.model}", and there is no such model here')
    try:
        model = construct(found, spec.arguments, builder=spec.builder)
        model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    except (TypeError, ValueError, RuntimeError) as error:
        raise RunProblem(f"the weights do not fit {spec.model}: {' '.join(str(error).split())[:200]}") from None
    wrapped = pipeline_of(spec.task).wrap(model, spec)
    object.__setattr__(wrapped, "unwrapped", model)  # whose names the weights have
    return wrapped.eval()


def read_weights(path: Path) -> Weights:
    """The arrays of a safetensors file."""
    from upslope.runs.checkpoint import unpack

    try:
        return unpack(path.read_bytes())
    except OSError as error:
        raise RunProblem(f"{path.name} cannot be read: {error.strerror}") from None
    except RunProblem as problem:
        raise RunProblem(f"{path.name} is {problem}") from None


def write_safetensors(module: "nn.Module", spec: ModelSpec, path: Path) -> None:
    """The model's own weights, under its own names."""
    from safetensors.numpy import save

    model: Any = vars(module)["unwrapped"]
    arrays = {n: np.array(t.detach().cpu().numpy(), order="C") for n, t in model.state_dict().items()}
    # One entry only: safetensors writes several in any order, and the same network would give two different files.
    path.write_bytes(save(arrays, metadata={_KEY: json.dumps(spec.to_json())}))


def read_safetensors(path: Path) -> tuple[ModelSpec, "nn.Module"]:
    """The inverse of `write_safetensors`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            said = (file.metadata() or {}).get(_KEY)
    except (SafetensorError, OSError) as error:
        raise RunProblem(f"{path.name} is not a complete safetensors file: {error}") from None
    spec = _spec(said, path)
    return spec, built(spec, read_weights(path))


def write_onnx(module: "nn.Module", spec: ModelSpec, path: Path) -> None:
    """The whole graph, weights inside, for any number of samples."""
    import onnx
    import torch

    _one_graph(module, spec)
    example, shapes = _example(spec)
    with _quiet():
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            input_names=list(spec.inputs),
            output_names=list(spec.outputs),
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, {_KEY: json.dumps(spec.to_json())})
    onnx.save(model, path)


def _one_graph(module: "nn.Module", spec: ModelSpec) -> None:
    """RunProblem for a model whose work depends on what it finds: a graph is the same for every input."""
    if not getattr(vars(module).get("unwrapped"), "one_graph", True):
        raise RunProblem(
            f"{spec.model} looks at as many places as it finds, which no graph can hold: --format safetensors, or "
            "train a one-stage detector"
        )


def read_onnx(path: Path) -> tuple[ModelSpec, Callable[[Arrays], Arrays]]:
    """The spec in an ONNX file, and what answers for it."""
    import onnxruntime

    # Its threads sleep while they wait. Spinning, they would gain it a tenth where it is alone, and take the cores from
    # whatever decodes, draws or serves beside it.
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each of onnxruntime's own kinds stands for itself
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise RunProblem(
            f"{path.name} is not an ONNX file that can be run: {' '.join(str(error).split())[:200]}"
        ) from None
    spec = _spec(session.get_modelmeta().custom_metadata_map.get(_KEY), path)
    # By place: older files call them by other names.
    names = [one.name for one in session.get_inputs()]

    def forward(inputs: Arrays) -> Arrays:
        fed = {name: np.ascontiguousarray(inputs[ours]) for name, ours in zip(names, spec.inputs, strict=True)}
        return dict(zip(spec.outputs, session.run(None, fed), strict=True))

    return spec, forward


def write_pt2(module: "nn.Module", spec: ModelSpec, path: Path) -> None:
    """The graph as torch.export sees it."""
    import torch

    _one_graph(module, spec)
    example, shapes = _example(spec)
    program = torch.export.export(module, example, dynamic_shapes=shapes)
    packed = BytesIO()
    with _quiet():
        torch.export.save(program, packed, extra_files={_KEY: json.dumps(spec.to_json())})
    path.write_bytes(packed.getvalue())


def read_pt2(path: Path) -> tuple[ModelSpec, "nn.Module"]:
    """The inverse of `write_pt2`."""
    import torch

    extra = {_KEY: ""}
    try:
        with _quiet():
            program = torch.export.load(path, extra_files=extra)
    except Exception as error:
        raise RunProblem(
            f"{path.name} is not a pt2 file that can be run: {' '.join(str(error).split())[:200]}"
        ) from None
    return _spec(extra[_KEY], path), program.module()


WRITERS: dict[str, Callable[["nn.Module", ModelSpec, Path], None]] = {
    "onnx": write_onnx,
    "safetensors": write_safetensors,
    "pt2": write_pt2,
}


def _example(spec: ModelSpec) -> tuple[tuple[Any, ...], tuple[dict[int, Any], ...]]:
    """Inputs to trace with, and which of their dimensions are free: the samples, and those that the spec names."""
    import torch

    from upslope.ship.pipelines.pipeline import random_inputs

    batch = torch.export.Dim("batch")
    example = tuple(torch.from_numpy(array) for array in random_inputs(spec, 2).values())
    shapes = tuple(
        {0: batch, **{n + 1: torch.export.Dim(f"{name}_{n + 1}") for n in each.get("dynamic", ())}}
        for name, each in spec.inputs.items()
    )
    return example, shapes


def _spec(said: str | None, path: Path) -> ModelSpec:
    if not said:
        raise RunProblem(f"{path.name} does not say which model it holds: it was not exported by Upslope")
    try:
        return ModelSpec.from_json(json.loads(said))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunProblem(f"what {path.name} says of its model cannot be read ({error})") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks about itself."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
