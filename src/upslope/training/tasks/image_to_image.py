"""Image to image: a photograph in, the same scene in the manner of one painting out.

The losses are those of Johnson et al. 2016; `training/perceptual.py` says how they are scaled. What comes out is
measured by what nobody optimized: a judge of styles, and the edges of the photograph.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from upslope.data.loading.dataset import Dataset
from upslope.data.loading.gallery import Gallery, Picture, chosen
from upslope.features import Image
from upslope.image.sobel import sobel
from upslope.models.build import Built
from upslope.runs import figures
from upslope.runs.model_spec import ModelSpec
from upslope.runs.run import Run
from upslope.training.batches import Batch, Transform
from upslope.training.kept_network import sha256_of
from upslope.training.perceptual import Perceptual, Which, features_of, total_variation
from upslope.training.style_judge import style_judge_of
from upslope.training.tasks.task import Task

PANELS = {"loss": ("loss",), "its parts, weighted": ("content", "style", "smooth")}
DRAWN = 6  # pictures
Pictures = NDArray[np.float32]  # (N, 3, H, W) in [0, 1]


@dataclass(frozen=True)
class Weights:
    """What each part of the loss counts."""

    content: float
    style: float
    smooth: float  # of total variation


class StyleTransfer(Task):
    """Photographs to paintings by a network (or whatever else gives a picture for each); data have `image`."""

    tag: ClassVar[str] = "image-to-image"

    def __init__(
        self, model: nn.Module, found: Gallery, *, painting: str, features: Which, weights: Weights, quiet: bool = False
    ) -> None:
        """`painting`: a title of the gallery's, or the file of a picture of one's own, whose style is learned."""
        super().__init__(model)
        self.picture, self.name, self.weights = chosen(found, painting), painting, weights
        self.judge = style_judge_of(
            found, own={} if painting in found.paintings else {painting: self.picture}, quiet=quiet
        )
        self.perceptual = Perceptual(features_of(features, quiet=quiet), as_batch(self.picture[None]))

    def train(self, mode: bool = True) -> "StyleTransfer":
        """What measures stays as it learned: batch norm in training would measure each batch by another rule."""
        super().train(mode)
        self.judge.eval()
        self.perceptual.eval()
        return self

    @property
    def device(self) -> torch.device:
        """Where the losses are computed."""
        return self.perceptual.device

    def collate(self, rows: Dataset) -> Batch:
        """{"image": (B, 3, H, W) in [0, 1]}."""
        return {"image": as_batch(rows["image"])}

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The loss, and its three parts with their weights."""
        return self.losses(self.says(batch["image"]), batch["image"])

    def losses(self, painted: Float[Tensor, "B 3 H W"], photograph: Float[Tensor, "B 3 H W"]) -> dict[str, Tensor]:
        """The same of pictures that are painted already."""
        content, style = self.perceptual(painted, photograph)
        parts = {
            "content": self.weights.content * content,
            "style": self.weights.style * style,
            "smooth": self.weights.smooth * total_variation(painted),
        }
        return {
            "loss": torch.stack(list(parts.values())).sum(),
            **{name: part.detach() for name, part in parts.items()},
        }

    def predict(self, dataset: Dataset) -> Pictures:
        """Each photograph painted, levels outside of [0, 1] clipped."""
        images = as_batch(dataset["image"])
        with self.asking() as model:
            device = next(model.parameters()).device
            painted = [model(image[None].to(device)).clamp(0, 1).cpu() for image in images]
        return np.ascontiguousarray(torch.cat(painted).numpy())

    def metrics(self, predictions: Pictures, dataset: Dataset) -> dict[str, float]:
        """Of which share the judge says "this painting"; how edges correlate with the photographs'; the loss.

        `checkerboard` is how far the power at the network's stride stands out, over the same of the photographs.
        """
        photographs = as_batch(dataset["image"])
        shown = photographs.to(self.device)
        with torch.no_grad():
            losses = [
                {name: float(part) for name, part in self.losses(one[None], other[None]).items()}
                for one, other in zip(torch.from_numpy(predictions).to(self.device), shown, strict=True)
            ]
        means = {name: float(np.mean([each[name] for each in losses])) for name in losses[0]}
        return {
            "this_painting": self.judge.share(predictions, self.name),
            "edges": float(np.mean([*map(edge_correlation, predictions, photographs.numpy())])),
            "checkerboard": float(
                np.mean([*map(stride_peak, predictions)]) / np.mean([*map(stride_peak, photographs.numpy())])
            ),
            "loss": means["loss"],
            "content_loss": means["content"],
            "style_loss": means["style"],
        }

    def facts(self, dataset: Dataset) -> dict[str, Any]:
        """The judge by its weights and what it says of the photographs themselves; the features by their weights."""
        real = np.ascontiguousarray(as_batch(dataset["image"]).numpy())
        return {
            "judge": self.judge.sha256,
            "judge_on_photographs": self.judge.share(real, self.judge.titles[-1]),
            "features": sha256_of(self.perceptual.features),
        }

    def optimized(self, dataset: Dataset, *, steps: int) -> Pictures:
        """What so many steps of L-BFGS on the pictures themselves reach, from the photographs on (Gatys et al.)."""
        photographs = as_batch(dataset["image"]).to(self.device)
        painted = nn.Parameter(photographs.clone())
        optimizer = lbfgs([painted])

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = self.losses(painted, photographs)["loss"]
            loss.backward()
            return loss

        for _ in range(steps):
            optimizer.step(closure)  # type: ignore[arg-type]
        return painted.detach().clamp(0, 1).cpu().numpy()

    def report(self, run: Run[Any], predictions: Pictures, dataset: Dataset, *, per_epoch: int) -> None:
        """Curves; photographs that were held out, and what became of them; the painting."""
        run.picture("curves", figures.curves(run.logged(), PANELS, smooth=10, per_epoch=per_epoch))
        photographs = as_batch(dataset["image"])[:DRAWN].numpy()
        rows = np.stack([photographs, predictions[:DRAWN]]).transpose(0, 1, 3, 4, 2)
        drawn = figures.sheet(rows, rows=("photographs", "painted"))
        run.picture("painted", drawn, "Photographs that were held out, the first ones, not chosen.")
        run.picture("painting", figures.sheet(self.picture[None, None]), f"The painting: {self.name}.")

    def spec(self, network: Built) -> ModelSpec:
        """A picture (3, H, W) in [0, 1] in, one of the same size out; sizes are free where PyTorch runs it."""
        shape = [3, 128, 128]
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"image": {"shape": shape, "dtype": "float32"}},
            outputs={"painted": {"shape": shape}},
            preprocessing={"painting": self.name},
        )


class Canvas(nn.Module):
    """Pictures (B, 3, H, W) as parameters."""

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.pictures = nn.Parameter(pictures.clone())

    def forward(self, photograph: Tensor) -> Tensor:
        return self.pictures


def photographs(images: NDArray[np.float32]) -> Dataset:
    """Pictures (N, H, W, 3) in [0, 1] as a data set."""
    return Dataset({"image": images}, {"image": Image(images.shape[1:])})


def as_batch(images: NDArray[Any] | Picture) -> Float[Tensor, "B 3 H W"]:
    """(N, H, W, 3) as the networks take them."""
    return torch.from_numpy(np.array(np.asarray(images).transpose(0, 3, 1, 2), dtype=np.float32, order="C"))


def crops(side: int) -> Transform:
    """Squares out of the pictures of a batch, each from its own place; every second one mirrored."""

    def cut(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch["image"]
        made = []
        for number, image in enumerate(images):
            top, left = (int(torch.randint(length - side + 1, (), generator=generator)) for length in image.shape[1:])
            part = image[:, top : top + side, left : left + side]
            made.append(part.flip(-1) if number % 2 else part)
        return {"image": torch.stack(made)}

    return cut


def lbfgs(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """L-BFGS without a line search, as the authors of neural style have it; a step looks at the loss once."""
    return torch.optim.LBFGS(parameters, lr=1.0, max_iter=1, history_size=10)


def edge_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of the steepness, by Sobel, of two pictures (3, H, W) in grey: 1 where edges are in the same places."""
    steep = [np.hypot(*sobel(picture.mean(axis=0))).ravel() for picture in (one, other)]
    return float(np.corrcoef(*steep)[0, 1]) if min(each.std() for each in steep) > 0 else 0.0


def stride_peak(picture: NDArray[np.float32], *, stride: int = 4, around: int = 4) -> float:
    """How far the power at periods of `stride` pixels and its parts stands out of that beside it, across and down.

    Of a picture (3, H, W) in grey. 1 where nothing stands out; of a pattern that repeats every 2 or 4 pixels, as
    strided and transposed convolutions leave it, far more.
    """
    peaks = []
    for lines in (picture.mean(axis=0), picture.mean(axis=0).T):
        width = lines.shape[1] // stride * stride
        power = np.square(np.abs(np.fft.rfft(lines[:, :width], axis=1))).mean(axis=0) + 1e-12
        for place in range(width // stride, width // 2 + 1, width // stride):
            near = np.r_[power[max(1, place - around) : place], power[place + 1 : place + 1 + around]]
            peaks.append(power[place] / near.mean())
    return float(np.mean(peaks))
