"""Pictures that excite a unit: more than any random picture does, in [0, 1], the same for the same generator."""

import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch
from torch.nn import functional as F

from upslope.explain.activation_maximization import class_logits, exciting_pictures


def made(activation, shape, **settings):
    return exciting_pictures(activation, shape, generator=torch.Generator().manual_seed(0), **settings)


@torch.no_grad()
def best_of_random(activation, shape, tries=40):
    """What random pictures that are as smooth reach."""
    generator = torch.Generator().manual_seed(1)
    drawn = [F.avg_pool2d(torch.rand(shape, generator=generator), 3, stride=1, padding=1) for _ in range(tries)]
    return torch.stack([activation(pictures) for pictures in drawn]).amax(dim=0)


@pytest.mark.parametrize("kind", [("resnet", 1), ("vit", 3)], indirect=True, ids=str)
def test_nothing_of_the_network_changes(network, channels):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    activation, shape = class_logits(network, torch.tensor([0, 4, 9])), (3, channels, 28, 28)
    found = made(activation, shape, steps=12)
    assert found.shape == shape
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert not found.requires_grad
    with torch.no_grad():
        assert bool((activation(found) > activation(made(activation, shape, steps=0))).all())
    assert all(value.equal(network.state_dict()[name]) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_more_than_smooth_random_pictures_and_the_same_again():
    from upslope.models.build import built

    network = built("vgg-small", seed=0).module.eval()
    activation, shape = class_logits(network, torch.tensor([2, 7])), (2, 1, 28, 28)
    found = made(activation, shape, steps=40)
    with torch.no_grad():
        assert bool((activation(found) > best_of_random(activation, shape)).all())
    assert made(activation, shape, steps=40).equal(found)


def test_a_unit_that_likes_brightness_on_the_left():
    """A linear unit has a known best picture: white where its weight is positive."""
    weight = torch.cat([torch.ones(8, 4), -torch.ones(8, 4)], dim=1)
    found = made(lambda pictures: (pictures[:, 0] * weight).flatten(1).sum(dim=1), (1, 1, 8, 8))[0, 0]
    assert float(found[:, :2].min()) > 0.8
    assert float(found[:, -2:].max()) < 0.2
