"""A look at a data set: some of its samples, drawn by what they hold, as `upslope data show NAME` does it."""

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from upslope.cards import DataCard, Found
from upslope.data.loading.dataset import Dataset
from upslope.features import Audio, Boxes, ClassLabel, Feature, Image, Instances, Mask, Sequence, Text, Tokens, Value
from upslope.runs.files import make_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PER_CLASS, _OTHERWISE = 8, 24  # samples in a picture, unless more or fewer are asked for


def picture(
    found: Found, *, split: str = "train", toy: bool = False, seed: int = 0, each: int = _PER_CLASS
) -> "Figure":
    """Samples drawn by chance; with class labels `each` of every class, a class a column. toy: the generated twin."""
    from upslope.runs.figures import samples

    card = cast(DataCard, found.card)
    data, index = _chosen(found, split=split, toy=toy, seed=seed, each=each)
    label, image = card.of(ClassLabel), card.of(Image)
    if label and image and image[1].shape and len(card.features) == 2:
        chosen = data.take(index)
        figure = samples(chosen[image[0]], chosen[label[0]], data.classes, columns=len(data.classes))
    else:
        figure = _rows(data, index[:_OTHERWISE])
    figure.suptitle(f"{card.title}: {'generated' if toy else split}", fontsize=10)
    return figure


def save(found: Found, path: Path, *, split: str = "train", toy: bool = False, seed: int = 0) -> Path:
    """Write that picture as PNG."""
    drawn = BytesIO()
    with warnings.catch_warnings():
        # A script for which no font is installed is drawn as boxes, which says so well enough.
        warnings.filterwarnings("ignore", message=r"(Glyph \d+ .* missing from|Matplotlib currently does not support)")
        picture(found, split=split, toy=toy, seed=seed).savefig(drawn, format="png", dpi=150)
    make_folder(path.parent)
    write_atomically(path, drawn.getvalue())
    return path


def sound(found: Found, *, split: str = "train", toy: bool = False, seed: int = 0) -> tuple[bytes, str] | None:
    """The first sound of that picture as a WAV file, and what it is in words; None where the set holds no sounds."""
    from upslope.sound.wav import wav_bytes

    card = cast(DataCard, found.card)
    audio = card.of(Audio)
    if audio is None:
        return None
    data, index = _chosen(found, split=split, toy=toy, seed=seed, each=_PER_CLASS)
    sample = data.row(int(index[0]))
    words = [said for name, feature in data.features.items() if (said := _said(feature, sample[name]))]
    return wav_bytes(sample[audio[0]], audio[1].rate), ", ".join(words)


def _chosen(found: Found, *, split: str, toy: bool, seed: int, each: int) -> tuple[Dataset, NDArray[np.int64]]:
    """A data set, and the positions of the samples that are drawn."""
    module = found.load()
    rng = np.random.default_rng(seed)
    label = cast(DataCard, found.card).of(ClassLabel)
    count = each * (2 * len(label[1].names) if label else 1)
    data: Dataset = module.toy(rng=rng, count=max(count, 4)) if toy else module.load(split)
    return data, _choose(data, label[0] if label else "", each, rng)


def _choose(data: Dataset, label: str, each: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Positions of samples: some of every class in turns, or any."""
    if not label:
        return rng.permutation(len(data))[: max(each, 1)]
    rows = [rng.permutation(np.flatnonzero(data[label] == number))[:each] for number in range(len(data.classes))]
    return np.array([row[n] for n in range(each) for row in rows if n < len(row)])


def _rows(data: Dataset, index: NDArray[np.int64]) -> "Figure":
    """Any data set: a cell for each sample, drawn by its first column that can be seen, the others in its title."""
    from matplotlib.figure import Figure

    across = 2 if any(isinstance(f, Text | Tokens | Audio) for f in data.features.values()) else 4
    down = -(-len(index) // across)
    figure = Figure(figsize=(9.0, 1.5 * down + 0.5), layout="constrained", facecolor="white")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, number in zip(axes, index, strict=False):
        sample = data.row(int(number))
        words = [said for name, feature in data.features.items() if (said := _said(feature, sample[name]))]
        axis.set_title(", ".join(words), fontsize=7, loc="left", parse_math=False)
        for name, feature in data.features.items():
            _draw(axis, feature, sample[name])
    return figure


def _said(feature: Feature, value: object) -> str:
    """What a title says of one value; "" for what is drawn."""
    if isinstance(feature, ClassLabel):
        return feature.names[int(cast(int, value))]
    return f"{value:g} {feature.unit}".rstrip() if isinstance(feature, Value) else ""


def _draw(axis: "Axes", feature: Feature, value: NDArray[np.float32] | str) -> None:
    """One value of a sample."""
    from matplotlib.patches import Rectangle

    from upslope.runs.reports.instances import colored
    from upslope.runs.reports.segmentation import laid_over

    match feature:
        case Image():
            # Digits and garments are bright on black in their files: ink. Photographs and faces are shown as they are.
            ink = feature.shape and feature.look != "portrait"
            axis.imshow(value, cmap="gray_r" if ink else "gray")
        case Mask():
            laid_over(axis, cast("NDArray[np.int64]", value), feature.names)
        case Instances():
            colored(axis, cast("NDArray[np.int64]", value))
        case Boxes():
            for left, top, right, bottom in cast("NDArray[np.float32]", value):
                axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="#d9822b"))
        case Audio():
            _draw_sound(axis, cast("NDArray[np.float32]", value), feature.rate)
        case Sequence(of=Value()):
            axis.plot(cast("NDArray[np.float32]", value), linewidth=0.8)
        case Text() | Tokens() | Sequence():
            text = value if isinstance(value, str) else " ".join(map(str, np.asarray(value).ravel()[:60]))
            axis.text(0, 0.95, text[:300], fontsize=6, va="top", wrap=True, parse_math=False, transform=axis.transAxes)
        case _:
            pass


def _draw_sound(axis: "Axes", samples: NDArray[np.float32], rate: int) -> None:
    """The waveform, and below it the log-mel spectrogram, low frequencies at the bottom."""
    from upslope.sound.log_mel import log_mel

    wave, bands = axis.inset_axes((0, 0.6, 1, 0.4)), axis.inset_axes((0, 0, 1, 0.58))
    wave.plot(np.arange(len(samples)) / rate, samples, linewidth=0.4, color="#0b5394")
    wave.set_ylim(-1, 1)
    frame = 2 * round(rate * 0.016)  # about 32 ms
    shown = log_mel(samples, rate=rate, n_fft=frame, hop=frame // 4, n_mels=40)
    bands.imshow(shown, origin="lower", aspect="auto", cmap="magma", vmin=shown.max() - 12)
    for each in (wave, bands):
        each.set_axis_off()
