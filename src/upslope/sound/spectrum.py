"""The power spectrum of a sound: how much of each frequency is in it, moment by moment.

J. B. Allen, L. R. Rabiner, "A Unified Approach to Short-Time Fourier Analysis and Synthesis", 1977,
https://doi.org/10.1109/PROC.1977.10770. The window is Hann's in its periodic form (F. J. Harris 1978, equation 27).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def power_spectrum(signal: Floats, *, n_fft: int, hop: int) -> Floats:
    """The squared magnitudes of the short-time Fourier transform: (N,) samples to (frames, n_fft // 2 + 1).

    Frame t holds the n_fft samples from t * hop on, and only whole frames count: 1 + (N - n_fft) // hop of them, none
    if N < n_fft. Each frame is multiplied by the periodic Hann window, w[n] = 0.5 - 0.5 cos(2 pi n / n_fft). Column k
    is |sum_n w[n] x[t * hop + n] exp(-2 pi i k n / n_fft)|^2, the power at k * rate / n_fft hertz, k from 0 to
    n_fft // 2. The result is float64. The signal [1, 2, 3, 4] with n_fft=4 and hop=4 becomes [[36, 10, 0]]. Allen and
    Rabiner 1977.
    """
    # The first sample of each whole frame.
    starts = np.arange(max(0, 1 + (len(signal) - n_fft) // hop)) * hop
    # One row of samples for each frame; neighbours overlap where hop < n_fft.
    frames = signal[starts[:, None] + np.arange(n_fft)]
    # Fade each frame in and out, so that its cut edges do not look like frequencies.
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    # The transform of real numbers repeats itself above the middle: keep the half that does not.
    spectrum = np.fft.rfft(frames * window, n=n_fft, axis=1)  # a row for each frame
    # Power is the squared magnitude; the phase is dropped.
    return np.asarray(spectrum.real**2 + spectrum.imag**2, dtype=np.float64)
