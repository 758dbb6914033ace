"""Sheets of paper are found in made scenes, and nothing else is taken for one."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from upslope.image.document_detection import is_sheet, sheets

SIZE = (300, 400)  # height and width


def polygon(*corners, size=SIZE):
    """A mask of a polygon; corners are (x, y)."""
    image = Image.new("L", size[::-1])
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return np.asarray(image) > 0


def ellipse(*box, size=SIZE):
    image = Image.new("L", size[::-1])
    ImageDraw.Draw(image).ellipse(box, fill=255)
    return np.asarray(image) > 0


OUTLINES = {
    "square": polygon((100, 50), (300, 50), (300, 250), (100, 250)),
    "turned": polygon((200, 20), (330, 150), (200, 280), (70, 150)),
    "in perspective": polygon((150, 40), (250, 50), (320, 270), (60, 260)),
    "small": polygon((150, 140), (205, 135), (210, 200), (148, 195)),
    "cut by one side": polygon((100, -1), (300, -1), (320, 200), (90, 220)),
    "cut at a corner": polygon((-200, 100), (150, -200), (300, 100), (50, 350)),
    "a corner of it": polygon((-100, -100), (250, -100), (180, 150), (-100, 200)),
    "a corner turned down": polygon((100, 50), (290, 50), (300, 60), (300, 250), (100, 250)),
}
OTHERS = {
    "a round 0": ellipse(120, 50, 280, 250),
    "a disc": ellipse(100, 50, 300, 250),
    "a cut disc": ellipse(100, -80, 300, 120),
    "an L": polygon((100, 50), (160, 50), (160, 190), (300, 190), (300, 250), (100, 250)),
    "a 7": polygon((100, 50), (300, 50), (300, 90), (200, 250), (150, 250), (240, 90), (100, 90)),
    "a star": polygon((200, 20), (230, 130), (340, 130), (250, 190), (280, 290), (200, 220), (120, 290), (150, 190)),
    "an octagon": polygon(*((200 + 100 * np.cos(a), 150 + 100 * np.sin(a)) for a in np.arange(8) * np.pi / 4)),
}


@pytest.mark.parametrize("name", OUTLINES)
def test_what_has_the_outline_of_a_sheet(name):
    assert is_sheet(OUTLINES[name])


@pytest.mark.parametrize("name", OTHERS)
def test_what_has_another_outline(name):
    assert not is_sheet(OTHERS[name])


def scene(mask, *, paper=0.9, table=0.2, ink=0.1, noise=0.01):
    """A sheet on a table, a cross in the middle of the sheet, and where it is."""
    rng = np.random.default_rng(8)
    picture = np.where(mask, paper, table)
    rows, columns = np.nonzero(mask)
    row, column = int(rows.mean()), int(columns.mean())
    arm = max(4, int(np.sqrt(mask.sum()) / 10))
    picture[row - 1 : row + 2, column - arm : column + arm] = ink
    picture[row - arm : row + arm, column - 1 : column + 2] = ink
    grey = picture + rng.normal(0, noise, picture.shape)
    return np.clip(np.repeat(grey[..., None], 3, axis=2), 0, 1).astype(np.float32)


@pytest.mark.parametrize("name", OUTLINES)
@pytest.mark.parametrize("table", [0.1, 0.6])
def test_the_table_is_painted_over_and_the_writing_stays(name, table):
    mask = OUTLINES[name]
    rows, columns = np.nonzero(mask)
    box = np.array([np.ptp(rows) + 1, np.ptp(columns) + 1])
    crossed = (scene(mask, table=0.9, noise=0).mean(axis=2) < 0.5).sum()
    pages = list(sheets(scene(mask, table=table)))
    assert pages
    for page in pages:
        lost = box - page.shape[:2]  # sharp corners, mostly
        assert np.all((lost >= 0) & (lost < 0.07 * max(SIZE)))
        light = page.mean(axis=2)
        # A pixel in four hundred may be what is left of the table where the outline was rounded.
        assert np.mean((light < 0.8) & (light > 0.3)) < 0.0025
        assert np.median(light) == pytest.approx(0.9, abs=0.01)
        assert (light < 0.5).sum() == pytest.approx(crossed, rel=0.1)


@pytest.mark.parametrize("name", OTHERS)
def test_a_bright_thing_of_another_outline_is_no_sheet(name):
    assert list(sheets(scene(OTHERS[name]))) == []


def test_a_page_that_fills_the_picture_holds_no_sheet():
    assert list(sheets(scene(np.ones(SIZE, dtype=bool)))) == []


def test_light_that_falls_off_is_no_table():
    page = scene(np.ones(SIZE, dtype=bool))
    assert list(sheets(page * np.linspace(0.5, 1, SIZE[1], dtype=np.float32)[None, :, None])) == []


@pytest.mark.parametrize("table", [0.1, 0.2])
def test_a_sheet_half_in_shadow_is_found_whole(table):
    """Beside its lit half, which is one, too, as far as outlines tell."""
    mask = OUTLINES["in perspective"]
    picture = scene(mask, table=table, ink=0.9)
    picture[:, :200] *= 0.5
    sizes = [page.shape[0] * page.shape[1] for page in sheets(picture)]
    rows, columns = np.nonzero(mask)
    whole = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert any(size == pytest.approx(whole, rel=0.15) for size in sizes)


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (28, 28), (30, 2000)])
def test_small_and_long_pictures_are_no_accident(size):
    for level in (0, 0.5, 1):
        assert list(sheets(np.full((*size, 3), level, dtype=np.float32))) == []
    noise = np.random.default_rng(1).random((*size, 3)).astype(np.float32)
    assert isinstance(list(sheets(noise)), list)
