"""Samples in use: each a function of a seed and its number, drawn on a sheet, and the exported file gives the same."""

import json

import numpy as np
import pytest

from upslope.cards import LabCard
from upslope.runs.config import LabConfig
from upslope.runs.errors import RunProblem
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.pipelines.unconditional_image_generation import UnconditionalImageGeneration
from upslope.training.latents import latents

CARD = LabCard(
    name="tiny-gan",
    title="",
    paper="",
    claim="",
    domain="tests",
    seconds={"laptop": 1},
    data=(),
    expect=(),
    presets={"laptop": {}},
)
ARGUMENTS = {"latent_dim": 8, "widths": [8, 4], "start": 2, "out_channels": 1}
SPEC = ModelSpec(
    task="unconditional-image-generation",
    model="dcgan",
    arguments=ARGUMENTS,
    inputs={"z": {"shape": [8], "dtype": "float32"}},
    outputs={"image": {"low": -1.0, "high": 1.0}},
    data="fashion_mnist",
)


def first_two(inputs):
    """Images of 2 x 2 pixels: the first two latent numbers, squeezed into [-1, 1]."""
    z = np.tanh(inputs["z"])
    return {"image": np.stack([z[:, :2], -z[:, :2]], axis=1)[:, np.newaxis].astype(np.float32)}


def pipeline(forward=first_two):
    return UnconditionalImageGeneration(LoadedModel("tiny-gan-0001", SPEC, forward))


def drawn(count, seed):
    (answer,) = pipeline().answers([], Options(count=count, seed=seed))
    return answer


@pytest.mark.parametrize("number", [0, 17, 63])
def test_a_latent_vector_depends_on_seed_and_number_alone(number):
    alone = latents(1, 8, seed=3, first=number)[0]
    assert np.array_equal(alone, latents(64, 8, seed=3)[number])
    assert not np.array_equal(alone, latents(64, 8, seed=4)[number])


def test_pixels_come_back_in_their_range():
    answer = drawn(5, 3)
    z = np.tanh(latents(5, 8, seed=3))
    np.testing.assert_allclose(answer.images[:, 0, 0], (z[:, 0] + 1) / 2, atol=1e-6)
    assert answer.images.shape == (5, 2, 2)
    assert np.array_equal(drawn(9, 3).images[:5], answer.images)
    assert not np.array_equal(drawn(5, 4).images, answer.images)


def test_sample_17_is_the_same_alone_and_among_64(run_folder):
    """Also of a network with batch norm, whose statistics of a batch would tell samples of each other."""
    from upslope.ship.predictor import load

    network = load(str(run_folder))
    assert any("BatchNorm" in type(part).__name__ for part in network.network.module.modules())
    (many,), (alone,) = (
        network.answers([], Options(count=count, first=first, seed=3)) for count, first in ((64, 0), (1, 17))
    )
    np.testing.assert_allclose(alone.images[0], many.images[17], atol=1e-5)
    assert not np.allclose(alone.images[0], many.images[16], atol=1e-2)
    assert alone.facts(Options())["samples"][0]["number"] == 17
    assert alone.subject == "1 sample of seed 3 from number 17"
    assert [name for name, _ in network.images([alone])] == ["seed3-0017"]


def test_a_number_that_takes_all_memory_to_reach_is_refused():
    assert Options.chosen(pipeline(), {"first": 99_990, "count": 10}).numbers == range(99_990, 100_000)
    with pytest.raises(RunProblem) as problem:
        Options.chosen(pipeline(), {"first": 10**12, "count": 2})
    assert str(problem.value) == (
        "samples of a seed are numbered from 0 to 99999, and you ask for number 1000000000001"
    )


def test_the_facts_are_json():
    answer = drawn(2, 3)
    facts = json.loads(json.dumps(answer.facts(Options())))
    assert (facts["seed"], facts["count"], facts["shape"], facts["doubt"]) == (3, 2, [2, 2], None)
    assert [each["number"] for each in facts["samples"]] == [0, 1]
    assert facts["samples"][1]["mean_pixel"] == pytest.approx(answer.images[1].mean())


def test_a_collapsed_generator_is_named():
    same = pipeline(lambda inputs: {"image": np.full((len(inputs["z"]), 1, 2, 2), 0.3, dtype=np.float32)})
    (answer,) = same.answers([], Options(count=4))
    assert "collapsed" in answer.doubt
    (answer,) = same.answers([], Options(count=1))
    assert not answer.doubt


def test_an_input_is_refused():
    (answer,) = pipeline().answers(["shoe.png"], Options())
    assert isinstance(answer, UnreadableInput)
    assert answer.reason.endswith("it does not read shoe.png")


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (16, (4, 4)), (17, (4, 5)), (101, (11, 10))])
def test_a_sheet_holds_every_sample(count, shape):
    figure = pipeline().draw([drawn(count, 3)])
    assert len(figure.axes[0].images) == shape[0] * shape[1]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run that ended with a generator whose statistics are not those of a fresh one."""
    torch = pytest.importorskip("torch")
    from upslope.models.build import built
    from upslope.training.state import arrays

    module = built("dcgan-toy", seed=3, widths=(8, 4)).module
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(5)
        module(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))
    run = Run.create(CARD, LabConfig(seed=3), root=tmp_path_factory.mktemp("runs"), quiet=True)
    run.save_model(arrays(module), SPEC)
    run.finish({})
    return run.folder


@pytest.mark.parametrize("kind", ["safetensors", "onnx", "pt2"])
def test_an_exported_file_gives_the_same_samples(run_folder, tmp_path, kind):
    from upslope.ship.export import export
    from upslope.ship.predictor import load

    if kind == "onnx":
        pytest.importorskip("onnxruntime")
    done = export(run_folder, kind, out=tmp_path / f"made.{kind}", say=lambda _: None)
    assert done.source == "latent vectors"
    (ours,), (theirs,) = (load(str(p)).answers([], Options(count=7, seed=5)) for p in (run_folder, done.path))
    np.testing.assert_allclose(theirs.images, ours.images, atol=1e-5)
    assert ours.spread > 0.01
    text = done.card.read_text()
    assert "latent vectors z of 8" in text
    assert done.example in text
