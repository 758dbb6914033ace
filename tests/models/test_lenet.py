"""LeNet-5 beside the numbers in its paper: maps, parameters of the layers, and pictures with a border or without."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch
from torch.nn import functional as F

from upslope.models.build import build
from upslope.models.vision.lenet import LeNet5

# LeCun et al. 1998, section II.B; C3, S2 and S4 are other layers there.
PAPER = {"conv1": 156, "linear1": 48_120, "linear2": 10_164}


def test_layers_have_the_parameters_of_the_paper():
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in LeNet5().named_children()}
    assert {name: counts[name] for name in PAPER} == PAPER


@pytest.mark.parametrize("modern", [False, True])
def test_maps_are_those_of_figure_2(modern):
    model, seen = LeNet5(modern=modern), []
    for layer in (model.conv1, model.pool, model.conv2, model.linear1, model.linear2):
        layer.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape[1:])))
    assert model(torch.zeros(1, 1, 32, 32)).shape == (1, 10)
    assert seen == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,)]


def test_padding_is_a_border_of_zeros():
    bare, padded = build("lenet5", modern=True).eval(), build("lenet5-modern").eval()
    padded.load_state_dict(bare.state_dict())
    x = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(padded(x), bare(F.pad(x, (2, 2, 2, 2))))


@pytest.mark.parametrize(("side", "maps"), [((28, 28), "4 x 4"), ((32, 36), "5 x 6")], ids=str)
def test_pictures_of_another_size_are_refused(side, maps):
    with pytest.raises(
        ValueError, match=f"^maps of {maps}, not 5 x 5: pictures are 32 x 32, or 28 x 28 with padding=2$"
    ):
        LeNet5()(torch.zeros(1, 1, *side))
