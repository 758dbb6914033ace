"""Weights from PyTorch to Keras and back, by name, every tensor once: what lies where, and in which order of axes.

A dotted name leads to the same layer in both twins: "stages.1.0.conv1" is `model.stages[1][0].conv1` in PyTorch and
`model.stages.layers[1].layers[0].conv1` in Keras. Inside a layer (the orders of axes are `upslope.twins.layouts`):

    layer                 PyTorch         Keras             in PyTorch            in Keras
    convolution           weight          kernel            (out, in, H, W)       (H, W, in, out)
    linear                weight          kernel            (out, in)             (in, out)
    linear after flatten  weight          kernel            (out, C * H * W)      (H * W * C, out)
    embedding             weight          embeddings        (ids, D)              (ids, D)
    batch norm            weight, bias    gamma, beta       (C,)                  (C,)
                          running_mean    moving_mean       (C,)                  (C,)
                          running_var     moving_variance   (C,)                  (C,)
    layer norm            weight, bias    gamma, beta       (D,)                  (D,)
    LSTM                  weight_ih_l0    kernel            (4 H, in)             (in, 4 H)
                          weight_hh_l0    recurrent_kernel  (4 H, H)              (H, 4 H)
                          bias_ih_l0      bias              (4 H,)                (4 H,)
                          bias_hh_l0      -                 (4 H,)
    attention             qkv.weight      three kernels     (3 D, D)              (D, heads, d), thrice
                          projection      output's kernel   (D, D)                (heads, d, D)

The four parts of an LSTM stand in the same order, i, f, g, o, of which Keras calls the third c. PyTorch adds two biases
there, Keras has their sum; the way back fills the first and leaves the second 0.

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

from upslope.twins.layers import PositionEmbedding
from upslope.twins.layouts import (
    FILTERS,
    LINEAR,
    TABLE,
    VECTOR,
    Absent,
    AfterFlatten,
    Array,
    IntoHeads,
    Layout,
    OutOfHeads,
)

_NAMES: dict[Any, dict[str, tuple[str, Layout]]] = {
    keras.layers.Conv2D: {"weight": ("kernel", FILTERS), "bias": ("bias", VECTOR)},
    keras.layers.Dense: {"weight": ("kernel", LINEAR), "bias": ("bias", VECTOR)},
    keras.layers.Embedding: {"weight": ("embeddings", TABLE)},
    PositionEmbedding: {"weight": ("embeddings", TABLE)},
    keras.layers.BatchNormalization: {
        "weight": ("gamma", VECTOR),
        "bias": ("beta", VECTOR),
        "running_mean": ("moving_mean", VECTOR),
        "running_var": ("moving_variance", VECTOR),
    },
    keras.layers.LayerNormalization: {"weight": ("gamma", VECTOR), "bias": ("beta", VECTOR)},
    keras.layers.LSTMCell: {
        "weight_ih": ("kernel", LINEAR),
        "weight_hh": ("recurrent_kernel", LINEAR),
        "bias_ih": ("bias", VECTOR),
    },
}
_ONE, _OTHER = "bias_ih", "bias_hh"  # the two biases of an LSTM in PyTorch


@dataclass(frozen=True)
class WeightPlace:
    """Where in the Keras twin a tensor of PyTorch's lies."""

    variables: tuple[Any, ...]  # keras.Variable
    layout: Layout

    def to_torch(self, arrays: Sequence[Array]) -> Array:
        """Arrays with these variables' axes as one in PyTorch's order."""
        return np.ascontiguousarray(self.layout.to_torch(arrays))

    def to_keras(self, array: Array) -> list[Array]:
        """The inverse of `to_torch`."""
        return [np.ascontiguousarray(a) for a in self.layout.to_keras(array, [v.shape for v in self.variables])]


def to_keras(torch_model: nn.Module, keras_model: Any) -> None:
    """Give the Keras twin the weights and statistics of the PyTorch one."""
    state = {name: tensor.detach().cpu().numpy() for name, tensor in torch_model.state_dict().items()}
    for name in [name for name in state if _OTHER in name]:
        first = name.replace(_OTHER, _ONE)
        state[first] = state[first] + state[name]
    for name, place in places(torch_model, keras_model).items():
        for variable, array in zip(place.variables, place.to_keras(state[name]), strict=True):
            variable.assign(array)


def to_torch(keras_model: Any, torch_model: nn.Module) -> None:
    """Give the PyTorch twin the weights and statistics of the Keras one."""
    state = torch_model.state_dict()
    with torch.no_grad():
        for name, array in as_torch(keras_model, torch_model).items():
            state[name].copy_(torch.from_numpy(array))


def one_bias(torch_model: nn.Module) -> None:
    """Give every LSTM one bias that learns, as Keras has it; what the network says stays the same.

    Two biases that are only ever added both get the gradient of their sum, so that it moves twice as far in a step.
    """
    parameters = dict(torch_model.named_parameters())
    with torch.no_grad():
        for name in [name for name in parameters if _OTHER in name]:
            parameters[name.replace(_OTHER, _ONE)].add_(parameters[name])
            parameters[name].zero_().requires_grad_(False)


def as_torch(keras_model: Any, torch_model: nn.Module, *, values: Sequence[Array] | None = None) -> dict[str, Array]:
    """What the Keras twin holds, under PyTorch's names and in its order of axes.

    With `values`, one array for each of `keras_model.trainable_variables` (gradients, say), those instead of weights.
    """
    found = places(torch_model, keras_model)
    if values is None:
        return {name: place.to_torch([numbers(v) for v in place.variables]) for name, place in found.items()}
    given = dict(zip(map(id, keras_model.trainable_variables), values, strict=True))
    learn = {name: p for name, p in found.items() if p.variables and all(id(v) in given for v in p.variables)}
    return {name: place.to_torch([given[id(v)] for v in place.variables]) for name, place in learn.items()}


def places(torch_model: nn.Module, keras_model: Any) -> dict[str, WeightPlace]:
    """For every tensor of PyTorch's its place in Keras; refused unless each of either is met, and shapes agree."""
    found: dict[str, WeightPlace] = {}
    flattened: Mapping[str, tuple[int, int, int]] = getattr(keras_model, "flattened", {})
    for name, tensor in torch_model.state_dict().items():
        path, _, leaf = name.rpartition(".")
        if leaf == "num_batches_tracked":
            continue
        place = _place(keras_model, path, leaf, name, tuple(tensor.shape))
        if leaf == "weight" and path in flattened:
            place = WeightPlace(place.variables, AfterFlatten(flattened[path]))
        shape = place.to_torch([np.empty(v.shape, dtype=bool) for v in place.variables]).shape
        if shape != tuple(tensor.shape):
            raise ValueError(f"{name} is {tuple(tensor.shape)} in PyTorch and, in the same order, {shape} in Keras")
        found[name] = place
    met = {id(variable) for place in found.values() for variable in place.variables}
    left = [variable.path for variable in keras_model.weights if id(variable) not in met]
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


def _place(keras_model: Any, path: str, leaf: str, name: str, shape: tuple[int, ...]) -> WeightPlace:
    """The variables that hold the tensor `leaf` of the layer at a dotted path."""
    above, _, last = path.rpartition(".")
    if last in ("qkv", "projection") and isinstance(
        attention := _layer(keras_model, above, name), keras.layers.MultiHeadAttention
    ):
        kind = "kernel" if leaf == "weight" else "bias"
        if last == "qkv":
            parts = (attention.query_dense, attention.key_dense, attention.value_dense)
            return WeightPlace(tuple(getattr(part, kind) for part in parts), IntoHeads())
        return WeightPlace((getattr(attention.output_dense, kind),), OutOfHeads() if leaf == "weight" else VECTOR)
    if not path:  # a parameter of the network itself, in Keras the table of a layer
        path, leaf = leaf, "weight"
    layer = _layer(keras_model, path, name)
    if isinstance(layer, keras.layers.Bidirectional):
        layer = layer.backward_layer if leaf.endswith("_reverse") else layer.forward_layer
    if isinstance(layer, keras.layers.LSTM):
        leaf = leaf.removesuffix("_reverse").removesuffix("_l0")
        if leaf == _OTHER:
            return WeightPlace((), Absent(shape))
        layer = layer.cell
    for known, names in _NAMES.items():
        if isinstance(layer, known):
            variable, layout = names.get(leaf, ("", VECTOR))
            if getattr(layer, variable, None) is None:
                raise ValueError(f"PyTorch holds {name}, and Keras' {known.__name__} there has no such weight")
            return WeightPlace((getattr(layer, variable),), layout)
    raise ValueError(f"PyTorch holds {name}, and Keras has a {type(layer).__name__} there, which holds no weights")


def _layer(keras_model: Any, path: str, name: str) -> Any:
    """The layer at a dotted path; a number counts the layers of a Sequential, or of a list."""
    layer = keras_model
    for step in path.split("."):
        try:
            if step.isdigit():
                layer = (layer if isinstance(layer, list) else layer.layers)[int(step)]
            else:
                layer = getattr(layer, step)
        except (AttributeError, IndexError):
            raise ValueError(f"PyTorch holds {name}, and the Keras model has no layer {path}") from None
    return layer
