"""The task of denoising: what is learned, how it is sampled, and what it refuses."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.blocks.samplers.samplers import SAMPLERS
from upslope.cards import discover
from upslope.data import mnist
from upslope.models.build import built
from upslope.runs.errors import ConfigProblem, Diverged
from upslope.runs.launcher import start
from upslope.runs.run import Run
from upslope.ship.predictor import in_torch
from upslope.training import judge_panel
from upslope.training.averaging import AveragedWeights
from upslope.training.diffusion import Diffusion, drawn
from upslope.training.judge import Judge
from upslope.training.judge_panel import Panel
from upslope.training.tasks import denoising
from upslope.training.tasks.denoising import Denoising, shuffled_labels


@pytest.fixture(scope="module")
def data():
    return mnist.toy(rng=np.random.default_rng(0), count=40)


@pytest.fixture
def task_of(data, monkeypatch):
    monkeypatch.setattr(denoising, "judge_of", lambda *_, **__: Judge(classes=10).eval())

    def make(*, loud=True, seed=0, drop=0.1, **settings):
        network = built("ddpm28", seed=0, widths=(8, 12))
        if loud:  # a fresh network predicts 0 whatever it is told
            torch.nn.init.normal_(network.module.last.weight, std=0.2, generator=torch.Generator().manual_seed(1))
        diffusion = Diffusion(**{"steps": 3, **settings})
        return Denoising(network, data, data="toy", diffusion=diffusion, seed=seed, drop=drop), network

    return make


@pytest.mark.parametrize(
    ("change", "range_"), [((127.5, 127.5), "0 and 255"), ((0.5, 0.5), "0 and 1"), ((2, 0), "-2 and 2")]
)
def test_other_ranges_are_refused(task_of, data, change, range_):
    task, _ = task_of()
    batch = task.collate(data)
    assert batch["image"].min() == -1
    assert batch["image"].shape == (40, 1, 28, 28)
    factor, offset = change
    batch["image"] = batch["image"] * factor + offset
    with pytest.raises(ConfigProblem, match=f"pixels lie between {range_}; diffusion starts from images in"):
        task(batch)


def test_the_loss_is_that_of_what_is_predicted(task_of, data):
    """A network that predicts 0 is wrong by the target itself."""
    task, _ = task_of(loud=False, predicts="x0")
    batch = task.collate(data)
    torch.testing.assert_close(task(batch)["loss"], batch["image"].square().mean())
    task, _ = task_of(loud=False)
    assert task(batch)["loss"].item() == pytest.approx(1, abs=0.03)
    task, _ = task_of()
    assert task(batch)["loss"] != task(batch)["loss"], "steps and noise are drawn anew"


@pytest.mark.parametrize(("drop", "secret"), [(0.0, 0), (1.0, 40)])
def test_classes_are_kept_secret_and_steps_are_told(task_of, data, drop, secret):
    heard = []
    for told in (True, False):
        task, network = task_of(drop=drop, told=told)
        network.module.register_forward_pre_hook(lambda module, given: heard.append(given))
        task(task.collate(data))
    for _, _, label in heard:
        assert (label == 10).sum() == secret
    assert len(heard[0][1].unique()) > 20
    assert not heard[1][1].any()


def test_shuffled_labels_are_the_same_in_another_order(task_of, data):
    task, _ = task_of()
    batch = task.collate(data)
    mixed = shuffled_labels(batch, torch.Generator().manual_seed(0))
    assert not torch.equal(mixed["label"], batch["label"])
    assert torch.equal(mixed["label"].sort().values, batch["label"].sort().values)
    assert mixed["image"] is batch["image"]


@pytest.mark.filterwarnings("ignore:the Fréchet distance of")
def test_three_judges_read_the_samples_beside_the_data_that_they_are_measured_on(task_of, data, monkeypatch):
    asked = []

    def panel_of(name, train, real, *, judge):
        asked.append((name, train, real, judge))
        return Panel([Judge(classes=10).eval() for _ in range(3)], train, real, keep=False)

    monkeypatch.setattr(judge_panel, "panel_of", panel_of)
    task, _ = task_of()
    real = mnist.toy(rng=np.random.default_rng(1), count=80)
    said = task.predict(real)
    assert said.images.shape == (80, 28, 28)
    assert said.labels.tolist() == list(range(10)) * 8
    metrics = task.metrics(said, real)
    assert asked == [("toy", data, real, task.judge)]
    panel = task.panel(real)
    assert len(asked) == 1, "the judges are asked for once"
    assert metrics["obeyed"] == (panel.labels(said.images) == said.labels).mean()
    assert metrics["lost_classes"] == pytest.approx(panel.glance(said.images)["lost_classes"])
    assert 0 <= metrics["image_coverage"] <= 1


@pytest.mark.filterwarnings("ignore:the Fréchet distance of 40 images")  # it is only compared with itself
def test_averaged_weights_sample_and_training_goes_on_with_its_own(task_of, data):
    task, network = task_of()
    task.average = AveragedWeights(network.module, decay=0.9)
    with torch.no_grad():
        network.module.last.weight.mul_(-1)
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    task.train()
    said, samples = task.validate(data), task.sample(2, seed=0)
    assert network.module.training
    assert task.predictor is task.average.module
    for name, value in network.module.state_dict().items():
        assert torch.equal(value, before[name]), name
    task.average = None
    assert task.validate(data) != said
    assert not np.array_equal(task.sample(2, seed=0), samples)
    assert task.validate(data) == task.validate(data), "the same noise each time"


def test_sampling_is_without_dropout_and_training_goes_on_with_it(task_of):
    task, network = task_of()
    for module in network.module.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    task.train()
    np.testing.assert_array_equal(task.sample(2, seed=0), task.sample(2, seed=0))
    assert network.module.training
    x, zero = torch.ones(1, 1, 28, 28), torch.zeros(1, dtype=torch.int64)
    assert not torch.equal(network.module(x, zero, zero), network.module(x, zero, zero))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sample_does_not_depend_on_its_neighbours(name):
    layers = torch.nn.Conv2d(1, 1, 3, padding=1)
    labels = torch.arange(64) % 10
    diffusion = Diffusion(sampler=name, steps=12)

    def predict(x, step, label):
        return torch.tanh(layers(x) + label.reshape(-1, 1, 1, 1) / 10 + torch.sin(step.reshape(-1, 1, 1, 1) / 300.0))

    with torch.no_grad():
        said = {"shape": (1, 6, 6), "classes": 10}
        among = diffusion.draw(predict, labels, range(64), seed=3, **said)
        alone = diffusion.draw(predict, labels[17:18], [17], seed=3, **said)
        cut = diffusion.draw(predict, labels, range(64), seed=3, batch_size=7, **said)
        other = diffusion.draw(predict, labels, range(64), seed=4, **said)
    np.testing.assert_allclose(among[17:18], alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(among, cut, rtol=0, atol=1e-5)
    assert np.abs(among[0] - among[10]).max() > 0.01, "the same label, other noise"
    assert np.abs(among - other).max(axis=(1, 2)).min() > 0.01
    assert np.isfinite(among).all()


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_sample_is_a_function_of_seed_and_number(task_of, sampler):
    task, _ = task_of(sampler=sampler)
    among = task.sample(24, seed=5)
    assert among.shape == (24, 28, 28)
    assert among.min() >= 0
    assert among.max() <= 1
    np.testing.assert_allclose(task.sample(1, seed=5, first=17)[0], among[17], rtol=0, atol=1e-5)
    assert np.abs(task.sample(1, seed=6, first=17)[0] - among[17]).max() > 0.01
    asked = task.sample(1, seed=5, first=17, labels=[7])
    np.testing.assert_allclose(asked[0], among[17], rtol=0, atol=1e-5)
    assert np.abs(task.sample(1, seed=5, first=17, labels=[3])[0] - among[17]).max() > 1e-4


def test_a_saved_run_samples_the_same(task_of):
    task, network = task_of(guidance=2.0)
    spec = task.spec(network)
    assert spec.to_json()["preprocessing"]["diffusion"] == dataclasses.asdict(task.diffusion)
    forward = in_torch(network.module.eval(), spec)
    got = drawn(forward, spec, labels=[2, 3], numbers=[2, 3], seed=4)
    np.testing.assert_allclose(got, task.sample(2, seed=4, first=2), rtol=0, atol=1e-5)
    other = drawn(forward, spec, labels=[2, 3], numbers=[2, 3], seed=4, steps=2, guidance=0.0)
    np.testing.assert_allclose(other, task.sample(2, seed=4, first=2, steps=2, guidance=0.0), rtol=0, atol=1e-5)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    steps, error, asked = Run.steps, Denoising.error, []
    monkeypatch.setattr(denoising, "judge_of", lambda *_, **__: Judge(classes=10).eval())
    monkeypatch.setattr(Run, "steps", lambda self, total, **kw: steps(self, total, **{**kw, "checkpoint_steps": 2}))

    def broken(self, *inputs, by):
        asked.append(by.training)
        return error(self, *inputs, by=by) * (float("nan") if sum(asked) == 4 else 1)

    monkeypatch.setattr(Denoising, "error", broken)
    with pytest.raises(Diverged, match=r"^loss is nan at step 4: the training diverged"):
        start(discover("labs")["ddpm"], preset="smoke", root=tmp_path, quiet=True)
    assert (tmp_path / "ddpm-0001" / "checkpoint").exists()
    assert not (tmp_path / "ddpm-0001" / "result.json").exists()
