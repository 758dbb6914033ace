"""Instance segmentation by a detector in use: how many there are in any picture, each with its outline."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.image.pasted_masks import pasted, shared_out
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.instance_segmentation import LIMITS, InstanceSegmentation
from upslope.ship.pipelines.pipeline import Arrays

if TYPE_CHECKING:
    from torch import nn


class InstanceDetection(InstanceSegmentation):
    """Pictures and folders of them in, numbered things out; a picture is looked at whole."""

    tag: ClassVar[str] = "instance-detection"

    @classmethod
    def wrap(cls, model: "nn.Module", spec: ModelSpec) -> "nn.Module":
        """Stretched levels in; boxes, scores and masks out, as many for each picture: a score of 0 is of nothing."""
        import torch
        from torch import Tensor, nn
        from torch.nn import functional as F

        known = spec.preprocessing
        score, overlap, most = float(known["score"]), float(known["overlap"]), int(known["most"])

        class Segmented(nn.Module):
            """Asks the network about each picture, and fills up with nothing."""

            def __init__(self) -> None:
                super().__init__()
                self.model: Any = model

            def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
                colored = image.expand(-1, 3, -1, -1)
                each = [self.model.segment(x, least=score, overlap=overlap, most=most) for x in colored]
                missing = [most - len(one.scores) for one in each]
                boxes = torch.stack([F.pad(one.boxes, (0, 0, 0, n)) for one, n in zip(each, missing, strict=True)])
                scores = torch.stack([F.pad(one.scores, (0, n)) for one, n in zip(each, missing, strict=True)])
                masks = torch.stack(
                    [F.pad(one.masks, (0, 0, 0, 0, 0, n)) for one, n in zip(each, missing, strict=True)]
                )
                return boxes, scores, masks

        return Segmented()

    def things(self, pixels: NDArray[np.float32]) -> NDArray[np.int32]:
        """What is in a picture (H, W) of any size, numbered from the likeliest on."""
        outputs = self.finite(self.network.forward({next(iter(self.spec.inputs)): pixels[None, None]}))
        return self.numbered({name: array[0] for name, array in outputs.items()}, *pixels.shape)

    def numbered(self, outputs: Arrays, height: int, width: int) -> NDArray[np.int32]:
        """The things of one picture's outputs, as in training."""
        real = outputs["scores"] > 0
        pairs = zip(outputs["masks"][real], outputs["boxes"][real], strict=True)
        pixels = [pasted(mask, box, height=height, width=width) for mask, box in pairs]
        return shared_out(pixels, height=height, width=width, smallest=int(self.spec.preprocessing["smallest"]))

    def score(self, outputs: Arrays, dataset: Dataset) -> tuple[str, float]:
        """F1 at an IoU of more than 1/2, of the squares."""
        from upslope.runs.reports.instances import instance_scores

        truth = [self._square(np.asarray(labels)) for labels in dataset["instances"]]
        each = [{name: array[n] for name, array in outputs.items()} for n in range(len(truth))]
        found = [self.numbered(one, *labels.shape) for one, labels in zip(each, truth, strict=True)]
        return "f1", instance_scores(truth, found).f1

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        known, name = self.spec.preprocessing, self.spec.classes[0]
        return {
            "What it does": [
                f"Takes grey pictures of any size and gives at most {known['most']} boxes, each with a score and a "
                f"small mask for the {name} in it. A box counts from a score of {known['score']:g} on; of two whose "
                f"IoU is more than {known['overlap']:g} the likelier one stays. Outside of the file masks are brought "
                "into the picture, and a pixel that several want is the likeliest one's; what is then smaller than "
                f"{known['smallest']} pixels, or than half of its mask, is left out."
            ],
            "How pictures are prepared": [
                "Grey, at their own size and whole, their own darkest and brightest levels (percentiles) as 0 and 1."
            ],
            "Limits": [LIMITS],
        }
