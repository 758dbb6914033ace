"""Log-mel spectrograms beside transformers, PyTorch and SciPy, and by the laws of sound."""

import numpy as np
import pytest
from scipy import signal as scipy_signal

from upslope.data.fsdd import RATE, glide
from upslope.sound.log_mel import log_mel
from upslope.sound.mel import hertz_to_mel, mel_filter_bank, mel_to_hertz
from upslope.sound.preprocess import FrontEnd, loudest_stretch, spectrogram
from upslope.sound.spectrum import power_spectrum

FRONT = FrontEnd()
SIZES = ((256, 128, 40, 8_000), (400, 160, 80, 16_000), (512, 100, 23, 22_050))


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(size=6000)


@pytest.mark.parametrize(("n_fft", "hop", "n_mels", "rate"), SIZES)
def test_equals_transformers(noise, n_fft, hop, n_mels, rate):
    audio = pytest.importorskip("transformers.audio_utils")
    filters = audio.mel_filter_bank(n_fft // 2 + 1, n_mels, 0.0, rate / 2, rate, norm=None, mel_scale="htk")
    np.testing.assert_allclose(mel_filter_bank(n_mels, n_fft=n_fft, rate=rate), filters.T, atol=1e-12)
    window = audio.window_function(n_fft, "hann")
    theirs = audio.spectrogram(
        noise, window, n_fft, hop, n_fft, power=2.0, pad_mode="constant", mel_filters=filters, log_mel="log"
    )
    ours = log_mel(noise, rate=rate, n_fft=n_fft, hop=hop, n_mels=n_mels)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)  # theirs is computed in float32


@pytest.mark.parametrize(("n_fft", "hop", "n_mels", "rate"), SIZES)
def test_equals_scipy(noise, n_fft, hop, n_mels, rate):
    _, _, theirs = scipy_signal.spectrogram(
        noise, window="hann", nperseg=n_fft, noverlap=n_fft - hop, detrend=False, mode="complex", scaling="spectrum"
    )
    scale = scipy_signal.get_window("hann", n_fft).sum()  # SciPy divides by it
    np.testing.assert_allclose(
        power_spectrum(noise, n_fft=n_fft, hop=hop), np.abs(theirs.T * scale) ** 2, rtol=1e-9, atol=1e-9
    )


def test_equals_torch(noise):
    torch = pytest.importorskip("torch")
    theirs = torch.stft(
        torch.from_numpy(noise),
        256,
        128,
        window=torch.hann_window(256, dtype=torch.float64),
        center=False,
        return_complex=True,
    )
    np.testing.assert_allclose(power_spectrum(noise, n_fft=256, hop=128), theirs.abs().numpy().T ** 2, rtol=1e-9)


def test_the_scale_and_its_inverse():
    assert hertz_to_mel(np.array(1000.0)) == pytest.approx(999.9855, abs=1e-3)  # O'Shaughnessy: 1000 Hz is 1000 mel
    hertz = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(hertz)), hertz, atol=1e-9)


@pytest.mark.parametrize("hertz", [250, 440, 1000, 1777, 3300])
def test_a_tone_lies_in_its_own_band(hertz):
    """The loudest band of a tone is the one whose triangle is highest at its frequency."""
    tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
    bands = log_mel(tone, rate=RATE, n_fft=256, hop=128, n_mels=20)[:, 10:-10].mean(axis=1)
    centres = mel_to_hertz(np.linspace(0, hertz_to_mel(np.array(RATE / 2)), 22))[1:-1]
    assert bands.argmax() == np.abs(hertz_to_mel(centres) - hertz_to_mel(np.array(float(hertz)))).argmin()


def test_a_chirp_climbs():
    """A tone that rises from 300 to 3000 hertz has its peak where it is at that moment, within a column."""
    seconds = np.arange(2 * RATE) / RATE
    chirp = scipy_signal.chirp(seconds, 300, 2, 3000)
    power = power_spectrum(chirp, n_fft=256, hop=128)
    middle = (np.arange(len(power)) * 128 + 128) / RATE
    peak = power.argmax(axis=1) * RATE / 256
    np.testing.assert_allclose(peak, 300 + 1350 * middle, atol=RATE / 256)


@pytest.mark.parametrize("length", [2, 100, 3000, 8192, 30_000])
def test_every_length_has_one_size(length):
    shown = spectrogram(np.random.default_rng(1).normal(size=length).astype(np.float32), FRONT)
    assert shown.shape == (40, 64)
    assert shown.dtype == np.float32
    assert shown.max() == pytest.approx(1.5)
    assert shown.min() >= -1.5


@pytest.mark.parametrize("samples", [np.zeros(0), np.ones(1), np.zeros(3000), np.full(9000, 0.3)])
def test_silence_is_dark(samples):
    np.testing.assert_array_equal(spectrogram(samples.astype(np.float32), FRONT), np.full((40, 64), -1.5))


def test_loudness_and_offset_make_no_difference():
    voice = glide(3, 1, rng=np.random.default_rng(2))
    once = spectrogram(voice, FRONT)
    for other in (voice * np.float32(0.01), voice * np.float32(7), -voice, voice + np.float32(0.3)):
        np.testing.assert_allclose(spectrogram(other, FRONT), once, atol=2e-3)


def test_silence_around_makes_no_difference():
    voice = glide(3, 1, rng=np.random.default_rng(2))[: 128 * 15]
    voice = voice - voice.mean()
    silence = np.zeros(128 * 4, np.float32)
    shorter = FrontEnd(frames=40)
    once = spectrogram(voice, shorter)
    padded = spectrogram(np.concatenate([silence, voice, silence]), shorter)
    np.testing.assert_allclose(padded, once, atol=2e-3)


def test_of_a_long_sound_the_loudest_stretch_is_seen():
    quiet = np.random.default_rng(3).normal(size=(5, 100))
    quiet[:, 60:70] += 4
    found = loudest_stretch(quiet, 10)
    np.testing.assert_array_equal(found, quiet[:, 60:70])
    np.testing.assert_array_equal(loudest_stretch(quiet, 200), quiet)
