"""Streets: classes as the file has them, void beside them, no number between two."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from upslope.cards import discover
from upslope.data import camvid
from upslope.data.loading import preview
from upslope.runs.config import parse_settings
from upslope.runs.errors import DataProblem

VOID = camvid.NAMES.index("void")


def test_void_is_the_last_of_twelve():
    assert (VOID, len(camvid.NAMES)) == (11, 12)
    assert len(set(camvid.NAMES)) == 12


def test_generated_streets_hold_every_class_where_it_belongs():
    made = camvid.toy(rng=np.random.default_rng(0), count=12)
    image, mask = made["image"], made["mask"]
    assert image.shape == (*mask.shape, 3)
    assert set(np.unique(mask)) == set(range(12))
    rows = {name: np.nonzero(mask == k)[1].mean() for k, name in enumerate(camvid.NAMES)}
    assert rows["sky"] < rows["building"] < rows["pavement"] < rows["road"] < rows["void"]
    green = image[mask == camvid.NAMES.index("tree")].mean(axis=0)
    assert green.argmax() == 1


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """A zip in the real one's form, with one frame and any mask."""

    def pack(mask):
        with zipfile.ZipFile(tmp_path / "camvid_subset.zip", "w") as archive:
            for name, picture in (
                ("train/a", Image.fromarray(np.zeros((4, 6, 3), np.uint8))),
                ("trainannot/a", mask),
                ("val/b", mask),  # another part's: not read
            ):
                file = io.BytesIO()
                picture.save(file, format="PNG")
                archive.writestr(f"CamVid/{name}.png", file.getvalue())

    monkeypatch.setattr(camvid, "get", lambda card, quiet: tmp_path)
    return pack


def test_a_mask_is_read_by_its_numbers_also_from_a_palette(packed):
    numbers = np.arange(24, dtype=np.uint8).reshape(4, 6) % 12
    grey, palette = Image.fromarray(numbers), Image.fromarray(numbers, mode="P")
    palette.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    for mask in (grey, palette):
        packed(mask)
        read = camvid.load("train", quiet=True)
        assert read["mask"].tolist() == [numbers.tolist()]
        assert read["image"].shape == (1, 4, 6, 3)


def test_a_number_that_is_no_class_is_refused(packed):
    """As masks hold them that were resized with smooth edges, or that are white where something is."""
    packed(Image.fromarray(np.array([[0, 255, 12]], np.uint8)))
    with pytest.raises(DataProblem, match="a mask of camvid holds 255, and its numbers are 0, 1, 2, 3, 4, 5"):
        camvid.load("train", quiet=True)


def test_what_is_void_is_drawn_bare():
    first, *_ = preview.picture(discover("data")["camvid"], toy=True, each=2).axes
    over = first.images[1].get_array()
    assert over.mask[-1].all(), "void"
    assert over.mask[0].all(), "sky"
    assert not over.mask[over.data == 3].any()


@pytest.mark.needs("data")
def test_real_files():
    """The catalogue's counts; void is there, and numbers are classes: nothing lies between two."""
    parts = {split: camvid.load(split, quiet=True) for split in camvid.CARD.splits}
    assert {split: len(part) for split, part in parts.items()} == camvid.CARD.splits
    counts = sum(np.bincount(part["mask"].ravel(), minlength=12) for part in parts.values())
    assert counts.sum() == 36 * 360 * 480
    assert counts.argsort()[-2:].tolist() == [1, 3], "roads, and buildings"
    assert counts[VOID] == 172_341
    for part in parts.values():
        assert part["image"].shape[1:] == (360, 480, 3)
        sky, road = (part["image"][part["mask"] == camvid.NAMES.index(name)].mean() for name in ("sky", "road"))
        assert sky > 1.5 * road


def test_the_lab_sees_more_of_a_street_at_once_unless_told_otherwise():
    pytest.importorskip("torch", reason="the lab is made of PyTorch")
    found = discover("labs")["segment"]
    for words, side in ((["data=camvid"], 336), (["data=camvid", "side=96"], 96), ([], 192)):
        assert parse_settings(found.load().Config, words, card=found.card).side == side
