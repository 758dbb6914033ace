"""What ema_update must do."""

import copy
from functools import partial

import numpy as np
import torch
from torch import nn

from upslope.blocks import averaging
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import filled, holding
from upslope.checks.expect import close, equal, raises, true
from upslope.checks.samples import some


class Tied(nn.Module):
    """Two layers that share one weight, a parameter that is frozen, and a buffer that no state dict has."""

    def __init__(self):
        super().__init__()
        self.table: torch.Tensor
        self.first, self.second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight
        self.frozen = nn.Parameter(torch.zeros(2), requires_grad=False)
        self.register_buffer("table", torch.zeros(2), persistent=False)


def pair(rng):
    """A normalized layer in float64, and a copy of it with other numbers everywhere."""
    model = filled(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), rng)
    average = filled(copy.deepcopy(model), rng)
    for buffer in model.buffers():
        if not buffer.is_floating_point():  # the number of batches
            buffer.fill_(7)
    return average, model


def one(value):
    """A model of one weight."""
    return holding(nn.Linear(1, 1, bias=False), {"weight": [[value]]})


@grades(averaging.ema_update)
def test_by_hand(rng):
    """decay 0.9, average 2, weight 3: the average becomes 2.1, then 2.19"""
    average, model = one(2.0), one(3.0)
    for expected in (2.1, 2.19):
        got = averaging.ema_update(average, model, decay=0.9)
        equal(got, None, case="what ema_update gives back", problem="the average is updated in place")
        close(
            average.weight, [[expected]], case="average 2, weight 3, decay 0.9: the average after one and two updates"
        )


@grades(averaging.ema_update)
def test_parameters(rng):
    """every parameter is averaged, for several decays, step after step"""
    for decay in (0.0, 0.25, 0.9, 1.0):
        average, model = pair(rng)
        for step in (1, 2):
            before = {name: p.detach().numpy().copy() for name, p in average.named_parameters()}
            averaging.ema_update(average, model, decay=decay)
            now = dict(model.named_parameters())
            for name, p in average.named_parameters():
                expected = decay * before[name] + (1 - decay) * now[name].detach().numpy()
                close(p, expected, case=f"decay={decay:g}, {name} after update {step}")
            with torch.no_grad():
                for p in model.parameters():
                    p += torch.tensor(some(rng, *p.shape))


@grades(averaging.ema_update)
def test_buffers(rng):
    """buffers are copied as they are: running statistics, and the whole number of batches"""
    average, model = pair(rng)
    expected = {name: buffer.numpy().copy() for name, buffer in model.named_buffers()}
    averaging.ema_update(average, model, decay=0.9)
    for name, buffer in average.named_buffers():
        close(buffer, expected[name], case=f"decay=0.9, buffer {name}")


@grades(averaging.ema_update)
def test_in_place(rng):
    """the copy's own tensors change, no gradient is recorded, and the model stays as it was"""
    average, model = pair(rng)
    kept = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    held, kinds = list(average.parameters()), [p.requires_grad for p in average.parameters()]
    averaging.ema_update(average, model, decay=0.5)
    same = all(a is b for a, b in zip(held, average.parameters(), strict=True))
    true(same, "the parameters of the average were replaced: whoever holds them sees the old ones", case="decay=0.5")
    problem = "the average holds the graph of its past"
    true(all(p.is_leaf and p.grad is None for p in average.parameters()), problem, case="decay=0.5")
    equal([p.requires_grad for p in average.parameters()], kinds, case="requires_grad of the average's parameters")
    for name, value in model.state_dict().items():
        close(value, kept[name], case=f"decay=0.5: {name} of the model")
    with torch.no_grad():
        for p in model.parameters():
            p += 1.0
    shared = any(
        np.shares_memory(a.detach().numpy(), b.detach().numpy()) for a, b in zip(held, model.parameters(), strict=True)
    )
    true(not shared, "the average shares memory with the model", case="decay=0.5")


@grades(averaging.ema_update)
def test_shared_weights(rng):
    """a weight that two layers share is averaged once; frozen parameters and unsaved buffers count, too"""
    average, model = Tied().double(), Tied().double()
    with torch.no_grad():
        for value, module in ((2.0, average), (3.0, model)):
            for tensor in (module.first.weight, module.frozen, module.table):
                tensor.fill_(value)
    averaging.ema_update(average, model, decay=0.9)
    case = "average 2, weight 3, decay 0.9"
    close(average.first.weight, [[2.1, 2.1]] * 2, case=f"{case}: the weight that two layers share")
    close(average.frozen, [2.1, 2.1], case=f"{case}: a parameter that is frozen")
    close(average.table, [3.0, 3.0], case=f"{case}: a buffer that no state dict has")


@grades(averaging.ema_update)
def test_refuses(rng):
    """a decay outside of [0, 1] raises a ValueError that says it, and changes nothing"""
    for decay in (1.5, -0.1):
        average = one(2.0)
        call = partial(averaging.ema_update, average, one(3.0), decay=decay)
        raises(ValueError, call, case=f"decay={decay:g}", says=[f"decay={decay:g}", "[0, 1]"])
        close(average.weight, [[2.0]], case=f"decay={decay:g}: the average afterwards")


wrong(
    averaging.ema_update,
    {
        "decay and 1 - decay are exchanged: the average follows the model at once": (
            "mine.mul_(decay).add_(theirs, alpha=1 - decay)",
            "mine.mul_(1 - decay).add_(theirs, alpha=decay)",
        ),
        "the old average does not shrink: it grows with every update": (
            "mine.mul_(decay).add_(theirs, alpha=1 - decay)",
            "mine.add_(theirs, alpha=1 - decay)",
        ),
        "the average shares the memory of a new tensor that follows the model from now on": (
            "mine.mul_(decay).add_(theirs, alpha=1 - decay)",
            "mine.data = theirs.data.mul_(1 - decay).add_(mine.data, alpha=decay)",
        ),
        "the buffers stay as they were when the copy was made": ("held.copy_(current)", "pass"),
        "running statistics are averaged a second time": (
            "held.copy_(current)",
            "held.copy_(decay * held + (1 - decay) * current)",
        ),
        "frozen parameters are left out": (
            "for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):",
            "for mine, theirs in [p for p in zip(average.parameters(), model.parameters()) if p[1].requires_grad]:",
        ),
        "the state dict names a shared weight twice, so it moves twice": (
            """for mine, theirs in zip(average.parameters(), model.parameters(), strict=True):
        mine.mul_(decay).add_(theirs, alpha=1 - decay)
""",
            """for name, mine in average.state_dict().items():
        if mine.is_floating_point():
            mine.mul_(decay).add_(model.state_dict()[name], alpha=1 - decay)
""",
        ),
        "a decay above 1 is accepted": ("0 <= decay <= 1", "0 <= decay"),
    },
)
