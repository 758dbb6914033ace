"""The model card beside an exported network: what it is, what it was measured on, what it cannot do.

After M. Mitchell et al., "Model Cards for Model Reporting", 2018, https://arxiv.org/abs/1810.03993.
"""

from typing import TYPE_CHECKING

from upslope.cards import DataCard, ModelCard, discover
from upslope.runs.network import Network
from upslope.runs.result import Result, shown, spoken

if TYPE_CHECKING:
    from torch import nn

_USE = {
    "onnx": """import numpy as np, onnxruntime

session = onnxruntime.InferenceSession("{file}")
pictures = np.zeros((1, {shape}), dtype=np.float32)  # pixels in [0, 1]
(logits,) = session.run(None, {{"pictures": pictures}})
print(logits.argmax(axis=1))""",
    "pt2": """import torch

network = torch.export.load("{file}").module()
pictures = torch.zeros(1, {shape})  # pixels in [0, 1]
print(network(pictures).argmax(dim=1))""",
    "safetensors": """from upslope.ship.load import load
import numpy as np

reader = load("{file}")
pictures = np.zeros((1, {shape}), dtype=np.float32)  # pixels in [0, 1]
print(reader.scores(pictures).argmax(axis=1))""",
}

_LOOKS = {
    "handwriting": "one character, ink 1 on a background of 0, scaled into a box of 20 x 20 pixels and centred by mass",
    "product": "one thing on a plain background, grey, the background 0",
    "photo": "the middle of the picture",
}


def model_card(file: str, network: Network, result: Result, module: "nn.Module") -> str:
    """The card as Markdown."""
    found, data = discover("models").get(network.model), discover("data").get(network.data)
    model = found.card if found is not None else None
    card = data.card if data is not None else None
    parameters = sum(p.numel() for p in module.parameters())
    lines = [f"# {file.rpartition('.')[0]}", ""]
    lines += [f"{_title(model, network)}, {parameters:,} parameters, trained by the lab `{result.lab}` of Upslope."]
    lines += ["", "## What it does", ""]
    lines += [f"Takes pictures ({_by(network.shape)}) and gives a score for each of {len(network.classes)} classes:"]
    lines += [f"{', '.join(network.classes)}. A softmax over the scores gives probabilities."]
    lines += ["", "## Data", ""]
    if isinstance(card, DataCard):
        splits = ", ".join(f"{name} {count:,}" for name, count in card.splits.items())
        lines += [f"{card.title}: {splits}. Licence: {card.licence}. {card.homepage}", "", card.citation]
    else:
        lines += [f"Generated pictures ({network.data}): good for trying things out, for nothing else."]
    lines += ["", "## Measured", "", "| metric | value | target |", "| --- | --- | --- |"]
    targets = {target.metric: target for target in result.targets}
    for name, value in result.metrics.items():
        bound = targets[name].bound().removeprefix("target ") if name in targets else ""
        lines += [f"| {spoken(name)} | {'not a number' if value is None else shown(name, value)} | {bound} |"]
    conditions = " ".join([f"upslope lab {result.lab} --preset {result.preset}", *result.settings])
    where = ", ".join(f"{name} {value}" for name, value in result.machine.items())
    lines += ["", f"One run with one seed ({result.seed}): `{conditions}`, {result.finished[:10]}, on {where}."]
    lines += ["", "## How pictures are prepared", ""]
    looks = _LOOKS.get(card.pictures, "") if isinstance(card, DataCard) else ""
    lines += [f"{_by(network.shape)}, pixels in [0, 1]" + (f"; {looks}." if looks else ".")]
    numbers = f"mean {_listed(network.mean)}, standard deviation {_listed(network.std)}"
    inside = "are taken off inside the file" if not file.endswith(".safetensors") else "must be taken off before"
    lines += [f"The training data's {numbers} {inside}."]
    lines += ["", "## Limits", ""]
    lines += [
        "It knows its classes only and names one of them for every picture, whatever it shows. It was never shown",
        "other cameras, papers, pens, rooms or people than those of its data; measure it on your own pictures before",
        "you lean on it. Nothing was done against pictures made to mislead it.",
    ]
    lines += [
        "",
        "## Use",
        "",
        "```python",
        _USE[file.rpartition(".")[2]].format(file=file, shape=_sizes(network.shape)),
    ]
    lines += ["```", "", "## Licence", ""]
    licence = card.licence if isinstance(card, DataCard) else "none"
    lines += [f"The code that made it: MIT. The data it learned from: {licence}.", ""]
    return "\n".join(lines)


def _title(model: object, network: Network) -> str:
    if not isinstance(model, ModelCard):
        return network.model
    return f"{model.title} ({model.paper})" if model.paper else model.title


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
