"""Any picture that can be read becomes an upright one of red, green and blue."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

from upslope.image.read import LONGEST, UnreadablePicture, read_file, read_picture

GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)


def grey(levels):
    """(H, W) in [0, 1] as a picture of three channels."""
    return np.repeat(np.asarray(levels, dtype=np.float64)[..., None], 3, axis=2)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "ppm", "gif"])
def test_formats_without_loss(file, suffix):
    colours = COLOUR // 64 * 64  # a GIF has 256 of them
    image = Image.fromarray(colours)
    picture = read_picture(file(image.quantize(64) if suffix == "gif" else image, f"x.{suffix}"))
    assert picture.dtype == np.float32
    assert np.abs(picture - colours / 255).max() < 1e-6


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_formats_with_loss(file, suffix):
    if suffix == "avif" and not __import__("PIL.features").features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    smooth = np.stack(np.meshgrid(np.arange(64), np.arange(48)), axis=-1) * 4
    smooth = np.concatenate([smooth, smooth[..., :1] // 2], axis=-1).astype(np.uint8)
    picture = read_picture(file(smooth, f"x.{suffix}", quality=95))
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture - smooth / 255).mean() < 0.02


def test_black_and_white(file):
    assert np.array_equal(read_picture(file(GREY > 127, "1.png")), grey(GREY > 127))


def test_grey(file):
    assert np.allclose(read_picture(file(GREY, "l.png")), grey(GREY / 255))


def test_grey_and_transparent_lies_on_white(file):
    alpha = GREY.T
    picture = read_picture(file(np.stack([GREY, alpha], axis=-1), "la.png"))
    assert np.allclose(picture, grey(GREY / 255 * (alpha / 255) + 1 - alpha / 255), atol=1e-6)


def test_transparent_lies_on_white(file):
    alpha = GREY.T[..., None] / 255
    picture = read_picture(file(np.dstack([COLOUR, GREY.T]), "rgba.png"))
    assert np.allclose(picture, COLOUR / 255 * alpha + 1 - alpha, atol=1e-6)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_white_and_transparent_lies_on_black(file, mode):
    """White ink, saved without its background: on white nothing would be seen of it."""
    alpha = GREY.T
    picture = read_picture(file(np.dstack([np.full_like(COLOUR, 255), alpha]), f"{mode}.png", mode=mode))
    assert np.allclose(picture, grey(alpha / 255), atol=1e-6)


def test_what_can_be_seen_on_white_lies_on_white(file):
    """A white page with round corners and ink on it; and nothing at all."""
    page, alpha = np.full((16, 16, 3), 255, dtype=np.uint8), np.full((16, 16), 255, dtype=np.uint8)
    page[8, 8], alpha[:2, :2] = 0, 0
    assert np.allclose(read_picture(file(np.dstack([page, alpha]), "page.png")), page / 255)
    assert np.allclose(read_picture(file(np.dstack([page, np.zeros_like(alpha)]), "clear.png")), 1)
    assert np.allclose(read_picture(file(np.full((4, 4, 4), 255, dtype=np.uint8), "white.png")), 1)


def palette():
    """The numbers GREY, and a palette in which n stands for (n, 255 - n, 7)."""
    image = Image.frombytes("P", (16, 16), GREY.tobytes())
    image.putpalette([c for n in range(256) for c in (n, 255 - n, 7)])
    return image, np.stack([GREY, 255 - GREY, np.full_like(GREY, 7)], axis=-1) / 255


def test_a_palette(file):
    image, colours = palette()
    assert np.allclose(read_picture(file(image, "p.png")), colours)


def test_a_palette_with_a_transparent_colour(file):
    image, colours = palette()
    colours[GREY == 5] = 1
    assert np.allclose(read_picture(file(image, "p.png", transparency=5)), colours)


def test_a_palette_with_half_transparent_colours(file):
    image, colours = palette()
    shares = np.where(np.arange(256) < 10, 51, 255)[GREY][..., None] / 255
    picture = read_picture(file(image, "p.png", transparency=bytes([51] * 10)))
    assert np.allclose(picture, colours * shares + 1 - shares, atol=1e-6)


def test_a_transparent_colour_without_a_palette(file):
    expected = COLOUR / 255
    expected[3, 4] = 1
    assert np.allclose(read_picture(file(COLOUR, "rgb.png", transparency=tuple(map(int, COLOUR[3, 4])))), expected)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_printers_colours(file, suffix):
    """Without black ink, cyan, magenta and yellow are what red, green and blue lack."""
    ink = np.zeros((16, 16, 4), dtype=np.uint8)
    ink[:8, :, 0], ink[8:, :8, 1], ink[8:, 8:, 3] = 255, 255, 102
    expected = np.ones((16, 16, 3))
    expected[:8, :, 0], expected[8:, :8, 1], expected[8:, 8:] = 0, 0, 0.6
    picture = read_picture(file(Image.frombytes("CMYK", (16, 16), ink.tobytes()), f"cmyk.{suffix}"))
    assert np.abs(picture - expected).max() < (0.03 if suffix == "jpg" else 0.01)


def test_televisions_colours(file):
    """A JPEG is YCbCr inside; so is a TIFF of one."""
    steps = np.repeat(np.repeat(COLOUR[::8, ::8], 8, axis=0), 8, axis=1)
    picture = read_picture(file(steps, "ycbcr.tif", mode="YCbCr", compression="jpeg", quality=100))
    assert np.abs(picture - steps / 255).mean() < 0.02


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_grey_levels_of_16_bits(file, suffix):
    levels = GREY.astype(np.uint16) * 257
    assert np.allclose(read_picture(file(levels, f"16.{suffix}")), grey(GREY / 255), atol=1e-4)


def test_whole_numbers(file):
    levels = GREY.astype(np.int32)
    assert np.allclose(read_picture(file(levels, "8 in 32.tif")), grey(GREY / 255))
    assert np.allclose(read_picture(file(levels * 200, "16 in 32.tif")), grey(levels * 200 / 65535), atol=1e-6)
    assert np.allclose(read_picture(file(levels * 10**6 - 10**8, "32.tif")), grey(GREY / 255), atol=1e-6)


def test_a_whole_number_of_1_is_not_white(file):
    assert read_picture(file(np.ones((4, 4), dtype=np.int32), "dark.tif")).max() == np.float32(1 / 255)


def test_floating_point(file):
    levels = GREY.astype(np.float32)
    assert np.allclose(read_picture(file(levels / 255, "1.tif")), grey(GREY / 255))
    assert np.allclose(read_picture(file(levels, "255.tif")), grey(GREY / 255))
    assert np.allclose(read_picture(file(levels - 9, "spread.tif")), grey(GREY / 255), atol=1e-6)
    assert read_picture(file(np.full((3, 3), -5, dtype=np.float32), "flat.tif")).max() == 0


def test_levels_that_are_no_numbers(file):
    for value in (np.nan, np.inf):
        levels = GREY.astype(np.float32)
        levels[2, 3] = value
        with pytest.raises(UnreadablePicture, match=r"no\.tif holds grey levels that are no numbers"):
            read_picture(file(levels, "no.tif"))


def test_lab_colours_are_refused(file):
    with pytest.raises(UnreadablePicture, match=r"lab\.tif holds L\*a\*b\* colours, .* save it as RGB"):
        read_picture(file(Image.new("LAB", (4, 4)), "lab.tif"))


# JEITA CP-3451, table 6: which side of what is seen the stored picture's row 0 and column 0 are.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored(seen, orientation):
    """The pixels of a file whose tag says this, from the picture as it is seen."""
    row, column = SIDES[orientation]
    pixels = seen if row in ("top", "bottom") else seen.swapaxes(0, 1)
    pixels = pixels[::-1] if row in ("bottom", "right") else pixels
    return np.ascontiguousarray(pixels[:, ::-1] if column in ("bottom", "right") else pixels)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", SIDES)
def test_pictures_stand_upright(file, orientation, suffix):
    seen = np.zeros((32, 64, 3), dtype=np.uint8)
    seen[:16, :32, 0], seen[:16, 32:, 1], seen[16:, :32, 2], seen[16:, 32:] = 255, 255, 255, 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = read_picture(file(stored(seen, orientation), f"x.{suffix}", exif=exif))
    assert picture.shape == seen.shape
    assert np.abs(picture - seen / 255).mean() < 0.03


def test_grey_levels_of_16_bits_stand_upright(file):
    exif = Image.Exif()
    exif[0x0112] = 6
    levels = np.arange(128, dtype=np.uint16).reshape(8, 16) * 500
    assert np.allclose(read_picture(file(stored(levels, 6), "x.png", exif=exif)), grey(levels / 65535), atol=1e-4)


@pytest.mark.parametrize(
    "note", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01"]
)
def test_a_damaged_note_about_the_camera_is_passed_over(file, note):
    assert np.allclose(read_picture(file(GREY, "x.png", exif=note)), grey(GREY / 255))


def test_of_an_animation_it_is_the_first_picture(file):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    picture = read_picture(file(frames[0], "x.gif", save_all=True, append_images=frames[1:]))
    assert np.allclose(picture, (1, 0, 0))


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_further_pictures_are_counted(file, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "white")]
    found = read_file(file(frames[0], f"x.{suffix}", save_all=True, append_images=frames[1:]))
    assert found.frames == 3
    assert np.abs(found.picture - (1, 0, 0)).max() < 0.02
    assert read_file(file(frames[0], f"y.{suffix}")).frames == 1


def test_the_small_picture_that_a_camera_adds_is_not_counted(file):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = file(frames[0], "x.mpo", format="MPO", save_all=True, append_images=frames[1:])
    with Image.open(path) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    assert read_file(path).frames == 1


def test_the_content_counts_not_the_name(file):
    path = file(GREY, "picture.png")
    assert np.allclose(read_picture(path.rename(path.with_name("picture.jpg"))), grey(GREY / 255))
    assert np.allclose(read_picture(path.with_name("picture.jpg").rename(path.with_name("picture"))), grey(GREY / 255))


def test_large_pictures_are_reduced(file):
    """To half here, by the mean of four pixels; a JPEG unpacks at half its size already."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (30, 2 * LONGEST), dtype=np.uint8)
    expected = pixels.reshape(15, 2, LONGEST, 2).mean(axis=(1, 3)) / 255
    assert np.abs(read_picture(file(pixels, "x.png")) - grey(expected)).max() <= 1 / 255 + 1e-6
    smooth = np.repeat(np.arange(256, dtype=np.uint8), 4 * LONGEST // 256)[None].repeat(64, axis=0)
    assert read_picture(file(smooth, "x.jpg")).shape == (16, LONGEST, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (3 * LONGEST, 1), (1, 3 * LONGEST)])
def test_pictures_of_one_row(file, size):
    picture = read_picture(file(np.full(size, 51, dtype=np.uint8), "x.png"))
    assert picture.shape == (*(min(length, LONGEST) for length in size), 3)
    assert np.allclose(picture, 0.2)


def test_a_pipe_can_be_read_once(file, tmp_path):
    """`upslope predict mnist <(...)` hands over a pipe."""
    content = file(GREY, "x.png").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(content))
    writer.start()
    assert np.allclose(read_picture(pipe), grey(GREY / 255))
    writer.join()
