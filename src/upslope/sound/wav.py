"""WAV files to arrays and back, any of those that people have: whole numbers of 8 to 32 bit, floats, any channels.

Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF, WAVE, PCM); Microsoft,
"Multiple Channel Audio Data and WAVE Files", 2001 (WAVE_FORMAT_EXTENSIBLE); EBU Tech 3306, 2009 (RF64). Files come from
anywhere, so nothing in them is trusted, and every contradiction is reported in one sentence. Compressed sound is left
out.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from upslope.runs.errors import Problem
from upslope.runs.workspace import short

Samples = NDArray[np.float32]

SUFFIXES = (".wav", ".wave")
MOST_BYTES = 500_000_000
RATES = (1_000, 1_000_000)  # hertz, the lowest and the highest that is read

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_GUID = bytes.fromhex("000000001000800000aa00389b71")  # what follows the format's number in an extensible header
_NEVER_FILLED = 0x7FFFF000  # from here on sizes are what programs write that do not know how much will follow
_COMPRESSED = {
    0x0002: "Microsoft ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0050: "MPEG",
    0x0055: "MP3",
    0x00FF: "AAC",
}
_OTHERS = (
    (0, b"ID3", "an MP3 file"),
    (0, b"\xff\xfb", "an MP3 file"),
    (0, b"\xff\xf3", "an MP3 file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"fLaC", "a FLAC file"),
    (0, b"FORM", "an AIFF file"),
    (0, b"RIFX", "a WAV file with its bytes in the other order (RIFX)"),
    (4, b"ftyp", "an MPEG-4 file (M4A, MP4)"),
)


class UnreadableSound(Problem):
    """A file that is no sound, or none that can be read."""


class Sound(NamedTuple):
    """A recording: samples (channels, N), in [-1, 1] unless they are floats that say otherwise, and their rate."""

    samples: Samples
    rate: int  # hertz

    @property
    def seconds(self) -> float:
        return float(self.samples.shape[1] / self.rate)


def read_wav(path: Path) -> Sound:
    """The recording in a WAV file. Raises UnreadableSound with one sentence where there is none."""
    where = short(path)
    if path.is_dir():
        raise UnreadableSound(f"{where} is a folder, not a sound file")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UnreadableSound(f"{where} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(content) > MOST_BYTES:
        raise UnreadableSound(f"{where} is larger than {MOST_BYTES // 10**6} MB: cut it into pieces first")
    return parse_wav(content, where)


def parse_wav(content: bytes, where: str) -> Sound:
    """The recording in the bytes of a WAV file; `where` names it in sentences."""
    header, data, announced = _chunks(content, where)
    kind, channels, rate, width = _format(header, where)
    if announced < _NEVER_FILLED and len(data) < announced:
        frame = channels * width
        raise UnreadableSound(
            f"{where} is cut off: it announces {announced // frame} samples and holds {len(data) // frame}"
        )
    count = len(data) // (channels * width)
    if count == 0:
        raise UnreadableSound(f"{where} holds no samples: its header is all there is")
    values = _decode(data[: count * channels * width], kind, width)
    if not np.isfinite(values).all():
        raise UnreadableSound(f"{where} holds samples that are no numbers (nan or infinity)")
    return Sound(np.ascontiguousarray(values.reshape(count, channels).T), rate)


def wavs_in(folder: Path) -> list[Path]:
    """The WAV files of a folder by name; hidden ones and those in folders below are left out."""
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    except OSError as error:
        raise UnreadableSound(f"{short(folder)} cannot be read: {(error.strerror or str(error)).lower()}") from None
    if not found:
        raise UnreadableSound(f"{short(folder)} holds no WAV files ({', '.join(SUFFIXES)})")
    return sorted(found)


def mono(samples: Samples) -> Samples:
    """(channels, N) to (N,): their mean, or the loudest channel where the mean loses most of what it has.

    Two microphones wired against each other cancel in the mean; then one of them is worth more than both.
    """
    power = np.square(samples, dtype=np.float64).mean(axis=1)
    mean = samples.mean(axis=0, dtype=np.float64)
    loudest = int(power.argmax())
    if np.square(mean).mean() < power[loudest] / (10 * len(samples) ** 2):
        return np.asarray(samples[loudest])
    return np.asarray(mean, dtype=np.float32)


def wav_bytes(samples: Samples, rate: int) -> bytes:
    """A WAV file of 16 bit from samples in [-1, 1], (N,) or (channels, N); what is beyond is clipped."""
    rows = np.atleast_2d(samples)
    data = np.clip(np.round(rows.T * 32767.0), -32768, 32767).astype("<i2").tobytes()
    frame = 2 * len(rows)
    header = struct.pack("<HHIIHH", _PCM, len(rows), rate, rate * frame, frame, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunks(content: bytes, where: str) -> tuple[bytes, bytes, int]:
    """The format's chunk, the samples' bytes, and how many of these the file announces.

    0 is what a recorder leaves that was ended before it could fill in the size: then the samples go to the end.
    """
    if not content:
        raise UnreadableSound(f"{where} is empty: 0 bytes")
    if content[:4] not in (b"RIFF", b"RF64", b"BW64") or content[8:12] != b"WAVE":
        raise UnreadableSound(_unknown(content, where))
    header, at = b"", 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        if name == b"data":
            if not header:
                raise UnreadableSound(f"{where} is damaged: its samples come before the format that explains them")
            return header, content[at + 8 : at + 8 + (size or len(content))], size
        if name == b"fmt ":
            header = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2  # chunks begin at even places
    missing = "samples" if header else "format"
    raise UnreadableSound(f"{where} is damaged or cut off: after {len(content)} bytes there is no {missing} in it")


def _format(header: bytes, where: str) -> tuple[int, int, int, int]:
    """What the samples are: kind, channels, rate in hertz, bytes of one number."""
    if len(header) < 16:
        raise UnreadableSound(f"{where} is damaged: its format has {len(header)} bytes, and at least 16 are needed")
    kind, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", header[:16])
    if kind == _EXTENSIBLE and len(header) >= 40 and header[26:40] == _GUID:
        kind = int.from_bytes(header[24:26], "little")
    if kind not in (_PCM, _FLOAT):
        name = _COMPRESSED.get(kind, f"format {kind:#06x}")
        raise UnreadableSound(
            f"{where} is compressed ({name}), which is not read here: save it as PCM, for example with "
            "ffmpeg -i IN -c:a pcm_s16le OUT.wav"
        )
    if channels == 0 or not RATES[0] <= rate <= RATES[1]:
        raise UnreadableSound(f"{where} is damaged: it announces {channels} channels at {rate} hertz")
    width = frame // channels  # what is not full (20 of 24 bit) is filled up with zeros below
    if width not in ((1, 2, 3, 4) if kind == _PCM else (4, 8)) or frame % channels or not 0 < bits <= 8 * width:
        what = "whole numbers" if kind == _PCM else "floats"
        raise UnreadableSound(f"{where} holds {what} of {bits} bit in {frame} bytes for {channels} channels")
    return kind, channels, rate, width


def _decode(data: bytes, kind: int, width: int) -> Samples:
    """Numbers in [-1, 1) from bytes; floats as they are."""
    if kind == _FLOAT:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused as such
            return np.frombuffer(data, f"<f{width}").astype(np.float32)
    if width == 1:  # 8 bit alone are without a sign: 128 is silence
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    if width == 3:  # as the upper three bytes of four
        four = np.zeros((len(data) // 3, 4), np.uint8)
        four[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, width = four.tobytes(), 4
    return (np.frombuffer(data, f"<i{width}") / 2.0 ** (8 * width - 1)).astype(np.float32)


def _unknown(content: bytes, where: str) -> str:
    for at, magic, name in _OTHERS:
        if content[at : at + len(magic)] == magic:
            return f"{where} is {name}, which is not read here: save it as WAV, for example with ffmpeg -i IN OUT.wav"
    return f"{where} is not a WAV file: it begins with {content[:12]!r}"
