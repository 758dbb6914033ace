"""The numbers worked by hand in the lessons on diffusion models are what the library gives."""

import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def test_number_of_add_noise(torch):
    from upslope.blocks.generative.add_noise import add_noise

    x, noise, levels = torch.tensor([[2.0], [2.0]]), torch.tensor([[-1.0], [-1.0]]), torch.tensor([0.64, 0.36])
    noisy = add_noise(x, noise, torch.tensor([1, 0]), levels)
    assert [round(value, 6) for value in noisy.flatten().tolist()] == [0.4, 1.0]
    says("add-noise", "0.6 · 2 + 0.8 · (-1) = 0.4", "0.8 · 2 - 0.6 = 1")


def test_number_of_time_embedding(torch):
    from upslope.blocks.generative.time_embedding import time_embedding

    row = time_embedding(torch.tensor([2]), 4)[0]
    assert [round(value, 4) for value in row.tolist()] == [0.9093, 0.0002, -0.4161, 1.0]
    says("time-embedding", "[0.9093, 0.0002, -0.4161, 1.0000]")


def test_number_of_ddim_step(torch):
    from upslope.blocks.generative.denoising_steps import ddim_step

    x, image = torch.tensor([[1.0]]), torch.tensor([[0.5]])
    assert ddim_step(x, image, alpha_bar=0.36, alpha_bar_after=0.64).item() == pytest.approx(0.925)
    assert round((1 - 0.6 * 0.5) / 0.8, 6) == 0.875
    says("ddim-step", "(1 - 0.6 · 0.5) / 0.8 = 0.875", "0.8 · 0.5 + 0.6 · 0.875 = 0.925")


def test_number_of_ddpm_step(torch):
    from upslope.blocks.generative.denoising_steps import ddpm_step

    x, image, levels = torch.tensor([[1.0]]), torch.tensor([[0.5]]), {"alpha_bar": 0.36, "alpha_bar_after": 0.64}
    assert round(ddpm_step(x, image, **levels, fresh=0 * x).item(), 4) == 0.6953
    assert round(ddpm_step(x, image, **levels, fresh=x).item(), 4) == 1.1914
    says("ddpm-step", "0.8 · 0.4375 / 0.64 = 0.5469", "0.75 · 0.36 / 0.64 = 0.4219", "0.4375 · 0.36 / 0.64 = 0.2461")


def test_number_of_guidance(torch):
    from upslope.blocks.generative.guidance import guided

    assert guided(torch.tensor([[3.0]]), torch.tensor([[1.0]]), guidance=1.5).item() == 6
    says("guidance", "3 + 1.5 · (3 - 1) = 6")


def test_number_of_the_lab(torch):
    from torch.utils.flop_counter import FlopCounterMode

    from upslope.models.build import build

    model, one = build("ddpm28"), torch.tensor([1])
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, 28, 28), one, one)
    assert round(counter.get_total_flops() / 1e6) == 43
    assert round(64 * 3 * 43e6 / 1e9, 1) == 8.3
    says("ddpm", "64 · 3 · 43 million", "8.3 billion")
