"""Image to image in use: any picture, of any size, painted anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.image.channels import channels_first
from upslope.image.tiles import tile_and_blend, tile_and_crop
from upslope.ship.pictures import opened_pictures
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN = 6  # pictures in one figure
WHOLE = 1_000_000  # pixels up to which a picture is painted at once; a larger one would take gigabytes
TILE = 512  # pixels
SPREAD = 3  # tiles across and down, of which the contrast of a large picture is taken
FEWEST = 5  # pixels on a side

Pixels = NDArray[np.float32]  # (3, H, W) in [0, 1]


@dataclass(frozen=True)
class Seen:
    """A picture as it was read."""

    path: Path
    pixels: Pixels = field(repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Painted(Prediction):
    """A picture and what became of it."""

    path: Path
    before: Pixels = field(repr=False)
    after: Pixels = field(repr=False)

    @property
    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3), as it is written to a file."""
        return np.asarray(np.rint(255 * self.after.transpose(1, 2, 0)), dtype=np.uint8)

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """How large, and how far it is from what came."""
        height, width = self.after.shape[1:]
        changed = float(np.abs(self.after - self.before).mean())
        return [("pixels", f"{height} x {width}", None), ("mean change of a level", f"{100 * changed:.1f} %", changed)]

    def facts(self, options: Options) -> dict[str, Any]:
        """The path, the size, how much was changed."""
        changed = float(np.abs(self.after - self.before).mean())
        return {
            "path": str(self.path),
            "size": list(self.after.shape[:0:-1]),
            "mean_change": round(changed, 6),
            "doubt": self.doubt or None,
        }


class ImageToImage(Pipeline):
    """Pictures and folders of them in, pictures of the same size out."""

    tag: ClassVar[str] = "image-to-image"
    noun: ClassVar[str] = "picture"
    example: ClassVar[str] = "picture.jpg --out painted"
    options: ClassVar[frozenset[str]] = frozenset({"out"})
    together: ClassVar[int] = 1

    def read(self, words: Sequence[str], options: Options) -> Iterator[Seen | UnreadableInput | Remark]:
        """Each picture at its own size; a folder stands for the pictures in it."""
        for opened in opened_pictures(words):
            if isinstance(opened, UnreadableInput | Remark):
                yield opened
                continue
            path, picture, notes = opened
            if min(picture.shape[:2]) < FEWEST:
                size = " x ".join(map(str, picture.shape[:2]))
                yield UnreadableInput(
                    str(path), f"{path.name} has {size} pixels, and each side needs at least {FEWEST}"
                )
                continue
            yield Seen(path, np.ascontiguousarray(picture.transpose(2, 0, 1), dtype=np.float32), notes)

    def preprocess(self, items: Sequence[Seen]) -> Arrays:
        """One picture, whole."""
        return {next(iter(self.spec.inputs)): items[0].pixels[None]}

    def _answered(self, items: list[Any]) -> Iterator[Prediction]:
        for item in items:
            made = Painted(str(item.path), item.path, item.pixels, self.painted(item.pixels), notes=item.notes)
            yield made if self.network.module is not None else replace(made, doubt=self.doubt(item.pixels))

    def doubt(self, pixels: Pixels) -> str:
        """Why an exported file paints a picture of another size than its own in patches; or ""."""
        if pixels.shape == self.spec.shape:
            return ""
        size = " x ".join(map(str, self.spec.shape[1:]))
        return (
            f"{self.network.name} takes tiles of {size} only, each with its own contrast: the run itself sees it whole"
        )

    def painted(self, pixels: Pixels) -> Pixels:
        """A picture of any size, painted: at once, or, if it is large, in tiles that give what the whole would give.

        Normalization goes by the contrast of the whole picture. So for a large one it is measured first, on tiles that
        are spread over it, and then all tiles use the same. An exported file has one size, and paints tiles of it.
        """
        name, out = next(iter(self.spec.inputs)), next(iter(self.spec.outputs))

        def forward(part: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.clip(self.finite(self.network.forward({name: part}))[out], 0, 1)

        if self.network.module is None:
            tile = (self.spec.shape[1], self.spec.shape[2])
            return tile_and_blend(pixels, forward, tile=tile, overlap=min(tile) // 4)
        if pixels[0].size <= WHOLE:
            return np.asarray(forward(pixels[None])[0])
        from upslope.ship.steady_tiles import steadied

        model = steadied(self.network.module, spread_tiles(pixels))
        return tile_and_crop(pixels, model.forward, tile=TILE, reach=model.reach, grid=model.grid)

    def postprocess(self, outputs: Arrays, items: Sequence[Seen]) -> list[Prediction]:
        """Each picture is painted by `painted`; outputs of the whole are not needed."""
        return list(self._answered(list(items)))

    def rows(self, dataset: Dataset) -> Arrays:
        """Pictures of a data set, cut to the size that the spec states."""
        height, width = self.spec.shape[1:]
        images = channels_first(dataset["image"])[..., :height, :width]
        return {next(iter(self.spec.inputs)): np.ascontiguousarray(images, dtype=np.float32)}

    def images(self, answers: Sequence[Painted]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Each painted picture, by the name of what it was painted from."""
        for answer in answers:
            yield answer.path.stem, answer.picture

    def draw(self, answers: Sequence[Painted]) -> "Figure":
        """The first DRAWN pictures, and beside each what became of it."""
        from matplotlib.figure import Figure

        answers = answers[:DRAWN]
        figure = Figure(figsize=(8, 3.6 * len(answers)), layout="constrained", facecolor="white")
        axes = figure.subplots(len(answers), 2, squeeze=False)
        for row, answer in zip(axes, answers, strict=True):
            for axis, pixels, title in zip(
                row, (answer.before, answer.after), (answer.path.name, "painted"), strict=True
            ):
                axis.imshow(pixels.transpose(1, 2, 0), vmin=0, vmax=1)
                axis.set_title(title, fontsize=9, parse_math=False)
                axis.set_axis_off()
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how pictures are prepared, what it cannot do."""
        return {
            "What it does": [
                f"Paints any picture in the manner of one painting, {self.spec.preprocessing.get('painting', '')}."
            ],
            "How pictures are prepared": [
                "Red, green and blue in [0, 1], at their own size; what is transparent lies on white. Levels of the "
                "output outside of [0, 1] are clipped. A run paints pictures of any size; an exported file tiles of "
                f"{' x '.join(map(str, self.spec.shape[1:]))}."
            ],
            "Limits": [
                "It knows the one painting. Strokes have the size in pixels that they had in training: a larger "
                "picture has smaller strokes. Who may show the results depends on the rights in the painting."
            ],
        }


def spread_tiles(pixels: Pixels) -> NDArray[np.float32]:
    """The middles of SPREAD x SPREAD equal parts of a large picture, (N, 3, h, w): all of it, where parts are small."""
    height, width = pixels.shape[1:]
    high, wide = height // SPREAD, width // SPREAD
    h, w = min(TILE, high), min(TILE, wide)
    corners = [(y * high + (high - h) // 2, x * wide + (wide - w) // 2) for y in range(SPREAD) for x in range(SPREAD)]
    return np.stack([pixels[:, y : y + h, x : x + w] for y, x in corners])
