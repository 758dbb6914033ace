"""Color spaces: grey, luma and chroma, hue, and a space in which equal steps look equal.

ITU-R BT.601 (1982) for grey and YCbCr. A. R. Smith, "Color Gamut Transform Pairs", 1978,
https://doi.org/10.1145/800248.807361, for HSV. CIE 15:2004 for L*a*b* with white D65, from sRGB (IEC 61966-2-1:1999).

Pictures are (..., 3): red, green, blue. Grey and YCbCr are defined in whole numbers here, so they equal OpenCV's to the
last bit; HSV and L*a*b* are in floating point. Left out: CMYK, which needs a printer's profile.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

_GREY = np.array([9798, 19235, 3735])  # 0.299, 0.587, 0.114 times 2**15
_SHIFT = 14  # bits after the point of what follows
_LUMA = np.array([4899, 9617, 1868])
_CHROMA = (11682, 9241)  # 0.713 (R - Y) and 0.564 (B - Y)
_BACK = (22987, -11698, -5636, 29049)  # Cr to red, Cr and Cb to green, Cb to blue
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65
_DARK = 0.008856  # (6 / 29)**3: below it the cube root would be too steep


def grey(picture: Bytes) -> Bytes:
    """Luma of a color picture (..., 3): Y = 0.299 R + 0.587 G + 0.114 B, rounded, in whole numbers throughout."""
    _three(picture)
    return np.asarray((picture.astype(np.int32) @ _GREY + (1 << 14)) >> 15, dtype=np.uint8)


def rgb_to_ycbcr(picture: Bytes) -> Bytes:
    """(..., 3) red, green, blue to luma, blue and red difference, the latter two around 128."""
    _three(picture)
    red, blue = picture[..., 0].astype(np.int32), picture[..., 2].astype(np.int32)
    luma = (picture.astype(np.int32) @ _LUMA + (1 << _SHIFT - 1)) >> _SHIFT
    middle = (128 << _SHIFT) + (1 << _SHIFT - 1)
    differences = [(blue - luma) * _CHROMA[1] + middle, (red - luma) * _CHROMA[0] + middle]
    return _bytes(np.stack([luma, *(each >> _SHIFT for each in differences)], axis=-1))


def ycbcr_to_rgb(picture: Bytes) -> Bytes:
    """The way back, up to what rounding has lost."""
    _three(picture)
    luma, cb, cr = np.moveaxis(picture.astype(np.int32), -1, 0)
    cb, cr, half = cb - 128, cr - 128, 1 << _SHIFT - 1
    red = luma + ((cr * _BACK[0] + half) >> _SHIFT)
    green = luma + ((cr * _BACK[1] + cb * _BACK[2] + half) >> _SHIFT)
    blue = luma + ((cb * _BACK[3] + half) >> _SHIFT)
    return _bytes(np.stack([red, green, blue], axis=-1))


def rgb_to_hsv(picture: NDArray[Any]) -> Floats:
    """(..., 3) in [0, 1] to hue, saturation and value, all in [0, 1]; grey has hue 0, and black saturation 0."""
    _three(picture)
    picture = np.asarray(picture, dtype=np.float64)
    value, spread = picture.max(axis=-1), np.ptp(picture, axis=-1)
    red, green, blue = np.moveaxis(picture, -1, 0)
    some = np.where(spread > 0, spread, 1)
    # A sixth of the circle for each pair of primaries; which one depends on the largest.
    hue = np.select(
        [spread == 0, value == red, value == green],
        [np.zeros_like(value), (green - blue) / some % 6, 2 + (blue - red) / some],
        4 + (red - green) / some,
    )
    return np.stack([hue / 6, spread / np.where(value > 0, value, 1), value], axis=-1)


def hsv_to_rgb(picture: NDArray[Any]) -> Floats:
    """The way back: each primary falls off with its distance from the hue on the circle."""
    _three(picture)
    hue, saturation, value = np.moveaxis(np.asarray(picture, dtype=np.float64), -1, 0)
    place = (np.array([5.0, 3.0, 1.0]) + 6 * hue[..., np.newaxis]) % 6
    share = np.clip(np.minimum(place, 4 - place), 0, 1)
    return np.asarray(value[..., np.newaxis] * (1 - saturation[..., np.newaxis] * share))


def rgb_to_lab(picture: NDArray[Any]) -> Floats:
    """(..., 3) sRGB in [0, 1] to L* in [0, 100], a* (green to red) and b* (blue to yellow)."""
    _three(picture)
    picture = np.asarray(picture, dtype=np.float64)
    linear = np.where(picture > 0.04045, ((picture + 0.055) / 1.055) ** 2.4, picture / 12.92)
    xyz = linear @ _XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(xyz > _DARK, np.cbrt(xyz), 7.787 * xyz + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_rgb(picture: NDArray[Any]) -> Floats:
    """The way back to sRGB; what no screen can show is clipped to [0, 1]."""
    _three(picture)
    light, a, b = np.moveaxis(np.asarray(picture, dtype=np.float64), -1, 0)
    y = (light + 16) / 116
    roots = np.stack([y + a / 500, y, np.maximum(y - b / 200, 0)], axis=-1)
    xyz = np.where(roots > 0.2068966, roots**3, (roots - 16 / 116) / 7.787) * _WHITE
    linear = xyz @ np.linalg.inv(_XYZ).T
    curved = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.asarray(np.clip(curved, 0, 1))


def _bytes(levels: NDArray[Any]) -> Bytes:
    return np.asarray(np.clip(levels, 0, 255), dtype=np.uint8)


def _three(picture: NDArray[Any]) -> None:
    if picture.ndim < 1 or picture.shape[-1] != 3:
        raise ValueError(f"a color picture has three channels last, (..., 3), not shape {picture.shape}")
