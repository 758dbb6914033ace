"""A judge of style: a small network that says of which painting a patch is, or that it is of a photograph.

It has learned from patches of the paintings and of photographs, and from nothing that was painted by a network; no
lab's loss goes through it. Colors alone do not decide: half of the patches that it learns from are grey, and brightness
and contrast of all are changed at random. It is kept like the judges of generated images (`judge.py`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.data.loading.gallery import Gallery
from upslope.runs.progress import progress_bar
from upslope.training.kept_network import kept_network, sha256_of
from upslope.training.seeding import generator, seeded

RECIPE = 1  # counts what changes the weights
PATCH = 64  # pixels
STEPS, BATCH, LR = 300, 64, 0.005
PHOTOGRAPH = "photograph"

Pictures = NDArray[np.float32]  # (N, 3, H, W) in [0, 1]


class StyleJudge(nn.Module):
    """Patches (B, 3, PATCH, PATCH) in [0, 1] to a logit for each title; the last one is "photograph"."""

    def __init__(self, titles: tuple[str, ...]) -> None:
        super().__init__()
        self.titles = titles
        layers: list[nn.Module] = []
        for width, following in ((3, 24), (24, 48), (48, 96)):
            layers += [nn.Conv2d(width, following, 5, stride=2, padding=2), nn.BatchNorm2d(following), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(96, len(titles))

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K"]:
        return self.head(self.body(2 * x - 1))

    @property
    def sha256(self) -> str:
        """Of the weights: the judge's name."""
        return sha256_of(self)

    @torch.no_grad()
    def read(self, pictures: Pictures) -> NDArray[np.float32]:
        """The probability of each title for each picture (N, K): the mean over patches that overlap by half."""
        low, high = float(pictures.min()), float(pictures.max())
        if not (low >= 0 and high <= 1):
            raise ValueError(f"pixels lie between {low:g} and {high:g}; a judge reads pictures in [0, 1]")
        side = min(PATCH, *pictures.shape[2:])
        said = []
        for picture in torch.tensor(pictures, device=self.head.weight.device):
            patches = picture.unfold(1, side, side // 2).unfold(2, side, side // 2)  # (3, rows, columns, side, side)
            said.append(self(patches.flatten(1, 2).transpose(0, 1)).softmax(dim=1).mean(dim=0))
        return np.asarray(torch.stack(said).cpu().numpy())

    def share(self, pictures: Pictures, title: str) -> float:
        """The share of pictures of which the judge says this title before any other."""
        return float((self.read(pictures).argmax(axis=1) == self.titles.index(title)).mean())


def style_judge_of(
    found: Gallery, *, own: Mapping[str, NDArray[np.float32]] | None = None, quiet: bool = False
) -> StyleJudge:
    """The judge of a gallery's paintings, and perhaps of a person's own by name; trained now or read from its file.

    With a painting of one's own, as with generated ones, it is not kept.
    """
    paintings = {**found.paintings, **(own or {})}

    def build() -> StyleJudge:
        with seeded(1):
            return StyleJudge((*paintings, PHOTOGRAPH))

    name = f"{found.name}-{RECIPE}" if found.name and not own else ""
    steps, size = (STEPS, BATCH) if found.name else (15, 16)
    sources = [*([painting] for painting in paintings.values()), list(found.train)]
    return kept_network(name, build, lambda judge: _train(judge, sources, steps=steps, size=size, quiet=quiet))


def _train(judge: StyleJudge, sources: list[list[Any]], *, steps: int, size: int, quiet: bool) -> None:
    rng, random = np.random.default_rng(1), generator(1)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=LR, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps, pct_start=0.2)
    with progress_bar(steps, "training the judge of styles", quiet=quiet) as bar:
        for step in range(1, steps + 1):
            labels = rng.integers(len(sources), size=size)
            patches = np.stack([_patch(sources[label][rng.integers(len(sources[label]))], rng) for label in labels])
            x = _varied(torch.from_numpy(patches).permute(0, 3, 1, 2), random)
            optimizer.zero_grad()
            loss: Any = F.cross_entropy(judge(x), torch.from_numpy(labels), label_smoothing=0.05)
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.update(step)


def _patch(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    side = min(PATCH, *picture.shape[:2])
    top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def _varied(x: Float[Tensor, "B 3 H W"], random: torch.Generator) -> Float[Tensor, "B 3 H W"]:
    """Half of the patches grey, a half mirrored, brightness and contrast changed by up to a fifth."""
    grey = torch.rand(len(x), 1, 1, 1, generator=random) < 0.5
    x = torch.where(grey, x.mean(dim=1, keepdim=True), x)
    x = torch.where(torch.rand(len(x), 1, 1, 1, generator=random) < 0.5, x.flip(-1), x)
    contrast = 0.8 + 0.4 * torch.rand(len(x), 1, 1, 1, generator=random)
    light = 0.4 * torch.rand(len(x), 1, 1, 1, generator=random) - 0.2
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return ((x - mean) * contrast + mean + light).clamp(0, 1)
