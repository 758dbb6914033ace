"""The schedule against PyTorch's linear warm-up and cosine annealing."""

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR


def test_the_worked_numbers(blocks):
    factors = [blocks.schedules.warmup_cosine(step, total=6, warmup=1) for step in range(6)]
    assert [round(factor, 3) for factor in factors] == [0.5, 1, 0.854, 0.5, 0.146, 0]


@pytest.mark.parametrize(("total", "warmup"), [(10, 3), (10, 0), (10, 1), (50, 5), (2, 0)])
@pytest.mark.parametrize("final", [0.0, 0.1])
def test_equals_pytorchs_two_schedulers_in_a_row(blocks, total, warmup, final):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    descent = CosineAnnealingLR(optimizer, T_max=total - 1 - warmup, eta_min=final)
    if warmup:
        climb = LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
        scheduler = SequentialLR(optimizer, [climb, descent], milestones=[warmup])
    else:
        scheduler = descent
    for step in range(total):
        got = blocks.schedules.warmup_cosine(step, total=total, warmup=warmup, final=final)
        assert got == pytest.approx(scheduler.get_last_lr()[0], abs=1e-9), step
        optimizer.step()
        scheduler.step()


def test_the_ends(blocks):
    factor = blocks.schedules.warmup_cosine
    assert factor(0, total=1, warmup=0) == 1
    assert factor(7, total=8, warmup=7) == 1
    assert factor(9, total=10, warmup=3, final=0.2) == pytest.approx(0.2)
    assert factor(1000, total=10, warmup=3, final=0.2) == pytest.approx(0.2)


@pytest.mark.parametrize(("total", "warmup"), [(6, 6), (6, 7), (6, -1), (0, 0)])
def test_a_warm_up_that_leaves_nothing_is_refused(blocks, total, warmup):
    with pytest.raises(ValueError, match=f"^warmup={warmup} must be smaller than total={total}$"):
        blocks.schedules.warmup_cosine(0, total=total, warmup=warmup)
