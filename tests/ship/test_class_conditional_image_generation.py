"""Digits to order, in use: a prompt becomes samples that are functions of seed and number, also from an ONNX file."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch

from upslope.data import mnist
from upslope.models.build import built
from upslope.runs.errors import RunProblem
from upslope.ship import formats
from upslope.ship.export import compare
from upslope.ship.pipelines.class_conditional_image_generation import ClassConditionalImageGeneration
from upslope.ship.pipelines.pipeline import LoadedModel, Options, pipeline_of
from upslope.ship.predictor import from_file, in_torch
from upslope.training.diffusion import Diffusion, drawn
from upslope.training.judge import Judge
from upslope.training.tasks import denoising

DATA = mnist.toy(rng=np.random.default_rng(0), count=40)


@pytest.fixture(scope="module")
def learned():
    """A task with a network that is not silent, and the pipeline of what it saves."""
    network = built("ddpm28", seed=0, widths=(8, 12))
    torch.nn.init.normal_(network.module.last.weight, std=0.2, generator=torch.Generator().manual_seed(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoising, "judge_of", lambda *_, **__: Judge(classes=10).eval())
        diffusion = Diffusion(sampler="ddpm", steps=3)
        task = denoising.Denoising(network, DATA, data="toy", diffusion=diffusion, seed=0)
    spec = task.spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    assert pipeline_of(spec.task) is ClassConditionalImageGeneration
    return task, ClassConditionalImageGeneration(LoadedModel("ddpm-0001", spec, in_torch(module, spec), module))


def test_a_prompt_becomes_the_samples_of_the_task(learned):
    task, pipeline = learned
    (seven,) = pipeline.answers(["a seven"], Options(count=3, seed=4))
    np.testing.assert_allclose(seven.images, task.sample(3, seed=4, labels=[7, 7, 7]), rtol=0, atol=1e-5)
    (other,) = pipeline.answers(["a seven"], Options(count=3, seed=4, guidance=4.0, steps=2))
    expected = task.sample(3, seed=4, labels=[7, 7, 7], guidance=4.0, steps=2)
    np.testing.assert_allclose(other.images, expected, rtol=0, atol=1e-5)
    assert np.abs(other.images - seven.images).max() > 0.01
    (alone,) = pipeline.answers(["7"], Options(count=1, first=2, seed=4))
    np.testing.assert_allclose(alone.images[0], seven.images[2], rtol=0, atol=1e-5)


def test_without_a_prompt_any_class_comes_and_nothing_is_amplified(learned):
    _, pipeline = learned
    (comes,) = pipeline.answers([], Options(count=2, seed=4, guidance=3.0))
    network = pipeline.network
    said = {"labels": [10, 10], "numbers": [0, 1], "seed": 4, "guidance": 0.0}
    np.testing.assert_array_equal(comes.images, drawn(network.forward, network.spec, **said))


def test_more_steps_than_were_learned_are_refused(learned):
    _, pipeline = learned
    assert Options.chosen(pipeline, {"steps": 1000, "guidance": 1.5}).steps == 1000
    with pytest.raises(RunProblem, match="--steps is at most 1000, the steps that the network learned, not 1001"):
        Options.chosen(pipeline, {"steps": 1001})


def test_what_it_says_of_itself(learned):
    _, pipeline = learned
    assert pipeline.example_for(pipeline.spec) == "9 --count 8 --seed 3 --show sheet.png"
    text = " ".join(sentence for sentences in pipeline.card().values() for sentence in sentences)
    assert "predicts the noise in it" in text
    assert "in 3 steps by the sampler ddpm" in text
    first = pipeline.preprocess(list(pipeline.read(["3", "4"], Options(count=2, seed=1))))
    assert first["label"].tolist() == [3, 3, 4, 4]
    assert first["step"].tolist() == [999] * 4
    rows = pipeline.rows(DATA)
    assert (rows["step"][0], rows["step"][-1]) == (0, 999)
    assert np.abs(rows["x"][0, 0] - (2 * DATA["image"][0] - 1)).max() < 0.05, "the first step adds hardly any noise"


@pytest.mark.needs("onnx")
@pytest.mark.parametrize("kind", ["onnx", "pt2", "safetensors"])
def test_an_exported_file_draws_the_same(learned, kind, tmp_path):
    _, pipeline = learned
    network = pipeline.network
    path = tmp_path / f"ddpm.{kind}"
    formats.WRITERS[kind](network.module, network.spec, path)
    exported = from_file(path)
    data = mnist.toy(rng=np.random.default_rng(1), count=64)
    assert compare(network.forward, exported.forward, pipeline.rows(data)) < 1e-4
    (ours,), (theirs,) = (
        each.answers(["a four"], Options(count=2, seed=1))
        for each in (pipeline, ClassConditionalImageGeneration(exported))
    )
    np.testing.assert_allclose(theirs.images, ours.images, rtol=0, atol=1e-3)
