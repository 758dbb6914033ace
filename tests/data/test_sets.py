"""Every data set keeps what its card says; malformed files are refused; toys can be learned from."""

import contextlib
import gzip
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upslope.cards import DataCard, discover
from upslope.data import digits, fashion_mnist, mnist
from upslope.data.loading import preview
from upslope.data.loading.dataset import Dataset, Ragged
from upslope.data.loading.idx import parse_idx, read_idx
from upslope.features import Audio, ClassLabel, Image, Text, Tokens
from upslope.runs.errors import DataProblem

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
    assert card.features
    assert all(each.describe() for each in card.features.values())
    assert bool(card.files) != bool(card.carried_by)
    for file in card.files:
        assert len(file.sha256) == 64
        assert file.size > 0
        assert all(url.rpartition("/")[2] == file.name.rpartition("/")[2] for url in file.urls)
        assert file.urls or "mirror" in card.note, "where there is no public address, the note says how to get it"


def same(one, other):
    """Whether two columns hold the same."""
    if isinstance(one, Ragged):
        return np.array_equal(one.values, other.values) and np.array_equal(one.offsets, other.offsets)
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def test_toy_has_the_structure_of_the_real_set(found):
    """The same columns with the same features (which a `Dataset` checks when it is made), and any number of samples."""
    card, module = found.card, found.load()
    made = module.toy(rng=np.random.default_rng(0), count=60)
    assert made.features == dict(card.features)
    assert isinstance(made, Dataset)
    assert len(made) >= 1
    again, other = (
        module.toy(rng=np.random.default_rng(0), count=60),
        module.toy(rng=np.random.default_rng(1), count=60),
    )
    assert all(same(made[name], again[name]) for name in card.features)
    assert not all(same(made[name], other[name]) for name in card.features)


def test_what_a_toy_holds_is_what_its_features_say(found):
    """Each kind of feature has something of its own to keep."""
    made = found.load().toy(rng=np.random.default_rng(0), count=60)
    for name, feature in made.features.items():
        column = made[name]
        match feature:
            case Image():
                assert 0 <= column.min() < column.max() <= 1
            case ClassLabel(names):
                counts = np.bincount(column, minlength=len(names))
                assert counts.min() >= counts.max() - 1, "each class as often as any other"
            case Text():
                assert all(column)
            case Tokens(vocab_size):
                values = column.values if isinstance(column, Ragged) else column
                assert len(np.unique(values)) > min(10, vocab_size // 2)
            case Audio():
                for row in column:
                    assert 0 < np.abs(row).max() <= 1
            case _:
                pass


PICTURES = sorted(n for n, each in SETS.items() if list(map(type, each.card.features.values())) == [Image, ClassLabel])


def brightness(images):
    """The mean of each image, grey (N, H, W) or in colour (N, H, W, 3)."""
    return images.reshape(len(images), -1).mean(axis=1)


@pytest.mark.parametrize("name", PICTURES)
def test_toy_pictures_can_be_learned_but_not_by_their_mean_brightness(name):
    """The nearest class mean is far above chance and short of perfect; brightness alone is near chance."""
    module = SETS[name].load()
    rng = np.random.default_rng(3)
    train, test = module.toy(rng=rng, count=400), module.toy(rng=rng, count=300)
    classes = range(len(train.classes))
    means = np.stack([train["image"][train["label"] == label].mean(axis=0) for label in classes])
    apart = ((test["image"][:, None] - means) ** 2).reshape(len(test), len(classes), -1).sum(axis=2)
    assert 0.5 < (apart.argmin(axis=1) == test["label"]).mean() < 0.97
    bright = np.abs(brightness(test["image"])[:, None] - brightness(means))
    assert (bright.argmin(axis=1) == test["label"]).mean() < 0.45


def test_unknown_split_is_said(found):
    with pytest.raises(DataProblem, match=f'{found.card.name} has no split "dev"; it has train, validation, test'):
        found.load().load("dev")


def test_digits_split_is_fixed_stratified_and_disjoint():
    parts = {split: digits.load(split) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == digits.CARD.splits
    everything = np.concatenate([part["image"] for part in parts.values()])
    assert len(np.unique(everything.reshape(1797, -1), axis=0)) == 1797, "no image is in two parts"
    assert np.bincount(parts["test"]["label"]).tolist() == [40, 41, 39, 41, 40, 40, 40, 40, 39, 40]
    assert np.ptp(np.bincount(parts["validation"]["label"])) <= 2
    assert parts["test"]["label"][:10].tolist() == digits.load("test")["label"][:10].tolist()
    assert parts["train"]["image"].max() == 1.0


@pytest.mark.needs("data")
@pytest.mark.parametrize("module", [mnist, fashion_mnist], ids=["mnist", "fashion_mnist"])
def test_real_files(module):
    """Counts and a checksum of the content, which the catalogue and the papers state."""
    parts = {split: module.load(split, quiet=True) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == module.CARD.splits
    assert all(part["image"].shape[1:] == (28, 28) for part in parts.values())
    whole = np.bincount(np.concatenate([parts["train"]["label"], parts["validation"]["label"]]))
    if module is mnist:
        assert whole.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert parts["train"]["label"][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert parts["test"]["label"][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
        assert parts["train"]["image"].mean() == pytest.approx(0.1307, abs=5e-4)
    else:
        assert whole.tolist() == [6000] * 10
        assert np.bincount(parts["test"]["label"]).tolist() == [1000] * 10
        assert parts["train"]["image"].mean() == pytest.approx(0.286, abs=1e-3)
    assert parts["train"]["image"].max() == 1.0


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


def test_show_draws_any_set(found, tmp_path):
    figure = preview.picture(found, toy=True, each=2)
    assert found.card.title in figure.get_suptitle()
    saved = preview.save(found, tmp_path / "pictures" / "x.png", toy=True)
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert saved.stat().st_size > 5000


@pytest.mark.parametrize("name", PICTURES)
def test_show_draws_every_class(name):
    (axis,) = preview.picture(SETS[name], toy=True, each=2).axes
    classes = SETS[name].load().CLASSES
    assert len(axis.images) == 2 * len(classes)
    assert [text.get_text() for text in axis.texts] == [*classes, *classes]
    shape = SETS[name].card.of(Image)[1].shape
    assert {image.get_array().shape for image in axis.images} == {shape}, "colour stays colour"


@pytest.mark.needs("data")
def test_real_questions():
    """Counts as the paper states them (5,452 and 500), no question in two parts at one place, and known first ones."""
    module = SETS["trec_questions"].load()
    parts = {split: module.load(split, quiet=True) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == module.CARD.splits
    counts = {split: np.bincount(part["label"]).tolist() for split, part in parts.items()}
    assert counts["test"] == [9, 138, 94, 65, 81, 113]
    both = np.add(counts["train"], counts["validation"])
    assert both.tolist() == [86, 1162, 1250, 1223, 835, 896]
    assert parts["validation"]["text"][0] == "How did serfdom develop in and then leave Russia ?"
    assert parts["test"]["text"][0] == "How far is it from Denver to Aspen ?"
    assert all(text.strip() for part in parts.values() for text in part["text"])


@pytest.mark.needs("data")
@pytest.mark.parametrize(("name", "folds"), [("sst2", 0), ("movie_reviews", 10), ("ag_news", 5)])
def test_real_texts(name, folds):
    """Counts as the papers and the catalogue state them; folds hold each class equally often."""
    module = SETS[name].load()
    parts = {split: module.load(split, quiet=True) for split in ("train", "validation", "test")}
    assert {split: len(part) for split, part in parts.items()} == module.CARD.splits
    assert all(text.strip() for part in parts.values() for text in part["text"])
    if not folds:
        counts = [np.bincount(parts[split]["label"]).tolist() for split in ("train", "validation", "test")]
        assert counts == [[3310, 3610], [428, 444], [912, 909]]
        return
    whole = module.load("all", quiet=True)
    table = np.zeros((folds, len(module.CLASSES)), dtype=int)
    np.add.at(table, (whole["fold"], whole["label"]), 1)
    assert (table.sum(axis=1) == len(whole) // folds).all()
    if name == "movie_reviews":
        assert (table == 100).all()
    else:
        assert table.sum(axis=0).tolist() == [1900] * 4


def test_faces_and_slices_are_no_negatives():
    drawn = {"digits": "gray_r", "fashion_mnist": "gray_r", "olivetti": "gray", "isbi2012_membrane": "gray"}
    for name, colors in drawn.items():
        first, *_ = preview.picture(SETS[name], toy=True, each=2).axes
        assert first.images[0].get_cmap().name == colors, name
