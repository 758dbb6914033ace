"""A filter at a time, each read from its three corners by np.interp."""

import math

import numpy as np


def mel_filter_bank(n_mels, *, n_fft, rate, low=0.0, high=None):
    def mel(frequency):
        return 1127.010480336 * math.log(1 + frequency / 700)

    bottom, top = mel(low), mel(rate / 2 if high is None else high)
    corners = [
        700 * math.expm1((bottom + (top - bottom) * m / (n_mels + 1)) / 1127.010480336) for m in range(n_mels + 2)
    ]
    columns = np.linspace(0, n_fft // 2, n_fft // 2 + 1) * (rate / n_fft)
    return np.stack([np.interp(columns, corners[m : m + 3], (0.0, 1.0, 0.0)) for m in range(n_mels)])
