"""Weights from PyTorch to Keras and back, by name, every tensor once: what lies where, and in which order of axes.

A dotted name leads to the same layer in both twins: "stages.1.0.conv1" is `model.stages[1][0].conv1` in PyTorch and
`model.stages.layers[1].layers[0].conv1` in Keras. Inside a layer:

    layer                 PyTorch         Keras             in PyTorch            in Keras
    convolution           weight          kernel            (out, in, H, W)       (H, W, in, out)
    linear                weight          kernel            (out, in)             (in, out)
    linear after flatten  weight          kernel            (out, C * H * W)      (H * W * C, out)
    batch norm            weight, bias    gamma, beta       (C,)                  (C,)
                          running_mean    moving_mean       (C,)                  (C,)
                          running_var     moving_variance   (C,)                  (C,)

PyTorch's `num_batches_tracked` has no place in Keras, which does not count: it is passed over, and stays as it was.
Everything goes through NumPy arrays, so PyTorch's tensors never meet those of Keras' backend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch
from torch import Tensor, nn

Array = np.ndarray[Any, Any]

_NAMES = {
    keras.layers.Conv2D: {"weight": "kernel", "bias": "bias"},
    keras.layers.Dense: {"weight": "kernel", "bias": "bias"},
    keras.layers.BatchNormalization: {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
}


@dataclass(frozen=True)
class WeightPlace:
    """Where in the Keras twin a tensor of PyTorch's lies."""

    variable: Any  # keras.Variable
    maps: tuple[int, int, int] | None = None  # (H, W, C) that were flattened before a linear layer

    def to_torch(self, array: Array) -> Array:
        """An array with this variable's axes, in PyTorch's order."""
        if self.maps is not None:
            array = array.reshape(*self.maps, -1).transpose(3, 2, 0, 1)  # (out, C, H, W)
            return np.ascontiguousarray(array.reshape(len(array), -1))
        return np.ascontiguousarray(array.transpose(_to_torch[array.ndim]))

    def to_keras(self, array: Array) -> Array:
        """The inverse of `to_torch`."""
        if self.maps is not None:
            height, width, channels = self.maps
            array = array.reshape(-1, channels, height, width).transpose(2, 3, 1, 0)  # (H, W, C, out)
            return np.ascontiguousarray(array.reshape(height * width * channels, -1))
        return np.ascontiguousarray(array.transpose(_to_keras[array.ndim]))


# The order of axes, by how many there are: vectors, linear layers, convolutions.
_to_torch = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}
_to_keras = {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}


def to_keras(torch_model: nn.Module, keras_model: Any) -> None:
    """Give the Keras twin the weights and statistics of the PyTorch one."""
    state = torch_model.state_dict()
    for name, place in places(torch_model, keras_model).items():
        place.variable.assign(place.to_keras(state[name].detach().cpu().numpy()))


def to_torch(keras_model: Any, torch_model: nn.Module) -> None:
    """Give the PyTorch twin the weights and statistics of the Keras one."""
    state = torch_model.state_dict()
    with torch.no_grad():
        for name, place in places(torch_model, keras_model).items():
            state[name].copy_(torch.from_numpy(place.to_torch(numbers(place.variable))))


def as_torch(keras_model: Any, torch_model: nn.Module, *, values: Sequence[Array] | None = None) -> dict[str, Array]:
    """What the Keras twin holds, under PyTorch's names and in its order of axes.

    With `values`, one array for each of `keras_model.trainable_variables` (gradients, say), those instead of weights.
    """
    found = places(torch_model, keras_model)
    if values is None:
        return {name: place.to_torch(numbers(place.variable)) for name, place in found.items()}
    given = dict(zip(map(id, keras_model.trainable_variables), values, strict=True))
    return {name: p.to_torch(given[id(p.variable)]) for name, p in found.items() if id(p.variable) in given}


def places(torch_model: nn.Module, keras_model: Any) -> dict[str, WeightPlace]:
    """For every tensor of PyTorch's its place in Keras; refused unless each of either is met, and shapes agree."""
    found: dict[str, WeightPlace] = {}
    flattened: Mapping[str, tuple[int, int, int]] = getattr(keras_model, "flattened", {})
    for name, tensor in torch_model.state_dict().items():
        path, _, leaf = name.rpartition(".")
        if leaf == "num_batches_tracked":
            continue
        layer = _layer(keras_model, path, name)
        place = WeightPlace(_variable(layer, leaf, name), flattened.get(path) if leaf == "weight" else None)
        shape = place.to_torch(np.empty(place.variable.shape, dtype=bool)).shape
        if shape != tuple(tensor.shape):
            raise ValueError(f"{name} is {tuple(tensor.shape)} in PyTorch and, in the same order, {shape} in Keras")
        found[name] = place
    met = {id(place.variable) for place in found.values()}
    left = [variable.path for variable in keras_model.variables if id(variable) not in met]
    if left:
        raise ValueError(
            f"the Keras model holds {len(left)} weights that PyTorch does not have, the first at {left[0]}"
        )
    return found


def numbers(variable: Any) -> Array:
    """The value of a Keras variable as an array of its own, on any backend."""
    value = variable.value
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    return np.array(value.numpy())


def _layer(keras_model: Any, path: str, name: str) -> Any:
    """The layer at a dotted path; a number counts the layers of a Sequential."""
    layer = keras_model
    for step in path.split("."):
        try:
            layer = layer.layers[int(step)] if step.isdigit() else getattr(layer, step)
        except (AttributeError, IndexError):
            raise ValueError(f"PyTorch holds {name}, and the Keras model has no layer {path}") from None
    return layer


def _variable(layer: Any, leaf: str, name: str) -> Any:
    """What a layer of Keras calls the tensor that PyTorch calls `leaf`."""
    for kind, names in _NAMES.items():
        if isinstance(layer, kind):
            variable = getattr(layer, names[leaf], None) if leaf in names else None
            if variable is None:
                raise ValueError(f"PyTorch holds {name}, and Keras' {kind.__name__} there has no such weight")
            return variable
    raise ValueError(f"PyTorch holds {name}, and Keras has a {type(layer).__name__} there, which holds no weights")
