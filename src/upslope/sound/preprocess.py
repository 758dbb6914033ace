"""Sound preprocessing: one moment of any sound, as a log-mel spectrogram of a fixed size and range.

Training and prediction call the same function, so both see the same kind of input.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.sound.log_mel import log_mel
from upslope.sound.resample import resample


@dataclass(frozen=True)
class FrontEnd:
    """How samples become a spectrogram of `n_mels` bands and `frames` frames."""

    rate: int = 8000  # hertz
    n_fft: int = 256  # samples in a frame
    hop: int = 128  # samples from a frame to the next
    n_mels: int = 40
    frames: int = 64
    span: float = 9.0  # nats from the loudest band down to what counts as silence; 9 are 39 dB

    @property
    def seconds(self) -> float:
        """How much of a sound is looked at."""
        return self.frames * self.hop / self.rate

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self)


def spectrogram(samples: NDArray[np.float32], front: FrontEnd) -> NDArray[np.float32]:
    """(N,) samples at `front.rate` to (n_mels, frames) in [-1.5, 1.5], the loudest band at the top.

    Loudness and a constant offset make no difference. What is `span` below the loudest band, or lower, is silence, at
    -1.5: so rooms and microphones look alike. A shorter sound stands in the middle with silence around it; of a longer
    one it is the stretch with the most power.
    """
    centred = samples - samples.mean(dtype=np.float64) if len(samples) else samples.astype(np.float64)
    peak = np.abs(centred).max(initial=0.0)
    if peak == 0:  # nothing is loud in silence
        return np.full((front.n_mels, front.frames), -1.5, dtype=np.float32)
    bands = log_mel(centred / peak, rate=front.rate, n_fft=front.n_fft, hop=front.hop, n_mels=front.n_mels)
    bands = loudest_stretch(bands, front.frames)
    top = bands.max()
    shown = (np.maximum(bands, top - front.span) - top) / front.span * 3 + 1.5
    missing = front.frames - bands.shape[1]
    return np.pad(shown, ((0, 0), (missing // 2, missing - missing // 2)), constant_values=-1.5).astype(np.float32)


def spectrograms(recordings: Iterable[NDArray[np.float32]], *, rate: int, front: FrontEnd) -> NDArray[np.float32]:
    """Recordings at `rate` hertz, each (N,), as spectrograms: (recordings, n_mels, frames)."""
    made = [spectrogram(resample(one, rate, front.rate), front) for one in recordings]
    return np.stack(made) if made else np.empty((0, front.n_mels, front.frames), np.float32)


def loudest_stretch(bands: NDArray[np.floating[Any]], frames: int) -> NDArray[np.floating[Any]]:
    """Of log bands (n_mels, T) the `frames` frames in a row with the most power; all if there are fewer."""
    if bands.shape[1] <= frames:
        return bands
    power = np.exp(bands).sum(axis=0)
    until = np.concatenate([[0.0], np.cumsum(power)])
    first = int((until[frames:] - until[:-frames]).argmax())
    return bands[:, first : first + frames]
