"""DDPM's U-Net beside diffusers' UNet2DModel: same weights, same answers, same gradients."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from tests.peers.diffusers_unet import diffusers_unet, theirs

from upslope.models.build import build
from upslope.models.generative.ddpm import UNet


@pytest.mark.needs("diffusers")
@pytest.mark.parametrize(("classes", "blocks"), [(3, 2), (0, 1)])
def test_it_is_diffusers_network(classes, blocks):
    torch.manual_seed(0)
    sizes = {"widths": (8, 16, 16), "attention": (1,), "groups": 4}
    ours = UNet(channels=2, blocks=blocks, dropout=0.0, classes=classes, **sizes)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    other = diffusers_unet(ours, **sizes)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in other.parameters())
    x = torch.randn(3, 2, 16, 16)
    step, label = torch.tensor([0, 400, 999]), torch.tensor([0, 2, 3]) if classes else None
    got, expected = ours(x, step, label), other(x, step, class_labels=label).sample
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-4)
    upstream = torch.randn_like(got)
    got.backward(upstream)
    expected.backward(upstream)
    gradients = {name: parameter.grad for name, parameter in other.named_parameters()}
    for key, parameter in ours.named_parameters():
        joined = torch.cat([gradients[name] for name in theirs(key, blocks=blocks)])
        torch.testing.assert_close(parameter.grad, joined, rtol=1e-3, atol=1e-3)


def test_a_fresh_network_predicts_nothing_and_hears_step_and_class():
    torch.manual_seed(0)
    model = build("ddpm-toy").eval()
    x, step, label = torch.randn(2, 1, 8, 8), torch.tensor([0, 999]), torch.tensor([0, 3])
    assert not model(x, step, label).any()
    with torch.no_grad():
        model.last.weight.normal_()
    before = model(x, step, label)
    assert (model(x, step - torch.tensor([0, 1]), label) - before).abs().amax((1, 2, 3)).tolist()[0] == 0
    assert not torch.equal(model(x, step.flip(0), label), before)
    assert not torch.equal(model(x, step, label.flip(0)), before)
    assert model.no_class == 3


def test_folding_is_undone():
    """Squares of 2 x 2 pixels as channels: what comes in at a place goes out at that place."""
    torch.manual_seed(0)
    model = UNet(channels=1, widths=(8, 8), blocks=1, attention=(), groups=4, dropout=0.0, patch=2)
    with torch.no_grad():
        model.last.weight.normal_(std=0.1)
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    model(x, torch.tensor([5]))[0, 0, 9, 9].backward()
    far = x.grad.abs()[0, 0]
    assert far[8:10, 8:10].max() > 0
    assert model(x, torch.tensor([5])).shape == x.shape


def test_what_cannot_be_is_refused():
    model = build("ddpm-toy")
    x, step = torch.randn(1, 1, 8, 8), torch.tensor([1])
    with pytest.raises(ValueError, match=r"images of 7 x 8: 2 must divide both sides"):
        model(x[:, :, :7], step, step)
    with pytest.raises(ValueError, match="3 classes, and no label"):
        model(x, step)
    with pytest.raises(ValueError, match="0 classes, and a label"):
        UNet(channels=1, widths=(8,), blocks=1, attention=(), groups=4)(x, step, step)
