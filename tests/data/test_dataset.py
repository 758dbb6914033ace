"""A data set holds columns of every kind, checks them against their features, and may be larger than memory."""

import subprocess
import sys

import numpy as np
import pytest

from upslope.data.loading.dataset import Dataset, Lazy, Ragged
from upslope.features import Audio, Boxes, ClassLabel, Image, Mask, Sequence, Text, Tokens, Value

IMAGES = np.zeros((3, 2, 2), dtype=np.float32)
LABELS = np.array([0, 1, 1])
FEATURES = {"image": Image((2, 2)), "label": ClassLabel(("a", "b"))}


def test_columns_of_every_kind_are_taken_together():
    boxes = Ragged.of([np.ones((2, 4)), np.zeros((0, 4)), np.full((1, 4), 7)], dtype=np.float32)
    decoded = []

    def decode(name):
        decoded.append(name)
        return np.full((5, 5), ord(name), dtype=np.uint8)

    data = Dataset(
        {
            "photo": Lazy("xyz", decode),
            "boxes": boxes,
            "caption": ("one", "two", "three"),
            "tokens": Ragged.of([[1, 2], [3], []], dtype=np.int64),
            "sound": Ragged.of([[0.5], [0.25, -1.0], [0.0]], dtype=np.float32),
            "words": Ragged.of([[0, 1], [1], [0]], dtype=np.int64),
            "seconds": np.array([1.0, 2.0, 3.0], dtype=np.float32),
            "mask": np.zeros((3, 4, 4), dtype=np.uint8),
        },
        {
            "photo": Image(()),
            "boxes": Boxes("xyxy"),
            "caption": Text(),
            "tokens": Tokens(vocab_size=4),
            "sound": Audio(rate=8000),
            "words": Sequence(ClassLabel(("noun", "verb"))),
            "seconds": Value(unit="s"),
            "mask": Mask(("thing", "stuff")),
        },
    )
    assert len(data) == 3
    assert decoded == [], "nothing is decoded before it is asked for"
    taken = data.take([2, 0])
    assert decoded == []
    row = taken.row(0)
    assert decoded == ["z"]
    assert row["photo"][0, 0] == ord("z")
    assert row["boxes"].tolist() == [[7, 7, 7, 7]]
    assert row["caption"] == "three"
    assert row["tokens"].tolist() == []
    assert row["seconds"] == 3.0
    assert taken["boxes"].lengths.tolist() == [1, 2]
    assert taken["caption"] == ("three", "one")
    assert [len(r["sound"]) for r in data.take(slice(1, None))] == [2, 1]
    assert all(feature.describe() for feature in data.features.values())


def test_nobody_changes_a_column():
    data = Dataset({"image": IMAGES.copy(), "label": LABELS}, FEATURES)
    with pytest.raises(ValueError, match="read-only"):
        data["image"][0] = 1
    assert data.classes == ("a", "b")


@pytest.mark.parametrize(
    ("columns", "features", "sentence"),
    [
        ({"image": IMAGES.astype(np.float64), "label": LABELS}, FEATURES, r"float32 or uint8 \(N, 2, 2\), got float64"),
        ({"image": IMAGES[:, :1], "label": LABELS}, FEATURES, r"got float32 \(3, 1, 2\)"),
        ({"image": IMAGES, "label": LABELS[:2]}, FEATURES, "all columns must have the same length, got .*3.*2"),
        ({"image": IMAGES, "label": LABELS + 1}, FEATURES, "label runs from 1 to 2, and there are 2"),
        ({"image": IMAGES, "label": LABELS - 1}, FEATURES, "label runs from -1"),
        ({"image": IMAGES}, FEATURES, "the features are image, label; the columns are image"),
        ({"t": ["a"]}, {"t": Text()}, "a tuple of str, got list"),
        ({"t": ("a",)}, {"t": Image((2, 2))}, "got a tuple of str"),
        ({"b": np.zeros((3, 4), dtype=np.float32)}, {"b": Boxes()}, "a Ragged column, got an array"),
        ({"t": np.array([[5]])}, {"t": Tokens(vocab_size=5)}, "t runs from 5 to 5, and there are 5"),
    ],
)
def test_what_is_not_as_its_feature_says_is_refused(columns, features, sentence):
    with pytest.raises(ValueError, match=sentence):
        Dataset(columns, features)


def test_ragged_rows_are_what_they_were():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(int(n), 2)) for n in rng.integers(0, 9, size=40)]
    ragged = Ragged.of(rows)
    index = rng.permutation(40)
    for column, expected in ((ragged, rows), (ragged.take(index), [rows[n] for n in index])):
        assert len(column) == len(expected)
        assert all(np.array_equal(a, b) for a, b in zip(column, expected, strict=True))
    assert np.array_equal(ragged[-1], rows[-1])
    with pytest.raises(IndexError):
        ragged[40]
    for offsets, sentence in (([0, 3], "offsets run from 0 to 2"), ([0, 2, 1, 2], "offsets never fall")):
        with pytest.raises(ValueError, match=sentence):
            Ragged(np.zeros(2), np.array(offsets))


PROGRAM = """
import sys
import numpy as np
from upslope.data.loading.dataset import Dataset
from upslope.features import ClassLabel, Image
from upslope.training.batches import Batches

rows, side = int(sys.argv[2]), 256
images = np.memmap(sys.argv[1], dtype=np.uint8, mode="r", shape=(rows, side, side))
features = {"image": Image((side, side)), "label": ClassLabel(tuple("0123456789"))}
dataset = Dataset({"image": images, "label": np.arange(rows) % 10}, features)
batches = Batches(dataset, batch_size=64, seed=0)
for step in range(1, batches.per_epoch + 1):
    batch = batches.at(step)
assert batch["image"].shape == (64, side, side) and batches.per_epoch == rows // 64
most = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
print(images.nbytes, int(most) * 1024)
"""


@pytest.mark.needs("torch")
@pytest.mark.skipif(sys.platform != "linux", reason="it reads the resident size as Linux counts it")
def test_a_set_of_two_gigabytes_is_read_from_disk(tmp_path):
    """A whole epoch of it (a sparse file of zeros) stays below 500 MB resident, PyTorch's own 300 MB among them."""
    path, rows = tmp_path / "images.bin", 32768
    with path.open("wb") as file:
        file.truncate(rows * 256 * 256)
    words = [sys.executable, "-c", PROGRAM, str(path), str(rows)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    size, most = map(int, done.stdout.split())
    assert size == 2 * 2**30
    assert most < 500 * 2**20
