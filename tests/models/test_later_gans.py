"""StyleGAN2 and CycleGAN beside plain PyTorch and SciPy."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from scipy.signal import convolve2d, upfirdn
from torch import nn
from torch.nn import functional as F

from upslope.models.generative import cyclegan, stylegan2

LINE = np.array(stylegan2.FILTER) / sum(stylegan2.FILTER)


def maps(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@pytest.mark.parametrize(("padding", "gain"), [(1, 4.0), (2, 1.0), (1, 1.0)])
def test_the_blur_equals_scipys(padding, gain):
    x = maps(2, 3, 7, 6)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    square = gain * np.outer(LINE, LINE)
    expected = np.array([[convolve2d(each, square, mode="valid") for each in one] for one in padded])
    torch.testing.assert_close(stylegan2.blur(x, padding=padding, gain=gain), torch.from_numpy(expected))


def test_upsampling_equals_scipys():
    x = maps(2, 3, 5, 4)
    expected = x.numpy()
    for axis in (2, 3):
        # Two places for each pixel, the second one empty; the filter reaches one place over both ends.
        expected = upfirdn(2 * LINE, expected, up=2, axis=axis)
        expected = np.take(expected, range(1, 1 + 2 * x.shape[axis]), axis=axis)
    torch.testing.assert_close(stylegan2.upsample(x), torch.from_numpy(expected))
    torch.testing.assert_close(stylegan2.upsample(torch.ones(1, 1, 8, 8))[0, 0, 2:-2, 2:-2], torch.ones(12, 12))


def test_growing_is_a_convolution_of_the_upsampled_map():
    """Away from the border it does not matter whether the filter comes before the convolution or after it."""
    x, weight = maps(1, 2, 8, 8), maps(3, 2, 3, 3, seed=1)
    expected = F.conv2d(stylegan2.upsample(x), weight.flip(2, 3), padding=1)
    torch.testing.assert_close(stylegan2.grow(x, weight)[:, :, 4:-4, 4:-4], expected[:, :, 4:-4, 4:-4])


def test_styles_equal_kernels_of_ones_own():
    """The layers of a generator, sample by sample by the definition."""
    torch.manual_seed(0)
    for up in (False, True):
        layer = stylegan2.Styled(3, 4, w_dim=5, side=8 if up else 4, up=up).double().eval()
        nn.init.normal_(layer.bias)
        x, w = maps(2, 3, 4, 4), maps(2, 5, seed=1)
        out = layer(x, w)
        for number, style in enumerate(layer.style.biased(w)):
            kernels = layer.weight * layer.scale * style[None, :, None, None]
            kernels = kernels / (kernels.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
            y = (stylegan2.grow if up else stylegan2.same)(x[number : number + 1], kernels)
            y = F.leaky_relu(y + layer.bias[:, None, None], 0.2) * 2**0.5
            torch.testing.assert_close(out[number : number + 1], y)


def test_an_image_is_a_function_of_its_latent_vector():
    torch.manual_seed(0)
    model = stylegan2.Generator(latent_dim=8, w_dim=8, mapping=2, widths=(12, 8), start=4, out_channels=1).eval()
    for noise in (model.first.noise, *(conv.noise for conv in model.convs)):
        nn.init.ones_(noise.strength)
    z = torch.randn(64, 8)
    with torch.no_grad():
        torch.testing.assert_close(model(z)[17], model(z[17:18])[0], atol=1e-5, rtol=0)
        assert torch.equal(model(z[:2]), model(z[:2]))
        assert not torch.equal(model.train()(z[:2]), model(z[:2])), "in training the noise is drawn anew"


def plain_generator(channels, width, blocks):
    """The authors' generator, written out as one row of PyTorch's layers."""

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            side = [nn.ReflectionPad2d(1), nn.Conv2d(4 * width, 4 * width, 3), nn.InstanceNorm2d(4 * width)]
            again = [nn.ReflectionPad2d(1), nn.Conv2d(4 * width, 4 * width, 3), nn.InstanceNorm2d(4 * width)]
            self.block = nn.Sequential(*side, nn.ReLU(), *again)

        def forward(self, x):
            return x + self.block(x)

    layers = [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), nn.InstanceNorm2d(width), nn.ReLU()]
    for factor in (1, 2):
        layers += [nn.Conv2d(factor * width, 2 * factor * width, 3, stride=2, padding=1)]
        layers += [nn.InstanceNorm2d(2 * factor * width), nn.ReLU()]
    layers += [Residual() for _ in range(blocks)]
    for factor in (4, 2):
        layers += [nn.ConvTranspose2d(factor * width, factor * width // 2, 3, stride=2, padding=1, output_padding=1)]
        layers += [nn.InstanceNorm2d(factor * width // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh())


def plain_discriminator(channels, width):
    layers = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for factor, stride in ((1, 2), (2, 2), (4, 1)):
        layers += [nn.Conv2d(factor * width, 2 * factor * width, 4, stride=stride, padding=1)]
        layers += [nn.InstanceNorm2d(2 * factor * width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, padding=1))


@pytest.mark.parametrize(
    ("ours", "plain", "side"),
    [
        (lambda: cyclegan.Generator(width=4, blocks=2), lambda: plain_generator(3, 4, 2), 16),
        (lambda: cyclegan.Discriminator(width=4), lambda: plain_discriminator(3, 4), 32),
    ],
    ids=["generator", "discriminator"],
)
def test_cyclegan_equals_plain_pytorch(ours, plain, side):
    torch.manual_seed(0)
    model, other = ours().double(), plain().double()
    names = list(model.state_dict())
    other.load_state_dict(dict(zip(other.state_dict(), (model.state_dict()[name] for name in names), strict=True)))
    x = maps(2, 3, side, side)
    mine, theirs = model(x), other(x)
    torch.testing.assert_close(mine, theirs, atol=1e-8, rtol=1e-6)
    mine.square().sum().backward()
    theirs.square().sum().backward()
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, atol=1e-8, rtol=1e-5)


def test_a_patch_is_seventy_pixels():
    """A logit of the published discriminator depends on so many pixels in a row, whatever the norms add."""
    model = cyclegan.Discriminator(in_channels=1, width=1).double().requires_grad_(False)
    x = torch.zeros(1, 1, 128, 128, dtype=torch.float64, requires_grad=True)
    y = x
    for conv in (*model.convs, model.head):
        y = F.conv2d(y, torch.ones_like(conv.weight), stride=conv.stride, padding=conv.padding)
    (slope,) = torch.autograd.grad(y[0, 0, 7, 7], x)
    assert int((slope.abs().sum(dim=2) > 0).sum()) == 70


def test_sides_that_would_not_come_back_are_refused():
    with pytest.raises(ValueError, match="multiples of 4, got 28 x 30"):
        cyclegan.Generator(width=4, blocks=1)(torch.zeros(1, 3, 28, 30))
