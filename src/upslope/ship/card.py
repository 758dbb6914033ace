"""The model card beside an exported network: what it is, what it was measured on, what it cannot do.

After M. Mitchell et al., "Model Cards for Model Reporting", 2018, https://arxiv.org/abs/1810.03993.
"""

from typing import TYPE_CHECKING

from upslope.cards import DataCard, ModelCard, discover
from upslope.runs.network import Network
from upslope.runs.result import Result, shown, spoken
from upslope.ship.load import looks_like

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
    "product": "one thing, grey, on a background of 0, trimmed, scaled to the longer side and put into the middle",
    "photo": "the middle of the picture",
}


def model_card(file: str, network: Network, result: Result, module: "nn.Module", *, compared: str) -> str:
    """The card as Markdown; `compared` is the sentence about the exported file beside the run."""
    found = discover("models").get(network.model)
    data = discover("data").get(network.data)
    card = data.card if data is not None and isinstance(data.card, DataCard) else None
    name, _, ending = file.rpartition(".")
    said = {
        "": [
            f"{_title(found.card if found is not None else None, network)}, "
            f"{sum(p.numel() for p in module.parameters()):,} parameters, "
            f"trained by the lab `{result.lab}` of Upslope.",
            *_yours(result),
        ],
        "What it does": [
            f"Takes pictures ({_by(network.shape)}) and gives a score for each of {len(network.classes)} classes: "
            f"{', '.join(network.classes)}. A softmax over the scores gives probabilities."
        ],
        "Data": _data(card),
        "Measured": _measured(result, compared),
        "How pictures are prepared": _prepared(file, network),
        "Limits": [
            "It knows its classes only and names one of them for every picture, whatever it shows. It was never shown "
            "other cameras, papers, pens, rooms or people than those of its data; measure it on your own pictures "
            "before you lean on it. Nothing was done against pictures made to mislead it.",
        ],
        "Use": [f"```python\n{_USE[ending].format(file=file, shape=_sizes(network.shape))}\n```"],
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


def _yours(result: Result) -> list[str]:
    yours = sorted(name for name, whose in result.parts.items() if whose == "yours")
    if not yours:
        return []
    return [f"{len(yours)} of its {len(result.parts)} parts were written by its learner: {', '.join(yours)}."]


def _data(card: DataCard | None) -> list[str]:
    if card is None:
        return ["Generated pictures: good for trying things out, for nothing else. It has never seen a real one."]
    splits = ", ".join(f"{name} {count:,}" for name, count in card.splits.items())
    return [f"{card.title}: {splits}. Licence: {card.licence}. {card.homepage}", card.citation]


def _measured(result: Result, compared: str) -> list[str]:
    rows = ["| metric | value | target |", "| --- | --- | --- |"]
    targets = {target.metric: target for target in result.targets}
    for name, value in result.metrics.items():
        bound = targets[name].bound().removeprefix("target ") if name in targets else ""
        rows.append(f"| {spoken(name)} | {shown(value, result.units.get(name, ''))} | {bound} |")
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


def _prepared(file: str, network: Network) -> list[str]:
    card = looks_like(network)
    looks = _LOOKS.get(card.pictures if card is not None else "photo", "")
    numbers = f"mean {_listed(network.mean)}, standard deviation {_listed(network.std)}"
    inside = "are taken off inside the file" if not file.endswith(".safetensors") else "must be taken off before"
    return [
        f"{_by(network.shape)}, pixels in [0, 1]" + (f"; {looks}" if looks else "") + ". "
        f"The training data's {numbers} {inside}.",
        f"`upslope predict {file} picture.png` does so with any picture.",
    ]


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
