"""DCGAN against the same layers written with plain torch.nn, and what makes samples independent of each other."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from torch import nn

from upslope.models.build import build
from upslope.models.generative.dcgan import Discriminator, Generator


def plain_generator():
    """Layer by layer, as section 3 of the paper lists them."""
    up = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}
    return nn.Sequential(
        nn.ConvTranspose2d(100, 512, 4, bias=False),
        nn.BatchNorm2d(512),
        nn.ReLU(),
        nn.ConvTranspose2d(512, 256, **up),
        nn.BatchNorm2d(256),
        nn.ReLU(),
        nn.ConvTranspose2d(256, 128, **up),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.ConvTranspose2d(128, 64, **up),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 3, **up),
        nn.Tanh(),
    )


def plain_discriminator():
    down = {"kernel_size": 4, "stride": 2, "padding": 1, "bias": False}
    return nn.Sequential(
        nn.Conv2d(3, 64, **down),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, **down),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 256, **down),
        nn.BatchNorm2d(256),
        nn.LeakyReLU(0.2),
        nn.Conv2d(256, 512, **down),
        nn.BatchNorm2d(512),
        nn.LeakyReLU(0.2),
        nn.Conv2d(512, 1, 4, bias=False),
        nn.Flatten(),
    )


@pytest.mark.parametrize("training", [True, False])
def test_the_generator_is_the_papers(training):
    ours, theirs = Generator().train(training), plain_generator().train(training)
    convs = [ours.project, *ours.convs]
    for one, other in zip(convs, [m for m in theirs if isinstance(m, nn.ConvTranspose2d)], strict=True):
        other.load_state_dict(one.state_dict())
    for one, other in zip(ours.norms, [m for m in theirs if isinstance(m, nn.BatchNorm2d)], strict=True):
        other.load_state_dict(one.state_dict())
    z = torch.randn(3, 100, generator=torch.Generator().manual_seed(0))
    got, expected = ours(z), theirs(z[:, :, None, None])
    assert got.shape == (3, 3, 64, 64)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_discriminator_is_the_papers(training):
    ours, theirs = Discriminator().train(training), plain_discriminator().train(training)
    for one, other in zip([*ours.convs, ours.head], [m for m in theirs if isinstance(m, nn.Conv2d)], strict=True):
        other.load_state_dict(one.state_dict())
    for one, other in zip(list(ours.norms)[1:], [m for m in theirs if isinstance(m, nn.BatchNorm2d)], strict=True):
        other.load_state_dict(one.state_dict())
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-5)


def test_a_sample_does_not_depend_on_its_batch():
    generator = build("dcgan28")
    z = torch.randn(64, 100, generator=torch.Generator().manual_seed(0))
    generator(z)  # statistics that are not those of a fresh network
    together, alone = generator.eval()(z)[17], generator(z[17:18])[0]
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert not torch.allclose(generator.train()(z)[17], together, atol=1e-3)


def test_spectral_normalization_bounds_every_layer():
    model = Discriminator(widths=(4, 8), end=2, in_channels=1, normalization="spectral")
    for _ in range(50):  # its power iteration takes a step each time
        model(torch.zeros(1, 1, 8, 8))
    for layer in (*model.convs, model.head):
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.02)
