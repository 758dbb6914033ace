"""The numbers worked by hand in the lessons on later GANs are what the library gives."""

import math

import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_number_of_r1_penalty(torch):
    from upslope.blocks.generative.gan_losses import r1_penalty

    x = torch.randn(3, 2, requires_grad=True)
    assert r1_penalty((x * torch.tensor([3.0, 4.0])).sum(dim=1, keepdim=True), x).item() == pytest.approx(25)
    w = torch.tensor(2.0, requires_grad=True)
    penalty = r1_penalty((w * x).sum(dim=1, keepdim=True), x)
    penalty.backward()
    assert (penalty.item(), w.grad.item()) == pytest.approx((2 * 2**2, 4 * 2))
    says("r1-penalty", "R1 = 9 + 16 = 25", "it is 2 w², and at w = 2 its gradient is 4 w = 8")


def test_number_of_minibatch_deviation(torch):
    from upslope.blocks.generative.minibatch_deviation import minibatch_deviation

    two = minibatch_deviation(torch.tensor([[1.0, 5], [3, 5]]))
    assert two.flatten().tolist() == pytest.approx([1, 5, 0.5, 3, 5, 0.5], abs=1e-3)
    four = minibatch_deviation(torch.tensor([[0.0], [0], [2], [8]]), group=2)
    assert four[:, 1].tolist() == pytest.approx([1, 4, 1, 4], abs=1e-3)
    says("minibatch-deviation", "[1, 5, 0.5] and [3, 5, 0.5]", "s = 1 for both; 0 and 8, s = 4")


def test_number_of_modulated_convolution(torch):
    from upslope.blocks.generative.modulated_convolution import modulated_convolution

    x, weight = torch.ones(1, 2, 1, 1), torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)
    for style, expected in (([1.0, 0.0], 1.0), ([1.0, 1.0], 1.4), ([10.0, 10.0], 1.4)):
        out = modulated_convolution(x, weight, torch.tensor([style]), convolve=torch.nn.functional.conv2d)
        assert float(out) == pytest.approx(expected, abs=1e-4)
    says("modulated-convolution", "the output 3/3 = 1", "output 7/5 = 1.4", "Style [10, 10]: 70/50 = 1.4")


def test_number_of_cycle_loss(torch):
    from upslope.blocks.generative.cycle_loss import cycle_loss

    x, y = torch.tensor([1.0]), torch.tensor([3.0])
    loss = cycle_loss(x, y, fake_x=y + 1, fake_y=2 * x, to_x=lambda t: t + 1, to_y=lambda t: 2 * t)
    assert float(loss) == 7
    says("cycle-loss", "|3 - 1| = 2", "|8 - 3| = 5", "The loss is 7")


def test_number_of_modes():
    from upslope.runs.reports.points import SHARE

    area = 25 * math.pi * (3 * 0.1) ** 2
    assert 10_000 * SHARE / 25 == 40
    says("modes", f"1 - e^(-9/2) = {100 * (1 - math.exp(-4.5)):.1f} %", f"25·π·0.3² = {area:.2f} of the 8 · 8 = 64")
    says("modes", f"in {100 * area / 64:.0f} % of cases", "40 of 10,000 points")


def test_number_of_gan(torch):
    from upslope.models.generative.stylegan2 import Generator

    with torch.device("meta"):
        model = Generator()
    first = sum(p.numel() for p in model.first.parameters())
    assert first == 2_359_296 + 262_656 + 513 == 2_622_465
    nine = [model.first, *model.grow[:4], *model.convs[:4]]
    assert sum(p.numel() for layer in nine for p in layer.parameters()) == 23_602_185
    assert sum(p.numel() for p in model.parameters()) == 30_370_060
    says(
        "gan",
        "2,359,296 weights",
        "512·512 + 512 = 262,656",
        "513: 2,622,465",
        "23,602,185 of the generator's 30,370,060",
    )


def test_number_of_cyclegan():
    for strides, sizes in (((1, 1, 2, 2, 2), [4, 7, 16, 34, 70]), ((1, 1, 2), [4, 7, 16])):
        size, found = 1, []
        for stride in strides:
            size = (size - 1) * stride + 4
            found.append(size)
        assert found == sizes
    says("cyclegan", "from the top: 4, 7, 16, 34, 70", "as here: 4, 7, 16")
