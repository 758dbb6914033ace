"""Boxes from VOC's files, and the pictures of blood with them."""

import numpy as np
import pytest

from upslope.data import bccd
from upslope.data.loading.archives import contents, members
from upslope.data.loading.boxed_pictures import at_size
from upslope.data.loading.dataset import Dataset, Ragged
from upslope.data.loading.fetch import get
from upslope.data.loading.voc import annotation, columns
from upslope.runs.errors import DataProblem

OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def file(*objects):
    return f"<annotation>{''.join(OBJECT.format(*each) for each in objects)}</annotation>".encode()


def test_boxes_without_area_are_counted_and_left_out():
    said = annotation(file(("a", 1, 2, 5, 9), ("b", 3, 3, 3, 8), ("b", 0, 0, 2, 2)), ("a", "b"), name="x.xml")
    assert said.boxes.tolist() == [[1, 2, 5, 9], [0, 0, 2, 2]]
    assert said.labels.tolist() == [0, 1]
    assert said.without_area == 1


def test_pictures_without_objects_are_samples_like_others():
    for given in ([annotation(file(), ("a",), name="x")], [annotation(file(), ("a",), name="x")] * 3, []):
        made = columns(given)
        assert made["boxes"].values.shape == (0, 4)
        assert len(made["boxes"]) == len(made["label"]) == len(given)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<annotation><object>", "x.xml is no VOC annotation"),
        (b"not xml", "x.xml is no VOC annotation"),
        (file(("a", 1, 2, "wide", 9)), "could not convert string to float: 'wide'"),
        (b"<a><object><name>a</name></object></a>", "an object without bndbox/xmin"),
        (file(("c", 1, 2, 5, 9)), 'x.xml holds a "c"; the classes are a, b'),
    ],
)
def test_what_is_no_annotation_is_said(content, said):
    with pytest.raises(DataProblem, match=said):
        annotation(content, ("a", "b"), name="x.xml")


def test_pictures_of_any_size_come_to_one_with_their_boxes():
    """A white square on black is found where its box says it is."""
    rng = np.random.default_rng(0)
    pictures, boxes = [], []
    for _ in range(8):
        height, width = (int(n) for n in rng.integers(60, 200, 2))
        picture = np.zeros((height, width, 3), dtype=np.float32)
        top, left = int(rng.integers(0, height - 40)), int(rng.integers(0, width - 40))
        picture[top : top + 40, left : left + 40] = 1
        pictures.append(picture)
        boxes.append(np.array([[left, top, left + 40, top + 40]], dtype=np.float32))
    lazy = [Dataset({"image": np.stack([p]), "boxes": Ragged.of([b]), "label": Ragged.of([[0]], dtype=np.int64)},
                    bccd.CARD.features) for p, b in zip(pictures, boxes, strict=True)]  # fmt: skip
    for one in lazy:
        made = at_size(one, 64, 96)
        assert made["image"].shape == (1, 64, 96, 3)
        assert made["image"].dtype == np.uint8
        rows, across = np.nonzero(made["image"][0, :, :, 0] > 200)
        edges = [across.min(), rows.min(), across.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(made["boxes"][0][0], edges, atol=1)


def test_generated_cells_lie_in_their_boxes():
    made = bccd.toy(rng=np.random.default_rng(0), count=20)
    for image, boxes, labels in zip(made["image"], made["boxes"], made["label"], strict=True):
        for (left, top, right, bottom), kind in zip(boxes, labels, strict=True):
            assert 0 <= left < right <= image.shape[1]
            assert 0 <= top < bottom <= image.shape[0]
            assert kind in (0, 1, 2)
    assert set(made["label"].values) == {0, 1, 2}


@pytest.mark.needs("data")
def test_real_files():
    """The counts of the catalogue; the two boxes without area are where the card says."""
    parts = {split: bccd.load(split, quiet=True) for split in bccd.CARD.splits}
    assert {split: len(part) for split, part in parts.items()} == bccd.CARD.splits
    counts = sum(np.bincount(part["label"].values, minlength=3) for part in parts.values())
    assert counts.tolist() == [4153, 372, 361]
    for part in parts.values():
        boxes = part["boxes"].values
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert boxes.min() >= 0
        assert (boxes <= [640, 480, 640, 480]).all()
    assert parts["test"].row(0)["image"].shape == (480, 640, 3)
    path = get(bccd.CARD, quiet=True) / "BCCD.zip"
    names = members(path, suffix=".xml")
    flat = [
        n for n, c in zip(names, contents(path, names), strict=True) if annotation(c, bccd.CLASSES, name=n).without_area
    ]
    assert [name[-8:-4] for name in flat] == ["0338", "0343"]
    assert all(name[-21:-4].rpartition("/")[2] in bccd.CARD.note for name in flat)
