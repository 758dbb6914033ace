"""Resampling: tones keep their frequency and size, and what the new rate cannot hold is gone."""

import numpy as np
import pytest

from upslope.sound.resample import resample


def tone(hertz, rate, seconds=0.5):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)


def strength(samples, hertz, rate):
    """How large a sine of this frequency is in the middle half, by its Fourier coefficient."""
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    window = np.hanning(len(middle))
    angle = 2 * np.pi * hertz * np.arange(len(middle)) / rate
    return 2 * abs(np.sum(middle * window * np.exp(-1j * angle))) / window.sum()


@pytest.mark.parametrize("rate", [4_000, 8_001, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000, 96_000])
def test_a_tone_stays(rate):
    out = resample(tone(1000, rate), rate, 8000)
    assert out.dtype == np.float32
    assert abs(len(out) - 4000) <= 1
    assert strength(out, 1000, 8000) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_what_would_fold_down_is_gone(rate):
    """7 kHz sampled at 8 kHz looks like 1 kHz: at least 60 dB of it are taken away."""
    assert strength(resample(tone(7000, rate), rate, 8000), 1000, 8000) < 1e-3


def test_the_same_rate_and_no_samples():
    x = tone(500, 8000)
    assert resample(x, 8000, 8000) is x
    assert resample(np.zeros((2, 0), np.float32), 44_100, 8000).shape == (2, 0)
    assert resample(np.zeros((2, 441), np.float32), 44_100, 8000).shape == (2, 80)
