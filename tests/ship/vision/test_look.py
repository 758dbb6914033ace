"""Looking into image classifiers: all seven kinds, grey and colour; a whole page; what is refused, in a sentence."""

import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.explain.conftest import KINDS

pytest.importorskip("torch", reason="the models are made of PyTorch")
pytest.importorskip("lightning")

import torch
from torch.nn import functional as F

from upslope.runs.errors import RunProblem
from upslope.ship import predictor
from upslope.ship.pipelines.pipeline import LoadedModel
from upslope.ship.predictor import load
from upslope.ship.vision import drawings
from upslope.ship.vision.look import look, numbers
from upslope.ship.vision.look_html import page, write_page


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def floats(text, shape):
    return np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(shape)


@pytest.fixture(scope="module", params=KINDS)
def looked(request, made_run, photograph):
    family, channels = request.param
    return look(str(made_run(family, channels=channels)), str(photograph))


def test_all_networks(looked):
    assert len(looked.answer.probabilities) == 10
    methods = [each.name for each in looked.explanations]
    assert methods[:3] == ["Grad-CAM", "Occlusion", "Integrated gradients"]
    for each in looked.explanations[:3]:
        assert len(each.maps) == len(each.said) == len(looked.explained) == 3
    transformer = "Vision Transformer" in looked.about
    assert (methods[3:] == ["Attention rollout"]) == transformer
    if transformer:
        # The grid of its patches, and no place for the class token.
        assert looked.explanations[0].maps[0].shape == looked.explanations[3].maps[0].shape == (4, 4)
    assert (looked.pooling is None) == transformer
    assert looked.layers[0].module.startswith(("conv1", "features.0", "stem.conv1", "patches.projection"))
    assert looked.layers[0].filters is not None
    assert looked.exciting.shape == (3, *looked.shown.seen.shape)
    assert all(np.isfinite(layer.maps).all() and len(layer.maps) <= 16 for layer in looked.layers)


def test_the_page_is_whole(looked):
    text = page(looked)
    assert len(text) < 5_000_000
    # Nothing is asked for: every source is inside, and no address stands in it.
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', text))
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    assert "default-src 'none'; img-src data:" in text
    assert "a picture.png, seen by small-" in text
    json.dumps(numbers(looked), allow_nan=False)


def test_what_is_stepped_through_is_what_the_network_computes(looked):
    """The window's numbers, weights and results that the page holds, put together by PyTorch's own convolution."""
    found = data_of(page(looked))
    it = found["convolution"]
    given = torch.from_numpy(floats(it["numbers"], it["given"]).copy())[None]
    weights = torch.from_numpy(floats(it["weights"], (len(it["channels"]), it["inputs"], *it["kernel"])).copy())
    expected = F.conv2d(given, weights, torch.tensor(it["biases"]), stride=it["stride"], padding=it["padding"])[0]
    assert it["groups"] == 1
    got = floats(it["results"], expected.shape)
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-4)
    row, column = it["start"]
    assert got[0, row, column] == got[0].max()
    if (it := found["pooling"]) is None:
        return
    given = torch.from_numpy(floats(it["numbers"], it["given"]).copy())[None]
    windows = {"kernel_size": it["kernel"], "stride": it["stride"], "padding": it["padding"]}
    windows["ceil_mode"] = "GoogLeNet" in looked.about  # whose windows may hang over the edge
    expected = (F.max_pool2d if it["how"] == "max" else F.avg_pool2d)(given, **windows)[0]
    assert list(expected.shape[1:]) == it["output"][1:]
    np.testing.assert_allclose(floats(it["results"], expected.shape), expected.numpy(), atol=1e-5)


def test_the_answer_is_that_of_predict(made_run, photograph):
    folder = made_run("resnet", channels=3)
    said = next(iter(load(str(folder)).answers([str(photograph)])))
    got = look(str(folder), str(photograph))
    assert (got.answer.classes, got.answer.probabilities) == (said.classes, said.probabilities)
    # What is measured is true: the sum of integrated gradients, and the least probability under the square.
    facts = {each["method"]: each["classes"][0] for each in numbers(got)["explanations"]}
    integrated = facts["Integrated gradients"]
    assert integrated["error"] == pytest.approx(integrated["sum"] - integrated["difference"], abs=2e-6)
    assert 0 <= facts["Occlusion"]["least"] <= facts["Occlusion"]["most"] <= 1


def test_a_later_convolution(made_run, photograph):
    folder = str(made_run("efficientnet", channels=3))
    got = look(folder, str(photograph), layer=2).convolution
    assert (got["number"], got["title"], got["inputs"]) == (2, "convolution 3 × 3, depthwise", 1)
    with pytest.raises(RunProblem, match="--layer 99 is not one of the 19 convolutions that small-"):
        look(folder, str(photograph), layer=99)


def test_an_exported_file_with_weights(made_run, photograph, tmp_path):
    """A safetensors file is built again, module by module, so it can be looked into as its run can."""
    from upslope.ship.formats import write_safetensors

    folder = str(made_run("resnet", channels=3))
    network, path = load(folder).network, tmp_path / "resnet.safetensors"
    write_safetensors(network.module, network.spec, path)
    said, got = next(iter(load(folder).answers([str(photograph)]))), look(str(path), str(photograph))
    assert (got.model, got.answer.probabilities) == ("resnet.safetensors", said.probabilities)


def test_ink_is_black_on_paper(made_run, tmp_path):
    path = tmp_path / "one.png"
    pixels = np.full((40, 40), 255, dtype=np.uint8)
    pixels[8:32, 18:22] = 0
    Image.fromarray(pixels).save(path)
    got = look(str(made_run("lenet", look="handwriting")), str(path))
    assert got.ink
    assert got.shown.seen[0, 14, 14] > 0.9
    uri = drawings.picture(got.shown.seen, ink=True)
    drawn = np.asarray(Image.open(BytesIO(base64.b64decode(uri.partition(",")[2]))))
    assert (drawn[14, 14] < 30, drawn[0, 0]) == (True, 255)


def test_nearest_training_pictures(made_run, tmp_path, monkeypatch):
    """The set `digits` comes with scikit-learn; a picture of the training set is found, nearest to itself."""
    from upslope.cards import discover
    from upslope.ship.vision.nearest import nearest

    data = discover("data")["digits"].load().load("train")
    run = load(str(made_run("resnet", data="digits")))
    with monkeypatch.context() as patch:  # a ResNet takes pictures of any size
        patch.setattr(type(run.spec), "shape", property(lambda self: (1, *data["image"].shape[1:])))
        seen = run.rows(data.take(slice(40)))["image"]
        got = nearest(run, run.network.module, np.array(seen[31]))
    assert got.similarity[0] == pytest.approx(1, abs=1e-5)
    assert got.labels[0] == data.classes[int(data["label"][31])]
    assert np.array_equal(got.pictures[0], seen[31])
    assert (got.searched, got.of) == (min(len(data), 3000), len(data))
    made = look(str(made_run("lenet")), str(_plain(tmp_path)))
    assert made.nearest.why_not == "It learned from generated pictures, of which none are kept."
    far = look(str(made_run("lenet", data="mnist")), str(_plain(tmp_path)))
    assert "are not on this computer: upslope data get mnist" in far.nearest.why_not


def _plain(folder):
    path = folder / "plain.png"
    Image.fromarray(np.arange(1024, dtype=np.uint8).reshape(32, 32)).save(path)
    return path


def test_what_is_refused(made_run, photograph, tmp_path, monkeypatch):
    run = str(made_run("lenet"))
    broken = tmp_path / "broken.png"
    broken.write_bytes(photograph.read_bytes()[:200])
    for word, said in (
        (str(broken), "broken.png is damaged or cut off"),
        (str(tmp_path), "is a folder, and here it takes one picture of it"),
        (str(tmp_path / "no.png"), "there is no picture"),
        ("the cat", r"there is no picture the cat \(small-\d+ looks at pictures\)"),
    ):
        with pytest.raises(RunProblem, match=said):
            look(run, word)
    plain = load(run)
    graph = LoadedModel("lenet.onnx", plain.spec, plain.network.forward)
    monkeypatch.setattr(predictor, "load", lambda word: type(plain)(graph))
    with pytest.raises(RunProblem, match=r"lenet\.onnx is a graph without its modules: look at the run"):
        look("lenet.onnx", str(photograph))
    monkeypatch.undo()
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(RunProblem, match="no page of upslope look: name another file with --out"):
        write_page(look(run, str(photograph)), path)
    assert path.read_text() == "mine"


def test_drawings():
    values = np.array([[0.0, 1.0], [-2.0, 0.5]], dtype=np.float32)
    image = Image.open(BytesIO(base64.b64decode(drawings.signed(values).partition(",")[2]))).convert("RGBA")
    pixels = np.asarray(image).astype(int)
    assert pixels[0, 0, 3] < 12
    assert pixels[1, 0, 3] == 255
    assert pixels[1, 0, 2] > pixels[1, 0, 0]  # blue below 0
    assert pixels[0, 1, 0] > pixels[0, 1, 2]
    assert drawings.smaller(np.ones((9, 4), dtype=np.float32), 3).shape == (3, 1)
    assert drawings.larger(values, 8).shape == (8, 8)
