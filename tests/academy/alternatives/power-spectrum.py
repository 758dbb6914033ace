"""The transform as two products with matrices, cosines and sines, and the window as a squared sine."""

import numpy as np


def power_spectrum(signal, *, n_fft, hop):
    n = np.arange(n_fft)
    k = np.arange(n_fft // 2 + 1)
    window = np.sin(np.pi * n / n_fft) ** 2
    angle = 2 * np.pi * np.outer(n, k) / n_fft
    frames = [signal[start : start + n_fft] for start in range(0, len(signal) - n_fft + 1, hop)]
    faded = np.array(frames, dtype=np.float64).reshape(len(frames), n_fft) * window
    return (faded @ np.cos(angle)) ** 2 + (faded @ np.sin(angle)) ** 2
