"""Pictures with prompts: every word is true of its picture, and what is kept out of training is kept out of it."""

import numpy as np
import pytest

from upslope.data import things, two_things
from upslope.data.loading import colored_things
from upslope.data.loading.colored_things import COLORS, THINGS, held_out, smaller


def test_the_names_on_the_cards_are_those_that_are_drawn():
    for module in (things, two_things):
        assert module.THINGS == THINGS
        assert tuple(COLORS) == module.COLORS


def test_ten_pairs_are_held_out_and_each_word_is_in_others():
    thing, color = (each.ravel() for each in np.mgrid[:14, :5])
    out = held_out(thing, color)
    assert out.sum() == 10
    assert np.bincount(color[out], minlength=5).tolist() == [2] * 5
    assert np.bincount(thing[out], minlength=14).max() == 1


def test_pairs_come_equally_often_and_training_has_sixty():
    for unseen, count in ((False, 60), (True, 70)):
        thing, color = colored_things.pairs(5 * count, rng=np.random.default_rng(0), unseen=unseen)
        found = np.bincount(5 * thing + color, minlength=70)
        assert sorted(set(found.tolist())) == ([5] if unseen else [0, 5])
        assert (held_out(thing, color).any()) == unseen


def test_a_thing_is_made_smaller_by_the_area_that_each_pixel_covers():
    images = np.random.default_rng(0).random((2, 28, 28))
    small = smaller(images)
    assert small.shape == (2, 16, 16)
    assert small.mean() == pytest.approx(images.mean(), abs=1e-6)
    first = images[0, :2, :2] * np.outer([1, 0.75], [1, 0.75])
    assert small[0, 0, 0] == pytest.approx(first.sum() / 1.75**2, abs=1e-6)
    assert smaller(np.ones((1, 28, 28))).max() <= 1


def seen_colors(picture):
    """The channels that are lit."""
    return tuple((picture.reshape(-1, 3).max(axis=0) > 0.1).astype(int))


def test_the_color_is_that_of_the_prompt():
    made = things.toy(rng=np.random.default_rng(0), count=70)
    assert len(set(made["text"])) == 70
    for picture, text, thing, color in zip(made["image"], made["text"], made["thing"], made["color"], strict=True):
        assert text == f"a {things.COLORS[color]} {things.THINGS[thing]}"
        assert seen_colors(picture) == tuple(COLORS.values())[color]


def test_left_is_left():
    made = two_things.toy(rng=np.random.default_rng(0), count=70)
    for row in made:
        words = row["text"].split()
        assert words[3:5] == ["left", "of"]
        for half, place, said in ((slice(0, 16), "left", words[1:3]), (slice(16, 32), "right", words[6:8])):
            assert said == [two_things.COLORS[row[f"{place}_color"]], two_things.THINGS[row[f"{place}_thing"]]]
            assert seen_colors(row["image"][:, half]) == COLORS[said[0]]


@pytest.mark.needs("data")
def test_real_material():
    """Counts of the card; sixty prompts to learn from, seventy to be asked for; no image in two parts."""
    parts = {split: things.load(split, quiet=True) for split in things.CARD.splits}
    assert {split: len(part) for split, part in parts.items()} == things.CARD.splits
    assert [len(set(parts[split]["text"])) for split in ("train", "validation", "test")] == [60, 60, 70]
    shapes = {split: {part.max(axis=-1).tobytes() for part in parts[split]["image"]} for split in parts}
    assert not shapes["test"] & shapes["train"]
    again = things.load("test", quiet=True)
    assert np.array_equal(again["image"], parts["test"]["image"])
    scenes = two_things.load("validation", quiet=True)
    assert len(scenes) == two_things.CARD.splits["validation"]
    assert not held_out(scenes["left_thing"], scenes["left_color"]).any()
    assert not held_out(scenes["right_thing"], scenes["right_color"]).any()
