"""Run by test_parity_keras in a process of its own: Keras' ResNet50 beside ours, with the same random weights.

Prints one line of JSON: the scale of the scores and the largest differences, of gradients relative to the largest one.
"""

import json
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from torch import nn

from upslope.models.vision.resnet import ResNet

SIDE = 64


def counterparts(ours: ResNet) -> dict[str, nn.Module]:
    """The names of Keras' layers, and our modules."""
    pairs: dict[str, nn.Module] = {"conv1_conv": ours.conv1, "conv1_bn": ours.norm1, "predictions": ours.head}
    for stage, blocks in enumerate(ours.stages, 2):
        for number, block in enumerate(blocks, 1):
            name = f"conv{stage}_block{number}"
            for part in (1, 2, 3):
                pairs[f"{name}_{part}_conv"] = getattr(block, f"conv{part}")
                pairs[f"{name}_{part}_bn"] = getattr(block, f"norm{part}")
            if not isinstance(block.shortcut, nn.Identity):
                pairs[f"{name}_0_conv"], pairs[f"{name}_0_bn"] = block.shortcut
    return pairs


def random_weights(theirs: keras.Model) -> None:
    rng = np.random.default_rng(0)
    for variable in theirs.variables:
        drawn = rng.standard_normal(variable.shape).astype(np.float32)
        if variable.name == "moving_variance":
            variable.assign(1 + np.abs(drawn))
        elif variable.name == "gamma":
            variable.assign(1 + 0.3 * drawn)
        elif variable.name in {"beta", "bias", "moving_mean"}:
            variable.assign(0.3 * drawn)
        elif variable.name == "kernel":
            variable.assign(drawn / np.prod(variable.shape[:-1]) ** 0.5)


def as_ours(kernel: torch.Tensor) -> torch.Tensor:
    """Keras' order, height, width, in, out (or in, out), in PyTorch's."""
    return kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T


def take_over(pairs: dict[str, nn.Module], theirs: keras.Model) -> None:
    """Their weights in our modules; the bias of a convolution, which ours lacks, is taken off the next norm's mean."""
    with torch.no_grad():
        for name, module in pairs.items():
            layer = theirs.get_layer(name)
            if isinstance(module, nn.BatchNorm2d):
                convolution = theirs.get_layer(name.removesuffix("_bn") + "_conv")
                module.weight.copy_(layer.gamma.value)
                module.bias.copy_(layer.beta.value)
                module.running_mean.copy_(layer.moving_mean.value - convolution.bias.value)
                module.running_var.copy_(layer.moving_variance.value)
                module.eps = layer.epsilon
            else:
                module.weight.copy_(as_ours(layer.kernel.value))
                if module.bias is not None:
                    module.bias.copy_(layer.bias.value)


def main() -> None:
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    theirs = keras.applications.ResNet50(
        weights=None, input_shape=(SIDE, SIDE, 3), classes=10, classifier_activation=None
    )
    ours = ResNet(block="bottleneck", depths=(3, 4, 6, 3), num_classes=10, stride_in_1x1=True).eval()
    random_weights(theirs)
    pairs = counterparts(ours)
    take_over(pairs, theirs)
    named = {variable.path.split("/")[-2] for variable in theirs.variables} - {"seed_generator"}
    x = torch.randn(2, 3, SIDE, SIDE)
    expected, got = theirs(x.permute(0, 2, 3, 1), training=False), ours(x)
    upstream = torch.randn_like(expected)
    expected.backward(upstream)
    got.backward(upstream)
    off: dict[str, float] = {}

    def compare(name: str, one: torch.Tensor | None, two: torch.Tensor | None) -> None:
        assert one is not None, name
        assert two is not None, name
        assert two.any(), name  # of two zeros nothing could be said
        off[name] = ((one - two).abs().max() / two.abs().max()).item()

    for name, module in pairs.items():
        layer = theirs.get_layer(name)
        if isinstance(module, nn.BatchNorm2d):
            compare(f"{name} gamma", module.weight.grad, layer.gamma.value.grad)
            compare(f"{name} beta", module.bias.grad, layer.beta.value.grad)
        else:
            compare(f"{name} kernel", module.weight.grad, as_ours(layer.kernel.value.grad))
            if module.bias is not None:
                compare(f"{name} bias", module.bias.grad, layer.bias.value.grad)
    print(
        json.dumps(
            {
                "layers_without_counterpart": sorted(named ^ set(pairs)),
                "gradients": len(off),
                "parameters": len(list(ours.parameters())),
                "scale": expected.abs().max().item(),
                "scores": (got - expected).abs().max().item(),
                "worst_gradient": max(off, key=lambda name: off[name]),
                "off": max(off.values()),
            }
        )
    )


if __name__ == "__main__":
    main()
