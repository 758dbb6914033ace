"""Every data set keeps what its card says; malformed files are refused; toys can be learned from."""

import contextlib
import gzip
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upslope.data.loading.arrays import Arrays

from upslope.cards import DataCard, discover
from upslope.data import digits, fashion_mnist, mnist
from upslope.data.loading import show
from upslope.data.loading.idx import parse_idx, read_idx
from upslope.runs.problem import DataProblem

SETS = discover("data")


@pytest.fixture(params=sorted(SETS))
def found(request):
    return SETS[request.param]


def idx(shape, *, kind=8, extra=b"", values=None):
    """The bytes of an IDX file."""
    body = values if values is not None else bytes(i % 251 for i in range(int(np.prod(shape))))
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + body + extra


def test_cards_are_complete(found):
    card = found.card
    assert isinstance(card, DataCard)
    assert card.name == found.module.rsplit(".", 1)[1]
    assert card.licence
    assert card.homepage.startswith("http")
    assert card.citation
    assert {"train", "validation", "test"} == set(card.splits)
    assert bool(card.files) != bool(card.carried_by)
    for file in card.files:
        assert len(file.sha256) == 64
        assert file.size > 0
        assert all(url.endswith(file.name) for url in file.urls)
        assert file.urls


def test_toy_has_the_structure_of_the_real_set(found):
    card, module = found.card, found.load()
    made = module.toy(rng=np.random.default_rng(0), count=60)
    assert made.images.shape == (60, *card.shape)
    assert 0 <= made.images.min() < made.images.max() <= 1
    assert made.classes == card.classes
    assert np.bincount(made.labels).tolist() == [6] * 10
    same, other = module.toy(rng=np.random.default_rng(0), count=60), module.toy(rng=np.random.default_rng(1), count=60)
    assert np.array_equal(made.images, same.images)
    assert not np.array_equal(made.images, other.images)


def test_toy_can_be_learned_but_not_by_its_mean_brightness(found):
    """The nearest class mean is far above chance and short of perfect; brightness alone is near chance."""
    module = found.load()
    rng = np.random.default_rng(3)
    train, test = module.toy(rng=rng, count=400), module.toy(rng=rng, count=300)
    means = np.stack([train.images[train.labels == label].mean(axis=0) for label in range(10)])
    apart = ((test.images[:, None] - means) ** 2).sum(axis=(2, 3))
    assert 0.5 < (apart.argmin(axis=1) == test.labels).mean() < 0.97
    bright = np.abs(test.images.mean(axis=(1, 2))[:, None] - means.mean(axis=(1, 2)))
    assert (bright.argmin(axis=1) == test.labels).mean() < 0.45


def test_unknown_split_is_said(found):
    with pytest.raises(DataProblem, match=f'{found.card.name} has no split "dev"; it has train, validation, test'):
        found.load().load("dev")


def test_digits_split_is_fixed_stratified_and_disjoint():
    parts = {split: digits.load(split) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == digits.CARD.splits
    everything = np.concatenate([part.images for part in parts.values()])
    assert len(np.unique(everything.reshape(1797, -1), axis=0)) == 1797, "no image is in two parts"
    assert np.bincount(parts["test"].labels).tolist() == [40, 41, 39, 41, 40, 40, 40, 40, 39, 40]
    assert np.ptp(np.bincount(parts["validation"].labels)) <= 2
    assert parts["test"].labels[:10].tolist() == digits.load("test").labels[:10].tolist()
    assert parts["train"].images.max() == 1.0


@pytest.mark.needs("data")
@pytest.mark.parametrize("module", [mnist, fashion_mnist], ids=["mnist", "fashion_mnist"])
def test_real_files(module):
    """Counts and a checksum of the content, which the catalogue and the papers state."""
    parts = {split: module.load(split, quiet=True) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == module.CARD.splits
    assert all(part.images.shape[1:] == (28, 28) for part in parts.values())
    whole = np.bincount(np.concatenate([parts["train"].labels, parts["validation"].labels]))
    if module is mnist:
        assert whole.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert parts["train"].labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert parts["test"].labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
        assert parts["train"].images.mean() == pytest.approx(0.1307, abs=5e-4)
    else:
        assert whole.tolist() == [6000] * 10
        assert np.bincount(parts["test"].labels).tolist() == [1000] * 10
        assert parts["train"].images.mean() == pytest.approx(0.286, abs=1e-3)
    assert parts["train"].images.max() == 1.0


def test_arrays_check_themselves():
    images, labels = np.zeros((3, 2, 2), dtype=np.float32), np.array([0, 1, 1])
    arrays = Arrays(images, labels, ("a", "b"))
    assert len(arrays) == 3
    assert arrays.take([2, 0]).labels.tolist() == [1, 0]
    with pytest.raises(ValueError, match="read-only"):
        arrays.images[0] = 1
    for bad, sentence in [
        ((images.astype(np.float64), labels), "float32"),
        ((images, labels[:2]), r"need int64 labels of shape \(3,\)"),
        ((images, labels + 1), "labels run from 1 to 2, classes 2"),
        ((images, labels - 1), "labels run from -1"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            Arrays(*bad, ("a", "b"))


def test_idx_round_trip(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(idx((5, 3, 2))))
    read = read_idx(path, (5, 3, 2))
    assert read.shape == (5, 3, 2)
    assert read[4, 2, 1] == 29


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "x ends after 0 bytes, inside its header of 12"),
        (b"\0\0\x08\x02\0\0", "x ends after 6 bytes"),
        (idx((5, 3), kind=9), "x begins with 00 00 09 02: not an IDX file"),
        (idx((5, 3, 1)), "x begins with 00 00 08 03"),
        (b"\x1f\x8b" + idx((5, 3))[2:], "x begins with 1f 8b"),
        (idx((3, 5)), "x says it holds 3 x 5 values, expected 5 x 3"),
        (idx((5, 3), values=bytes(14)), "x holds 26 bytes, not the 27 bytes"),
        (idx((5, 3), extra=b"!"), "x holds more than the 27 bytes"),
    ],
)
def test_malformed_idx_is_refused(content, sentence):
    with pytest.raises(DataProblem, match=sentence):
        parse_idx(content, (5, 3), name="x")


def test_malformed_gzip_is_refused(tmp_path):
    path = tmp_path / "x.gz"
    whole = gzip.compress(idx((5, 3)))
    flipped = bytearray(whole)
    flipped[-6] ^= 255  # in the checksum
    for content in (b"", b"plain", whole[:-9], whole[:12], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(DataProblem, match=r"x(\.gz)? (is not a whole gzip file|ends after)"):
            read_idx(path, (5, 3))
    with pytest.raises(DataProblem, match="cannot be read"):
        read_idx(tmp_path / "nowhere.gz", (5, 3))


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(idx((5, 3), extra=bytes(100_000_000)), compresslevel=1))
    with pytest.raises(DataProblem, match="more than"):
        read_idx(path, (5, 3))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_parsed_or_refused(content):
    with contextlib.suppress(DataProblem):
        assert parse_idx(content, (4,), name="x").shape == (4,)


def test_any_change_of_a_file_is_parsed_or_refused(tmp_path):
    """Random damage to real gzip bytes never ends in another kind of error."""
    whole, path, chance = gzip.compress(idx((7, 4))), tmp_path / "x.gz", random.Random(1)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.randint(1, len(content))])
        try:
            assert read_idx(path, (7, 4)).shape == (7, 4)
        except DataProblem:
            refused += 1
    assert refused > 250


def test_show_draws_every_class(found, tmp_path):
    figure = show.picture(found, toy=True, each=2)
    (axis,) = figure.axes
    assert len(axis.images) == 20
    assert [text.get_text() for text in axis.texts] == [*found.card.classes, *found.card.classes]
    saved = show.save(found, tmp_path / "pictures" / "x.png", toy=True)
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert saved.stat().st_size > 5000
