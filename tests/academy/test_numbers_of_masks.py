"""The numbers that lessons on masks work by hand."""

import numpy as np
import pytest
from tests.academy.lesson_prose import says


def test_numbers_of_mean_iou():
    from upslope.runs.reports.segmentation import mean_iou

    matrix = np.array([[3, 1], [0, 4]])
    assert mean_iou(matrix) == pytest.approx(0.775)
    assert mean_iou(np.array([[3, 0], [0, 0]])) == 1
    assert np.trace(matrix) / matrix.sum() == 7 / 8
    says("mean-iou", "3 / (4 + 3 - 3) = 0.75", "4 / (4 + 5 - 4) = 0.8", "The mean is 0.775, the accuracy 7/8")


def test_numbers_of_dice_loss():
    torch = pytest.importorskip("torch")
    from upslope.blocks.dice_loss import dice_loss

    assert float(dice_loss(torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]]))) == pytest.approx(1 / 3)
    says("dice-loss", "(1 + 1) / (1 + 1 + 1) = 2/3", "The loss is 1/3")


def test_numbers_of_transposed_convolution():
    torch = pytest.importorskip("torch")
    from upslope.blocks.transposed_convolution import transposed_convolution

    x, kernel = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 10.0, 100.0]]]])
    assert transposed_convolution(x, kernel, stride=2).flatten().tolist() == [1, 10, 102, 20, 200]
    painted = transposed_convolution(torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 3), stride=2)
    assert painted.flatten().tolist() == [1, 1, 2, 1, 1]
    says(
        "transposed-convolution",
        "[1, 10, 100] and, two places further on, [2, 20, 200]",
        "[1, 10, 100 + 2, 20, 200], of (2 - 1) · 2 + 3 = 5 places",
    )


def test_numbers_of_unet_block():
    torch = pytest.importorskip("torch")
    from upslope.blocks.unet_block import unet_block
    from upslope.models.segmentation.unet import UNet

    nine = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    same = unet_block(torch.zeros(1, 1, 1, 1), nine, upsample=lambda maps: maps, convolutions=lambda maps: maps)
    assert same.tolist() == [[[[5]], [[0]]]]
    with torch.device("meta"):
        network, x = UNet(widths=(1, 1, 1, 1, 1)), torch.empty(1, 1, 572, 572)
    sizes = []
    network.down[0].register_forward_hook(lambda _, args, out: sizes.append(out.shape[2]))
    network.upsample[-1].register_forward_hook(lambda _, args, out: sizes.append(out.shape[2]))
    network(x)
    assert sizes == [568, 392]
    says("unet-block", "(3 - 1) / 2 = 1", "[[5]] and [[0]]", "568 x 568", "392 x 392", "(568 - 392) / 2 = 88")


def test_numbers_of_atrous_pyramid():
    torch = pytest.importorskip("torch")
    from upslope.blocks.dilation import AtrousPyramid

    pyramid = AtrousPyramid(1, 1, rates=(2,), dropout=0.5).eval()
    for name, parameter in pyramid.named_parameters():
        if name.endswith("0.weight"):
            torch.nn.init.ones_(parameter)
    row = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert pyramid.branches[1](row).flatten().tolist() == pytest.approx([4, 2, 4], rel=1e-4)
    assert pyramid(row).flatten().tolist() == pytest.approx([7, 6, 9], rel=1e-4)
    with torch.device("meta"):
        large = AtrousPyramid(2048, 256, rates=(12, 24, 36), dropout=0.5)
    sizes = [parameter.numel() for parameter in large.parameters()]
    assert sum(sizes) == 2 * 524_288 + 3 * 4_718_592 + 327_680 + 3_072 == 15_535_104
    assert sorted(size for size in sizes if size > 512) == [327_680] + [524_288] * 2 + [4_718_592] * 3
    says(
        "atrous-pyramid",
        "[1 + 3, 2, 3 + 1] = [4, 2, 4]",
        "Joined: [7, 6, 9]",
        "2 · 524,288 + 3 · 4,718,592 + 327,680 weights and 3,072 numbers in norms, 15,535,104",
    )


def test_numbers_of_tile_and_blend():
    from upslope.image.tiles import starts, tile_and_blend, window

    assert starts(6, 4, 2) == [0, 2]
    assert window(4, 4, 2)[1] * 3 == pytest.approx([2 / 3, 4 / 3, 4 / 3, 2 / 3])  # row 1 counts 2/3 itself
    answers = iter((3.0, 6.0))
    made = tile_and_blend(
        np.zeros((1, 4, 6), np.float32), lambda part: np.full_like(part, next(answers)), tile=(4, 4), overlap=2
    )
    assert made[0, 0].tolist() == pytest.approx([3, 3, 4, 5, 6, 6])
    says("tile-and-blend", "they begin at 0 and 2", "1/3, 2/3, 2/3, 1/3", "(2/3 · 3 + 1/3 · 6) / (2/3 + 1/3) = 4")


def test_numbers_of_segment():
    torch = pytest.importorskip("torch")
    from upslope.cards import discover
    from upslope.models.segmentation.unet import UNet

    network = UNet(widths=(2, 2, 2, 2), padded=True, in_channels=1).double().eval()
    for parameter in network.parameters():  # every weight counts: what a pixel knows is what moves it
        torch.nn.init.constant_(parameter, 0.1)
    x = torch.zeros(1, 1, 256, 256, dtype=torch.float64, requires_grad=True)
    known = 0
    for place in range(120, 128):  # eight neighbors stand at all places of the grid of the lowest level
        (moved,) = torch.autograd.grad(network(x)[0, 0, place, place], x)
        rows = moved[0, 0].abs().sum(dim=1).nonzero()
        known = max(known, int(rows.max() - rows.min()) + 1)
    assert 1 + 60 + 7 + 28 == 96
    assert 90 < known <= 96
    splits = discover("data")["isbi2012_membrane"].card.splits
    assert (splits["train"], splits["test"]) == (20, 5)
    says(
        "segment", "2·2·(1 + 2 + 4 + 8) = 60", "2·2·(4 + 2 + 1) = 28", "1 + 60 + 7 + 28 = 96 pixels", "five others are"
    )
