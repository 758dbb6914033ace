"""Eight bits: the same answers, nearly, from a file a fraction as large; and no file where too much is lost."""

import json

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


def test_eight_bits_say_nearly_the_same(pipeline, cells, tmp_path):
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    formats.write_onnx(pipeline.network.module, pipeline.spec, whole)
    inputs = pipeline.rows(cells)
    quantize.quantize(whole, small, inputs)
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


def test_boxes_and_scores_share_no_scale(pipeline, cells, tmp_path):
    """Behind the convolutions nothing is computed in eight bits: outputs come from floats of their own."""
    whole, small = tmp_path / "whole.onnx", tmp_path / "small.onnx"
    formats.write_onnx(pipeline.network.module, pipeline.spec, whole)
    quantize.quantize(whole, small, pipeline.rows(cells.take(slice(8))))
    graph = onnx.load(small).graph
    makers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        assert makers[output.name].op_type != "DequantizeLinear"
    fed = {name for node in graph.node if node.op_type in ("Conv", "Gemm") for name in node.input[:2]}
    assert all(makers[name].op_type == "DequantizeLinear" for name in fed)
    products = [node for node in graph.node if node.op_type == "MatMul"]
    assert products, "the mean of the distances"
    assert not any(name in makers and makers[name].op_type == "DequantizeLinear" for p in products for name in p.input)


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
