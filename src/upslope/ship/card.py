"""The model card beside an exported model: what it is, what it was measured on, what it cannot do.

After M. Mitchell et al., "Model Cards for Model Reporting", 2018, https://arxiv.org/abs/1810.03993.
"""

from typing import Any

from upslope.cards import DataCard, ModelCard, discover
from upslope.runs.model_spec import ModelSpec
from upslope.runs.result import Result, format_value, metric_label
from upslope.ship.pipelines.pipeline import Pipeline, data_card

_USE = {
    "onnx": """import numpy as np, onnxruntime

session = onnxruntime.InferenceSession("{file}")
{inputs}
outputs = session.run(None, {{{fed}}})
print([output.shape for output in outputs])""",
    "pt2": """import numpy as np, torch

model = torch.export.load("{file}").module()
{inputs}
print(model({tensors}))""",
    "safetensors": """from upslope.ship.predictor import load
import numpy as np

pipeline = load("{file}")
{inputs}
outputs = pipeline.network.forward({{{fed}}})
print({{name: output.shape for name, output in outputs.items()}})""",
}


def model_card(file: str, pipeline: Pipeline, result: Result, *, compared: str) -> str:
    """The card as Markdown; `compared` is the sentence about the exported file beside the run."""
    spec = pipeline.spec
    name, _, ending = file.rpartition(".")
    found = discover("models").get(spec.model)
    parameters = sum(p.numel() for p in pipeline.network.module.parameters())
    card = data_card(spec)
    words = pipeline.card()
    said = {
        "": [
            f"{_title(found.card if found is not None else None, spec)}, {parameters:,} parameters, "
            f"trained by the lab `{result.lab}` of Upslope. Task: {spec.task}.",
            *_yours(result),
        ],
        "What it does": words.pop("What it does"),
        "Data": _data(card),
        "Measured": _measured(result, compared),
        **words,
        "Use": [
            f"```python\n{_example(ending, file, spec)}\n```",
            f"`upslope predict {file} {pipeline.example_for(spec)}".rstrip() + "` does the same with any input.",
        ],
        "Licence": [
            f"The code that made it: MIT. The data it learned from: {card.licence}."
            if card is not None
            else "The code that made it, and its data: MIT."
        ],
    }
    parts = [f"# {name}"]
    for heading, paragraphs in said.items():
        parts += [f"## {heading}", *paragraphs] if heading else paragraphs
    return "\n\n".join(parts) + "\n"


def _example(ending: str, file: str, spec: ModelSpec) -> str:
    """Python that uses the file, with inputs of zeros."""
    lines = [f"{name} = np.zeros({(1, *one['shape'])}, dtype=np.{_dtype(one)})" for name, one in spec.inputs.items()]
    return _USE[ending].format(
        file=file,
        inputs="\n".join(lines),
        fed=", ".join(f'"{name}": {name}' for name in spec.inputs),
        tensors=", ".join(f"torch.from_numpy({name})" for name in spec.inputs),
    )


def _dtype(one: dict[str, Any]) -> str:
    return str(one.get("dtype", "float32"))


def _yours(result: Result) -> list[str]:
    yours = sorted(name for name, whose in result.parts.items() if whose == "yours")
    if not yours:
        return []
    return [f"{len(yours)} of its {len(result.parts)} parts were written by its learner: {', '.join(yours)}."]


def _data(card: DataCard | None) -> list[str]:
    if card is None:
        return ["Generated data: good for trying things out, for nothing else. It has never seen anything real."]
    splits = ", ".join(f"{name} {count:,}" for name, count in card.splits.items())
    return [f"{card.title}: {splits}. Licence: {card.licence}. {card.homepage}", card.citation]


def _measured(result: Result, compared: str) -> list[str]:
    rows = ["| metric | value | target |", "| --- | --- | --- |"]
    targets = {target.metric: target for target in result.targets}
    for name, value in result.metrics.items():
        bound = targets[name].bound().removeprefix("target ") if name in targets else ""
        rows.append(f"| {metric_label(name)} | {format_value(value, result.units.get(name, ''))} | {bound} |")
    command = " ".join([f"upslope lab {result.lab} --preset {result.preset}", *result.settings])
    machine = dict(result.machine)
    where = [f"{machine.pop('cores', '?')} cores", str(machine.pop("os", ""))]
    where += [f"{name} {value}" for name, value in machine.items()]
    return [
        "\n".join(rows),
        f"One run with one seed ({result.seed}), {result.finished[:10]}: `{command}`",
        f"On {', '.join(part for part in where if part)}.",
        compared,
    ]


def _title(model: object, spec: ModelSpec) -> str:
    if not isinstance(model, ModelCard):
        return spec.model
    return f"{model.title} ({model.paper})" if model.paper else model.title
