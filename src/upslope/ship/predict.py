"""Answers about any picture: read, made to look like the training data, shown to a network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from upslope.image import prepare
from upslope.image.read import Picture, UnreadablePicture, pictures_in, read_picture
from upslope.image.resize import with_longest
from upslope.runs.workspace import short
from upslope.ship.load import Pictures, Reader, Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Shown = tuple[Path, Pictures, Picture | None]

TOGETHER = 64  # pictures that are in memory at once
DRAWN = 50  # answers in one figure: beyond 200 or so it is taller than a PNG may be
SMALL = 360  # pixels on the longer side of a picture in a figure
UNSURE = 0.5  # below this the network says nothing that one should lean on


@dataclass(frozen=True)
class Answer:
    """What a network says about one picture, most probable class first."""

    path: Path
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    doubt: str  # one sentence on why this answer should not be leaned on, or ""
    seen: Pictures  # (channels, height, width): what the network was shown
    picture: Picture | None  # a small one, of the first DRAWN: from a pipe it could not be read again


@dataclass(frozen=True)
class Unread:
    """A picture that could not be read, and why."""

    path: Path
    reason: str


def answers(reader: Reader, paths: Sequence[Path]) -> Iterator[Answer | Unread]:
    """An answer or a reason for each file, in order; a folder stands for the pictures in it."""
    waiting: list[_Shown] = []
    kept = 0
    for path in _files(paths):
        try:
            if isinstance(path, Unread):
                raise UnreadablePicture(path.reason)
            picture = read_picture(path)
            small = with_longest(picture, min(SMALL, max(picture.shape))) if kept < DRAWN else None
            waiting.append((path, shown(reader, picture), small))
            kept += 1
        except UnreadablePicture as problem:
            yield from _answered(reader, waiting)
            waiting = []
            yield Unread(path.path if isinstance(path, Unread) else path, str(problem))
        if len(waiting) == TOGETHER:
            yield from _answered(reader, waiting)
            waiting = []
    yield from _answered(reader, waiting)


def shown(reader: Reader, picture: Picture) -> Pictures:
    """A picture as this network's data has them: (channels, height, width) in [0, 1]."""
    channels, height, width = reader.network.shape
    made = getattr(prepare, reader.prepared_as)(picture, height, width)
    if made.ndim == 2:
        made = np.repeat(made[:, :, np.newaxis], channels, axis=2)
    elif channels == 1:
        made = made.mean(axis=2, keepdims=True)
    return np.ascontiguousarray(made.transpose(2, 0, 1), dtype=np.float32)


def draw(answered: Sequence[Answer]) -> "Figure":
    """Each of the first DRAWN pictures beside what the network saw of it, with its answer."""
    from matplotlib.figure import Figure

    answered = answered[:DRAWN]
    across = 1 if len(answered) < 4 else 3
    down = -(-len(answered) // across)
    figure = Figure(figsize=(4.8 * across, 2.3 * down + 0.2), layout="constrained", facecolor="white")
    axes = figure.subplots(down, 2 * across, squeeze=False).ravel()
    for unused in axes[2 * len(answered) :]:
        unused.remove()
    for left, right, answer in zip(axes[::2], axes[1::2], answered, strict=False):
        if answer.picture is not None:
            left.imshow(np.clip(answer.picture, 0, 1))
        left.set_title(_shortened(answer.path.name), fontsize=8, parse_math=False)
        seen = answer.seen.transpose(1, 2, 0)
        right.imshow(seen[:, :, 0] if seen.shape[2] == 1 else seen, cmap="gray_r", vmin=0, vmax=1)
        doubt = "?" if answer.doubt else ""
        right.set_title(f"{answer.classes[0]}{doubt}   {100 * answer.probabilities[0]:.1f} %", fontsize=8)
        for axis in (left, right):
            axis.set_xticks([])
            axis.set_yticks([])
    return figure


def _shortened(name: str, most: int = 34) -> str:
    """A name that fits over its picture; what cannot be drawn is a question mark."""
    name = "".join(c if c.isprintable() else "?" for c in name)
    return name if len(name) <= most else f"{name[: most // 2 - 1]}...{name[-most // 2 + 2 :]}"


def _files(paths: Sequence[Path]) -> Iterator[Path | Unread]:
    for path in paths:
        if path.is_dir():
            try:
                yield from pictures_in(path)
            except UnreadablePicture as problem:
                yield Unread(path, str(problem))
        else:
            yield path


def _answered(reader: Reader, waiting: Sequence[_Shown]) -> Iterator[Answer]:
    if not waiting:
        return
    believed: Scores = reader.probabilities(np.stack([seen for _, seen, _ in waiting]))
    for (path, seen, picture), row in zip(waiting, believed, strict=True):
        order = np.argsort(-row, kind="stable")
        names = tuple(reader.network.classes[k] for k in order)
        yield Answer(path, names, tuple(float(row[k]) for k in order), _doubt(path, seen, row), seen, picture)


def _doubt(path: Path, seen: Pictures, row: Scores) -> str:
    if float(np.ptp(seen)) < 0.05:
        return f"nothing stands out in {short(path)}: the answer means nothing"
    if float(row.max()) < UNSURE:
        return f"no class stands out for {short(path)}: it may show none of them"
    return ""
