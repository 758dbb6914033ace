"""Face verification in use: the first picture beside each other one, with the threshold that training chose."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")

import torch
from PIL import Image

from upslope.data import olivetti
from upslope.image.preprocess import portrait
from upslope.image.read import read_picture
from upslope.models.build import built
from upslope.models.vision.face_embedder import embed
from upslope.runs.errors import RunProblem
from upslope.ship import formats
from upslope.ship.pipelines.image_feature_extraction import Compared, ImageFeatureExtraction
from upslope.ship.pipelines.pipeline import LoadedModel, Options, UnreadableInput
from upslope.ship.predictor import from_file, in_torch
from upslope.training.tasks import image_feature_extraction as training


@pytest.fixture(scope="module")
def faces():
    return olivetti.toy(rng=np.random.default_rng(0), count=80)


@pytest.fixture(scope="module")
def network(faces):
    network = built("face-embedder-64", seed=0, widths=(4, 4, 4, 4), dim=8)
    task = training.ImageFeatureExtraction(network.module, people=faces["label"], look=faces.features["image"])
    task.threshold = 0.25
    spec = task.spec(network)
    weights = {name: value.numpy() for name, value in network.module.state_dict().items()}
    module = formats.built(spec, weights)
    return LoadedModel("faces-0001", spec, in_torch(module, spec), module)


@pytest.fixture(scope="module")
def files(faces, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for number in (0, 40, 1, 2):  # the first two are one person
        path = folder / f"{number}.png"
        Image.fromarray((faces["image"][number] * 255).astype(np.uint8)).save(path)
        paths.append(str(path))
    return paths


def said(network, words):
    return list(ImageFeatureExtraction(network).answers(words, Options()))


def test_a_picture_of_the_set_is_seen_as_in_training(network, files, faces):
    seen = portrait(read_picture(Path(files[0])), 64, 64)
    np.testing.assert_allclose(seen, faces["image"][0], atol=1 / 255)
    one, *_ = said(network, files[:2])
    np.testing.assert_allclose(one.first.seen[0], seen, atol=1e-6)


def test_each_picture_is_compared_with_the_first(network, files, faces):
    answers = said(network, files)
    assert all(isinstance(answer, Compared) for answer in answers)
    x = torch.from_numpy(np.stack([read_picture(Path(file)).mean(axis=2) for file in files]))[:, None]
    with torch.no_grad():
        embeddings = embed(network.module.model, x)
    for answer, other in zip(answers, embeddings[1:], strict=True):
        assert answer.similarity == pytest.approx(float(other @ embeddings[0]), abs=1e-4)
        assert answer.verdict == ("one person" if answer.similarity >= 0.25 else "two people")
    facts = answers[0].facts(Options())
    assert (facts["path"], facts["with"], facts["threshold"]) == (files[1], files[0], 0.25)
    assert answers[0].rows(Options())[2][:2] == ("verdict", answers[0].verdict)


def test_a_picture_is_itself_and_its_mirror_image(network, files, tmp_path):
    mirrored = tmp_path / "mirrored.png"
    Image.open(files[0]).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    for answer in said(network, [files[0], files[0], str(mirrored)]):
        assert answer.similarity == pytest.approx(1, abs=1e-4)
        assert answer.verdict == "one person"


def test_more_pictures_than_fit_into_memory_at_once(network, files, monkeypatch):
    whole = [answer.similarity for answer in said(network, files * 3)]
    monkeypatch.setattr(ImageFeatureExtraction, "together", 2)
    assert [answer.similarity for answer in said(network, files * 3)] == pytest.approx(whole, abs=1e-5)


def test_a_single_picture_is_refused_and_a_broken_one_said(network, files, tmp_path):
    (refused,) = said(network, files[:1])
    assert isinstance(refused, UnreadableInput)
    assert "is one picture, and two are compared" in refused.reason
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    found = said(network, [files[0], str(broken), files[1]])
    assert [type(each) for each in found] == [UnreadableInput, Compared]


def test_a_blank_picture_is_doubted(network, files, tmp_path):
    blank = tmp_path / "blank.png"
    Image.new("L", (64, 64), 128).save(blank)
    (answer,) = said(network, [files[0], str(blank)])
    assert "nothing is to be seen in" in answer.doubt
    assert "blank.png" in answer.doubt


def test_without_a_threshold_there_is_no_verdict(network, files):
    spec = network.spec.from_json({**network.spec.to_json(), "preprocessing": {"look": "portrait"}})
    (answer,) = said(LoadedModel("x", spec, network.forward), files[:2])
    assert answer.verdict == ""
    assert [row[0] for row in answer.rows(Options())] == ["similarity"]


def test_it_draws_both_pictures_and_says_its_limits(network, files):
    pipeline = ImageFeatureExtraction(network)
    figure = pipeline.draw(said(network, files))
    assert len(figure.axes) == 6
    said_on_card = " ".join(sentence for part in pipeline.card().values() for sentence in part)
    assert "From 0.25 on" in said_on_card
    assert "forty people" in said_on_card


@pytest.mark.parametrize("kind", ["safetensors", "pt2", pytest.param("onnx", marks=pytest.mark.needs("onnx"))])
def test_an_export_gives_the_same_embeddings(network, tmp_path, kind):
    path = tmp_path / f"faces.{kind}"
    {"safetensors": formats.write_safetensors, "pt2": formats.write_pt2, "onnx": formats.write_onnx}[kind](
        network.module, network.spec, path
    )
    inputs, _ = ImageFeatureExtraction(network).samples(7)
    there = from_file(path).forward(inputs)["embedding"]
    np.testing.assert_allclose(there, network.forward(inputs)["embedding"], atol=1e-4)


def test_a_diverged_network_says_so(network, files):
    nothing = LoadedModel("x", network.spec, lambda inputs: {"embedding": np.full((len(inputs["image"]), 8), np.nan)})
    with pytest.raises(RunProblem, match="not numbers"):
        said(nothing, files)


@pytest.mark.parametrize("size", [(64, 64), (90, 66), (70, 80)])
def test_portrait_takes_the_largest_part_from_the_middle(size):
    height, width = size
    picture = np.zeros((height, width, 3), dtype=np.float32)
    side = min(size)
    top, left = (height - side) // 2, (width - side) // 2
    picture[top : top + side, left : left + side] = 1
    np.testing.assert_allclose(portrait(picture), np.ones((64, 64)), atol=1e-6)
