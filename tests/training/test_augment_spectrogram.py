"""Augmentation of spectrograms, measured on tones: where a peak goes, and what stays."""

import numpy as np
import pytest
import torch

from upslope.sound.mel import hertz_to_mel
from upslope.sound.preprocess import FrontEnd, spectrogram
from upslope.training.augment_spectrogram import disturbed, filtered, noisy, warped

FRONT = FrontEnd()
RATE = FRONT.rate


def band_of(hertz):
    """The band, counted from 0 with parts, in which a frequency lies."""
    return float(hertz_to_mel(np.array(hertz)) / hertz_to_mel(np.array(RATE / 2))) * (FRONT.n_mels + 1) - 1


def tone(hertz, seconds=0.5):
    samples = np.sin(2 * np.pi * hertz * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)
    return torch.from_numpy(spectrogram(samples, FRONT))[None]


def moved(x, *, throat=1.0, pace=1.0, shift=0.0):
    one = torch.ones(len(x))
    return warped(x, rate=RATE, throat=throat * one, pace=pace * one, shift=shift * one)


def test_nothing_asked_is_nothing_changed():
    x = tone(1000)
    torch.testing.assert_close(moved(x), x, atol=1e-4, rtol=0)


@pytest.mark.parametrize("throat", [0.85, 1.15, 1.3])
@pytest.mark.parametrize("hertz", [600, 1500, 2500])
def test_a_longer_throat_moves_a_peak_down(hertz, throat):
    peak = int(moved(tone(hertz), throat=throat)[0, :, 32].argmax())
    assert peak == pytest.approx(band_of(hertz / throat), abs=1)


def test_pace_and_shift():
    x = tone(1000)
    lasts = (x[0].amax(dim=0) > 0).sum().item()
    assert (moved(x, pace=1.25)[0].amax(dim=0) > 0).sum().item() == pytest.approx(lasts / 1.25, abs=2)
    begins = (x[0].amax(dim=0) > 0).float().argmax().item()
    earlier = (moved(x, shift=0.25)[0].amax(dim=0) > 0).float().argmax().item()
    assert earlier == begins - 8  # a quarter of half of 64 frames


def test_a_filter_adds_the_same_at_every_moment():
    x = torch.randn(3, 40, 64)
    added = filtered(x, strength=0.5, generator=torch.Generator().manual_seed(0)) - x
    torch.testing.assert_close(added, added[:, :, :1].expand_as(added), atol=1e-5, rtol=0)
    assert added[0].std() > 0.05
    assert not torch.allclose(added[0], added[1])


def test_noise_fills_what_is_quiet_and_leaves_what_is_loud():
    x = tone(1000)
    out = noisy(x, most=0.3, generator=torch.Generator().manual_seed(3))
    assert (out >= x).all()
    assert out.max() == pytest.approx(1.5, abs=1e-5)
    assert out.min() > x.min() - 1e-6


def test_the_generator_alone_decides_and_the_batch_stays():
    batch = {"spectrogram": tone(1000).repeat(4, 1, 1), "label": torch.arange(4)}
    before = batch["spectrogram"].clone()
    one, two = (disturbed(FRONT)(batch, torch.Generator().manual_seed(7))["spectrogram"] for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(batch["spectrogram"], before)
    assert not torch.allclose(one[0], one[1])
    assert torch.isfinite(one).all()
    assert one.shape == before.shape
