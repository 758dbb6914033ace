"""Any picture file to an array: formats, colour modes, EXIF rotation, transparency.

Files come from anywhere, so nothing of them is believed: only formats that people have pictures in are tried, the size
is looked at before anything is unpacked, and whatever a decoder stumbles over becomes one sentence.
"""

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from upslope.runs.errors import Problem
from upslope.runs.workspace import short

Picture = NDArray[np.float32]  # (H, W, 3), red, green, blue in [0, 1]

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".pgm", ".ppm")
UNSEEN = 0.25  # of white: a drawing that differs less from it is not seen on it
MOST_PIXELS = 100_000_000
MOST_BYTES = 500_000_000
LONGEST = 2048  # pixels on a side of what is handed on: no network here looks at more

# No EPS, PDF or the like: their decoders start other programs.
_FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "AVIF")
_ORIENTATION = 0x0112  # a tag of EXIF (JEITA CP-3451); what undoes each of its values, 1 being upright
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_APPLE = (b"ftypheic", b"ftypheix", b"ftypheim", b"ftypheis", b"ftypmif1", b"ftypmsf1")


class UnreadablePicture(Problem):
    """A file that is no picture, or none that can be read."""


@dataclass(frozen=True)
class PictureFile:
    """What a file holds."""

    picture: Picture  # the first, where there are several
    frames: int  # of an animation, or pages


def read_picture(path: Path) -> Picture:
    """The picture in a file, upright, on white where it is transparent, at most LONGEST pixels on a side.

    What is white itself lies on black. Of several pictures in one file (an animation, pages) it is the first.
    """
    return read_file(path).picture


def read_file(path: Path) -> PictureFile:
    """The same, and how many pictures the file holds."""
    where = short(path)
    if path.is_dir():
        raise UnreadablePicture(f"{where} is a folder, not a picture")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)  # at once: from a pipe nothing can be read twice
    except OSError as error:
        raise UnreadablePicture(f"{where} cannot be read: {_why(error)}") from None
    if not content:
        raise UnreadablePicture(f"{where} is empty: 0 bytes")
    if len(content) > MOST_BYTES:
        raise UnreadablePicture(f"{where} is larger than {MOST_BYTES // 10**6} MB: make it smaller first")
    Image.init()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the size is bounded below; of odd metadata nothing is used
        try:
            with Image.open(BytesIO(content), formats=[name for name in _FORMATS if name in Image.OPEN]) as image:
                return PictureFile(_decode(image, where), _frames(image))
        except (UnreadablePicture, MemoryError):
            raise
        except Image.DecompressionBombError:  # Pillow's own limit, which it looks at first
            raise _too_large(where, f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6} million") from None
        except UnidentifiedImageError:
            raise UnreadablePicture(_unknown(where, content)) from None
        except Exception:  # a dozen decoders raise whatever they please on damaged files, in words of their own
            raise UnreadablePicture(
                f"{where} is damaged or cut off: it cannot be read to its end, so fetch or save it once more"
            ) from None


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder by name; hidden ones and those in folders below are left out."""
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    except OSError as error:
        raise UnreadablePicture(f"{short(folder)} cannot be read: {_why(error)}") from None
    if not found:
        raise UnreadablePicture(f"{short(folder)} holds no pictures ({', '.join(SUFFIXES)})")
    return sorted(found)


def _decode(image: Image.Image, where: str) -> Picture:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(where, f"{width} x {height}")
    if image.format in ("JPEG", "MPO"):
        image.draft(None, (LONGEST, LONGEST))  # unpacks an eighth, a quarter or half of the size at once
    image.load()
    image = _upright(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_grey(np.asarray(image), where))
    return _on_white(_modes(image, where))


def _frames(image: Image.Image) -> int:
    """How many pictures the file holds; the small ones that cameras put behind a photograph are not counted."""
    if image.format == "MPO":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # those behind the first may be damaged
        return 1


def _upright(image: Image.Image) -> Image.Image:
    """The picture as it was seen: EXIF says how the camera was held; the pixels are as its sensor saw them."""
    try:
        how = _TURNS.get(int(image.getexif().get(_ORIENTATION, 1)))
    except Exception:  # a damaged note about a picture is no reason not to read it
        return image
    return image if how is None else image.transpose(how)


def _modes(image: Image.Image, where: str) -> Image.Image:
    """Every mode as RGB, as RGBA where something is transparent, or as F."""
    if image.mode == "F":
        return image
    if image.mode == "LAB":
        raise UnreadablePicture(f"{where} holds L*a*b* colours, which are not read here: save it as RGB")
    if image.mode == "La":
        return image.convert("LA").convert("RGBA")
    clear = image.mode in ("LA", "PA", "RGBa", "RGBA") or "transparency" in image.info
    return image.convert("RGBA" if clear else "RGB")


def _grey(values: NDArray[np.generic], where: str) -> NDArray[np.float32]:
    """Grey levels of 16 bits and more, or of floating point, in [0, 1].

    The file does not say where its white is: it is 1 (not for whole numbers), 255 or 65535, the first of these that no
    pixel exceeds. Levels below 0 or above all of these are spread from the smallest to the largest.
    """
    grey = values.astype(np.float64)
    if not np.isfinite(grey).all():
        raise UnreadablePicture(f"{where} holds grey levels that are no numbers (nan or infinity)")
    low, high = float(grey.min()), float(grey.max())
    for white in (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0):
        if low >= 0 and high <= white:
            return (grey / white).astype(np.float32)
    return ((grey - low) / max(high - low, 1e-12)).astype(np.float32)


def _on_white(image: Image.Image) -> Picture:
    """The picture as an array, reduced where it is large, with white wherever one could look through it.

    A drawing program may have saved white ink without its background: what could not be seen on white lies on black.
    """
    if max(image.size) > LONGEST:
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    pixels = np.asarray(image, dtype=np.float32)
    if image.mode == "F":
        return np.repeat(pixels[..., np.newaxis], 3, axis=2)
    pixels = pixels / np.float32(255)
    if image.mode == "RGB":
        return pixels
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    on_white = np.asarray(colour * alpha + (1 - alpha), dtype=np.float32)
    unseen = float(on_white.min()) > 1 - UNSEEN and float(np.ptp(alpha)) > UNSEEN
    return np.asarray(colour * alpha, dtype=np.float32) if unseen else on_white


def _too_large(where: str, size: str) -> UnreadablePicture:
    return UnreadablePicture(
        f"{where} announces {size} pixels, and at most {MOST_PIXELS // 10**6} million are read: make it smaller first"
    )


def _unknown(where: str, content: bytes) -> str:
    if content[4:12] in _APPLE:
        return f"{where} is in HEIC, Apple's format, which is not read here: save it as JPEG or PNG"
    return f"{where} is not a picture that can be read (PNG, JPEG, GIF, BMP, TIFF and WebP can)"


def _why(error: OSError) -> str:
    """The system's words for what keeps a file from being opened."""
    said = " ".join(str(error.strerror or error).split()).rstrip(".")
    return said[:1].lower() + said[1:] if said else type(error).__name__
