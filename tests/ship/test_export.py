"""Exported files say what the network says, hold all that is needed to use them, and are refused when damaged."""

import json
import shutil

import numpy as np
import pytest

from upslope.runs.errors import RunProblem
from upslope.ship import export as exporting
from upslope.ship.export import NotEqual, compare, export
from upslope.ship.formats import FORMATS
from upslope.ship.predictor import from_file, load

pytestmark = pytest.mark.needs("torch", "onnx")


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """The run in all three formats: the exporter takes seconds, so once."""
    folder = tmp_path_factory.mktemp("exported")
    return {kind: export(finished_run, kind, out=folder, say=lambda what: None) for kind in FORMATS}


@pytest.mark.parametrize("kind", FORMATS)
def test_an_exported_file_says_what_the_run_says(kind, exported, finished_run, pictures):
    """By a way of its own: the module built by hand, mean and deviation taken off by hand."""
    import torch
    from safetensors.torch import load_file

    from upslope.models.vision.lenet import LeNet5

    model = LeNet5(padding=2, modern=True, channels=(4, 8))
    model.load_state_dict(load_file(finished_run / "model.safetensors"))
    with torch.no_grad():
        expected = model.eval()((torch.from_numpy(pictures) - 0.13) / 0.31).numpy()
    network = from_file(exported[kind].path)
    for size in (1, 2, 70):
        assert np.abs(network.forward({"image": pictures[:size]})["logits"] - expected[:size]).max() < 1e-5
    assert exported[kind].difference < 1e-5
    assert exported[kind].samples == 64


@pytest.mark.parametrize("kind", FORMATS)
def test_one_file_is_enough(kind, exported, tmp_path):
    alone = shutil.copy(exported[kind].path, tmp_path / f"alone.{kind}")
    reader = load(str(alone))
    assert reader.spec.classes == tuple("0123456789")
    assert reader.spec.shape == (1, 28, 28)
    assert reader.look == "handwriting"


def test_onnx_needs_no_torch(exported):
    import subprocess
    import sys

    program = (
        "import sys, numpy as np; from upslope.ship.predictor import load; r = load(sys.argv[1]);"
        "x = {'image': np.zeros((2, 1, 28, 28), dtype=np.float32)};"
        "print(r.network.forward(x)['logits'].shape, 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(exported["onnx"].path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "(2, 10) False"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_is_one_sentence(kind, exported, tmp_path):
    whole = exported[kind].path.read_bytes()
    cut, empty = tmp_path / f"cut.{kind}", tmp_path / f"empty.{kind}"
    cut.write_bytes(whole[: len(whole) // 2])
    empty.write_bytes(b"")
    for path in (cut, empty):
        with pytest.raises(RunProblem, match=path.name):
            from_file(path)


def test_a_file_of_somebody_else_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3, dtype=np.float32)}, tmp_path / "theirs.safetensors")
    with pytest.raises(RunProblem, match=r"theirs\.safetensors does not say which model it holds"):
        from_file(tmp_path / "theirs.safetensors")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(RunProblem, match=r"notes\.txt is not an exported model: their names end in \.onnx, "):
        load(str(tmp_path / "notes.txt"))


def test_the_card_says_what_people_must_know(exported):
    text = exported["onnx"].card.read_text(encoding="utf-8")
    assert exported["onnx"].card.name == "small-0001.onnx.md"
    for part in ("LeNet-5", "mnist", "10.0 %", "seed (3)", "mean 0.1300", "CC BY-SA", "## Limits", "small-0001.onnx"):
        assert part in text, part


def test_the_example_on_the_card_runs(exported, monkeypatch, capsys):
    for kind, done in exported.items():
        monkeypatch.chdir(done.path.parent)
        code = done.card.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        exec(compile(code, f"{kind} example", "exec"), {})
        said = capsys.readouterr().out
        assert "10" in said or "tensor" in said, said


def test_an_existing_file_is_not_written_over(exported, finished_run):
    path = exported["safetensors"].path
    before = path.read_bytes()
    with pytest.raises(RunProblem, match="exists already: --force overwrites it"):
        export(finished_run, "safetensors", out=path, say=lambda what: None)
    assert path.read_bytes() == before
    export(finished_run, "safetensors", out=path, force=True, say=lambda what: None)
    assert path.read_bytes() == before


def test_what_differs_is_not_called_done(finished_run, tmp_path, monkeypatch):
    """An exporter that loses a bias leaves no file behind."""
    real = exporting.formats.WRITERS["safetensors"]

    def careless(module, spec, path):
        import torch

        with torch.no_grad():
            kept = module.model.linear3.bias.clone()
            module.model.linear3.bias += 0.01
            real(module, spec, path)
            module.model.linear3.bias.copy_(kept)

    monkeypatch.setitem(exporting.formats.WRITERS, "safetensors", careless)
    with pytest.raises(NotEqual, match=r"outputs differ from the original's by 0\.01: nothing is written"):
        export(finished_run, "safetensors", out=tmp_path / "x.safetensors", say=lambda what: None)
    assert list(tmp_path.iterdir()) == []


def test_a_batch_of_the_wrong_size_is_noticed(pictures):
    inputs = {"image": pictures}

    def zeros(x):
        return {"logits": np.zeros((len(x["image"]), 10))}

    with pytest.raises(NotEqual, match=r"gives logits of shape \(1, 10\) for 7 samples"):
        compare(zeros, lambda x: {"logits": np.zeros((1, 10))}, inputs)
    with pytest.raises(NotEqual, match="nan"):
        compare(zeros, lambda x: {"logits": np.full((len(x["image"]), 10), np.nan)}, inputs)


def test_a_run_without_a_network_says_so(finished_run, tmp_path):
    folder = shutil.copytree(finished_run, tmp_path / "small-0002")
    (folder / "model_spec.json").unlink()
    with pytest.raises(RunProblem, match="small-0002 saved no model"):
        load(str(folder))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": "nothing"}, 'the model is a "nothing", and there is no such model here'),
        ({"arguments": {"padding": 2, "channels": [4, 9]}}, "the weights do not fit lenet"),
        ({"arguments": {"wings": 2}}, "the weights do not fit lenet"),
    ],
)
def test_a_changed_description_says_so(finished_run, tmp_path, change, sentence):
    folder = shutil.copytree(finished_run, tmp_path / "small-0002")
    said = json.loads((folder / "model_spec.json").read_text())
    (folder / "model_spec.json").write_text(json.dumps({**said, **change}))
    with pytest.raises(RunProblem, match=sentence):
        load(str(folder))


def test_a_run_and_an_export_of_an_older_version_are_read_as_they_are(finished_run, tmp_path):
    """They describe the network in other words, in network.json, and do not say how pictures are prepared."""
    folder = shutil.copytree(finished_run, tmp_path / "small-0002")
    said = json.loads((folder / "model_spec.json").read_text())
    (folder / "model_spec.json").unlink()
    older = {
        "model": said["model"],
        "arguments": said["arguments"],
        "shape": said["inputs"]["image"]["shape"],
        "classes": said["outputs"]["logits"]["classes"],
        "data": said["data"],
        "mean": said["preprocessing"]["mean"],
        "std": said["preprocessing"]["std"],
    }
    (folder / "network.json").write_text(json.dumps(older))
    one, other = load(str(folder)), load(str(finished_run))
    assert one.spec == other.spec
    assert one.look == "handwriting"
    inputs = {"image": np.random.default_rng(0).random((3, 1, 28, 28), dtype=np.float32)}
    assert np.array_equal(one.network.forward(inputs)["logits"], other.network.forward(inputs)["logits"])
