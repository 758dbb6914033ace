"""Residual blocks against the paper's formula in functional form, in training and in evaluation."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F


def unusual(block, generator):
    """Weights and statistics that are not those of a fresh network, in which many mistakes do not show."""
    with torch.no_grad():
        for value in block.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) - 0.3)
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_var.add_(0.5)
    return block


def norm(x, module, training):
    mean, var = module.running_mean.clone(), module.running_var.clone()
    return F.batch_norm(x, mean, var, module.weight, module.bias, training, 0.1, 1e-5)


def past(x, shortcut, stride, training):
    if isinstance(shortcut, nn.Identity):
        return x
    return norm(F.conv2d(x, shortcut[0].weight, stride=stride), shortcut[1], training)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("channels", "stride"), [(4, 1), (6, 1), (6, 2), (4, 2)])
def test_basic_block(blocks, generator, same_gradients, training, channels, stride):
    block = unusual(blocks.residual.BasicBlock(4, channels, stride=stride), generator).train(training)

    def formula(x):
        y = F.relu(norm(F.conv2d(x, block.conv1.weight, stride=stride, padding=1), block.norm1, training))
        y = norm(F.conv2d(y, block.conv2.weight, padding=1), block.norm2, training)
        return F.relu(y + past(x, block.shortcut, stride, training))

    same_gradients(block, formula, torch.randn(3, 4, 7, 8, generator=generator))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("stride_in_1x1", [False, True])
@pytest.mark.parametrize(("channels", "stride"), [(3, 1), (2, 1), (3, 2)])
def test_bottleneck(blocks, generator, same_gradients, training, stride_in_1x1, channels, stride):
    block = blocks.residual.Bottleneck(8, channels, stride=stride, stride_in_1x1=stride_in_1x1)
    block = unusual(block, generator).train(training)
    first, second = (stride, 1) if stride_in_1x1 else (1, stride)

    def formula(x):
        y = F.relu(norm(F.conv2d(x, block.conv1.weight, stride=first), block.norm1, training))
        y = F.relu(norm(F.conv2d(y, block.conv2.weight, stride=second, padding=1), block.norm2, training))
        y = norm(F.conv2d(y, block.conv3.weight), block.norm3, training)
        return F.relu(y + past(x, block.shortcut, stride, training))

    same_gradients(block, formula, torch.randn(3, 8, 7, 8, generator=generator))


def test_the_shortcut_is_the_identity_exactly_where_the_shape_stays(blocks):
    shortcut_for = blocks.residual.shortcut_for
    assert isinstance(shortcut_for(8, 8, stride=1), nn.Identity)
    assert isinstance(shortcut_for(8, 8, stride=1, padded=True), nn.Identity)
    for channels, stride in ((8, 2), (16, 1), (16, 2)):
        assert isinstance(shortcut_for(8, channels, stride=stride), nn.Sequential)
        assert not list(shortcut_for(8, channels, stride=stride, padded=True).parameters())


@pytest.mark.parametrize(("before", "after"), [(3, 6), (3, 4), (4, 4)])
def test_the_padded_shortcut_keeps_every_second_pixel_among_zeros(blocks, generator, before, after):
    x = torch.randn(2, before, 6, 5, generator=generator)
    got = blocks.residual.shortcut_for(before, after, stride=2, padded=True)(x)
    assert got.shape == (2, after, 3, 3)
    first = (after - before) // 2
    for channel in range(after):
        source = channel - first
        expected = x[:, source, ::2, ::2] if 0 <= source < before else torch.zeros(2, 3, 3)
        assert torch.equal(got[:, channel], expected)


def test_a_padded_shortcut_takes_no_channel_away(blocks):
    with pytest.raises(ValueError, match=r"^new_channels=-2: channels can be added, as zeros, but not removed$"):
        blocks.residual.BasicBlock(6, 4, padded=True)


@pytest.mark.parametrize(("channels", "size"), [(4, 16), (6, 7)])
def test_a_narrow_shortcut_survives_a_backward_pass_with_channels_last(blocks, channels, size):
    """oneDNN wrote past its buffers here, and the process died, on processors without AVX-512."""
    shortcut = blocks.residual.shortcut_for(channels, channels + 2, stride=2)
    plain = nn.Conv2d(channels, channels + 2, 1, stride=2, bias=False)
    plain.load_state_dict(shortcut[0].state_dict())
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        x = torch.randn(4, channels, size, size, generator=generator)
        last = x.to(memory_format=torch.channels_last).requires_grad_()
        out = shortcut[0](last)
        out.sum().backward()
        torch.testing.assert_close(out, plain(x))
        assert torch.isfinite(last.grad).all()
