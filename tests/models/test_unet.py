"""U-Net: its layers' names, which files hold, and its outputs beside those of plain torch.nn under the same weights."""

import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from torch.nn import functional as F

from upslope.models.segmentation.unet import UNet


def normed(names, *, batch_norm, bias):
    """What a level of two convolutions keeps."""
    found = []
    for conv, norm in ((0, 1), (3, 4)) if batch_norm else ((0, None), (2, None)):
        found += [f"{names}.{conv}.weight"] + [f"{names}.{conv}.bias"] * bias
        if norm:
            parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
            found += [f"{names}.{norm}.{part}" for part in parts]
    return found


@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_names_of_its_layers_stay(batch_norm):
    """Runs and published files hold these names: another one, and none of them can be read."""
    expected = []
    for number in range(3):
        expected += normed(f"down.{number}", batch_norm=batch_norm, bias=not batch_norm)
    for number in range(2):
        expected += [f"upsample.{number}.weight", f"upsample.{number}.bias"]
    for number in range(2):
        expected += normed(f"up.{number}", batch_norm=batch_norm, bias=not batch_norm)
    expected += ["head.weight", "head.bias"]
    network = UNet(widths=(4, 6, 8), batch_norm=batch_norm)
    assert list(network.state_dict()) == expected
    assert network.state_dict()["upsample.0.weight"].shape == (8, 6, 2, 2)


def plain(x, weights, *, levels, padded, batch_norm):
    """Figure 1 with PyTorch's own functions, in evaluation."""

    def level(x, name):
        for conv, norm in ((0, 1), (3, 4)) if batch_norm else ((0, None), (2, None)):
            kernel, bias = weights[f"{name}.{conv}.weight"], weights.get(f"{name}.{conv}.bias")
            x = F.conv2d(x, kernel, bias, padding=int(padded))
            if norm:
                mean, variance, scale, shift = (
                    weights[f"{name}.{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
                )
                x = F.batch_norm(x, mean, variance, scale, shift)
            x = F.relu(x)
        return x

    kept = []
    for number in range(levels):
        x = level(F.max_pool2d(x, 2) if number else x, f"down.{number}")
        kept.append(x)
    for number, across in enumerate(kept[-2::-1]):
        x = F.conv_transpose2d(x, weights[f"upsample.{number}.weight"], weights[f"upsample.{number}.bias"], stride=2)
        edges = [(across.shape[axis] - x.shape[axis]) // 2 for axis in (3, 3, 2, 2)]
        x = level(torch.cat([F.pad(across, [-edge for edge in edges]), x], dim=1), f"up.{number}")
    return F.conv2d(x, weights["head.weight"], weights["head.bias"])


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize(("padded", "side", "out"), [(True, (32, 24), (32, 24)), (False, (52, 60), (12, 20))])
def test_its_outputs_are_those_of_plain_pytorch(padded, side, out, batch_norm):
    torch.manual_seed(0)
    network = UNet(widths=(3, 4, 5), padded=padded, batch_norm=batch_norm, in_channels=2, num_classes=3)
    x = torch.randn(2, 2, *side)
    network.train()(x)  # statistics that are not those of a fresh network
    got = network.eval()(x)
    assert got.shape == (2, 3, *out)
    expected = plain(x, network.state_dict(), levels=3, padded=padded, batch_norm=batch_norm)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
