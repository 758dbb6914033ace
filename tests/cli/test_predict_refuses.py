"""`upslope predict` with a word that names no network: one sentence, and what to type instead."""

import numpy as np
import pytest
from PIL import Image

from upslope.runs.run_dir import create_folder


@pytest.fixture
def one(tmp_path):
    """A picture; it is never looked at here."""
    Image.new("L", (40, 40), 255).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def test_the_picture_before_the_network(upslope, one):
    said = upslope("predict", str(one), "mnist")
    assert (said.code, said.out) == (2, "")
    expected = f"{one} is a picture, and the run comes before the pictures: upslope predict RUN {one}"
    assert said.err.strip() == expected


def _unfinished(home):
    create_folder("mnist", {"lab": "mnist", "config": {"seed": 1}, "started": "2024-05-01"})


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("mnist", "no run of mnist is finished yet: upslope lab mnist"),
        ("mnist-0001", "mnist-0001 is not finished: upslope lab --resume mnist-0001 goes on with it"),
        ("mnsit-0001", 'there is no run "mnsit-0001"; did you mean mnist-0001? (upslope runs lists them)'),
        ("mnist-7", 'there is no run "mnist-7"; did you mean mnist-0001? (upslope runs lists them)'),
        ("digits-0001", 'there is no run "digits-0001", and none of digits yet: upslope lab digits'),
        ("x-0001", "x-0001 is not a run: no config.json there or in {home}/runs; the newest is mnist-0001"),
        ("mnist.onnx", "mnist.onnx is not there: no such file or folder"),
        ("here/mnist-0001", "here/mnist-0001 is not there: no such file or folder"),
    ],
)
def test_a_run_that_is_none_is_one_sentence(upslope, home, one, word, sentence):
    _unfinished(home)
    said = upslope("predict", word, str(one))
    assert (said.code, said.out) == (2, "")
    assert said.err.strip() == sentence.format(home=home)
    assert upslope("predict", word, str(one), "--json").json == {"error": sentence.format(home=home), "exit": 2}


def _damaged(path):
    from safetensors.numpy import save

    whole = save({"x": np.zeros(300, dtype=np.float32)}, metadata={"upslope": "{}"})
    path.write_bytes(whole[:-100])


def _of_somebody_else(path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "theirs", [x], [y])
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("theirs.onnx", _of_somebody_else, "does not say which model it holds: it was not exported by Upslope"),
        ("text.onnx", lambda path: path.write_text("no graph"), "is not an ONNX file that can be run"),
        ("cut.safetensors", _damaged, "is not a complete safetensors file"),
        ("empty.safetensors", lambda path: path.touch(), "is not a complete safetensors file"),
        (
            "network.keras",
            lambda path: path.touch(),
            "is not an exported model: their names end in .onnx, .safetensors,",
        ),
        (
            "network",
            lambda path: path.touch(),
            "is not an exported model: their names end in .onnx, .safetensors, .pt2",
        ),
    ],
)
def test_a_file_that_holds_no_network_is_one_sentence(upslope, tmp_path, one, name, make, sentence):
    make(tmp_path / name)
    said = upslope("predict", str(tmp_path / name), str(one))
    assert (said.code, said.out) == (2, "")
    assert f"{name} {sentence}" in said.err
    assert len(said.err.splitlines()) == 1
