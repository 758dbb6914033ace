"""Audio classification in use: any WAV file, prepared as in training, and a probability by class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.features import Audio
from upslope.runs.workspace import short
from upslope.ship.classified import UNSURE, ClassificationPipeline, Classified, shortened
from upslope.ship.left_out import left_out
from upslope.ship.pipelines.pipeline import Arrays, Options, Remark, UnreadableInput
from upslope.sound.preprocess import FrontEnd, spectrogram, spectrograms
from upslope.sound.resample import resample
from upslope.sound.wav import SUFFIXES, UnreadableSound, mono, read_wav, wavs_in

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float32]

DRAWN = 24  # answers in one figure
SILENT = 1e-4  # of full scale, 80 dB down: less than the noise of any microphone


@dataclass(frozen=True)
class Heard:
    """A recording as it was found, and as the network looks at it."""

    path: Path
    seconds: float  # of the whole recording
    samples: Floats = field(repr=False)  # mono, at the rate of the network
    seen: Floats = field(repr=False)  # (F, T)


class AudioClassification(ClassificationPipeline):
    """WAV files and folders of them in, classes out."""

    tag: ClassVar[str] = "audio-classification"
    noun: ClassVar[str] = "sound"
    example: ClassVar[str] = "sound.wav"

    @property
    def front(self) -> FrontEnd:
        """How samples become spectrograms, as in training."""
        return FrontEnd(**self.spec.preprocessing)

    def read(self, words: Sequence[str], options: Options) -> Iterator[Heard | UnreadableInput | Remark]:
        """Each recording; a folder stands for the WAV files in it."""
        for word in map(Path, words):
            try:
                paths = wavs_in(word) if word.is_dir() else [word]
            except UnreadableSound as problem:
                yield UnreadableInput(str(word), str(problem))
                continue
            for path in paths:
                try:
                    sound = read_wav(path)
                except UnreadableSound as problem:
                    yield UnreadableInput(str(path), str(problem))
                    continue
                samples = resample(mono(sound.samples), sound.rate, self.front.rate)
                yield Heard(path, sound.seconds, samples, spectrogram(samples, self.front))
            if word.is_dir() and (others := left_out(word, SUFFIXES)):
                yield others

    def more(self, item: Heard) -> dict[str, Any]:
        """How long the whole recording is."""
        return {"seconds": round(item.seconds, 3)}

    def doubt(self, item: Heard, probabilities: Floats) -> str:
        """Silence, what is longer than the network looks at, no class that stands out."""
        if np.abs(item.samples).max(initial=0.0) < SILENT:
            return f"{short(item.path)} is silent: ignore this prediction"
        if item.seconds > self.front.seconds + 0.05:
            looked = f"only the loudest {self.front.seconds:.1f} of {item.seconds:.1f} seconds"
            return f"of {short(item.path)} {looked} are looked at, and one class is named for them"
        if float(probabilities.max()) < UNSURE:
            return f"no class stands out for {short(item.path)}: it may hold none of them"
        return ""

    def rows(self, dataset: Dataset) -> Arrays:
        """Recordings of a data set, as the network looks at them."""
        feature = dataset.features["audio"]
        assert isinstance(feature, Audio)
        made = spectrograms(dataset["audio"], rate=feature.rate, front=self.front)
        return {next(iter(self.spec.inputs)): made}

    def draw(self, answers: Sequence[Classified]) -> "Figure":
        """Each of the first DRAWN waveforms above what the network saw of it, with its answer."""
        from matplotlib.figure import Figure

        answers = answers[:DRAWN]
        across = min(3, len(answers))
        down = -(-len(answers) // across)
        figure = Figure(figsize=(4.2 * across, 3.2 * down + 0.2), layout="constrained", facecolor="white")
        axes = figure.subplots(2 * down, across, squeeze=False, height_ratios=[1, 2] * down)
        for axis in axes.ravel():
            axis.set_axis_off()
        for number, answer in enumerate(answers):
            line, column = divmod(number, across)
            wave, seen = axes[2 * line, column], axes[2 * line + 1, column]
            samples = answer.item.samples
            wave.plot(np.arange(len(samples)) / self.front.rate, samples, linewidth=0.4, color="#0b5394")
            wave.set_title(
                f"{shortened(answer.path.name, 40)}\n{answer.title}", fontsize=8, loc="left", parse_math=False
            )
            seen.set_axis_on()
            seen.imshow(
                answer.item.seen,
                origin="lower",
                aspect="auto",
                cmap="magma",
                extent=(0, self.front.seconds, 0, self.front.n_mels),
            )
            seen.set_xlabel("seconds", fontsize=7)
            seen.set_ylabel("mel band", fontsize=7)
            seen.tick_params(labelsize=6)
        return figure

    def card(self) -> dict[str, list[str]]:
        """What it does, how sounds are prepared, what it cannot do."""
        front, classes = self.front, self.spec.classes
        return {
            "What it does": [
                f"Takes log-mel spectrograms ({front.n_mels} bands, {front.frames} frames) and gives a logit for each "
                f"of {len(classes)} classes: {', '.join(classes)}. A softmax over the logits gives probabilities."
            ],
            "How sounds are prepared": [
                f"Mono at {front.rate} Hz; Hann frames of {front.n_fft} samples every {front.hop}; {front.n_mels} mel "
                f"filters (HTK) from 0 to {front.rate // 2} Hz; natural logarithm, cut {front.span:g} below the "
                f"loudest band and brought to [-1.5, 1.5]; the loudest {front.seconds:.2f} seconds, shorter sounds in "
                f"the middle of silence."
            ],
            "Limits": [
                "It names one of its classes for every sound, whatever is heard. It learned from few voices, all of "
                "them men's, recorded close to a microphone; measure it on your own before you rely on it.",
            ],
        }
