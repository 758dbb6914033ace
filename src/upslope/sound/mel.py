"""The mel scale and its filter bank: frequencies spaced as the ear tells them apart.

S. S. Stevens, J. Volkmann, E. B. Newman, "A Scale for the Measurement of the Psychological Magnitude Pitch", 1937; the
formula 2595 log10(1 + f / 700) is D. O'Shaughnessy's (1987) and the HTK Book's (S. Young et al. 2006, section 5.4).
Left out: Slaney's scale (linear below 1000 Hz) and his filters of equal area.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hertz_to_mel(frequency: Floats) -> Floats:
    """2595 log10(1 + f / 700): 0 Hz is 0 mel, 1000 Hz about 1000 mel."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency) / 700.0))


def mel_to_hertz(mel: Floats) -> Floats:
    """The inverse, 700 (10^(m / 2595) - 1)."""
    return np.asarray(700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0))


def mel_filter_bank(n_mels: int, *, n_fft: int, rate: float, low: float = 0.0, high: float | None = None) -> Floats:
    """Triangular filters, evenly spaced in mel: (n_mels, n_fft // 2 + 1), to be multiplied with a power spectrum.

    Frequencies are in hertz; `high` is rate / 2 where it is None. n_mels + 2 points lie evenly on the mel scale,
    m = 2595 log10(1 + f / 700), from `low` to `high`, both included. Back in hertz, filter m rises in a straight line
    from 0 at point m to 1 at point m + 1 and falls to 0 at point m + 2; outside it is 0. Its value is taken at the
    frequencies of the spectrum's columns, k * rate / n_fft. The result is float64. With n_mels=1, n_fft=8 and
    rate=11200 the points are 0, 1400 and 5600 Hz, the columns 0, 1400, 2800, 4200 and 5600 Hz, and the filter is
    [[0, 1, 2/3, 1/3, 0]]. Young et al. 2006, section 5.4.
    """
    # The points: even in mel from low to high, then back in hertz.
    low_mel = 2595 * np.log10(1 + low / 700)
    high_mel = 2595 * np.log10(1 + (rate / 2 if high is None else high) / 700)
    points = 700 * (10 ** (np.linspace(low_mel, high_mel, n_mels + 2) / 2595) - 1)
    left, centre, right = points[:-2, None], points[1:-1, None], points[2:, None]  # (n_mels, 1) each
    # The frequency of each column of the spectrum.
    frequencies = np.arange(n_fft // 2 + 1) * rate / n_fft
    # The rising and the falling line of each filter; the lower one counts, and nothing below 0.
    rising = (frequencies - left) / (centre - left)
    falling = (right - frequencies) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))
