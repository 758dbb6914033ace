"""Run by test_parity_keras in a process of its own: a network of keras.applications beside ours, same random weights.

    python tests/models/keras_zoo.py vgg16

Both are walked in the order in which they were built: the n-th convolution is the n-th of ours, norms and linear layers
likewise. Prints one line of JSON: the scale of the scores and the largest differences, of gradients relative to the
largest one.
"""

import json
import os
import sys
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from torch import nn

from upslope.models.vision.efficientnet import EfficientNet
from upslope.models.vision.inception import InceptionV3
from upslope.models.vision.vgg import VGG

# name -> Keras' network, the side of a picture, and ours
NETWORKS: dict[str, tuple[Callable[..., keras.Model], int, Callable[[], nn.Module]]] = {
    "vgg16": (keras.applications.VGG16, 32, lambda: VGG(depths=(2, 2, 3, 3, 3), image_size=32, num_classes=10)),
    "vgg19": (keras.applications.VGG19, 32, lambda: VGG(depths=(2, 2, 4, 4, 4), image_size=32, num_classes=10)),
    "inception-v3": (keras.applications.InceptionV3, 79, lambda: InceptionV3(num_classes=10)),
    "efficientnet-b0": (keras.applications.EfficientNetB0, 65, lambda: EfficientNet(num_classes=10)),
    "efficientnet-b1": (
        keras.applications.EfficientNetB1,
        64,
        lambda: EfficientNet(depth=1.1, num_classes=10),
    ),
}
KINDS = {
    nn.Conv2d: (keras.layers.Conv2D, keras.layers.DepthwiseConv2D),
    nn.BatchNorm2d: (keras.layers.BatchNormalization,),
    nn.Linear: (keras.layers.Dense,),
}


def random_weights(theirs: keras.Model) -> None:
    rng = np.random.default_rng(0)
    for variable in theirs.variables:
        drawn = rng.standard_normal(variable.shape).astype(np.float32)
        if "seed" in variable.name or variable.path.startswith("normalization"):
            continue
        if variable.name == "moving_variance":
            variable.assign(1 + np.abs(drawn))
        elif variable.name == "gamma":
            variable.assign(1 + 0.3 * drawn)
        elif variable.name in {"beta", "bias", "moving_mean"}:
            variable.assign(0.3 * drawn)
        elif variable.name == "kernel":
            depthwise = "dwconv" in variable.path
            fan = np.prod(variable.shape[:2]) if depthwise else np.prod(variable.shape[:-1])
            variable.assign(drawn * (2 / fan) ** 0.5)


def as_ours(kernel: torch.Tensor, ours: nn.Module) -> torch.Tensor:
    """Keras' order, height, width, in, out (or in, out), in PyTorch's; of a depthwise kernel height, width, in, 1."""
    if kernel.ndim == 2:
        return kernel.T
    depthwise = isinstance(ours, nn.Conv2d) and ours.groups > 1
    return kernel.permute(2, 3, 0, 1) if depthwise else kernel.permute(3, 2, 0, 1)


def pairs_of(theirs: keras.Model, ours: nn.Module) -> list[tuple[nn.Module, keras.Layer]]:
    """Our modules and Keras' layers, the n-th of a kind with the n-th."""
    found: list[tuple[nn.Module, keras.Layer]] = []
    for kind, layers in KINDS.items():
        mine = [module for module in ours.modules() if isinstance(module, kind)]
        named = sorted((layer for layer in theirs.layers if isinstance(layer, layers)), key=built_at(theirs))
        assert len(mine) == len(named), (kind, len(mine), len(named))
        found += zip(mine, named, strict=True)
    return found


def built_at(theirs: keras.Model) -> Callable[[keras.Layer], int]:
    """The place of a layer in the order of building: Keras' own names end in it, the others stand in order already."""
    order = {layer.name: number for number, layer in enumerate(theirs.layers)}

    def place(layer: keras.Layer) -> int:
        stem, _, number = layer.name.rpartition("_")
        if layer.name in {"conv2d", "batch_normalization"}:
            return 0
        return int(number) if stem in {"conv2d", "batch_normalization"} else order[layer.name]

    return place


def main(name: str) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    keras.utils.set_random_seed(0)
    applied, side, build = NETWORKS[name]
    theirs = applied(weights=None, input_shape=(side, side, 3), classes=10, classifier_activation=None)
    ours = build().eval()
    random_weights(theirs)
    pairs = pairs_of(theirs, ours)
    x = torch.randn(2, 3, side, side)
    seen = x
    for layer in theirs.layers:  # EfficientNet scales and normalizes inside
        if isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization):
            seen = layer(seen.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    with torch.no_grad():
        for module, layer in pairs:
            if isinstance(module, nn.BatchNorm2d):
                module.weight.fill_(1) if layer.gamma is None else module.weight.copy_(layer.gamma.value)
                module.bias.copy_(layer.beta.value)
                module.running_mean.copy_(layer.moving_mean.value)
                module.running_var.copy_(layer.moving_variance.value)
                assert module.eps == layer.epsilon, (module.eps, layer.epsilon)
            else:
                module.weight.copy_(as_ours(layer.kernel.value, module))
                assert (module.bias is None) == (layer.bias is None), layer.name
                if module.bias is not None:
                    module.bias.copy_(layer.bias.value)
    expected, got = theirs(x.permute(0, 2, 3, 1), training=False), ours(seen)
    upstream = torch.randn_like(expected)
    expected.backward(upstream)
    got.backward(upstream)
    off: dict[str, float] = {}

    def compare(what: str, one: torch.Tensor | None, two: torch.Tensor | None) -> None:
        assert one is not None, what
        assert two is not None, what
        assert two.any(), what  # of two zeros nothing could be said
        off[what] = ((one - two).abs().max() / two.abs().max()).item()

    for module, layer in pairs:
        if isinstance(module, nn.BatchNorm2d):
            if layer.gamma is not None:
                compare(f"{layer.name} gamma", module.weight.grad, layer.gamma.value.grad)
            compare(f"{layer.name} beta", module.bias.grad, layer.beta.value.grad)
        else:
            compare(f"{layer.name} kernel", module.weight.grad, as_ours(layer.kernel.value.grad, module))
            if module.bias is not None:
                compare(f"{layer.name} bias", module.bias.grad, layer.bias.value.grad)
    print(
        json.dumps(
            {
                "gradients": len(off),
                "without_factor": sum(isinstance(m, nn.BatchNorm2d) and layer.gamma is None for m, layer in pairs),
                "parameters": len(list(ours.parameters())),
                "scale": expected.abs().max().item(),
                "scores": (got - expected).abs().max().item() / max(1.0, expected.abs().max().item()),
                "worst_gradient": max(off, key=lambda what: off[what]),
                "off": max(off.values()),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
