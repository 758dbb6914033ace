"""The trace: maps as they were when they were computed, whatever is changed in place behind them."""

import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F

from upslope.explain.trace import features, recorded
from upslope.models.build import built


def test_in_place_changes_are_no_news():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3))
    x = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    calls = recorded(model, x)
    assert [(call.name, call.module) for call in calls] == [
        ("convolution", "0"),
        ("ReLU", ""),
        ("max pooling", ""),
        ("linear layer", "4"),
    ]
    with torch.no_grad():
        convolved = F.conv2d(x, model[0].weight, model[0].bias)
        assert calls[0].output.equal(convolved)
        assert calls[1].given.equal(convolved)
        assert calls[1].output.equal(convolved.relu())
        assert calls[3].output.equal(model(x))
    assert float(calls[0].output.min()) < 0
    assert (calls[2].settings["kernel"], calls[2].settings["stride"], calls[2].settings["how"]) == (
        (2, 2),
        (2, 2),
        "max",
    )


def test_all_networks(network, pictures, family):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    calls = recorded(network, pictures[:1])
    with torch.no_grad():
        expected = network(pictures[:1])
    torch.testing.assert_close(calls[-1].output, expected)
    assert calls[0].kind == "convolution"
    assert all(value.equal(network.state_dict()[name]) for name, value in before.items())
    assert not any(module._forward_hooks for module in network.modules())
    blocks = [call for call in calls if call.kind == "block"]
    assert len(blocks) == (6 if family == "vit" else 0)
    # What the last layer looks at gives the logits with that layer.
    found = features(network, pictures)
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        torch.testing.assert_close(last(found), network(pictures))


def test_a_network_without_a_linear_layer():
    with pytest.raises(ValueError, match="no linear layer over one vector for each picture"):
        features(built("resnet8", seed=0).module.stages, torch.rand(1, 16, 8, 8))
