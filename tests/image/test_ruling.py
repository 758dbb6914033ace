"""Printed lines go, however dark; what is written stays, where it crosses them as well."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from upslope.image.ink_segmentation import find_strokes
from upslope.image.preprocess import handwriting
from upslope.image.read import read_picture
from upslope.image.ruling import ruling, without_ruling


def page(draw, size=(400, 300), more=4):
    """A white page with black on it, smooth: drawn larger, then made smaller."""
    image = Image.new("L", (size[0] * more, size[1] * more), 255)
    draw(ImageDraw.Draw(image), more)
    small = np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float32) / 255
    return np.repeat(small[..., None], 3, axis=2)


def ruled(pen, k, *, slope=0.0, step=40, width=2.5):
    for at in range(20, 460, step):
        pen.line([(0, k * at), (k * 400, k * (at - slope * 400))], fill=0, width=round(k * width))


def seven(pen, k, width=8):
    points = [(150, 70), (240, 72), (185, 230)]
    pen.line([(k * x, k * y) for x, y in points], fill=0, width=k * width, joint="curve")


def both(pen, k, **how):
    ruled(pen, k, **how)
    seven(pen, k)


@pytest.mark.parametrize("slope", [0.0, 0.06, -0.2])
def test_the_lines_are_found_where_they_are(slope):
    found = ruling(page(lambda pen, k: both(pen, k, slope=slope)))
    expected = [at - slope * 200 for at in range(20, 460, 40) if 12 < at - slope * 200 < 288]
    heights = []
    for line in found:
        t = (200 / 400 - line.middle[0]) / line.along[0]
        place = line.middle + t * line.along + np.polyval(line.curve, t) * line.across
        heights.append(400 * place[1])
        if 5 < heights[-1] < 295:  # of one on the border half is seen
            assert 400 * line.width == pytest.approx(2.5, abs=1.5)
    for height in expected:
        assert min(abs(np.array(heights) - height)) < 1.5


@pytest.mark.parametrize("slope", [0.0, 0.06, -0.2])
def test_what_is_written_stays(slope):
    plain = page(seven)
    made = without_ruling(page(lambda pen, k: both(pen, k, slope=slope)))
    ink = plain[..., 0] < 0.5
    assert (made[..., 0][ink] < 0.5).mean() > 0.97
    inner = np.zeros_like(ink)
    inner[15:285, 10:390] = True
    assert (made[..., 0][~ink & inner] < 0.5).mean() < 0.004


def test_lines_that_bend_a_little():
    """Paper is never quite flat: these are 6 pixels off a straight line in their middle."""

    def bent(pen, k):
        for at in range(30, 300, 40):
            x = np.linspace(0, 400, 60)
            y = at + 6 * (1 - ((x - 200) / 200) ** 2)
            pen.line([(k * a, k * b) for a, b in zip(x, y, strict=True)], fill=0, width=round(2.5 * k))

    made = without_ruling(page(bent))
    assert (made[15:280] < 0.5).mean() < 0.002


NONE = {
    "a digit": seven,
    "a large 1": lambda pen, k: pen.line([(k * 200, k * 20), (k * 190, k * 280)], fill=0, width=4 * k),
    "one line from side to side": lambda pen, k: pen.line([(0, k * 200), (k * 400, k * 190)], fill=0, width=2 * k),
    "thick bars": lambda pen, k: ruled(pen, k, step=60, width=20),
    "a frame": lambda pen, k: pen.rectangle((k * 150, k * 90, k * 250, k * 210), outline=0, width=3 * k),
    "nothing": lambda pen, k: None,
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_ruling(name):
    shown = page(NONE[name])
    assert without_ruling(shown) is shown


def test_noise_and_small_pictures_have_none():
    noise = np.random.default_rng(0).random((240, 320, 3)).astype(np.float32)
    assert ruling(noise) == []
    assert ruling(page(both)[::4, ::4]) == []


def test_where_only_lines_are_they_are_what_is_written():
    assert find_strokes(page(lambda pen, k: ruled(pen, k, step=400))) is not None


DARK = {
    "lines in blue": {"ruling": "lines", "line": "blue", "pen": 0.7, "tall": 16},
    "lines in black": {"ruling": "lines", "line": "black", "ink": "black", "pen": 1, "tall": 16},
    "squares in blue": {"ruling": "squares", "line": "blue", "pen": 0.8, "tall": 14},
    "squares in black": {"ruling": "squares", "line": "black", "ink": "black", "pen": 1.2, "tall": 20},
}


@pytest.mark.parametrize("name", DARK)
@pytest.mark.parametrize("digit", [3, 7])
def test_ruling_as_dark_as_the_pen_does_not_matter(name, digit, photographs, tmp_path):
    made = []
    for scene in (DARK[name], DARK[name] | {"ruling": "none"}):
        content = photographs.photograph(
            digit, photographs.Scene(size=(400, 300), **scene), np.random.default_rng(digit)
        )
        (tmp_path / "x.jpg").write_bytes(content)
        made.append(handwriting(read_picture(tmp_path / "x.jpg")))
    moved = [np.roll(made[1], (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert max(float(np.corrcoef(made[0].ravel(), one.ravel())[0, 1]) for one in moved) > 0.85
