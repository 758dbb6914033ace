"""One step of training against the same step written out by hand."""

import copy

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")

import torch
from torch import nn
from torch.nn import functional as F


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def test_the_worked_number(blocks):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 2)
    loss = blocks.training.training_step(
        model,
        torch.tensor([[3.0]]),
        torch.tensor([[5.0]]),
        loss=lambda outputs, labels: 0.5 * (outputs - labels).square().mean(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
    )
    assert loss.item() == 0.5
    assert model.weight.grad.item() == 3
    assert model.weight.item() == pytest.approx(1.7)


@pytest.mark.parametrize(
    "make",
    [lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: torch.optim.AdamW(p, lr=0.01)],
    ids=["sgd", "adamw"],
)
def test_five_steps_equal_five_written_out(blocks, generator, make):
    ours = network()
    theirs = copy.deepcopy(ours)
    mine, other = make(ours.parameters()), make(theirs.parameters())
    for _ in range(5):
        inputs, labels = torch.randn(6, 4, generator=generator), torch.randint(3, (6,), generator=generator)
        got = blocks.training.training_step(ours, inputs, labels, loss=F.cross_entropy, optimizer=mine)
        other.zero_grad()
        expected = F.cross_entropy(theirs(inputs), labels)
        expected.backward()
        other.step()
        assert got.item() == expected.item()
        assert not got.requires_grad
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


def test_old_gradients_do_not_count(blocks, generator):
    inputs, labels = torch.randn(6, 4, generator=generator), torch.randint(3, (6,), generator=generator)
    clean, dirty = network(), network()
    for parameter in dirty.parameters():
        parameter.grad = torch.full_like(parameter, 1e3)
    for model in (clean, dirty):
        blocks.training.training_step(
            model, inputs, labels, loss=F.cross_entropy, optimizer=torch.optim.SGD(model.parameters(), lr=0.1)
        )
    assert torch.equal(clean[0].weight, dirty[0].weight)


def test_a_trainers_own_backward_is_used(blocks, generator):
    model, seen = network(), []
    before = copy.deepcopy(model.state_dict())
    blocks.training.training_step(
        model,
        torch.randn(6, 4, generator=generator),
        torch.zeros(6, dtype=torch.long),
        loss=F.cross_entropy,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        backward=lambda loss: seen.append(loss.requires_grad),
    )
    assert seen == [True]
    assert torch.equal(before["0.weight"], model.state_dict()["0.weight"])  # nobody filled the gradients
