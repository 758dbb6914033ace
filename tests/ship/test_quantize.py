"""Eight bits: the same answers, nearly, from a file a fraction as large; and no file where too much is lost."""

import json
import warnings

import numpy as np
import pytest

pytest.importorskip("onnxscript")
pytest.importorskip("torch")

import onnx
import torch
from tests.ship.conftest import CARD

from upslope.cli.main import main
from upslope.cli.terminal.exits import Exit
from upslope.data import bccd
from upslope.data.loading.boxed_pictures import at_size
from upslope.models.build import built
from upslope.runs.config import LabConfig
from upslope.runs.run import Run
from upslope.ship import formats, quantize
from upslope.ship.export import NotEqual
from upslope.ship.pipelines.object_detection import ObjectDetection
from upslope.ship.pipelines.pipeline import LoadedModel
from upslope.ship.predictor import from_file, in_torch
from upslope.training.state import arrays
from upslope.training.tasks import object_detection as training

SMALL = {"widths": (8, 16, 16, 16, 16), "depths": (1, 1, 1, 1), "bins": 8}


@pytest.fixture(scope="module")
def cells():
    return at_size(bccd.toy(rng=np.random.default_rng(0), count=24), 64, 96)


@pytest.fixture(scope="module")
def learned(cells):
    """A detector after a few steps, whose maps and scores are those of pictures."""
    network = built("yolo-small", seed=0, **SMALL)
    task = training.ObjectDetection(network.module, train=cells)
    optimizer = torch.optim.AdamW(network.module.parameters(), lr=5e-3)
    for norm in (each for each in network.module.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        norm.momentum = 0.3
    batch = task.collate(cells)
    for _ in range(25):
        optimizer.zero_grad()
        task(batch)["loss"].backward()
        optimizer.step()
    task.threshold = 0.2
    return network, task.spec(network)


@pytest.fixture(scope="module")
def pipeline(learned):
    network, spec = learned
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    return ObjectDetection(LoadedModel("cells", spec, in_torch(module, spec), module))


@pytest.fixture(scope="module")
def files(pipeline, cells, tmp_path_factory):
    """The detector as ONNX, in 32 bits and in eight."""
    folder = tmp_path_factory.mktemp("detector")
    whole, small = folder / "whole.onnx", folder / "small.onnx"
    formats.write_onnx(pipeline.network.module, pipeline.spec, whole)
    quantize.quantize(whole, small, pipeline.rows(cells))
    return whole, small


def test_eight_bits_say_nearly_the_same(pipeline, cells, files):
    whole, small = files
    inputs = pipeline.rows(cells)
    assert small.stat().st_size < whole.stat().st_size
    other = from_file(small)
    assert other.spec.to_json() == json.loads(json.dumps(pipeline.spec.to_json()))
    one, two = pipeline.network.forward(inputs), other.forward(inputs)
    assert np.abs(one["scores"] - two["scores"]).mean() < 0.02
    sure = one["scores"].max(axis=2) > 0.2
    assert sure.sum() > 20
    assert np.median(np.abs(one["boxes"] - two["boxes"])[sure]) < 0.03
    before, after = (pipeline.score(outputs, cells)[1] for outputs in (one, two))
    assert abs(before - after) < 0.05


def test_boxes_and_scores_share_no_scale(files):
    """Behind the convolutions nothing is computed in eight bits: outputs come from floats of their own."""
    graph = onnx.load(files[1]).graph
    makers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        assert makers[output.name].op_type != "DequantizeLinear"
    fed = {name for node in graph.node if node.op_type in ("Conv", "Gemm") for name in node.input[:2]}
    assert all(makers[name].op_type == "DequantizeLinear" for name in fed)
    products = [node for node in graph.node if node.op_type == "MatMul"]
    assert products, "the mean of the distances"
    assert not any(name in makers and makers[name].op_type == "DequantizeLinear" for p in products for name in p.input)


def scales_behind(graph, output):
    """The names of the scales of the last tensors in eight bits from which an output is computed."""
    makers = {name: node for node in graph.node for name in node.output}
    weights = {each.name for each in graph.initializer}
    found, left = set(), [output]
    while left:
        node = makers.get(left.pop())
        if node is None:
            continue
        if node.op_type == "DequantizeLinear":
            found |= {node.input[1]} if node.input[0] not in weights else set()
        else:
            left += node.input
    return found


def test_boxes_and_scores_come_from_tensors_with_scales_of_their_own(files):
    """One scale for coordinates up to 640 and probabilities up to 1 would leave nothing of the probabilities."""
    graph = onnx.load(files[1]).graph
    boxes, scores = (scales_behind(graph, output.name) for output in graph.output)
    assert [output.name for output in graph.output] == ["boxes", "scores"]
    assert len(boxes) == len(scores) == 3, "one for each map"
    assert not boxes & scores


class Mixed(torch.nn.Module):
    """Convolutions and a linear layer, one behind a ReLU, one that never says anything but 0."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 8, 3)
        self.silent, self.last = torch.nn.Conv2d(8, 4, 1), torch.nn.Linear(8, 4)
        for parameter in self.silent.parameters():
            torch.nn.init.zeros_(parameter)

    def forward(self, x):
        x = torch.nn.functional.silu(self.second(torch.relu(self.first(x))))
        return self.last(x.mean(dim=(2, 3))) + self.silent(x).mean(dim=(2, 3))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """The file of a small network, and inputs whose ranges grow from sample to sample and shrink again."""
    path = tmp_path_factory.mktemp("mixed") / "mixed.onnx"
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        names = {"input_names": ["image"], "dynamic_shapes": ({0: torch.export.Dim("n")},)}
        torch.onnx.export(Mixed().eval(), (torch.randn(2, 3, 8, 8),), path, dynamo=True, verbose=False, **names)
    rng = np.random.default_rng(0)
    sizes = np.array([1, 2, 5, 3, 1, 1], dtype=np.float32)[:, None, None, None]
    return path, {"image": sizes * rng.normal(size=(6, 3, 8, 8)).astype(np.float32)}


def test_scales_and_zero_points_are_those_of_onnxruntimes_own_calibration(mixed, tmp_path):
    """The outside oracle: its quantizer, which is told no scale, writes the same graph to the last number."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    whole, inputs = mixed
    quantize.quantize(whole, tmp_path / "ours.onnx", inputs)
    with quantize._quiet():
        quantize_static(
            whole, tmp_path / "theirs.onnx", quantize._samples(inputs), quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm"], per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax, reduce_range=True,
        )  # fmt: skip
    ours, theirs = (onnx.load(tmp_path / f"{name}.onnx").graph for name in ("ours", "theirs"))
    assert sum(node.op_type == "QuantizeLinear" for node in ours.node) == 8
    assert ours == theirs


def test_the_file_holds_what_affine_from_range_says(mixed, tmp_path, monkeypatch):
    """The exercise runs in the export: other scales from it are other scales in the file."""
    whole, inputs = mixed
    asked = {}

    def coarse(low, high):
        asked[low, high] = len(asked) + 1
        return float(len(asked)), 7

    monkeypatch.setattr(quantize, "affine_from_range", coarse)
    quantize.quantize(whole, tmp_path / "coarse.onnx", inputs)
    held = {
        each.name: onnx.numpy_helper.to_array(each) for each in onnx.load(tmp_path / "coarse.onnx").graph.initializer
    }
    seen = {name: asked[ends] for name, ends in quantize.ranges(whole, inputs).items()}
    assert len(seen) == 8
    assert {name: (float(held[f"{name}_scale"]), int(held[f"{name}_zero_point"])) for name in seen} == {
        name: (float(number), 7) for name, number in seen.items()
    }


def test_without_inputs_there_is_no_range(mixed, tmp_path):
    whole, inputs = mixed
    with pytest.raises(ValueError, match="scales come from inputs, and there are none"):
        quantize.quantize(whole, tmp_path / "none.onnx", {"image": inputs["image"][:0]})


@pytest.fixture
def run(learned, tmp_path):
    network, spec = learned
    run = Run.create(CARD, LabConfig(seed=0), root=tmp_path / "runs", quiet=True)
    run.save_model(arrays(network.module), spec)
    run.finish({"test_accuracy": 0.1})
    return run.folder


def test_the_file_is_written_with_what_it_costs(run, tmp_path):
    done = quantize.export_int8(run, out=tmp_path / "cells.onnx", say=lambda _: None)
    assert done.path.stat().st_size == done.size < done.of
    assert done.after >= done.before - quantize.MAY_LOSE
    assert "32 bits" in done.card.read_text()
    assert done.source == "generated pictures like those of bccd"


def test_scales_come_from_training_pictures_as_the_run_prepares_them(run, learned, cells, tmp_path, monkeypatch):
    """What the scales are asked for is what the training task hands to the network: 64 pictures, pixels in [0, 1]."""
    train, given = bccd.toy(rng=np.random.default_rng(0), count=quantize.CALIBRATED_ON), {}

    def noted(whole, small, inputs):
        given.update(inputs)
        raise InterruptedError

    monkeypatch.setattr(formats, "write_onnx", lambda *_: None)
    monkeypatch.setattr(quantize, "quantize", noted)
    with pytest.raises(InterruptedError):
        quantize.export_int8(run, out=tmp_path / "cells.onnx", say=lambda _: None)
    task = training.ObjectDetection(learned[0].module, train=cells)
    batch = task.collate(at_size(train, 64, 96))
    np.testing.assert_allclose(given["image"], batch["image"].numpy(), atol=1e-7)
    assert given["image"].shape == (64, 3, 64, 96)
    assert 0.5 < given["image"].max() <= 1


@pytest.mark.deep
def test_a_file_that_loses_too_much_is_not_written(run, tmp_path, monkeypatch):
    scores = iter([("map50", 0.8), ("map50", 0.7)])
    monkeypatch.setattr(ObjectDetection, "score", lambda *_: next(scores))
    with pytest.raises(NotEqual, match=r"in eight bits map50 falls from 80\.00 to 70\.00 %.*nothing is written"):
        quantize.export_int8(run, out=tmp_path / "cells.onnx", say=lambda _: None)
    assert not (tmp_path / "cells.onnx").exists()


@pytest.mark.deep
def test_the_verb(run, tmp_path, capsys):
    words = ["export", str(run), "--int8", "--out", str(tmp_path / "cells.onnx"), "--json"]
    assert main(words) == Exit.DONE
    said = json.loads(capsys.readouterr().out)
    assert said["score"] == "map50"
    assert said["size"] < said["of"]
    again = ["export", str(run), "--format", "onnx-int8", "--out", str(tmp_path / "again.onnx"), "--json"]
    assert main(again) == Exit.DONE
    assert json.loads(capsys.readouterr().out)["size"] == said["size"]
    assert main([*words[:3], "--format", "pt2"]) == Exit.USAGE
    assert "--int8 writes ONNX, not pt2" in capsys.readouterr().err
