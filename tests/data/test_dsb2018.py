"""Nuclei, one mask a file: label maps, their numbers, and what is no mask."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy import ndimage

from upslope.cards import discover
from upslope.data import dsb2018
from upslope.data.loading import preview
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.instance_masks import label_map
from upslope.features import Instances
from upslope.runs.errors import DataProblem


def png(pixels, mode=None):
    file = io.BytesIO()
    picture = Pillow.fromarray(np.asarray(pixels, dtype=np.uint8))
    (picture.convert(mode) if mode else picture).save(file, "PNG")
    return file.getvalue()


def test_a_file_is_a_thing_however_many_pieces_it_has():
    one = np.zeros((6, 8))
    one[0, 0] = one[4:, 5:] = 255
    two = np.zeros((6, 8))
    two[0, 1] = 255  # touches the first
    labels = label_map([("a", png(one)), ("b", png(two))], (6, 8))
    assert labels.dtype == np.int32
    assert np.array_equal(labels, (one > 0) + 2 * (two > 0))


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA"])
def test_masks_of_any_mode_are_understood(mode):
    pixels = np.zeros((5, 4))
    pixels[1:3, 2:] = 255
    assert np.array_equal(label_map([("a", png(pixels, mode))], (5, 4)), pixels > 0)


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ([b"words"], "m0 is no picture that can be read"),
        ([png([[0, 255, 0]])], "m0 has 1 x 3 pixels, its picture 2 x 2"),
        ([png([[0, 200], [0, 255]])], "m0 holds 200, and its numbers are 0, 255"),
        ([png([[0, 0], [0, 0]])], "m0 shows nothing: no pixel is 255"),
        ([png([[0, 255], [0, 255]]), png([[0, 0], [255, 255]])], "m1 claims 1 pixels that another mask has"),
    ],
)
def test_what_is_no_mask_is_refused(masks, said):
    with pytest.raises(DataProblem, match=said):
        label_map([(f"m{k}", each) for k, each in enumerate(masks)], (2, 2))


def test_a_picture_without_things_is_a_sample_like_others():
    assert not label_map([], (3, 4)).any()


def test_numbers_are_not_negative():
    with pytest.raises(ValueError, match=r"instances, each pixel the number of its cell or 0, got -1"):
        Dataset({"cells": np.full((1, 2, 2), -1)}, {"cells": Instances("cell")})
    with pytest.raises(ValueError, match="got float32"):
        Dataset({"cells": np.ones((1, 2, 2), dtype=np.float32)}, {"cells": Instances("cell")})


def test_generated_nuclei_are_bright_numbered_and_often_touch():
    made = dsb2018.toy(rng=np.random.default_rng(0), count=20)
    touching = 0
    for image, labels in zip(made["image"], made["instances"], strict=True):
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1)), "numbers without holes"
        assert image[labels > 0].min() > image[labels == 0].mean() + 0.15
        touching += labels.max() - ndimage.label(labels > 0)[1]
    assert touching > 15, "so that connected components are not enough"


def test_instances_are_drawn():
    figure = preview.picture(discover("data")["dsb2018"], toy=True, each=4)
    shown = [axis for axis in figure.axes if axis.images]
    assert len(shown) == 4
    for axis in shown:
        picture, numbers = (image.get_array() for image in axis.images)
        assert numbers.shape == picture.shape == (64, 64)
        assert np.ma.count_masked(numbers) > 1000, "what belongs to nothing is not covered"
        assert len(np.unique(numbers.compressed())) > 2


@pytest.mark.needs("data")
def test_real_files():
    parts = {split: dsb2018.load(split, quiet=True) for split in dsb2018.CARD.splits}
    assert {split: len(part) for split, part in parts.items()} == dsb2018.CARD.splits
    names = [name for part in parts.values() for name in part["image"].sources]
    assert len(set(names)) == 51, "no picture is in two parts"
    counts, pieces, shapes = {}, {4: 0, 8: 0}, {}
    for split, part in parts.items():
        for row in part:
            assert row["image"].dtype == np.uint8
            assert row["image"].shape == row["instances"].shape
            shapes.setdefault(split, []).append(row["image"].shape)
            each = int(row["instances"].max())
            counts.setdefault(split, []).append(each)
            for number, box in enumerate(ndimage.find_objects(row["instances"]), start=1):
                mask = row["instances"][box] == number
                pieces[4] += ndimage.label(mask)[1] > 1
                pieces[8] += ndimage.label(mask, structure=np.ones((3, 3)))[1] > 1
    assert sum(map(sum, counts.values())) == 3040
    assert pieces == {4: 36, 8: 1}, "a nucleus may be in pieces: its number comes from its file"
    for split in parts:
        assert min(counts[split]) < 30, "sparse pictures"
        assert max(counts[split]) > 80, "crowded ones"
        assert len(set(shapes[split])) >= 3, "of several microscopes"
    assert (519, 162) in {shape for each in shapes.values() for shape in each}
