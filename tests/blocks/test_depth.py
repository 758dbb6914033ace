"""Stochastic depth: whole samples are dropped, the mean stays, and evaluation is untouched."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch


def test_the_worked_number(blocks):
    x = torch.tensor([[4.0, 8.0]]).expand(50, 2)
    rows = blocks.depth.stochastic_depth(x, rate=0.2, training=True, generator=torch.Generator().manual_seed(0))
    assert {tuple(row) for row in rows.tolist()} == {(5.0, 10.0), (0.0, 0.0)}


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_samples_go_as_a_whole_and_the_mean_stays(blocks, generator, rate):
    draws = 20_000
    x = torch.rand(draws, 2, 3, generator=generator) + 1
    got = blocks.depth.stochastic_depth(x, rate=rate, training=True, generator=generator)
    kept = (got != 0).flatten(1)
    assert torch.equal(kept.all(dim=1), kept.any(dim=1))
    # Three standard deviations of a share and of a mean over so many draws.
    assert kept[:, 0].float().mean().item() == pytest.approx(1 - rate, abs=3 * (rate * (1 - rate) / draws) ** 0.5)
    spread = 1.5 * (rate / (1 - rate) / draws) ** 0.5
    assert got.mean().item() == pytest.approx(x.mean().item(), abs=3 * spread)
    torch.testing.assert_close(got[kept[:, 0]], x[kept[:, 0]] / (1 - rate))


def test_samples_draw_for_themselves(blocks, generator):
    got = blocks.depth.stochastic_depth(torch.ones(1000, 1), rate=0.5, training=True, generator=generator)
    runs = (got[1:] != got[:-1]).float().mean().item()
    assert runs == pytest.approx(0.5, abs=0.05)


def test_outside_of_training_and_with_rate_0_nothing_happens(blocks):
    x = torch.randn(4, 5)
    assert blocks.depth.stochastic_depth(x, rate=0.9, training=False) is x
    assert blocks.depth.stochastic_depth(x, rate=0, training=True) is x
    module = blocks.depth.StochasticDepth(0.9)
    assert module.eval()(x) is x
    torch.manual_seed(0)
    assert (module.train()(torch.ones(50, 5)) == 0).any()


def test_the_gradient_of_what_is_dropped_is_0(blocks, generator):
    x = torch.ones(100, 2, requires_grad=True)
    got = blocks.depth.stochastic_depth(x, rate=0.5, training=True, generator=generator)
    got.sum().backward()
    assert torch.equal(x.grad, got.detach())  # 1 / (1 - rate) where kept, 0 where dropped


@pytest.mark.parametrize("rate", [1, 1.5, -0.1, float("nan")])
def test_a_rate_that_is_none_is_refused(blocks, rate):
    with pytest.raises(ValueError, match=rf"^rate={rate} is not in \[0, 1\)$"):
        blocks.depth.stochastic_depth(torch.ones(2), rate=rate, training=True)


def test_the_dtype_stays(blocks):
    x = torch.ones(8, 2, dtype=torch.bfloat16)
    assert blocks.depth.stochastic_depth(x, rate=0.5, training=True).dtype == torch.bfloat16
