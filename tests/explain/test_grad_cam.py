"""Grad-CAM: equal to the formula by PyTorch's own autograd, whatever comes next; nothing is left behind."""

import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F

from upslope.explain.grad_cam import class_activation_map, grad_cam, last_maps, tokens_to_maps


def hooks(model):
    return [module for module in model.modules() if module._forward_hooks or module._backward_hooks]


class Two(nn.Module):
    """A convolution with ReLU behind it, in place or not, and a linear layer over all places."""

    def __init__(self, *, inplace, channels=1):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=inplace)
        self.head = nn.Linear(4 * 6 * 6, 3)

    def forward(self, x):
        return self.head(self.relu(self.conv(x)).flatten(1))


def two(**settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Two(**settings).eval()


def by_formula(model, x, target):
    """The same from the parts of `Two`: the gradient of ReLU and of the linear layer by hand."""
    maps = F.conv2d(x, model.conv.weight, model.conv.bias, padding=1)
    gradients = model.head.weight[target].reshape(-1, 4, 6, 6) * (maps > 0)
    weights = gradients.mean(dim=(2, 3))
    return torch.einsum("bc,bchw->bhw", weights, maps).clamp(min=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_in_front_of_a_relu_in_place(channels):
    x = torch.randn(2, channels, 6, 6, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([2, 0])
    found = []
    for inplace in (False, True):
        model = two(inplace=inplace, channels=channels)
        got = class_activation_map(model, x, target, layer=model.conv)
        torch.testing.assert_close(got, by_formula(model, x, target).detach())
        found.append(got)
        # The output of the in-place ReLU itself.
        behind = class_activation_map(model, x, target, layer=model.relu)
        assert behind.shape == (2, 6, 6)
    assert found[0].equal(found[1])


def test_all_networks_twice_and_nothing_left(network, pictures, family):
    target = torch.tensor([3, 7])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layer, grid = last_maps(network, pictures[:1])
    first = class_activation_map(network, pictures, target, layer=layer, grid=grid)
    again = class_activation_map(network, pictures, target, layer=layer, grid=grid)
    assert first.numpy().tobytes() == again.numpy().tobytes()
    assert float(first.min()) >= 0
    assert min(first.shape[1:]) > 1
    assert hooks(network) == []
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(value.equal(network.state_dict()[name]) for name, value in before.items())
    assert not first.requires_grad
    # Each picture of a batch as if it were alone.
    alone = class_activation_map(network, pictures[1:], target[1:], layer=layer, grid=grid)
    torch.testing.assert_close(alone[0], first[1], rtol=1e-4, atol=1e-6)
    # Frozen weights, and code that asked for no gradients, are no hindrance.
    network.requires_grad_(False)
    with torch.no_grad():
        frozen = class_activation_map(network, pictures, target, layer=layer, grid=grid)
    torch.testing.assert_close(frozen, first, rtol=1e-4, atol=1e-6)


def test_a_vision_transformer_has_its_patches_grid():
    """28 x 28 pixels in patches of 7: 4 x 4 places, and the class token is none of them."""
    from upslope.models.build import built

    model = built("vit-28", seed=0).module.eval()
    x = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    layer, grid = last_maps(model, x)
    assert grid == (4, 4)
    assert layer is model.blocks[-1].norm1
    assert class_activation_map(model, x, torch.tensor([0]), layer=layer, grid=grid).shape == (1, 4, 4)
    tokens = torch.arange(1 + 6.0).reshape(1, 7, 1)
    assert tokens_to_maps(tokens, (2, 3)).tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
    with pytest.raises(ValueError, match="7 tokens do not cover a grid of 3 x 3 patches"):
        tokens_to_maps(tokens, (3, 3))


@pytest.mark.parametrize("inplace", [False, True])
def test_equal_to_captum(inplace):
    """captum's LayerGradCam sums before its ReLU as the paper does, if it is asked for the ReLU."""
    attr = pytest.importorskip("captum.attr", reason="captum is the independent implementation")
    model = two(inplace=inplace)
    x = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(4))
    target = torch.tensor([1, 2])
    theirs = attr.LayerGradCam(two(inplace=False), model.conv)
    theirs.layer = theirs.forward_func.conv
    expected = theirs.attribute(x, target=target, relu_attributions=True)[:, 0].detach()
    got = class_activation_map(model, x, target, layer=model.conv)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_what_is_refused():
    model = two(inplace=False)
    x = torch.rand(1, 1, 6, 6)
    with pytest.raises(ValueError, match=r"the layer gives \(1, 3\): feature maps are"):
        class_activation_map(model, x, torch.tensor([0]), layer=model.head)
    with pytest.raises(ValueError, match="the layer ran 0 times in one forward pass"):
        class_activation_map(model, x, torch.tensor([0]), layer=nn.ReLU())
    assert hooks(model) == []
    with pytest.raises(ValueError, match="no convolution whose maps have places"):
        last_maps(nn.Sequential(nn.Flatten(), nn.Linear(36, 2)), x)


def test_what_speaks_against_a_class_is_not_shown():
    maps = torch.tensor([[[[4.0, 0.0]], [[6.0, 2.0]]]])
    gradients = torch.tensor([[[[1.0, 3.0]], [[-2.0, 0.0]]]])
    assert grad_cam(maps, gradients).tolist() == [[[2, 0]]]
