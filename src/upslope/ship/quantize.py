"""Eight bits in place of thirty-two: an ONNX file that is a third as large and faster, and what that costs, measured.

B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2017,
https://arxiv.org/abs/1712.05877, here after training and by onnxruntime. Weights have a scale by channel; what flows
between layers has a scale and a zero point by tensor (blocks/calibration.py), from the range that it takes for 64
training pictures, prepared as the run prepares them.

Only convolutions and linear layers compute in eight bits. What comes behind them stays as it is: a scale that boxes
in pixels and probabilities would share leaves nothing of the probabilities (onnxruntime issue 14233).
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from upslope.blocks.calibration import affine_from_range
from upslope.cards import discover
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import have
from upslope.runs.errors import RunProblem
from upslope.runs.files import write_atomically
from upslope.ship import formats
from upslope.ship.card import model_card
from upslope.ship.export import NotEqual, finished, target
from upslope.ship.pipelines.pipeline import Arrays, Pipeline, data_card, generated_like, pipeline_of
from upslope.ship.predictor import from_file, of_run

CALIBRATED_ON = 64  # training samples
MAY_LOSE = 0.01  # of the score
IN_EIGHT_BITS = ["Conv", "Gemm"]


@dataclass(frozen=True)
class Quantized:
    """The file, and what it does on the test data beside the run."""

    path: Path
    card: Path
    size: int  # bytes
    of: int  # bytes of the same file in 32 bits
    score: str  # what was measured: "map50"
    before: float
    after: float
    samples: int
    source: str  # of the samples


def export_int8(
    folder: Path, *, out: Path | None = None, force: bool = False, say: Callable[[str], None] = print
) -> Quantized:
    """Write a finished run's model as ONNX in eight bits; NotEqual, and no file, where it loses more than MAY_LOSE."""
    result = finished(folder)
    pipeline = pipeline_of((network := of_run(folder)).spec.task)(network)
    path = target(folder, "int8.onnx", out=out, force=force)
    train, test, source = _data(pipeline)
    with TemporaryDirectory(prefix="upslope-int8-") as scratch:
        whole, small = Path(scratch, "whole.onnx"), Path(scratch, "small.onnx")
        say("writing onnx")
        formats.write_onnx(network.module, network.spec, whole)
        say("calibrating")
        quantize(whole, small, pipeline.rows(train))
        say("comparing")
        (name, before), (_, after) = (
            pipeline.score(forward(pipeline.rows(test)), test)
            for forward in (network.forward, from_file(small).forward)
        )
        if not after >= before - MAY_LOSE:
            raise NotEqual(
                f"in eight bits {name} falls from {100 * before:.2f} to {100 * after:.2f} % on {len(test)} {source}: "
                "nothing is written"
            )
        told = f"{_words(name)} on {len(test)} {source}: {100 * before:.2f} % in 32 bits, {100 * after:.2f} % in 8."
        card = path.with_name(f"{path.name}.md")
        write_atomically(card, model_card(path.name, pipeline, result, compared=told).encode())
        write_atomically(path, small.read_bytes())
        return Quantized(path, card, path.stat().st_size, whole.stat().st_size, name, before, after, len(test), source)


def quantize(whole: Path, small: Path, inputs: Arrays) -> None:
    """An ONNX file in eight bits, its scales from what these inputs make of it."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as static

    with _quiet():
        grids = {name: affine_from_range(*ends) for name, ends in ranges(whole, inputs).items()}
        static(
            whole,
            small,
            # It wants to see a sample even though every grid is given.
            _samples({name: array[:1] for name, array in inputs.items()}),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=IN_EIGHT_BITS,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            # Processors without VNNI add products in 16 bits, where seven bits of a weight are safe.
            reduce_range=True,
            extra_options={
                "TensorQuantOverrides": {
                    name: [{"scale": np.array(scale, dtype=np.float32), "zero_point": np.array(zero, dtype=np.uint8)}]
                    for name, (scale, zero) in grids.items()
                }
            },
        )
    model = onnx.load(small)
    kept = {one.key: one.value for one in onnx.load(whole).metadata_props}
    onnx.helper.set_model_props(model, {name: value for name, value in kept.items() if _is_json(value)})
    onnx.save(model, small)


def ranges(whole: Path, inputs: Arrays) -> dict[str, tuple[float, float]]:
    """By its name, the smallest and largest number of each tensor that enters or leaves a convolution or linear layer.

    Over all inputs: it is the smallest of all samples that counts, not the mean of what is smallest in each.
    """
    from onnxruntime.quantization import create_calibrator

    with TemporaryDirectory(prefix="upslope-ranges-") as scratch:
        observer = create_calibrator(whole, IN_EIGHT_BITS, augmented_model_path=str(Path(scratch, "observed.onnx")))
        observer.collect_data(_samples(inputs))
        seen = observer.compute_data()
        del observer  # it holds the file
    found = {name: tensor.range_value for name, tensor in seen.items()}
    return {name: (float(np.min(low)), float(np.max(high))) for name, (low, high) in found.items()}


def _samples(inputs: Arrays) -> Any:
    """The inputs one by one, as onnxruntime asks for them."""
    from onnxruntime.quantization import CalibrationDataReader

    count = len(next(iter(inputs.values())))
    if not count:
        raise ValueError("scales come from inputs, and there are none")

    class Samples(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left: Iterator[int] = iter(range(count))

        def get_next(self) -> Arrays | None:
            number = next(self.left, None)
            return None if number is None else {name: array[number : number + 1] for name, array in inputs.items()}

    return Samples()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without advice on a preprocessing that changes nothing here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(before)


def _data(pipeline: Pipeline) -> tuple[Dataset, Dataset, str]:
    """Training samples to calibrate on, test samples to measure on, and what these are."""
    spec = pipeline.spec
    card = data_card(spec) or generated_like(spec)
    if card is None:
        raise RunProblem(f"{pipeline.network.name} learned from data that are not here, and int8 must be measured")
    module = discover("data")[card.name].load()
    if card.name == spec.data:
        if card.files and not have(card):
            raise RunProblem(f"int8 is measured on {card.title}, which is not here: upslope data get {card.name}")
        train, test = module.load("train"), module.load("test")
        return train.take(slice(CALIBRATED_ON)), test, f"test {pipeline.noun}s of {card.name}"
    rng = np.random.default_rng(0)
    made = [module.toy(rng=rng, count=count) for count in (CALIBRATED_ON, 200)]
    return made[0], made[1], f"generated {pipeline.noun}s like those of {card.name}"


def _words(name: str) -> str:
    return {"map50": "mAP at IoU 0.5"}.get(name, name)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
