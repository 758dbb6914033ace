"""The log-mel spectrogram: a sound as a picture, the usual input of speech recognition.

S. B. Davis, P. Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition", 1980,
https://doi.org/10.1109/TASSP.1980.1163420, without the cosine transform that made cepstra of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.sound.mel import mel_filter_bank
from upslope.sound.spectrum import power_spectrum

Floats = NDArray[np.floating[Any]]


def log_mel(signal: Floats, *, rate: float, n_fft: int, hop: int, n_mels: int, floor: float = 1e-10) -> Floats:
    """The natural logarithm of the power in each mel band: (N,) samples to (n_mels, frames).

    The signal is padded with n_fft // 2 zeros on each side, so that frame t is centred on sample t * hop; from N
    samples come 1 + N // hop frames if n_fft is even. Each is log(max(floor, F p)), with p a row of
    `power_spectrum` and F the filters of `mel_filter_bank` from 0 to rate / 2 hertz. The floor keeps silence finite:
    no samples at all are one frame of log(floor). The result is float64. With n_mels=1, n_fft=8, hop=8 and
    rate=11200 the signal [3] gives one frame, whose power is 9 everywhere, and the band [[log 18]]. Davis and
    Mermelstein 1980.
    """
    # Half a frame of silence on both sides: the first frame is centred on the first sample.
    padded = np.pad(signal, n_fft // 2)
    # The power at each frequency, moment by moment.
    power = power_spectrum(padded, n_fft=n_fft, hop=hop)  # a row for each frame
    # What each filter lets through.
    bands = mel_filter_bank(n_mels, n_fft=n_fft, rate=rate) @ power.T
    # Loudness is heard in ratios: the logarithm, which silence must not make infinite.
    return np.log(np.maximum(floor, bands))
