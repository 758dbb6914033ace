"""Panoptic segmentation in use: any picture divided into things, each with a number, and stuff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from upslope.blocks.panoptic_merge import panoptic_merge
from upslope.data.loading.dataset import Dataset
from upslope.features import Mask
from upslope.image.run_lengths import encode
from upslope.runs.model_spec import ModelSpec
from upslope.runs.workspace import short
from upslope.ship.pipelines.instance_segmentation import InstanceSegmentation, Seen
from upslope.ship.pipelines.pipeline import Arrays, Options, Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from upslope.runs.reports.panoptic import Divided

DRAWN = 9  # pictures in one figure


@dataclass(frozen=True)
class Segmented(Prediction):
    """The class of each pixel of one picture, and the number of its thing."""

    path: Path
    names: tuple[str, ...]
    classes: NDArray[np.integer[Any]] = field(repr=False)  # -1 for void
    numbers: NDArray[np.integer[Any]] = field(repr=False)  # 0 for none
    item: Any = field(repr=False)

    def segments(self) -> list[dict[str, Any]]:
        """Each segment: its class, its number or None, its area and its pixels as run lengths; things first."""
        numbers, ground = np.unique(self.numbers[self.numbers > 0]), (self.numbers == 0) & (self.classes >= 0)
        things = [self._segment(self.numbers == number, int(number)) for number in numbers]
        return things + [self._segment(ground & (self.classes == k), None) for k in np.unique(self.classes[ground])]

    def _segment(self, mask: NDArray[np.bool_], number: int | None) -> dict[str, Any]:
        name = self.names[int(self.classes[mask][0])]
        return {"class": name, "number": number, "area": int(mask.sum()), "mask": encode(mask)}

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """A line for each class: how many there are, or the share of the picture that it covers."""
        found: dict[str, list[dict[str, Any]]] = {}
        for each in self.segments():
            found.setdefault(each["class"], []).append(each)
        lines: list[tuple[str, str, float | None]] = []
        for name, some in found.items():
            share = sum(each["area"] for each in some) / self.classes.size
            count = f"{len(some)} found, " if some[0]["number"] is not None else ""
            lines.append((name, f"{count}{share:.1%} of the picture", None))
        return lines

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the size, and the segments."""
        size = list(self.classes.shape[::-1])
        return {"path": str(self.path), "size": size, "segments": self.segments(), "doubt": self.doubt or None}


class PanopticSegmentation(InstanceSegmentation):
    """Pictures and folders of them in, segments out; read and looked at in tiles as things are."""

    tag: ClassVar[str] = "panoptic-segmentation"

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Stretched levels in; logits of classes, the heatmap and offsets as one tensor out."""
        import torch
        from torch import Tensor, nn

        class Joined(nn.Module):
            """Asks the network, and lays its maps one behind the other."""

            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, image: Tensor) -> Tensor:
                said = cast(Mapping[str, Tensor], self.model(image))
                return torch.cat([said["classes"], said["centers"][:, None], said["offsets"]], dim=1)

        return Joined()

    def _answer(self, item: Seen) -> Segmented:  # type: ignore[override]  # one answer for each item all the same
        classes, numbers = self.divided(self.maps(item.pixels))
        doubt = "" if numbers.any() else f"nothing that can be counted was found in {short(item.path)}"
        return Segmented(
            str(item.path), item.path, self.spec.classes, classes, numbers, item, doubt=doubt, notes=item.notes
        )

    def divided(self, maps: NDArray[np.float32]) -> "Divided":
        """Classes and numbers that the maps say, as in training."""
        known, classes = self.spec.preprocessing, maps[:-3].argmax(axis=0)
        if not known["centers"]:
            return classes, np.zeros_like(classes)
        things = next(iter(self.spec.outputs.values()))["things"]
        settings = {name: known[name] for name in ("threshold", "window", "stuff_area")}
        return panoptic_merge(classes, maps[-3], maps[-2:], things=things, **settings)

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """Panoptic quality of all classes, of the squares."""
        from upslope.runs.reports.detection.panoptic_quality import panoptic_scores
        from upslope.runs.reports.panoptic import segments

        feature = dataset.features.get("mask")
        void = feature.names.index("void") if isinstance(feature, Mask) and "void" in feature.names else -1
        numbers = [self._square(np.asarray(each)) for each in dataset["instances"]]
        masks = [self._square(np.asarray(each)) for each in dataset["mask"]] if feature else [n > 0 for n in numbers]
        things = next(iter(self.spec.outputs.values()))["things"]
        truth = [segments(pair, things=things, void=void) for pair in zip(masks, numbers, strict=True)]
        found = [segments(self.divided(maps), things=things, void=void) for maps in outputs["maps"]]
        return "pq", panoptic_scores(truth, found).pq

    def draw(self, answers: Sequence[Segmented]) -> "Figure":  # type: ignore[override]
        """The first DRAWN pictures, each class in its color and each thing outlined."""
        from upslope.runs.reports.panoptic import over_pictures

        some = answers[:DRAWN]
        titles = [answer.path.name for answer in some]
        divided = [(answer.classes, answer.numbers) for answer in some]
        return over_pictures([answer.item.pixels for answer in some], divided, titles, self.spec.classes)

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        known, shape = self.spec.preprocessing, " x ".join(map(str, self.spec.shape))
        counted = ", ".join(self.spec.classes[k] for k in next(iter(self.spec.outputs.values()))["things"])
        return {
            "What it does": [
                f"Takes squares of grey pictures ({shape}) and gives for each pixel a logit for each of "
                f"{len(self.spec.classes)} classes, how likely it is the center of a thing, and how far away the "
                f"center of its own thing is, down and across. Outside of the file pixels of {counted} are grouped "
                f"around peaks above {known['threshold']:g}."
            ],
            "How pictures are prepared": [
                "Grey, at their own size, their own darkest and brightest levels (percentiles) as 0 and 1, in "
                f"overlapping tiles of {shape}."
            ],
            "Limits": [
                "It knows the classes, grounds and sizes that it learned from, and gives every pixel one of these. "
                "Where it learned from scenes that were put together, photographs are strange to it."
            ],
        }
