"""Strokes are as wide as they were drawn, and of many pieces the written one weighs most."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from upslope.image.connected_components import heaviest, is_patch, stroke_width, with_neighbours


def canvas(draw, size=(240, 320)):
    """What `draw` drew in white, as a mask."""
    image = Image.new("L", size[::-1])
    draw(ImageDraw.Draw(image))
    return np.asarray(image) > 0


@pytest.mark.parametrize("width", [2, 3, 6, 9, 20])
def test_a_bar_is_as_wide_as_it_is(width):
    """From side to side of the picture, so that it has no ends."""
    bar = np.zeros((60, 4000), dtype=bool)
    bar[20 : 20 + width] = True
    assert stroke_width(bar) == pytest.approx(width, rel=0.12 if width == 3 else 0.03)
    assert stroke_width(bar.T) == stroke_width(bar)


@pytest.mark.parametrize("angle", [20, 45, 70])
def test_a_turned_bar_is_as_wide_as_before(angle):
    along = 2000 * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    bar = canvas(lambda pen: pen.line([*(200 - along), *(200 + along)], fill=255, width=12), (400, 400))
    assert stroke_width(bar) == pytest.approx(12, abs=1)


@pytest.mark.parametrize("radius", [20, 40, 80])
def test_of_a_disc_it_is_two_thirds_of_the_diameter(radius):
    """The mean distance to the edge is a third of the radius."""
    y, x = np.mgrid[-100:101, -100:101]
    assert stroke_width(x**2 + y**2 <= radius**2) == pytest.approx(4 * radius / 3, rel=0.04)


def test_of_a_ring_it_is_the_difference_of_the_radii():
    y, x = np.mgrid[-100:101, -100:101]
    ring = (x**2 + y**2 <= 80**2) & (x**2 + y**2 > 64**2)
    assert stroke_width(ring) == pytest.approx(16, abs=1)


def soft(mask, width):
    """How sharp the edges of a mask are when they are blurred so much."""
    blurred = ndimage.gaussian_filter(mask.astype(np.float32), width)
    return ndimage.gaussian_gradient_magnitude(blurred, 1.0)


def three(pen):
    pen.arc((140, 60, 180, 100), 200, 90, fill=255, width=6)
    pen.arc((140, 95, 180, 140), 270, 160, fill=255, width=6)


DISTRACTIONS = {
    "specks": (lambda pen: [pen.ellipse((x, 20, x + 4, 24), fill=255) for x in range(20, 300, 20)], 1),
    "a line from side to side": (lambda pen: pen.line((0, 200, 320, 190), fill=255, width=3), 1),
    "a blurred stroke": (lambda pen: pen.line((30, 30, 30, 200), fill=255, width=12), 8),
    "a patch": (lambda pen: pen.polygon([(20, 20), (110, 25), (100, 120), (30, 110)], fill=255), 1),
    "a disc": (lambda pen: pen.ellipse((20, 20, 110, 110), fill=255), 1),
}


@pytest.mark.parametrize("name", DISTRACTIONS)
def test_the_written_piece_is_the_heaviest(name):
    draw, width = DISTRACTIONS[name]
    written, other = canvas(three), canvas(draw)
    edges = np.maximum(soft(written, 1), soft(other, width))
    best, weight = heaviest(written | other, edges.astype(np.float32))
    assert np.array_equal(best, written)
    assert weight == pytest.approx(heaviest(written, soft(written, 1))[1], rel=0.01)


def test_an_edge_on_one_side_only_is_no_stroke():
    """The corner between a table's edges is dark, and so is what follows it."""
    strip = canvas(lambda pen: pen.rectangle((40, 180, 290, 200), fill=255))
    edges = soft(strip, 1)
    edges[192:] = 0
    best, _ = heaviest(strip | canvas(three), np.maximum(edges, soft(canvas(three), 1)).astype(np.float32))
    assert np.array_equal(best, canvas(three))


def test_a_sharper_outline_weighs_more_and_a_cut_one_less():
    mask = canvas(three)
    sharp, dull = (heaviest(mask, soft(mask, width).astype(np.float32))[1] for width in (1, 3))
    assert sharp > 2 * dull
    up = mask[60:]  # the border of the picture cuts it at its top
    assert heaviest(up, soft(mask, 1)[60:])[1] < 0.1 * sharp


def test_a_sharp_stroke_outweighs_a_longer_one_that_is_dull():
    short = canvas(lambda pen: pen.line((60, 60, 60, 130), fill=255, width=8))
    long = canvas(lambda pen: pen.line((200, 40, 200, 160), fill=255, width=8))
    edges = np.where(long, 0.6, 1) * soft(short | long, 1)
    best, _ = heaviest(short | long, edges.astype(np.float32))
    assert np.array_equal(best, short)


def test_no_piece_weighs_nothing():
    empty = np.zeros((20, 20), dtype=bool)
    assert heaviest(empty, np.zeros((20, 20), dtype=np.float32))[1] == 0


def test_what_is_a_patch():
    assert is_patch(np.ones((30, 40), dtype=bool))
    assert not is_patch(np.ones((30, 6), dtype=bool))
    ring = ~canvas(lambda pen: pen.ellipse((20, 20, 79, 99), fill=255), (120, 100))
    assert not is_patch(ring & canvas(lambda pen: pen.ellipse((0, 0, 99, 119), fill=255), (120, 100)))
    sheet = np.ones((120, 100), dtype=bool)
    sheet[20:100, 10:90:5] = False  # written on all over, so that no part of it is thick
    assert is_patch(sheet)


def test_parts_of_a_character_belong_to_it():
    """The stroke on top of a 5 that does not touch it; not a speck, not a line, not what another pen wrote."""
    body = canvas(lambda pen: pen.arc((100, 80, 160, 160), 180, 90, fill=255, width=6))
    top = canvas(lambda pen: pen.line((110, 62, 160, 62), fill=255, width=6))
    speck = canvas(lambda pen: pen.rectangle((170, 100, 172, 102), fill=255))
    line = canvas(lambda pen: pen.line((0, 170, 320, 170), fill=255, width=5))
    pale = canvas(lambda pen: pen.line((85, 80, 85, 160), fill=255, width=6))
    far = canvas(lambda pen: pen.line((260, 60, 260, 160), fill=255, width=6))
    contrast = np.where(pale, 0.3, 0.6) * (body | top | speck | line | pale | far)
    kept, alone = with_neighbours(contrast > 0, body, contrast.astype(np.float32))
    assert np.array_equal(kept, body | top)
    assert alone


def test_what_hangs_together_with_a_line_does_not_stand_alone():
    body = canvas(three)
    for line in ((0, 100, 320, 100), (100, 100, 240, 100)):
        mask = body | canvas(lambda pen, line=line: pen.line(line, fill=255, width=3))
        assert not with_neighbours(mask, body, mask.astype(np.float32))[1]
    assert with_neighbours(body, body, body.astype(np.float32))[1]
    cut = body[60:]  # the border of the picture cuts it at its top
    assert not with_neighbours(cut, cut, cut.astype(np.float32))[1]
