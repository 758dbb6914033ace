"""Another sample rate: a low-pass filter at the lower of the two limits, and the new samples read from it.

R. E. Crochiere, L. R. Rabiner, "Interpolation and Decimation of Digital Signals: A Tutorial Review", 1981,
https://doi.org/10.1109/PROC.1981.11969. SciPy's polyphase filter does the work.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_LARGEST = 2000  # of numerator and denominator: rates without a common divisor are met to one part in a million


def resample(samples: NDArray[np.float32], rate: int, new_rate: int) -> NDArray[np.float32]:
    """(..., N) samples at `rate` hertz to (..., about N * new_rate / rate) at `new_rate`.

    Frequencies that the new rate cannot hold, above new_rate / 2, are filtered out: taking every n-th sample would fold
    them down into others.
    """
    ratio = Fraction(new_rate, rate).limit_denominator(_LARGEST)
    if ratio == 1 or samples.shape[-1] == 0:
        return samples
    from scipy.signal import resample_poly

    # Kaiser's window with 8 has its side lobes 80 dB down.
    resampled = resample_poly(samples, ratio.numerator, ratio.denominator, axis=-1, window=("kaiser", 8.0))
    return np.asarray(resampled, dtype=np.float32)
