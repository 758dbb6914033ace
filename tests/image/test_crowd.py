"""More than one character, or thing, in a picture is said, and which of them is looked at; parts of one are one."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from upslope.data import fashion_mnist
from upslope.image.crowd import side_by_side, which
from upslope.image.preprocess import handwriting, product

STROKES = {
    "7": [[(0, 0), (60, 2), (20, 100)]],
    "1": [[(30, 0), (26, 100)]],
    "5 in two parts": [[(20, 0), (60, 0)], [(18, 14), (14, 44), (50, 46), (60, 80), (10, 100)]],
    "4 in two parts": [[(10, 0), (0, 60), (42, 60)], [(52, 20), (50, 100)]],
    "i": [[(30, 30), (30, 100)], [(30, 4), (31, 8)]],
}


def page(*characters, size=(420, 300), width=9):
    """Characters on white paper, each with the place of its upper left corner."""
    image = Image.new("L", size, 255)
    for name, (x, y) in characters:
        for stroke in STROKES[name]:
            ImageDraw.Draw(image).line([(x + a, y + b) for a, b in stroke], fill=20, width=width, joint="curve")
    return np.repeat(np.asarray(image, dtype=np.float32)[..., None] / 255, 3, axis=2)


def said(picture, prepare=handwriting):
    crowd = []
    made = prepare(picture, crowd=crowd)
    assert np.array_equal(made, prepare(picture)), "what is said changes nothing"
    return crowd, made


@pytest.mark.parametrize("gap", [20, 30, 80])
def test_two_digits_beside_each_other(gap):
    crowd, made = said(page(("7", (100, 90)), ("1", (100 + 60 - 26 + gap, 90))))
    assert crowd in (
        ["2 characters, and only the left one is looked at"],
        ["2 characters, and only the right one is looked at"],
    )
    name = "7" if "left" in crowd[0] else "1"
    assert np.corrcoef(made.ravel(), handwriting(page((name, (150, 90)))).ravel())[0, 1] > 0.9


def test_two_below_each_other_and_three():
    crowd, _ = said(page(("7", (150, 40)), ("7", (150, 180))))
    assert crowd[0].startswith("2 characters, and only the ")
    assert any(word in crowd[0] for word in ("upper", "lower"))
    crowd, _ = said(page(("7", (60, 90)), ("7", (170, 90)), ("7", (280, 90))))
    assert crowd[0].startswith("3 characters, and only number ")
    assert "of 3 from the left" in crowd[0]


@pytest.mark.parametrize("name", STROKES)
def test_one_character_is_one(name):
    crowd, _ = said(page((name, (150, 90))))
    assert crowd == []


def test_a_speck_and_a_blot_are_no_characters():
    picture = page(("7", (150, 90)))
    picture[40:44, 40:44] = 0
    picture[100:200, 300:390] = 0.1
    assert said(picture)[0] == []


def box(top, bottom, left, right):
    return (slice(top, bottom), slice(left, right))


def test_the_names_of_places():
    left, right, low = box(0, 10, 0, 5), box(1, 11, 20, 25), box(50, 60, 1, 6)
    assert [which([left, right], k) for k in (0, 1)] == ["the left one", "the right one"]
    assert [which([low, left], k) for k in (0, 1)] == ["the lower one", "the upper one"]
    assert which([right, left, box(0, 10, 40, 45)], 0) == "number 2 of 3 from the left"


def test_what_stands_side_by_side():
    tall = box(0, 100, 0, 40)
    assert side_by_side(tall, box(10, 100, 50, 90))
    assert not side_by_side(tall, box(10, 100, 43, 90)), "a pen that was lifted for a moment"
    assert not side_by_side(tall, box(60, 100, 50, 90)), "a part, or a comma"
    assert not side_by_side(tall, box(80, 180, 50, 90)), "another line"


def test_two_garments_are_said_to_be_looked_at_as_one():
    images = fashion_mnist.toy(rng=np.random.default_rng(6), count=12)["image"]
    for image in images:
        large = np.kron(image, np.ones((6, 6)))
        alone, two = np.zeros((260, 460)), np.zeros((260, 460))
        alone[40:208, 30:198] = two[40:208, 30:198] = large
        two[40:208, 260:428] = large
        colours = [np.repeat(1 - each[..., None], 3, axis=2).astype(np.float32) for each in (alone, two)]
        assert said(colours[0], product)[0] == []
        assert said(colours[1], product)[0] == ["2 things, and they are looked at as one"]
