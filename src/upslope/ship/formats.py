"""The three file formats, each written and read: ONNX, safetensors, and PyTorch's own pt2.

ONNX and pt2 hold a graph that takes pixels in [0, 1]: mean and deviation are inside. A safetensors file holds weights
alone. Each carries network.json in its metadata, so that one file is enough to use the network, and none of them can
run code of its own when it is loaded.

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
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from upslope.runs.network import Network
from upslope.runs.problem import RunProblem

if TYPE_CHECKING:
    from torch import nn

FORMATS = ("onnx", "safetensors", "pt2")
INPUT, OUTPUT = "pictures", "logits"
_KEY = "upslope"  # of the metadata
Weights = dict[str, NDArray[Any]]


def built(network: Network, weights: Weights) -> "nn.Module":
    """The module that a network describes, with these weights, in evaluation mode; it takes pixels in [0, 1]."""
    import torch
    from torch import Tensor, nn

    from upslope.cards import discover
    from upslope.models.build import construct

    class OfPixels(nn.Module):
        """Takes off the mean and divides by the deviation, then asks the network."""

        mean: Tensor
        std: Tensor

        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model
            self.register_buffer("mean", torch.tensor(network.mean).reshape(-1, 1, 1))
            self.register_buffer("std", torch.tensor(network.std).reshape(-1, 1, 1))

        def forward(self, pictures: Tensor) -> Tensor:
            return cast(Tensor, self.model((pictures - self.mean) / self.std))

    found = discover("models").get(network.model)
    if found is None:
        raise RunProblem(f'the network is a "{network.model}", and there is no such model here')
    try:
        model = construct(found, network.arguments)
        model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    except (TypeError, ValueError, RuntimeError) as error:
        raise RunProblem(f"the weights do not fit {network.model}: {' '.join(str(error).split())[:200]}") from None
    return OfPixels(model).eval()


def read_weights(path: Path) -> Weights:
    """The arrays of a safetensors file."""
    from upslope.runs.checkpoint import unpack

    try:
        return unpack(path.read_bytes())
    except OSError as error:
        raise RunProblem(f"{path.name} cannot be read: {error.strerror}") from None
    except RunProblem as problem:
        raise RunProblem(f"{path.name} is {problem}") from None


def write_safetensors(module: "nn.Module", network: Network, path: Path) -> None:
    """The network's own weights, under its own names."""
    from safetensors.numpy import save

    model: Any = module.model
    arrays = {n: np.array(t.detach().cpu().numpy(), order="C") for n, t in model.state_dict().items()}
    # One entry only: safetensors writes several in any order, and the same network would give two different files.
    path.write_bytes(save(arrays, metadata={_KEY: json.dumps(network.to_json())}))


def read_safetensors(path: Path) -> tuple[Network, "nn.Module"]:
    """The inverse of `write_safetensors`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            said = (file.metadata() or {}).get(_KEY)
    except (SafetensorError, OSError) as error:
        raise RunProblem(f"{path.name} is no whole safetensors file: {error}") from None
    network = _network(said, path)
    return network, built(network, read_weights(path))


def write_onnx(module: "nn.Module", network: Network, path: Path) -> None:
    """The whole graph, weights inside, for any number of pictures."""
    import onnx
    import torch

    example = (torch.rand(2, *network.shape),)
    shapes = ({0: torch.export.Dim("batch")},)
    with _quiet():
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, {_KEY: json.dumps(network.to_json())})
    onnx.save(model, path)


def read_onnx(path: Path) -> tuple[Network, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """The network in an ONNX file, and what answers for it."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # each of onnxruntime's own kinds stands for itself
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise RunProblem(f"{path.name} is no ONNX file that can be run: {' '.join(str(error).split())[:200]}") from None
    network = _network(session.get_modelmeta().custom_metadata_map.get(_KEY), path)
    asked = session.get_inputs()[0].name

    def scores(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        return cast(NDArray[np.float32], session.run(None, {asked: np.ascontiguousarray(pictures)})[0])

    return network, scores


def write_pt2(module: "nn.Module", network: Network, path: Path) -> None:
    """The graph as torch.export sees it."""
    import torch

    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(module, (torch.rand(2, *network.shape),), dynamic_shapes=shapes)
    packed = BytesIO()
    with _quiet():
        torch.export.save(program, packed, extra_files={_KEY: json.dumps(network.to_json())})
    path.write_bytes(packed.getvalue())


def read_pt2(path: Path) -> tuple[Network, "nn.Module"]:
    """The inverse of `write_pt2`."""
    import torch

    extra = {_KEY: ""}
    try:
        with _quiet():
            program = torch.export.load(path, extra_files=extra)
    except Exception as error:
        raise RunProblem(f"{path.name} is no pt2 file that can be run: {' '.join(str(error).split())[:200]}") from None
    return _network(extra[_KEY], path), program.module()


WRITERS: dict[str, Callable[["nn.Module", Network, Path], None]] = {
    "onnx": write_onnx,
    "safetensors": write_safetensors,
    "pt2": write_pt2,
}


def _network(said: str | None, path: Path) -> Network:
    if not said:
        raise RunProblem(f"{path.name} does not say which network it holds: it was not exported by Upslope")
    try:
        return Network.from_json(json.loads(said))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunProblem(f"what {path.name} says of its network cannot be read ({error})") from None


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
