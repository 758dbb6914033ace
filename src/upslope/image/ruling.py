"""Taking the ruling off a sheet of paper by its geometry: long, straight, thin, and several of a kind.

Printed lines may be as dark as the pen, so no threshold tells them apart, and what is written hangs together with them.

1. Black top-hat (closing minus picture) keeps what is dark and narrow. In the Hough transform a line that goes from one
   border to the other stands out, however many strokes cross it; a stroke of a character ends within the picture.
2. Each candidate is fitted again, by a parabola, as paper is never quite flat, and must be covered nearly all along.
   One line alone may be a stroke or a table's edge; ruling has others in nearly the same direction.
3. On a line every pixel is painted over with what lies on both sides of it: paper, or, where a stroke crosses, ink. The
   stroke may cross at a slant, so several directions are tried, and the darkest that is ink on both sides counts.

R. Duda, P. Hart, "Use of the Hough Transformation to Detect Lines and Curves in Pictures", 1972,
https://doi.org/10.1145/361237.361242. J. Serra, "Image Analysis and Mathematical Morphology", 1982.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from upslope.image.read import Picture
from upslope.image.resize import Floats, with_longest

SIDE = 480  # pixels on the longer side of what is looked at
SMALLEST = 160  # pixels on the longer side: in less a stroke is as thin as a line
THICKEST = 9  # pixels there: what is wider is no printed line
FAINT = 0.1  # of the paper's light: less contrast is no line
MOST_POINTS = 6000  # that vote
ANGLES = 360  # half a degree each
LIKELY = 0.5  # votes for each pixel of a line's length, for it to be looked at more closely
COVERED = 0.75  # of a line's length that is dark
LONG = 0.5  # of the shorter side, at least
PARALLEL = np.deg2rad(12)  # lines of one ruling, in perspective
FEWEST = 2  # lines of one ruling
MOST = 80  # lines that are looked for
SLANTS = np.deg2rad((0, 30, -30, 55, -55))  # of a stroke that crosses, from the upright
BESIDE = 1.1  # of half a line's width: how far from its middle the paper is looked at
CLEARLY = 0.08  # of white: so much darker is ink

Points = NDArray[np.floating]


@dataclass(frozen=True)
class Line:
    """Where along + offset * across lies, with offset = a + b t + c t^2 and t along the line, from its middle."""

    middle: Points  # (x, y), in parts of the longer side
    along: Points  # a unit vector
    curve: Points  # c, b, a, in parts of the longer side
    width: float  # in parts of the longer side

    def place(self, points: Points) -> tuple[Points, Points]:
        """Of points (N, 2): how far along the line, and how far beside it."""
        t = (points - self.middle) @ self.along
        return t, (points - self.middle) @ self.across - np.polyval(self.curve, t)

    @property
    def across(self) -> Points:
        """The unit vector beside the line."""
        return np.array([-self.along[1], self.along[0]])

    @property
    def angle(self) -> float:
        """In [0, pi)."""
        return float(np.arctan2(self.along[1], self.along[0]) % np.pi)


def without_ruling(picture: Picture) -> Picture:
    """The picture without printed lines; the very same where there are none."""
    found = ruling(picture)
    for line in found:
        picture = _painted_over(picture, line)
    return picture


def ruling(picture: Picture) -> list[Line]:
    """The printed lines, dark on light; those of a ruling only, at least two in nearly the same direction."""
    if max(picture.shape) < SMALLEST or min(picture.shape[:2]) < 2 * THICKEST:
        return []
    small = with_longest(picture, SIDE) if max(picture.shape) > SIDE else picture
    depth, dark = _narrow(small)
    y, x = np.nonzero(dark)
    if len(x) < LONG * min(dark.shape):
        return []
    step = max(1, -(-len(x) // MOST_POINTS))
    points = np.stack([x, y], axis=1)[::step].astype(np.float64)
    near = ndimage.binary_dilation(dark, np.ones((3, 3), dtype=bool))
    lines: list[Line] = []
    for angle, distance in _candidates(points, step, dark.shape):
        line = _fitted(depth, near, points, angle, distance)
        if line is not None and not any(_same(line, other) for other in lines):
            lines.append(line)
            if len(lines) == MOST:
                break
    return [line for line in lines if sum(_apart(line, other) < PARALLEL for other in lines) >= FEWEST]


def _narrow(picture: Picture) -> tuple[Floats, NDArray[np.bool_]]:
    """How much darker than the paper on both sides of it each pixel is, in parts of the light, and which ones are."""
    light = ndimage.grey_closing(picture, size=(THICKEST + 2, THICKEST + 2, 1))
    depth = ((light - picture) / np.maximum(light, 0.05)).max(axis=2)
    noise = 1.48 * float(np.median(np.abs(depth - np.median(depth))))
    return depth, np.asarray(depth > max(FAINT, float(np.median(depth)) + 4 * noise))


def _candidates(points: Points, step: int, shape: tuple[int, ...]) -> list[tuple[float, float]]:
    """Normal angle and distance from the origin of lines that many points vote for, the best first.

    The points are one of every `step` that there are.
    """
    angles = np.arange(ANGLES) * np.pi / ANGLES
    normal = np.stack([np.cos(angles), np.sin(angles)])  # (2, angles)
    reach = int(np.hypot(shape[0], shape[1])) + 2
    # Bins of two pixels, so that a line of one pixel is not torn apart.
    bins = np.rint((points @ normal + reach) / 2).astype(np.int64)  # (points, angles)
    columns = reach + 2
    votes = np.bincount((bins + columns * np.arange(ANGLES)).ravel(), minlength=columns * ANGLES)
    distances = 2.0 * np.arange(columns) - reach
    length = _chord(normal, distances, shape)
    share = np.where(length > LONG * min(shape), step * votes.reshape(ANGLES, columns) / np.maximum(length, 1), 0)
    peaks = (share >= ndimage.maximum_filter(share, size=(5, 3), mode="wrap")) & (share > LIKELY)
    found = np.argwhere(peaks)
    found = found[np.argsort(-share[peaks], kind="stable")][: 2 * MOST]
    return [(float(angles[row]), float(distances[column])) for row, column in found]


def _chord(normal: Points, distances: Points, shape: tuple[int, ...]) -> Points:
    """How long each line is within the picture: (angles, distances)."""
    first = np.full((normal.shape[1], len(distances)), -np.inf)
    last = np.full_like(first, np.inf)
    for axis, size in ((0, shape[1]), (1, shape[0])):
        foot = normal[axis][:, np.newaxis] * distances
        way = (-normal[1] if axis == 0 else normal[0])[:, np.newaxis]
        way = np.where(np.abs(way) < 1e-9, 1e-9, way)
        ends = np.stack([-foot / way, (size - 1 - foot) / way])
        first, last = np.maximum(first, ends.min(axis=0)), np.minimum(last, ends.max(axis=0))
    return np.asarray(np.maximum(last - first, 0))


def _fitted(depth: Floats, near: NDArray[np.bool_], points: Points, angle: float, distance: float) -> Line | None:
    """The line through the points near a candidate; None where it is not dark all along."""
    shape = depth.shape
    across = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([across[1], -across[0]])  # so that (-along[1], along[0]) is across again
    middle = distance * across
    middle += (np.array([shape[1], shape[0]]) / 2 - middle) @ along * along
    beside = (points - middle) @ across
    points, beside = points[np.abs(beside) < 8], beside[np.abs(beside) < 8]
    t = (points - middle) @ along
    curve = np.zeros(3)
    for reach in (4.0, 3.0, 2.0):
        close = np.abs(beside - np.polyval(curve, t)) < reach
        if close.sum() < 20:
            return None
        curve = np.polyfit(t[close], beside[close], 2)
    span = np.arange(-max(shape), max(shape))
    places = middle + span[:, np.newaxis] * along + np.polyval(curve, span)[:, np.newaxis] * across
    inside = (places >= 0).all(axis=1) & (places <= np.array([shape[1] - 1, shape[0] - 1])).all(axis=1)
    columns, rows = np.rint(places[inside]).astype(int).T
    if len(rows) < LONG * min(shape):
        return None
    covered = near[rows, columns]
    if covered.mean() < COVERED or _gap(covered) > (1 - COVERED) * len(covered):
        return None
    # The width at half of the depth, along the line in the middle: strokes cross it here and there only.
    beyond = np.arange(-THICKEST, THICKEST + 0.25, 0.5)
    sides = places[inside][::2, np.newaxis] + beyond[:, np.newaxis] * across
    profile = np.median(ndimage.map_coordinates(depth, [sides[..., 1], sides[..., 0]], order=1), axis=0)
    width = float((profile > profile.max() / 2).sum()) / 2
    if width > THICKEST:
        return None
    scale = max(shape)
    return Line(middle / scale, along, curve * (scale, 1, 1 / scale), width / scale)


def _gap(covered: NDArray[np.bool_]) -> int:
    """The longest stretch without anything dark."""
    changes = np.flatnonzero(np.diff(np.concatenate([[True], covered, [True]]).astype(np.int8)))
    return int(np.max(np.diff(changes)[::2], initial=0))


def _apart(line: Line, other: Line) -> float:
    """The angle between two lines."""
    turn = abs(line.angle - other.angle)
    return min(turn, np.pi - turn)


def _same(line: Line, other: Line) -> bool:
    """Whether two lines are one: nowhere within the picture far from each other."""
    t = np.linspace(-0.4, 0.4, 5)
    places = line.middle + t[:, np.newaxis] * line.along + np.polyval(line.curve, t)[:, np.newaxis] * line.across
    return bool(np.median(np.abs(other.place(places)[1])) < 4 / SIDE)


def _painted_over(picture: Picture, line: Line) -> Picture:
    """The picture with what lies beside the line in its place."""
    height, width = picture.shape[:2]
    scale = max(height, width)
    half = line.width / 2 + 1.5 / min(SIDE, scale)
    t = np.arange(-scale, scale, 0.7) / scale
    spine = line.middle + t[:, np.newaxis] * line.along + np.polyval(line.curve, t)[:, np.newaxis] * line.across
    spine = spine[((spine > -half) & (spine < np.array([width, height]) / scale + half)).all(axis=1)]
    offsets = np.arange(-half * scale, half * scale + 0.7, 0.7) / scale
    near = np.rint((spine[:, np.newaxis] + offsets[:, np.newaxis] * line.across).reshape(-1, 2) * scale).astype(int)
    near = near[((near >= 0) & (near < (width, height))).all(axis=1)]
    on = np.unique(near[:, 1] * width + near[:, 0])
    points = np.stack([on % width, on // width], axis=-1) / scale
    beside = np.clip(line.place(points)[1], -half, half)
    grey = picture.mean(axis=2)
    best = np.zeros((2, len(points), 2))  # where to look on each side, in pixels
    darkest = np.full(len(points), np.inf)
    for slant in SLANTS:
        way = scale / np.cos(slant) * (np.cos(slant) * line.across + np.sin(slant) * line.along)
        ends = np.stack([points * scale + (side * half - beside)[:, np.newaxis] * way for side in (-BESIDE, BESIDE)])
        # Dark only where both ends are; straight across unless another direction shows a stroke that this one misses.
        lighter = np.maximum(*(_sampled(grey, end) for end in ends))
        better = lighter < darkest - (CLEARLY if slant else 0)
        best[:, better] = ends[:, better]
        darkest[better] = lighter[better]
    share = (beside / half + BESIDE) / (2 * BESIDE)
    made = picture.reshape(-1, 3).copy()
    for channel in range(3):
        before, after = (_sampled(picture[..., channel], end) for end in best)
        made[on, channel] = before + share * (after - before)
    return made.reshape(picture.shape)


def _sampled(levels: Floats, places: Points) -> Floats:
    """The levels (H, W) at places (x, y) between pixels."""
    made = ndimage.map_coordinates(levels, [places[:, 1], places[:, 0]], order=1, mode="nearest")
    return np.asarray(made, dtype=np.float32)
