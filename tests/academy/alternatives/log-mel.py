"""Frames first, then bands as rows times columns by einsum, and the floor under the result."""

import numpy as np

from upslope.sound.mel import mel_filter_bank
from upslope.sound.spectrum import power_spectrum


def log_mel(signal, *, rate, n_fft, hop, n_mels, floor=1e-10):
    silence = np.zeros(n_fft // 2)
    power = power_spectrum(np.concatenate([silence, signal, silence]), n_fft=n_fft, hop=hop)
    bands = np.einsum("mk,tk->mt", mel_filter_bank(n_mels, n_fft=n_fft, rate=rate), power)
    return np.where(bands > floor, np.log(np.maximum(bands, floor)), np.log(floor))
