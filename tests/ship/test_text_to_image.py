"""Text to image in use: prompts become samples, and what cannot be read is one sentence with the word."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the network is made of PyTorch")
pytest.importorskip("upslope.ship.generated", reason="what pipelines that make images share")

import torch

from upslope.data import things
from upslope.models.build import built
from upslope.runs.errors import RunProblem
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput, pipeline_of
from upslope.ship.predictor import in_torch
from upslope.text.prompt_words import PromptWords
from upslope.training.diffusion import Diffusion
from upslope.training.prompt_reader import PromptReader, label_columns
from upslope.training.tasks import text_to_image


@pytest.fixture
def run(monkeypatch):
    """A network with weights at random, its task and its pipeline."""
    data = things.toy(rng=np.random.default_rng(0), count=70)
    columns = {column: len(names) for column, names in label_columns(data).items()}
    monkeypatch.setattr(text_to_image, "reader_of", lambda *_: PromptReader(16, columns).eval())
    words = PromptWords.of(data["text"])
    text = {"vocab_size": words.vocab_size, "context": words.context, "dim": 64, "depth": 1, "heads": 2}
    network = built("prompt16", seed=0, text=text)
    torch.nn.init.normal_(network.module.unet.last.weight, std=0.2)
    diffusion = Diffusion(steps=3, predicts="v")
    task = text_to_image.TextToImage(network, data, data="toy", words=words, diffusion=diffusion, seed=0)
    spec = task.spec(network)
    module = network.module.eval()
    made = pipeline_of(spec.task)
    return task, made(LoadedModel("prompt-0001", spec, in_torch(module, spec), module)), data


def test_a_saved_run_draws_what_the_task_drew(run):
    task, pipeline, _ = run
    (answer,) = pipeline.answers(["A red 7"], Options(count=2, seed=4, first=2))
    expected = task.sample(["a red seven"] * 2, seed=4, first=2)
    np.testing.assert_allclose(answer.images, expected, rtol=0, atol=1e-5)
    names = [name for name, pixels in pipeline.images([answer])]
    assert names == ["a-red-7-seed4-0002", "a-red-7-seed4-0003"]
    assert answer.facts(Options())["prompt"] == "A red 7"
    assert pipeline.draw([answer]) is not None
    assert len(pipeline.card()) == 4


def test_an_export_is_compared_on_prompts(run):
    _, pipeline, data = run
    inputs = pipeline.rows(data)
    assert [array.shape for array in inputs.values()] == [(70, 3, 16, 16), (70,), (70, 5)]
    assert pipeline.network.forward(inputs)["prediction"].shape == (70, 3, 16, 16)
    pipeline.network = LoadedModel("prompt-0001.onnx", pipeline.spec, pipeline.network.forward)
    with pytest.raises(RunProblem, match=r"prompt-0001.onnx holds one step of the network and no decoder"):
        list(pipeline.answers(["a red seven"]))


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("a purple elephant", 'the network has never learned what "purple" is: it knows a, bag, blue'),
        ("", "the prompt is empty: write what is to be seen in words such as"),
        ("red " * 500, 'the prompt has 500 words, and the network reads 3: it would be cut before the word "red"'),
    ],
)
def test_what_it_cannot_read_is_one_sentence_with_the_word(run, prompt, sentence):
    _, pipeline, _ = run
    (said,) = pipeline.answers([prompt])
    assert isinstance(said, UnreadableInput)
    assert said.reason.startswith(sentence)
    assert pipeline.refuses(Options(steps=2000)).startswith("--steps is at most 1000")
