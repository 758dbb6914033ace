"""A file that is no picture, a folder, a damaged one: a sentence that names it and says why, never anything else."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from upslope.image import read
from upslope.image.read import UnreadablePicture, pictures_in, read_picture
from upslope.runs.errors import Problem

GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)


def png(width, height, data=b""):
    """A PNG file that announces this size."""

    def chunk(name, content):
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: 0 bytes"),
        (b"just a text\n", r"is not a picture that can be read \(PNG, JPEG, GIF, "),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is not a picture that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture that can be read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture that can be read"),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40),
            "is in HEIC, Apple's format, which is not read here: ",
        ),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40), "is in HEIC"),
        (png(100, 100, bytes(50)), "is damaged or cut off: "),
        (png(0, 10), "is not a picture that can be read"),
        (png(11_000, 11_000), "announces 11000 x 11000 pixels, and at most 100 million are read: make it smaller"),
        (png(60_000, 60_000), "announces more than 178 million pixels, and at most 100 million are read"),
        (png(2**31 - 1, 2**31 - 1), "announces more than 178 million pixels"),
    ],
)
def test_files_that_are_no_pictures(tmp_path, content, sentence):
    path = tmp_path / "strange.png"
    path.write_bytes(content)
    with pytest.raises(UnreadablePicture, match=rf"strange\.png {sentence}") as caught:
        read_picture(path)
    assert isinstance(caught.value, Problem)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp", "ppm"])
def test_a_cut_file(file, tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    whole = file(noise, f"whole.{suffix}").read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    for part in (0.02, 0.5, 0.9):
        cut.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(UnreadablePicture, match=rf"cut\.{suffix} is "):
            read_picture(cut)


OURS = (
    "is damaged or cut off: it cannot be read to its end, so fetch or save it once more",
    "is not a picture that can be read (PNG, JPEG, GIF, BMP, TIFF and WebP can)",
    "holds grey levels that are no numbers (nan or infinity)",
    "million are read: make it smaller first",
    "holds L*a*b* colours, which are not read here: save it as RGB",
)


@pytest.mark.parametrize("error", [ValueError("bad EXIF"), OSError("broken data stream"), SyntaxError("not a TIFF")])
def test_the_decoders_words_are_not_passed_on(file, monkeypatch, error):
    def fails(image, where):
        raise error

    monkeypatch.setattr(read, "_decode", fails)
    with pytest.raises(UnreadablePicture) as caught:
        read_picture(file(GREY, "x.png"))
    assert str(caught.value).endswith(f"x.png {OURS[0]}")


def test_changed_bytes_are_a_picture_or_a_sentence(file, tmp_path):
    """Whatever is flipped: never another kind of exception, never a warning, never values outside of [0, 1]."""
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    broken, refused = tmp_path / "broken", set()
    for suffix in ("png", "jpg", "gif", "bmp", "tif", "webp"):
        whole = np.frombuffer(file(noise, f"whole.{suffix}").read_bytes(), dtype=np.uint8)
        for _ in range(40):
            changed = whole.copy()
            places = rng.integers(0, min(len(changed), 300), 3)
            changed[places] = rng.integers(0, 256, 3)
            broken.write_bytes(changed.tobytes())
            try:
                picture = read_picture(broken)
            except UnreadablePicture as problem:
                refused.add(str(problem))
                continue
            assert picture.ndim == 3
            assert 0 <= picture.min() <= picture.max() <= 1
    assert refused
    assert [said for said in refused if not any(words in said for words in OURS)] == []


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(UnreadablePicture, match=r"nothing\.png cannot be read: no such file or directory"):
        read_picture(tmp_path / "nothing.png")
    with pytest.raises(UnreadablePicture, match="is a folder, not a picture"):
        read_picture(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(file, tmp_path):
    path = file(GREY, "secret.png")
    path.chmod(0)
    with pytest.raises(UnreadablePicture, match=r"secret\.png cannot be read: permission denied"):
        read_picture(path)
    tmp_path.chmod(0)
    try:
        with pytest.raises(UnreadablePicture, match="cannot be read: permission denied"):
            pictures_in(tmp_path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this machine")
def test_a_file_without_end(monkeypatch):
    monkeypatch.setattr(read, "MOST_BYTES", 3_000_000)
    with pytest.raises(UnreadablePicture, match="/dev/zero is larger than 3 MB: make it smaller first"):
        read_picture(Path("/dev/zero"))


def test_the_pictures_of_a_folder(file, tmp_path):
    for name in ("b.PNG", "a.jpg", ".hidden.png"):
        file(GREY, name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "below").mkdir()
    assert [path.name for path in pictures_in(tmp_path)] == ["a.jpg", "b.PNG"]
    with pytest.raises(UnreadablePicture, match=r"below holds no pictures \(\.png, \.jpg, "):
        pictures_in(tmp_path / "below")
