"""What is ViT's own beside its contracts: PyTorch's kernels give the same, and deeper blocks are skipped more often."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch
from torch import nn

from upslope.models.vision.vit import ViT

SMALL = {"image_size": 16, "patch_size": 4, "dim": 32, "depth": 3, "heads": 4, "num_classes": 10}


@pytest.mark.parametrize("training", [False, True])
def test_vit_is_the_same_with_pytorchs_kernels(training):
    """Also with dropout and stochastic depth, which draw the same numbers either way."""
    written_out = ViT(**SMALL, dropout=0.1, drop_path=0.2).train(training)
    kernels = ViT(**SMALL, dropout=0.1, drop_path=0.2, fused=True).train(training)
    with torch.no_grad():
        for parameter in written_out.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)) * 0.2)
    kernels.load_state_dict(written_out.state_dict())
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(4))
    outputs = []
    for model in (written_out, kernels):
        torch.manual_seed(5)
        outputs.append(model(x))
        nn.functional.cross_entropy(outputs[-1], torch.arange(4)).backward()
    assert (outputs[0] - outputs[1]).abs().max() < 1e-5
    for (name, one), two in zip(written_out.named_parameters(), kernels.parameters(), strict=True):
        assert (one.grad - two.grad).abs().max() <= 1e-5 * max(1, one.grad.abs().max().item()), name


def test_deeper_blocks_are_skipped_more_often():
    rates = [block.skip.rate for block in ViT(**SMALL, drop_path=0.3).blocks]
    assert rates == pytest.approx([0, 0.15, 0.3])


def test_scores_are_read_from_the_class_token_alone():
    model = ViT(**SMALL).eval()
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    seen = []
    model.norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model(x)
    assert seen[0].shape == (2, 32)


def test_only_the_positions_know_the_order_of_patches():
    model = ViT(**SMALL).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    x = torch.randn(2, 3, 16, 16, generator=generator)
    elsewhere = x.roll(4, dims=3)  # the same patches, each one place further
    assert (model(x) - model(elsewhere)).abs().max() > 0.01
    nn.init.zeros_(model.tokens.positions)
    assert (model(x) - model(elsewhere)).abs().max() < 1e-5


def test_patches_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"^patch_size=5 does not divide image_size=16$"):
        ViT(**{**SMALL, "patch_size": 5})


def test_pictures_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"^pictures of 16 x 20 for a network of image_size=16$"):
        ViT(**SMALL)(torch.zeros(1, 3, 16, 20))
