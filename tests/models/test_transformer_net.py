"""The image transformation network against the same layers in plain torch.nn; sizes, tiles and checkerboards."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from torch import nn

from upslope.models.build import build
from upslope.models.generative.transformer_net import TransformerNet, freeze_statistics


class Plain(nn.Module):
    """x + the layers."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


def conv(width, following, kernel, stride=1):
    return nn.Conv2d(width, following, kernel, stride, kernel // 2, padding_mode="reflect")


def plain():
    """Layer by layer, as the supplement lists them; padding is PyTorch's own."""

    def block():
        norms = (nn.InstanceNorm2d(128, affine=True) for _ in range(2))
        return Plain(conv(128, 128, 3), next(norms), nn.ReLU(), conv(128, 128, 3), next(norms))

    def norm(width):
        return nn.Sequential(nn.InstanceNorm2d(width, affine=True), nn.ReLU())

    twice = nn.Upsample(scale_factor=2)
    return nn.Sequential(
        *(conv(3, 32, 9), norm(32), conv(32, 64, 3, 2), norm(64), conv(64, 128, 3, 2), norm(128)),
        *(block() for _ in range(5)),
        *(twice, conv(128, 64, 3), norm(64), twice, conv(64, 32, 3), norm(32), conv(32, 3, 9)),
    )


def picture(height, width, *, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_papers():
    ours, theirs = TransformerNet(), plain()
    kinds = (nn.Conv2d, nn.InstanceNorm2d)
    ordered = [ours.first, ours.down_norms[0]]
    for layer, norm in zip(ours.down, list(ours.down_norms)[1:], strict=True):
        ordered += [layer, norm]
    for block in ours.blocks:
        ordered += [block.conv1, block.norm1, block.conv2, block.norm2]
    for layer, norm in zip(ours.up, ours.up_norms, strict=True):
        ordered += [layer, norm]
    one = [m for part in (*ordered, ours.last) for m in part.modules() if isinstance(m, kinds)]
    other = [m for m in theirs.modules() if isinstance(m, kinds)]
    for a, b in zip(one, other, strict=True):
        nn.init.uniform_(a.bias, -0.5, 0.5)
        b.load_state_dict(a.state_dict())
    x = picture(32, 48)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-4)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters()) == 1_679_235
    ours(x).square().mean().backward()
    theirs(x).square().mean().backward()
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a.weight.grad, b.weight.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("size", [(5, 5), (33, 47), (34, 61), (64, 7)])
def test_what_leaves_has_the_size_of_what_came(size):
    x = picture(*size)
    assert build("transformer-net-toy")(x).shape == x.shape


def test_what_is_too_small_is_refused():
    with pytest.raises(ValueError, match="a picture of 4 x 90 pixels: each side has at least 5"):
        build("transformer-net-toy")(picture(4, 90))


def test_with_frozen_statistics_the_reach_holds_and_the_whole_stays():
    torch.manual_seed(0)
    model = build("transformer-net-toy").eval()
    x = picture(96, 96)
    whole = model(x)
    freeze_statistics(model, x)
    torch.testing.assert_close(model(x), whole, rtol=0, atol=1e-4)
    # What lies farther away than the reach changes nothing; a pixel at its edge does, somewhere.
    assert (model.reach, model.grid) == (8 + 9 + 8, 4)
    changed = x.clone()
    changed[..., :20, :] = 0
    moved = (model(changed) - model(x)).abs().amax(dim=(0, 1, 3)) > 1e-6
    assert not moved[20 + model.reach :].any()
    assert moved[12 + model.reach : 20 + model.reach].any()


def test_an_untrained_network_draws_no_checkerboards():
    """Of a flat picture the answer is flat, to the rim: a transposed convolution with random weights is not."""
    torch.manual_seed(0)
    model = build("transformer-net-small", residual=False)
    freeze_statistics(model, picture(64, 64))
    flat = model(torch.full((1, 3, 64, 64), 0.4))
    assert flat.flatten(2).std(dim=2).max() < 1e-5
    up = nn.ConvTranspose2d(3, 3, 3, stride=2, padding=1, output_padding=1)
    assert up(torch.full((1, 3, 32, 32), 0.4))[..., 4:-4, 4:-4].flatten(2).std(dim=2).max() > 1e-2


def test_a_residual_network_begins_with_the_photograph():
    x = picture(33, 21)
    torch.testing.assert_close(build("transformer-net-small")(x), x, rtol=0, atol=0.021)
    model = build("transformer-net-small")
    torch.nn.init.normal_(model.last[1].weight)
    assert 0 <= model(x).min() < 0.1
    assert 0.9 < model(x).max() <= 1
