"""`upslope predict`: what is said of good pictures, and of bad ones among them."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from upslope.cards import discover
from upslope.runs.config import LabConfig
from upslope.runs.run import Run

DIGITS = tuple("0123456789")


def drawn(path, *, upright):
    """One stroke on white paper, from top to bottom or from side to side."""
    image = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(image).line([(50, 20), (50, 80)] if upright else [(20, 50), (80, 50)], fill=0, width=10)
    image.save(path)
    return path


def graph(path, network):
    """An ONNX file made by hand: class 1 is ink in an upright stripe, class 0 in a level one; nobody else has a say."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    weights = np.zeros((28, 28, 10), dtype=np.float32)
    weights[13:15, :, 0], weights[:, 13:15, 1] = 0.3, 0.3
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["batch", 1, 28, 28])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    nodes = [
        helper.make_node("Flatten", ["pictures"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["logits"]),
    ]
    stored = [numpy_helper.from_array(weights.reshape(784, 10), "weights")]
    made = helper.make_model(
        helper.make_graph(nodes, "stripes", [pictures], [logits], stored),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    helper.set_model_props(made, {"upslope": json.dumps(network.to_json())})
    checker.check_model(made)
    save(made, path)
    return path


@pytest.fixture(scope="module")
def stripes(tmp_path_factory, described):
    """The path of an exported network that tells a 1 from a lying one."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    network = described(model="stripes")
    return str(graph(tmp_path_factory.mktemp("onnx") / "stripes.onnx", network))


@pytest.fixture
def one(tmp_path):
    return drawn(tmp_path / "one.png", upright=True)


@pytest.fixture
def lying(tmp_path):
    return drawn(tmp_path / "lying.png", upright=False)


@pytest.fixture
def bad(tmp_path, one):
    """Five files and folders without a picture, and what is said of each."""
    text, empty, cut, bare = (tmp_path / name for name in ("text.png", "empty.jpg", "cut.png", "bare"))
    text.write_text("to whom it may concern")
    empty.touch()
    whole = one.read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    bare.mkdir()
    (bare / "notes.txt").write_text("nothing")
    return {
        text: "is not a picture that can be read",
        empty: "is empty: 0 bytes",
        cut: "is damaged or cut off",
        bare: "holds no pictures",
        tmp_path / "missing.png": "cannot be read: no such file or directory",
    }


def test_a_person_reads_class_and_share(upslope, stripes, one, lying):
    said = upslope("predict", stripes, str(one), str(lying))
    assert (said.code, said.err) == (0, "")
    lines = [line.split() for line in said.out.splitlines()]
    first, second = lines.index([str(one)]), lines.index([str(lying)])
    assert lines[first + 1][0] == "1"
    assert lines[second + 1][0] == "0"
    assert float(lines[first + 1][1]) > 90
    assert second - first == 5, "a name, three classes, a gap"
    assert max(len(line) for line in said.out.splitlines() if str(one.parent) not in line) <= 80
    lines = upslope("predict", stripes, str(one), "--top", "1").out.splitlines()
    assert len([line for line in lines if "%" in line]) == 1


def test_a_program_reads_one_line(upslope, stripes, one, lying):
    said = upslope("predict", stripes, str(one), str(lying), "--json", "--top", "10")
    assert (said.code, said.err) == (0, "")
    assert said.json["network"] == "stripes.onnx"
    assert said.json["unread"] == []
    assert said.json["picture"] is None
    assert [answer["path"] for answer in said.json["answers"]] == [str(one), str(lying)]
    assert [answer["answer"] for answer in said.json["answers"]] == ["1", "0"]
    for answer in said.json["answers"]:
        shares = answer["probabilities"]
        assert set(shares) == set(DIGITS)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert next(iter(shares)) == answer["answer"] == max(shares, key=shares.get)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert answer["doubt"] is None
    three = upslope("predict", stripes, str(one), "--json").json["answers"][0]["probabilities"]
    assert len(three) == 3
    assert len(upslope("predict", stripes, str(one), "--json", "--top", "99").json["answers"][0]["probabilities"]) == 10


def test_unreadable_ones_are_named_and_the_rest_is_done(upslope, stripes, one, lying, bad):
    words = ["predict", stripes, str(one), *map(str, bad), str(lying)]
    said = upslope(*words)
    assert said.code == 3
    lines = said.err.splitlines()
    for line, (path, reason) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"  {path} {reason}"), line
    assert "Traceback" not in said.err
    assert str(one) in said.out
    assert str(lying) in said.out
    assert "5 pictures could not be read, 2 could." in said.out

    said = upslope(*words, "--json")
    assert said.code == 3
    assert [answer["answer"] for answer in said.json["answers"]] == ["1", "0"]
    assert [row["path"] for row in said.json["unread"]] == [str(path) for path in bad]
    for row, line in zip(said.json["unread"], lines, strict=True):
        assert row["reason"] == line.strip()


def test_where_none_can_be_read_nothing_is_answered(upslope, stripes, bad):
    said = upslope("predict", stripes, *map(str, bad), "--json", "--show", str(next(iter(bad)).with_name("seen.png")))
    assert said.code == 3
    assert said.json["answers"] == []
    assert len(said.json["unread"]) == len(said.err.splitlines()) == 5
    assert said.json["picture"] is None
    assert not next(iter(bad)).with_name("seen.png").exists()


def test_a_folder_stands_for_its_pictures(upslope, stripes, tmp_path):
    folder = tmp_path / "scans"
    (folder / "below").mkdir(parents=True)
    for name, upright in (("b.png", False), ("a.JPG", True), ("c.gif", True), (".hidden.png", True)):
        drawn(folder / name, upright=upright)
    drawn(folder / "below" / "d.png", upright=True)
    (folder / "list.txt").write_text("a, b, c")
    said = upslope("predict", stripes, str(folder), "--json").json
    assert [answer["path"] for answer in said["answers"]] == [str(folder / n) for n in ("a.JPG", "b.png", "c.gif")]
    assert [answer["answer"] for answer in said["answers"]] == ["1", "0", "1"]
    assert said["unread"] == []
    sentence = f"2 in {folder} left out, as their names are not read here: 1 .txt, 1 folder"
    assert said["left_out"] == [{"path": str(folder), "reason": sentence}]
    spoken = upslope("predict", stripes, str(folder))
    assert spoken.code == 0, "what is left out is no failure"
    assert f"{sentence}." in " ".join(spoken.out.split())


def test_only_the_first_picture_of_an_animation_is_looked_at_and_that_is_said(upslope, stripes, tmp_path):
    first, second = (Image.open(drawn(tmp_path / f"{n}.png", upright=n == 1)) for n in (1, 2))
    first.save(tmp_path / "x.gif", save_all=True, append_images=[second])
    said = upslope("predict", stripes, str(tmp_path / "x.gif"), "--json").json["answers"][0]
    assert said["answer"] == "1"
    assert said["notes"] == [f"{tmp_path / 'x.gif'} holds 2 pictures, and the first is looked at"]
    spoken = " ".join(upslope("predict", stripes, str(tmp_path / "x.gif")).out.split())
    assert "holds 2 pictures, and the first is looked at." in spoken


def test_a_blank_page_is_doubted(upslope, stripes, tmp_path):
    Image.new("L", (80, 80), 255).save(tmp_path / "blank.png")
    said = upslope("predict", stripes, str(tmp_path / "blank.png"))
    assert said.code == 0
    assert "No clear object in" in said.out
    (answer,) = upslope("predict", stripes, str(tmp_path / "blank.png"), "--json").json["answers"]
    assert answer["doubt"] == f"no clear object in {tmp_path / 'blank.png'}: ignore this prediction"


@pytest.mark.parametrize("top", ["0", "-3"])
def test_fewer_than_one_class_is_refused(upslope, stripes, one, top):
    said = upslope("predict", stripes, str(one), "--top", top)
    assert (said.code, said.out) == (2, "")
    assert said.err.strip() == f"--top is at least 1, not {top}"


def test_what_the_network_saw_is_drawn(upslope, stripes, one, lying, tmp_path):
    shows = tmp_path / "seen.png"
    said = upslope("predict", stripes, str(one), str(lying), "--show", str(shows))
    assert said.code == 0, said.err
    assert f"Drawn  {shows}" in said.out
    with Image.open(shows) as image:
        assert image.format == "PNG"
        image.load()
        assert image.height > image.width / 2
        assert np.asarray(image.convert("L")).min() < 64, "something is drawn"
    assert upslope("predict", stripes, str(one), "--show", str(shows), "--json").json["picture"] == str(shows)


def test_a_figure_of_another_kind_is_refused_before_anything_is_done(upslope, stripes, one, tmp_path, monkeypatch):
    from upslope.ship import predictor

    monkeypatch.setattr(predictor, "load", lambda word: pytest.fail("a network was loaded"))
    shows = tmp_path / "out.jpg"
    said = upslope("predict", stripes, str(one), "--show", str(shows))
    assert (said.code, said.out) == (2, "")
    assert said.err.strip() == f"--show writes a PNG picture, and {shows} does not end in .png"
    assert not shows.exists()


def test_a_figure_that_cannot_be_written_is_one_sentence(upslope, stripes, one, tmp_path):
    said = upslope("predict", stripes, str(one), "--show", str(tmp_path / "nowhere" / "seen.png"))
    assert said.code == 3
    assert len(said.err.splitlines()) == 1
    assert str(tmp_path / "nowhere" / "seen.png") in said.err


def test_a_photograph_is_not_drawn_over(upslope, stripes, one, lying):
    """Two pictures, the first of which was meant to be read: --show would take it."""
    before = one.read_bytes()
    said = upslope("predict", stripes, str(lying), "--show", str(one))
    assert (said.code, said.out) == (2, "")
    assert (
        said.err.strip() == f"{one} exists already and was not drawn by upslope predict: name another file with --show"
    )
    assert one.read_bytes() == before


def test_a_name_moves_no_cursor(upslope, stripes, tmp_path):
    said = upslope("predict", stripes, str(tmp_path / "a\x1b[31m.png"))
    assert said.code == 3
    assert "a?[31m.png cannot be read" in said.err
    assert "\x1b" not in said.err


@pytest.mark.needs("onnx")
def test_what_learned_from_generated_pictures_is_warned_of(upslope, stripes, one, tmp_path, described):
    toy = described("toy", model="stripes")
    path = str(graph(tmp_path / "toy.onnx", toy))
    said = " ".join(upslope("predict", path, str(one)).out.split())
    assert "trained on generated data" in said
    assert "toy.onnx learned from generated data only: do not trust it on real data." in said
    assert "generated data" in upslope("predict", path, str(one), "--json").json["warning"]
    assert "generated" not in upslope("predict", stripes, str(one)).out
    assert upslope("predict", stripes, str(one), "--json").json["warning"] is None


def test_an_onnx_file_is_read_without_torch(stripes, one):
    code = (
        "import sys; from upslope.cli.main import main; code = main(sys.argv[1:]);"
        "print(code, 'torch' in sys.modules, file=sys.stderr)"
    )
    words = [sys.executable, "-c", code, "predict", stripes, str(one), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert json.loads(done.stdout)["answers"][0]["answer"] == "1"
    assert done.stderr.strip() == "0 False"


@pytest.mark.needs("torch")
def test_a_run_a_lab_and_a_folder_mean_the_same(upslope, home, one, described):
    """The scores are worked out beside it: the network built by hand, shown what the command says that it saw."""
    import torch

    from upslope.models.vision.lenet import LeNet5
    from upslope.ship.pipelines.pipeline import Prediction
    from upslope.ship.predictor import load

    arguments = {"padding": 2, "channels": (2, 4)}
    model = LeNet5(**arguments).eval()
    for seed in (1, 2):  # the newest is meant where a lab is named
        run = Run.create(discover("labs")["mnist"].card, LabConfig(seed=seed), quiet=True)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)) / 3)
        weights = {name: value.numpy().copy() for name, value in model.state_dict().items()}
        run.save_model(weights, described(arguments=arguments, mean=0.1, std=0.3))
        run.finish({"test_accuracy": 0.5})
    answered = [
        upslope("predict", word, str(one), "--json", "--top", "10").json
        for word in ("mnist-0002", str(home / "runs" / "mnist-0002"), "mnist")
    ]
    assert answered[0]["network"] == "mnist-0002"
    assert answered[0] == answered[1] == answered[2]
    older = upslope("predict", "mnist-0001", str(one), "--json", "--top", "10").json
    assert older["answers"] != answered[0]["answers"]
    (found,) = load("mnist-0002").answers([str(one)])
    assert isinstance(found, Prediction)
    with torch.no_grad():
        expected = model((torch.from_numpy(found.item.seen)[None] - 0.1) / 0.3).softmax(dim=1)[0]
    for name, share in answered[0]["answers"][0]["probabilities"].items():
        assert share == pytest.approx(float(expected[int(name)]), abs=1e-5)
