"""What `fit` can be told: accumulation, clipping, averages, steps, groups of parameters, a compiler; and `loop`."""

import copy

import numpy as np
import pytest

from upslope.cards import LabCard
from upslope.runs.errors import ConfigProblem
from upslope.runs.metrics import series
from upslope.runs.run import Run

pytestmark = pytest.mark.needs("torch")

CARD = LabCard(
    name="plane",
    title="",
    paper="",
    claim="",
    domain="tests",
    seconds={"laptop": 1},
    data=(),
    expect=(),
    presets={"laptop": {}},
)


@pytest.fixture
def made(tmp_path):
    """`made(**config)`: a run, a task of linear regression with its data, and batches of 12 of its 48 samples."""
    torch = pytest.importorskip("torch")
    from upslope.data.loading.dataset import Dataset
    from upslope.features import Value
    from upslope.training.batches import Batches
    from upslope.training.config import TrainingConfig
    from upslope.training.tasks.task import Task

    class Plane(Task):
        tag = "tabular-regression"

        def forward(self, batch):
            error = self.model(torch.stack([batch["a"], batch["b"]], dim=1))[:, 0] - batch["y"]
            return {"loss": error.square().mean(), "largest": error.abs().max()}

        def predict(self, dataset):
            with self.asking() as model:
                return model(torch.tensor(np.stack([dataset["a"], dataset["b"]], axis=1)))[:, 0].numpy()

        def metrics(self, predictions, dataset):
            return {"error": float(np.abs(predictions - dataset["y"]).mean())}

        def report(self, run, predictions, dataset, *, per_epoch):
            raise AssertionError("nobody asked for figures")

        def spec(self, network):
            raise AssertionError("nobody asked for a spec")

    def make(**config):
        rng = np.random.default_rng(0)
        a, b = (rng.standard_normal(48).astype(np.float32) for _ in range(2))
        data = Dataset({"a": a, "b": b, "y": a - 2 * b + 1}, dict.fromkeys("aby", Value()))
        torch.manual_seed(1)
        run = Run.create(CARD, TrainingConfig(threads=1, **config), root=tmp_path / "runs", quiet=True)
        return run, Plane(torch.nn.Linear(2, 1)), data, Batches(data, batch_size=12, seed=3)

    return make


def trained(made, *, lr=0.05, epochs=2, config=None, optimizer=None, **settings):
    """The run, the task and the weights after training."""
    import torch

    from upslope.training.fit import fit

    run, task, data, batches = made(**(config or {}))
    chosen = optimizer(task.model) if optimizer else torch.optim.SGD(task.model.parameters(), lr=lr)
    given = {name: value(task, data) if callable(value) else value for name, value in settings.items()}
    fit(run, task, batches, optimizer=chosen, epochs=epochs, **given)
    run.close()
    return run, task, torch.cat([p.detach().flatten() for p in task.model.parameters()])


def test_a_batch_in_parts_is_the_batch(made):
    import torch

    _, _, whole = trained(made)
    for parts in (2, 3, 12):
        assert torch.allclose(trained(made, accumulate=parts)[2], whole, atol=1e-6)
    with pytest.raises(ConfigProblem, match="accumulate=5 does not divide the 12 samples of a batch"):
        trained(made, accumulate=5)


def test_clipped_gradients_take_short_steps(made):
    import torch

    torch.manual_seed(1)
    start = torch.cat([p.detach().flatten() for p in torch.nn.Linear(2, 1).parameters()])
    far = (trained(made, lr=1.0, steps=1)[2] - start).norm()
    near = (trained(made, lr=1.0, steps=1, clip=0.25)[2] - start).norm()
    assert far > 1
    assert near == pytest.approx(0.25, rel=1e-3)


def test_averaged_weights_follow_and_are_what_predicts(made):
    import torch

    from upslope.training.averaging import AveragedWeights

    seen = []

    class Watched(AveragedWeights):
        def update(self):
            super().update()
            seen.append(self.model.weight.detach().clone())

    averages = []

    def average(task, data):
        averages.append(Watched(task.model, decay=0.9))
        return averages[0]

    _, task, _ = trained(made, average=average)
    torch.manual_seed(1)
    expected = torch.nn.Linear(2, 1).weight.detach()
    for weight in seen:
        expected = 0.9 * expected + 0.1 * weight
    assert len(seen) == 8
    assert torch.allclose(averages[0].module.weight, expected, atol=1e-6)
    assert task.predictor is averages[0].module
    assert not torch.allclose(task.model.weight, expected, atol=1e-3)


def test_what_is_logged_and_when_it_is_validated(made):
    run, _, _ = trained(made, steps=7, epochs=0, log_every=2, validate_every=3, validate=lambda task, data: data)
    rows = run.logged()
    assert series(rows, "loss")[0] == series(rows, "largest")[0] == [2, 4, 6]
    assert series(rows, "validation_error")[0] == [3, 6]


def test_groups_keep_their_proportions_under_a_schedule(made):
    """A learning rate is that of the first group; the others are as much larger or smaller as they began."""
    import torch

    rates = []

    def optimizer(model):
        made_of = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.02}]
        return torch.optim.SGD(made_of)

    def lr(step):
        return 0.5 / step

    chosen = []

    def keep(model):
        chosen.append(optimizer(model))
        step = chosen[0].step
        chosen[0].step = lambda *a, **k: rates.append([g["lr"] for g in chosen[0].param_groups]) or step(*a, **k)
        return chosen[0]

    from upslope.training.fit import fit

    run, task, _, batches = made()
    fit(run, task, batches, optimizer=keep(task.model), steps=3, lr=lr)
    run.close()
    assert rates == [pytest.approx([0.5 / n, 0.1 / n]) for n in (1, 2, 3)]


def test_a_visible_loop_learns_as_fit_does(made):
    """The same batches, seeds and steps: the same weights to the bit."""
    import torch

    from upslope.training.loop import batch_at, loop, seeded_steps
    from upslope.training.state import StateArrays

    _, _, expected = trained(made)
    run, task, _, batches = made()
    optimizer = torch.optim.SGD(task.model.parameters(), lr=0.05)
    run.register(model=StateArrays(task.model), optimizer=StateArrays(optimizer))
    with loop(run) as fabric:
        model, moving = fabric.setup(task, optimizer)
        for step in seeded_steps(run, 8, per_epoch=4):
            moving.zero_grad()
            fabric.backward(model(batch_at(run, batches, step, fabric))["loss"])
            moving.step()
    run.close()
    assert torch.equal(torch.cat([p.detach().flatten() for p in task.model.parameters()]), expected)


def test_without_a_compiler_compiling_is_refused(made, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigProblem, match=r"compile=true needs a C\+\+ compiler"):
        trained(made, config={"compile": True})


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # the compiler's own, about itself
def test_a_compiled_network_learns_the_same(made):
    import shutil

    import torch

    if shutil.which("g++") is None and shutil.which("clang++") is None:
        pytest.skip("no C++ compiler")
    assert torch.allclose(trained(made, config={"compile": True})[2], trained(made)[2], atol=1e-5)


def test_a_copy_is_not_the_model(made):
    """The average does not move with the weights by sharing their memory."""
    from upslope.training.averaging import AveragedWeights

    _, task, _, _ = made()
    average = AveragedWeights(task.model, decay=0.5)
    before = copy.deepcopy(average.module.state_dict())
    task.model.weight.data += 1
    assert all(value.equal(before[name]) for name, value in average.module.state_dict().items())
    with pytest.raises(ValueError, match=r"decay is at least 0 and below 1, got 1\.0"):
        AveragedWeights(task.model, decay=1.0)
