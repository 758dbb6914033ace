"""Photographs of handwritten digits, made by program: pens, papers, light and cameras as people have them.

A digit is a few curves through points, bent a little each time. It is written on a sheet measured in millimetres, a
camera looks at the sheet (where it stands is a projective map), light falls on it, and what the sensor and the file
format do comes last. Nothing here knows how the library reads pictures.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

# Curves (x right, y down) in a box of 1 x 1; each goes smoothly through its points and may have a corner at its end.
DIGITS = {
    0: [
        [[(0.55, 0.0), (0.18, 0.2), (0.04, 0.55), (0.22, 0.92), (0.55, 1.0), (0.88, 0.75), (0.93, 0.35), (0.55, 0.0)]],
        [[(0.5, 0.0), (0.1, 0.3), (0.1, 0.75), (0.5, 1.0), (0.9, 0.7), (0.88, 0.25), (0.62, 0.01), (0.42, 0.06)]],
    ],
    1: [
        [[(0.52, 0.0), (0.5, 0.5), (0.48, 1.0)]],
        [[(0.3, 0.2), (0.55, 0.0)], [(0.55, 0.0), (0.53, 0.5), (0.52, 1.0)]],
    ],
    2: [
        [[(0.1, 0.25), (0.35, 0.02), (0.75, 0.07), (0.84, 0.33), (0.5, 0.7), (0.06, 1.0)], [(0.06, 1.0), (0.96, 0.98)]],
        [[(0.12, 0.2), (0.5, 0.0), (0.86, 0.22), (0.6, 0.62), (0.2, 0.97), (0.12, 0.84), (0.35, 0.84), (0.95, 1.0)]],
    ],
    3: [
        [
            [(0.12, 0.12), (0.5, 0.0), (0.85, 0.2), (0.65, 0.42), (0.38, 0.47)],
            [(0.38, 0.47), (0.78, 0.54), (0.9, 0.78), (0.5, 1.0), (0.08, 0.88)],
        ],
    ],
    4: [
        [[(0.2, 0.0), (0.08, 0.58)], [(0.08, 0.58), (0.95, 0.55)], [(0.72, 0.1), (0.66, 0.55), (0.64, 1.0)]],
        [[(0.72, 0.0), (0.04, 0.66)], [(0.04, 0.66), (0.97, 0.64)], [(0.72, 0.0), (0.7, 0.5), (0.7, 1.0)]],
    ],
    5: [
        [
            [(0.88, 0.03), (0.24, 0.02)],
            [(0.24, 0.02), (0.17, 0.43)],
            [(0.17, 0.43), (0.55, 0.36), (0.9, 0.6), (0.76, 0.94), (0.4, 1.0), (0.08, 0.88)],
        ],
    ],
    6: [
        [[(0.76, 0.0), (0.32, 0.28), (0.1, 0.68), (0.4, 1.0), (0.86, 0.85), (0.76, 0.57), (0.4, 0.56), (0.12, 0.76)]],
    ],
    7: [
        [[(0.05, 0.06), (0.5, 0.03), (0.95, 0.03)], [(0.95, 0.03), (0.6, 0.45), (0.42, 1.0)]],
        [[(0.05, 0.06), (0.95, 0.03)], [(0.95, 0.03), (0.55, 0.5), (0.4, 1.0)], [(0.28, 0.52), (0.8, 0.48)]],
    ],
    8: [
        [
            [
                (0.78, 0.16),
                (0.48, 0.0),
                (0.18, 0.2),
                (0.5, 0.46),
                (0.86, 0.76),
                (0.5, 1.0),
                (0.13, 0.78),
                (0.5, 0.46),
                (0.82, 0.22),
                (0.78, 0.16),
            ]
        ],
    ],
    9: [
        [
            [(0.85, 0.2), (0.5, 0.0), (0.12, 0.22), (0.34, 0.48), (0.74, 0.4), (0.85, 0.2)],
            [(0.85, 0.2), (0.8, 0.6), (0.7, 1.0)],
        ],
        [[(0.84, 0.15), (0.45, 0.01), (0.14, 0.25), (0.4, 0.46), (0.84, 0.2), (0.84, 0.6), (0.66, 0.95), (0.25, 0.95)]],
    ],
}  # fmt: skip

INKS = {
    "blue": (0.12, 0.18, 0.52),
    "black": (0.10, 0.10, 0.11),
    "red": (0.72, 0.10, 0.14),
    "pencil": (0.46, 0.46, 0.48),
    "chalk": (0.93, 0.93, 0.90),
}
PAPERS = {
    "white": (0.95, 0.95, 0.95),
    "cream": (0.95, 0.91, 0.80),
    "grey": (0.74, 0.73, 0.70),
    "board": (0.10, 0.16, 0.14),
}
TABLES = {"dark": (0.16, 0.12, 0.10), "wood": (0.50, 0.36, 0.24), "light wood": (0.72, 0.58, 0.42)}
LINES = {"pale": (0.66, 0.74, 0.86), "blue": (0.10, 0.16, 0.50), "black": (0.08, 0.08, 0.09)}  # of ruled paper


@dataclass(frozen=True)
class Scene:
    """What is photographed, and how. Lengths are millimetres on the sheet, or parts as said."""

    tall: float = 30  # of the digit
    pen: float = 1.5  # width of a stroke
    ink: str = "blue"
    paper: str = "white"
    ruling: str = "none"  # lines (8 mm), squares (5 mm)
    line: str = "pale"  # how dark the ruling is
    share: float = 0.5  # of the picture's shorter side that the digit fills
    away: float = 0.1  # of the picture by which the digit may stand off its middle
    table: str = ""  # what lies around a sheet of A6; "" where the sheet fills the picture
    turn: float = 4  # degrees by which the camera may be turned
    tilt: float = 0.1  # of its distance by which the camera may be nearer to one end of the digit
    slant: float = 12  # degrees by which the writing may lean
    falloff: float = 0.15  # of the light, lost towards one side
    shadow: float = 0.0  # of the light, taken by a shadow across the picture
    soft: float = 0.1  # of the picture: how wide the shadow's edge is
    exposure: float = 0.95
    warm: float = 0.05  # of the blue that lamplight lacks
    blur: float = 0.0015  # of the picture's longer side
    noise: float = 0.015
    quality: int = 85  # of the JPEG
    size: tuple[int, int] = (640, 480)  # pixels, width and height, as one looks at it
    orientation: int = 1  # the tag of EXIF that says how the camera was held


def photograph(digit: int, scene: Scene, rng: np.random.Generator) -> bytes:
    """A JPEG file of the digit in this scene."""
    variants = DIGITS[digit]
    curves = [written(curve, rng) for curve in bent(variants[int(rng.integers(len(variants)))], scene, rng)]
    return saved(sensed(scenery(curves, scene, rng), scene, rng), scene)


def bent(strokes: list, scene: Scene, rng: np.random.Generator) -> list:
    """The curves in millimetres around the middle of the digit, each time a little different."""
    wide = rng.uniform(0.5, 0.75)
    lean = np.tan(np.deg2rad(rng.uniform(-0.4, 1) * scene.slant))
    moved = {}  # where two strokes meet, they meet afterwards
    done = []
    for stroke in strokes:
        points = []
        for point in stroke:
            x, y = moved.setdefault(point, np.asarray(point) + rng.normal(0, 0.018, 2)) - 0.5
            points.append((scene.tall * (wide * x - lean * y), scene.tall * y))
        done.append(np.array(points))
    return done


def written(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A smooth curve through the points (Catmull and Rom 1974) with a hand's tremor: (N, 3), the last its pressure."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, 40, endpoint=False)[:, np.newaxis]
    pieces = [
        ((-t + 2 * t**2 - t**3) * a + (2 - 5 * t**2 + 3 * t**3) * b + (t + 4 * t**2 - 3 * t**3) * c + (t**3 - t**2) * d)
        / 2
        for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False)
    ]
    curve = np.concatenate([*pieces, points[-1:]])
    size = np.ptp(points, axis=0).max()
    tremor = ndimage.gaussian_filter1d(rng.normal(0, 1, curve.shape), 12, axis=0) * 0.02 * size
    pressure = 1 + 0.6 * ndimage.gaussian_filter1d(rng.normal(0, 1, len(curve)), 15)
    return np.column_stack([curve + tremor, np.clip(pressure, 0.7, 1.3)])


def scenery(curves: list[np.ndarray], scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Table, sheet, ruling and ink as the camera's lens projects them, in even light: (H, W, 3), reflected light."""
    width, height = scene.size
    camera = Camera(scene, rng)
    paper = np.array(PAPERS[scene.paper])
    corners = np.array([(-52, -74), (52, -74), (52, 74), (-52, 74)]) + rng.uniform(-12, 12, 2)
    if scene.table:
        wood = np.array(TABLES[scene.table]) * (1 + 0.15 * grain(height, width, rng)[:, :, np.newaxis])
        sheet = drawn(scene.size, lambda pen, k: pen.polygon([tuple(k * p) for p in camera(corners)], fill=255))
        picture = wood + sheet[:, :, np.newaxis] * (paper - wood)
    else:
        sheet = np.ones((height, width), dtype=np.float32)
        picture = np.broadcast_to(paper, (height, width, 3))
    picture = picture * (1 + 0.012 * rng.normal(0, 1, (height, width, 1)))
    if scene.ruling != "none":
        lines = drawn(scene.size, lambda pen, k: rule(pen, k, camera, scene.ruling)) * sheet
        picture = picture + 0.8 * lines[:, :, np.newaxis] * (np.array(LINES[scene.line]) * paper - picture)
    ink = inked(curves, camera, scene)
    uneven = 0.94 + 0.06 * ndimage.gaussian_filter(rng.normal(0, 3, (height, width)), 1.5)
    ink = np.clip(ink * uneven, 0, 1)[:, :, np.newaxis]
    return picture + ink * (np.array(INKS[scene.ink]) - picture)


def inked(curves: list[np.ndarray], camera: "Camera", scene: Scene) -> np.ndarray:
    """How much of each pixel is ink: (H, W) in [0, 1]."""
    return drawn(scene.size, lambda pen, k: write(pen, k, camera, curves, scene.pen))


class Camera:
    """Millimetres on the sheet to pixels of the picture."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        width, height = scene.size
        angle = np.deg2rad(rng.uniform(-scene.turn, scene.turn))
        self.turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        self.scale = scene.share * min(width, height) / scene.tall
        self.tilt = rng.uniform(-scene.tilt, scene.tilt, 2) / scene.tall
        self.middle = np.array([width, height]) * (0.5 + rng.uniform(-scene.away, scene.away, 2))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        turned = points[:, :2] @ self.turn.T
        return self.middle + self.scale * turned / self.distance(points)[:, np.newaxis]

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Of each point from the camera; 1 for the middle of the digit."""
        return np.maximum(1 + points[:, :2] @ self.turn.T @ self.tilt, 0.2)


def drawn(size: tuple[int, int], draw) -> np.ndarray:
    """Smooth shapes: drawn with more pixels than there are, then made smaller. (H, W) in [0, 1]."""
    more = max(1, round(1600 / max(size)))
    canvas = Image.new("L", (size[0] * more, size[1] * more))
    draw(ImageDraw.Draw(canvas), more)
    return np.asarray(canvas.resize(size, Image.Resampling.BOX), dtype=np.float32) / 255


def write(pen: ImageDraw.ImageDraw, k: int, camera: Camera, curves: list[np.ndarray], width: float) -> None:
    """Ink: round points so near to each other that they are a stroke."""
    for curve in curves:
        places = k * camera(curve)
        radii = k * camera.scale / camera.distance(curve) * width * curve[:, 2] / 2
        for (x, y), (u, v), r in zip(places[:-1], places[1:], radii[:-1], strict=True):
            for t in np.linspace(0, 1, 2 + int(np.hypot(u - x, v - y) / max(r, 1))):
                a, b = x + t * (u - x), y + t * (v - y)
                pen.ellipse((a - r, b - r, a + r, b + r), fill=255)


def rule(pen: ImageDraw.ImageDraw, k: int, camera: Camera, ruling: str) -> None:
    """The lines or squares of the paper, 0.3 mm wide."""
    step = 8 if ruling == "lines" else 5
    for at in np.arange(-300, 300, step) + 0.5:
        ways = [[(-300, at), (300, at)]] + ([[(at, -300), (at, 300)]] if ruling == "squares" else [])
        for way in ways:
            # In pieces: far beyond the picture the projection has no meaning.
            points = np.linspace(*np.array(way, dtype=float), 60)
            kept = points[camera.distance(points) > 0.25]
            pen.line([tuple(k * p) for p in camera(kept)], fill=255, width=max(1, round(0.3 * k * camera.scale)))


def grain(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Something like wood: smooth along the rows, rough across them. Deviation 1."""
    rough = ndimage.gaussian_filter(rng.normal(0, 1, (max(height // 2, 1), max(width // 8, 1))), (1, 6))
    return np.asarray(Image.fromarray((rough / rough.std()).astype(np.float32)).resize((width, height)))


def sensed(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """What light, lens and sensor make of the scene: (H, W, 3) in [0, 1]."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    direction = rng.uniform(0, 2 * np.pi)
    across = np.cos(direction) * (x - x.max() / 2) + np.sin(direction) * (y - y.max() / 2)
    light = 1 - scene.falloff * (across - across.min()) / np.ptp(across)
    if scene.shadow:
        side = rng.uniform(0, 2 * np.pi)
        edge = np.cos(side) * (x - x.max() / 2) + np.sin(side) * (y - y.max() / 2) - rng.uniform(-0.2, 0.2)
        light = light * (1 - scene.shadow / (1 + np.exp(-8 * edge / scene.soft)))
    picture = picture * light[:, :, np.newaxis] * scene.exposure * (1, 1 - scene.warm / 3, 1 - scene.warm)
    picture = ndimage.gaussian_filter(picture.astype(np.float32), (*2 * (scene.blur * max(height, width),), 0))
    return np.clip(picture + rng.normal(0, scene.noise, picture.shape).astype(np.float32), 0, 1)


HELD = {
    1: (),
    2: ("FLIP_LEFT_RIGHT",),
    3: ("ROTATE_180",),
    4: ("FLIP_TOP_BOTTOM",),
    5: ("TRANSPOSE",),
    6: ("ROTATE_90",),
    7: ("TRANSVERSE",),
    8: ("ROTATE_270",),
}  # what was done to the pixels of a file whose tag undoes it


def saved(picture: np.ndarray, scene: Scene) -> bytes:
    """The JPEG file that the camera writes, turned as it was held, with the tag that says so."""
    image = Image.fromarray(np.round(255 * picture).astype(np.uint8))
    for how in HELD[scene.orientation]:
        image = image.transpose(Image.Transpose[how])
    exif = Image.Exif()
    exif[0x0112] = scene.orientation
    file = BytesIO()
    image.save(file, "JPEG", quality=scene.quality, exif=exif)
    return file.getvalue()
