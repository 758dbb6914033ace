"""What is ResNet's own beside its contracts: depth as the paper counts it, any size of picture, layout in memory."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch
from torch import nn

from upslope.models.build import build, find
from upslope.models.vision.resnet import ResNet

SIZES = [name for name in find("resnet18")[0].card.sizes if name != "toy"]


@pytest.mark.parametrize("name", SIZES)
def test_the_number_in_the_name_counts_the_layers(name):
    """Convolutions and the last linear layer on the way through; projections of the shortcut are not counted."""
    with torch.device("meta"):
        model = build(name)
    layers = [
        key
        for key, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "shortcut" not in key
    ]
    assert len(layers) == int(name.removeprefix("resnet"))


@pytest.mark.parametrize("side", [(32, 32), (33, 47), (224, 160)], ids=str)
def test_pictures_of_any_size(side):
    model = build("resnet-toy", stem="imagenet").eval()
    assert model(torch.randn(1, 3, *side)).shape == (1, 10)


def test_stages_halve_the_picture():
    model = build("resnet18", num_classes=10).eval()
    sides = []
    for stage in model.stages:
        stage.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[1:]))
    model(torch.zeros(1, 3, 64, 64))
    assert sides == [(64, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2)]


def test_weights_and_activations_lie_channels_last():
    model = build("resnet-toy").eval()
    assert all(
        module.weight.is_contiguous(memory_format=torch.channels_last)
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    )
    seen = []
    model.stages.register_forward_hook(lambda module, inputs, output: seen.append(output))
    model(torch.randn(2, 3, 16, 16))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_it_begins_with_hes_initialisation():
    torch.manual_seed(0)
    weight = build("resnet18").stages[3][1].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)


def test_stages_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match=r"^depths=\(1, 2, 3\) and widths=\(8, 16\) must name the same stages$"):
        ResNet(block="basic", depths=(1, 2, 3), widths=(8, 16))
