"""A person's own photographs, from the folder to the prediction: what `predict` sees is what validation saw."""

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from upslope.cards import discover
from upslope.data.loading.own_pictures import own_pictures
from upslope.data.loading.photograph_sets import write_toy
from upslope.models.build import build
from upslope.models.pretrained import path_of
from upslope.runs.errors import ConfigProblem, DataProblem
from upslope.runs.launcher import start
from upslope.runs.model_spec import read_spec
from upslope.runs.run import Run
from upslope.ship.pipelines.pipeline import Prediction
from upslope.ship.predictor import of_run, pipeline_of
from upslope.training.transfer import begin, fitting

LAB = discover("labs")["classify"]
QUICK = ["size=16", "epochs=1", "least_steps=30", "threads=1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten classes with eight pictures each."""
    root = tmp_path_factory.mktemp("photographs") / "mine"
    write_toy(root, rng=np.random.default_rng(0), each=8)
    return root


@pytest.fixture(scope="module")
def learned(folder, tmp_path_factory):
    """A short run on that folder, with a broken file and a copy under two labels in it."""
    root = tmp_path_factory.mktemp("runs")
    mine = root / "pictures"
    for path in folder.rglob("*.png"):
        copy = mine / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    some = sorted(mine.rglob("*.png"))
    (mine / "shape 1" / "broken.png").write_bytes(some[0].read_bytes()[:300])
    (mine / "shape 2" / "again.png").write_bytes(sorted((mine / "shape 1").glob("[0-9]*.png"))[0].read_bytes())
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "say", lambda self, sentence: said.append(sentence))
        result = start(LAB, [f"images={mine}", *QUICK], root=root, quiet=True)
    return root / result.run, mine, result, said


def pipeline(folder):
    loaded = of_run(folder)
    return pipeline_of(loaded.spec.task)(loaded)


def test_the_classes_are_the_folders_in_their_natural_order(learned):
    folder, mine, _, _ = learned
    spec = read_spec(folder)
    assert spec.classes == tuple(f"shape {number}" for number in range(1, 11))
    assert spec.data == "own"
    assert pipeline(folder).network.learned_from == str(mine)
    assert pipeline(folder).network.warning == ""


def test_it_says_where_it_begins_and_what_is_odd(learned):
    folder, _, result, said = learned
    assert said[0] == "begins with nothing: a small residual network"
    assert any("broken.png" in sentence for sentence in said)
    assert result.facts["begins_with"] == "nothing: a small residual network"
    assert result.facts["unreadable"] == result.facts["contradictions"] == 1
    page = (folder / "index.html").read_text()
    assert "broken.png" in page
    assert "the same picture under two labels" in page
    assert {"calibration", "confusion", "curves", "mistakes", "looked-at"} <= {
        p.stem for p in (folder / "pictures").glob("*.png")
    }


def test_predict_sees_what_validation_saw_to_the_bit(learned):
    """The same pixels, the same probabilities, for every picture of the three parts."""
    folder, mine, _, _ = learned
    found = own_pictures(mine, side=16, rng=np.random.default_rng(0))
    reader = pipeline(folder)
    for part, paths in found.paths.items():
        answers = list(reader.answers([str(path) for path in paths]))
        seen = np.stack([answer.item.seen for answer in answers])
        images = getattr(found, part)["image"].transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
        assert np.array_equal(seen, images)


def test_predict_gives_the_calibrated_probabilities_of_the_test(learned):
    folder, mine, result, _ = learned
    found = own_pictures(mine, side=16, rng=np.random.default_rng(0))
    answers = list(pipeline(folder).answers([str(path) for path in found.paths["test"]]))
    assert all(isinstance(answer, Prediction) for answer in answers)
    right = [answer.classes[0] == answer.item.path.parent.name for answer in answers]
    assert np.mean(right) == pytest.approx(result.metrics["test_accuracy"])
    assert read_spec(folder).temperature != 1.0
    logits = pipeline(folder).network.forward({"image": np.stack([answer.item.seen for answer in answers])})["logits"]
    expected = torch.from_numpy(logits / read_spec(folder).temperature).softmax(dim=1).max(dim=1).values
    assert f"divided by {read_spec(folder).temperature:.3f}" in pipeline(folder).card()["What it does"][0]
    assert [answer.probabilities[0] for answer in answers] == pytest.approx(expected.tolist(), abs=1e-5)


def test_eight_orientations_get_one_answer(learned, tmp_path):
    """EXIF says how the camera was held; losslessly saved, all eight are the same picture."""
    folder, mine, _, _ = learned
    upright = Image.open(next((mine / "shape 3").glob("*.png"))).convert("RGB")
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that make each orientation
    paths = []
    for orientation, turn in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        paths.append(tmp_path / f"{orientation}.png")
        (upright if turn is None else upright.transpose(Image.Transpose(turn))).save(paths[-1], exif=exif)
    answers = list(pipeline(folder).answers(list(map(str, paths))))
    assert len({(answer.classes, answer.probabilities) for answer in answers}) == 1


def test_it_begins_with_a_run_of_its_own(learned, folder, tmp_path):
    """All layers but the last are those of the run, and so is the normalization."""
    earlier = learned[0]
    begun = begin(str(earlier), side=99)
    assert begun.side == 16
    assert begun.normalization[0] == pytest.approx(read_spec(earlier).preprocessing["mean"])
    before = safetensors.torch.load_file(earlier / "model.safetensors")
    network = begun.network(classes=3, seed=0)
    now = network.module.state_dict()
    assert all(torch.equal(now[name], before[name]) for name in before if not name.startswith("head"))
    assert now["head.weight"].shape[0] == 3
    assert torch.equal(network.start["conv1.weight"], before["conv1.weight"])
    result = start(
        LAB, [f"images={folder}", f"start={earlier}", *QUICK[1:], "freeze=features"], root=tmp_path, quiet=True
    )
    assert result.facts["begins_with"] == f"the weights of {earlier.name}"
    assert result.config["lr"] == 1e-3
    assert result.metrics["features_moved"] == 0.0
    after = safetensors.torch.load_file(tmp_path / result.run / "model.safetensors")
    assert torch.equal(after["conv1.weight"], before["conv1.weight"])


def test_it_begins_with_published_weights_that_are_here(tmp_path, monkeypatch):
    """Nothing is fetched; what is here is taken over but for the layer of a thousand classes."""
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path))
    with pytest.raises(ConfigProblem, match=r"of resnet18 are not here: upslope model get resnet18 fetches them"):
        begin("resnet18", side=32)
    model = build("resnet18")
    path = path_of("resnet18", "torchvision")
    path.parent.mkdir(parents=True)
    path.write_bytes(
        safetensors.torch.save(
            {k: x.contiguous() for k, x in model.state_dict().items()}, metadata={"publisher": "torchvision"}
        )
    )
    begun = begin("resnet18", side=32)
    assert begun.said == "the weights of resnet18 that torchvision published"
    assert begun.side == 224
    network = begun.network(classes=2, seed=0).module
    x = torch.rand(1, 3, 64, 64)
    model.head, network.head = torch.nn.Identity(), torch.nn.Identity()
    assert torch.equal(network.eval()(x), model.eval()(x))


def test_a_network_for_grey_pictures_says_the_same_of_grey_ones():
    grey, place = torch.rand(4, 1, 3, 3), torch.empty(4, 3, 3, 3)
    x = torch.rand(2, 1, 8, 8)
    made = fitting(grey, place)
    theirs = torch.nn.functional.conv2d(x, grey)
    assert torch.allclose(torch.nn.functional.conv2d(x.expand(-1, 3, -1, -1), made), theirs, atol=1e-5)
    assert fitting(torch.rand(10, 8), torch.rand(3, 8)) is None


@pytest.mark.parametrize(
    ("word", "problem", "sentence"),
    [
        (
            "start=resnet81",
            ConfigProblem,
            'start=resnet81 is no run .*, and there is no model "resnet81"; did you mean',
        ),
        ("start=gpt2-small", ConfigProblem, "no published weights of gpt2-small for pictures"),
        ("images=nowhere", DataProblem, "nowhere is not a folder"),
        ("data=own", ConfigProblem, "data=own needs images=FOLDER"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_leaves_no_run(word, problem, sentence, tmp_path):
    with pytest.raises(problem, match=sentence):
        start(LAB, [word], root=tmp_path, quiet=True)
    assert list(tmp_path.iterdir()) == []
