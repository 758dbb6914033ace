"""WAV files: written by SciPy and Python's wave module, damaged by hand, read by us."""

import io
import struct
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from upslope.sound.wav import UnreadableSound, mono, parse_wav, read_wav, wav_bytes

RATE = 8000


def tone(seconds=0.1, rate=RATE, hertz=440.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def scipy_bytes(samples, rate=RATE):
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def riff(*chunks):
    """A file of these chunks, padded to even lengths."""
    body = b"WAVE" + b"".join(n + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for n, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def fmt(kind=1, channels=1, rate=RATE, bits=16, frame=None, rest=b""):
    frame = channels * bits // 8 if frame is None else frame
    return b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits) + rest


def packed(samples, width):
    """Whole numbers of `width` bytes, as Python's int writes them."""
    return b"".join(int(v).to_bytes(width, "little", signed=True) for v in samples)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_scipy_writes(dtype, channels):
    x = np.stack([tone(hertz=200 * (c + 1)) for c in range(channels)], axis=1)
    scale = {"uint8": 127, "int16": 32767, "int32": 2**31 - 1}.get(dtype)
    stored = (x if scale is None else (x * scale + (128 if dtype == "uint8" else 0)).round()).astype(dtype)
    samples, rate = parse_wav(scipy_bytes(stored if channels > 1 else stored[:, 0], 22_050), "x.wav")
    assert rate == 22_050
    assert samples.shape == (channels, len(x))
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples.T, x, atol={"uint8": 0.01, "int16": 1e-4}.get(dtype, 1e-6))


@pytest.mark.parametrize("width", [2, 3, 4])
def test_the_ends_of_each_width(width):
    most = 2 ** (8 * width - 1)
    values = [-most, -1, 0, 1, most - 1]
    data = riff(fmt(bits=8 * width), (b"data", packed(values, width)))
    np.testing.assert_allclose(parse_wav(data, "x.wav").samples[0], np.array(values) / most, rtol=1e-6)


def test_24_bit_equals_scipy():
    values = np.random.default_rng(0).integers(-(2**23), 2**23, 1000)
    data = riff(fmt(bits=24), (b"data", packed(values, 3)))
    _, theirs = wavfile.read(io.BytesIO(data))  # as int32, the low byte 0
    np.testing.assert_array_equal(parse_wav(data, "x.wav").samples[0], (theirs / 2.0**31).astype(np.float32))


def test_8_bit_is_silent_at_128():
    data = riff(fmt(bits=8), (b"data", bytes([0, 128, 255])))
    np.testing.assert_array_equal(parse_wav(data, "x.wav").samples[0], [-1, 0, 127 / 128])


def test_what_pythons_wave_module_writes(tmp_path):
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.array([[1000, -1000], [2000, -2000]], "<i2").tobytes())
    sound = read_wav(path)
    np.testing.assert_array_equal(sound.samples * 32768, [[1000, 2000], [-1000, -2000]])
    assert sound.seconds == 2 / 48_000


@pytest.mark.parametrize("kind", [1, 3])
def test_extensible(kind):
    guid = struct.pack("<H", kind) + bytes.fromhex("000000001000800000aa00389b71")
    rest = struct.pack("<HHI", 22, 20 if kind == 1 else 32, 3) + guid
    bits, values = (24, packed([2**22, -(2**22)], 3)) if kind == 1 else (32, struct.pack("<2f", 0.5, -0.5))
    sound = parse_wav(riff(fmt(0xFFFE, 2, bits=bits, rest=rest), (b"data", values)), "x.wav")
    np.testing.assert_array_equal(sound.samples, [[0.5], [-0.5]])


def test_other_chunks_are_passed_over():
    data = riff((b"LIST", b"abc"), fmt(), (b"bext", b"1234567"), (b"data", packed([16384], 2)), (b"LIST", b"later"))
    assert parse_wav(data, "x.wav").samples.tolist() == [[0.5]]


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_size_that_was_never_filled_in(size):
    data = riff(fmt(), (b"data", packed([16384, -16384], 2)))
    at = data.index(b"data") + 4
    broken_off = data[:at] + struct.pack("<I", size) + data[at + 4 :] + b"\x01"  # and half a sample
    assert parse_wav(broken_off, "x.wav").samples.tolist() == [[0.5, -0.5]]


def test_our_own_file_is_read_by_scipy():
    x = np.stack([tone(), -tone()])
    rate, theirs = wavfile.read(io.BytesIO(wav_bytes(x, RATE)))
    assert rate == RATE
    np.testing.assert_allclose(theirs.T / 32767, x, atol=1e-4)
    np.testing.assert_allclose(parse_wav(wav_bytes(x[0] * 4, RATE), "x").samples.max(), 1.0, atol=1e-4)  # clipped


GOOD = riff(fmt(), (b"data", packed([1, 2, 3, 4], 2)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "x.wav is empty: 0 bytes"),
        (b"hello, this is text", "not a WAV file: it begins with b'hello"),
        (GOOD[:20], "is damaged or cut off: after 20 bytes there is no format"),
        (GOOD[:36], "is damaged or cut off: after 36 bytes there is no samples"),
        (GOOD[:-4], "is cut off: it announces 4 samples and holds 2"),
        (riff(fmt(), (b"data", b"")), "holds no samples"),
        (riff((b"data", b"\0\0"), fmt()), "its samples come before the format"),
        (riff((b"fmt ", b"12345678"), (b"data", b"\0\0")), "its format has 8 bytes"),
        (riff(fmt(kind=6, bits=8), (b"data", b"\0\0")), "is compressed (A-law)"),
        (riff(fmt(kind=0x55, bits=0, frame=1), (b"data", b"\0\0")), "is compressed (MP3)"),
        (riff(fmt(kind=0x1234), (b"data", b"\0\0")), "is compressed (format 0x1234)"),
        (riff(fmt(channels=0, frame=2), (b"data", b"\0\0")), "announces 0 channels at 8000 hertz"),
        (riff(fmt(rate=0), (b"data", b"\0\0")), "announces 1 channels at 0 hertz"),
        (riff(fmt(bits=64), (b"data", b"\0" * 8)), "holds whole numbers of 64 bit in 8 bytes for 1 channels"),
        (riff(fmt(bits=16, frame=0), (b"data", b"\0" * 8)), "in 0 bytes for 1 channels"),
        (riff(fmt(kind=3, bits=32), (b"data", struct.pack("<f", float("nan")))), "that are no numbers"),
        (riff(fmt(kind=3, bits=64), (b"data", struct.pack("<d", 1e300))), "that are no numbers"),
        (b"ID3\x03" + bytes(20), "is an MP3 file"),
        (b"fLaC" + bytes(20), "is a FLAC file"),
        (bytes(4) + b"ftypM4A " + bytes(20), "is an MPEG-4 file"),
        (b"RIFX" + bytes(20), "(RIFX)"),
    ],
)
def test_what_is_refused(content, said):
    with pytest.raises(UnreadableSound) as caught:
        parse_wav(content, "x.wav")
    assert said in str(caught.value)
    assert str(caught.value).startswith("x.wav ")
    assert "\n" not in str(caught.value)


def test_any_cut_and_any_flipped_byte_is_a_sound_or_one_sentence():
    rng = np.random.default_rng(1)
    good = scipy_bytes((tone(0.01) * 32767).astype("int16"))
    for cut in range(len(good)):
        with pytest.raises(UnreadableSound):
            parse_wav(good[:cut], "x.wav")
    for _ in range(500):
        bad = bytearray(good)
        for at in rng.integers(0, 44, 3):
            bad[at] = rng.integers(0, 256)
        try:
            samples, rate = parse_wav(bytes(bad), "x.wav")
        except UnreadableSound:
            continue
        assert samples.size > 0
        assert rate > 0
        assert np.isfinite(samples).all()


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UnreadableSound, match=r"nothing\.wav cannot be read: no such file"):
        read_wav(tmp_path / "nothing.wav")
    with pytest.raises(UnreadableSound, match="is a folder"):
        read_wav(tmp_path)


def test_mono_is_the_mean_unless_the_channels_cancel():
    x = tone().astype(np.float32)
    np.testing.assert_allclose(mono(np.stack([x, 3 * x])), 2 * x, rtol=1e-6)
    np.testing.assert_array_equal(mono(np.stack([-x, x * np.float32(1.001)])), x * np.float32(1.001))
    np.testing.assert_allclose(
        mono(np.stack([x, 0 * x, 0 * x, 0 * x])), x / 4, rtol=1e-6
    )  # one of four is no cancelling
    assert mono(np.zeros((2, 5), np.float32)).tolist() == [0] * 5
