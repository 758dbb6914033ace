"""Photographs of one's own as people have them: copies, broken files, odd folders, and nothing learned twice."""

import numpy as np
import pytest
from PIL import Image

from upslope.data.loading.own_pictures import at_side, own_pictures
from upslope.runs.errors import DataProblem


def photograph(rng, size=48):
    """Something with large shapes in it, so that no two are alike."""
    small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((size, size), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("class 10", "class 2", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(14):
            photograph(rng).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def read(folder, **more):
    return own_pictures(folder, side=24, rng=np.random.default_rng(1), **more)


def test_three_parts_of_every_class(folder):
    found = read(folder)
    assert found.train.classes == ("class 2", "class 10", "dog"), "2 before 10"
    for part in (found.train, found.validation, found.test):
        assert set(part["label"]) == {0, 1, 2}
        assert part["image"].shape[1:] == (24, 24, 3)
    paths = [path for each in found.paths.values() for path in each]
    assert len(paths) == len(set(paths)) == 42
    for part, paths in found.paths.items():
        labels = getattr(found, part)["label"]
        assert [found.train.classes[label] for label in labels] == [path.parent.name for path in paths]


def test_the_split_is_drawn_by_the_generator(folder):
    assert read(folder).paths == read(folder).paths
    other = own_pictures(folder, side=24, rng=np.random.default_rng(2))
    assert other.paths != read(folder).paths


def test_what_is_no_class_and_no_picture_is_passed_over(folder):
    for name in (".ipynb_checkpoints", "__MACOSX", ".hidden"):
        (folder / name).mkdir()
        photograph(np.random.default_rng(5)).save(folder / name / "a.png")
    (folder / "dog" / ".ipynb_checkpoints").mkdir()
    photograph(np.random.default_rng(6)).save(folder / "dog" / ".ipynb_checkpoints" / "b.png")
    (folder / "dog" / "notes.txt").write_text("not a picture")
    found = read(folder)
    assert found.train.classes == ("class 2", "class 10", "dog")
    assert sum(map(len, found.paths.values())) == 42


def test_a_broken_file_is_named_and_the_rest_is_used(folder):
    broken = folder / "dog" / "3.png"
    broken.write_bytes(broken.read_bytes()[:200])
    found = read(folder)
    assert sum(map(len, found.paths.values())) == 41
    assert len(found.unreadable) == 1
    assert "3.png" in found.unreadable[0]
    assert found.sentences() == list(found.unreadable)
    for number in range(7):
        (folder / "dog" / f"broken-{number}.png").write_bytes(b"no picture")
    said = read(folder).sentences()
    assert len(said) == 6
    assert said[-1] == "and 3 more files that cannot be read"


@pytest.mark.parametrize("change", ["same", "resized", "jpeg"])
def test_copies_lie_on_one_side(folder, change):
    """Each picture has a copy; wherever one of them is measured on, neither is learned from."""
    for path in list(folder.rglob("*.png")):
        image = Image.open(path)
        copy = path.with_name(f"copy-{path.stem}{'.jpg' if change == 'jpeg' else '.png'}")
        (image.resize((90, 90)) if change == "resized" else image).save(copy, quality=85)
    found = read(folder)
    assert len(found.copies) == 42
    where = {
        path.stem.removeprefix("copy-") + path.parent.name: part for part, each in found.paths.items() for path in each
    }
    for part, each in found.paths.items():
        assert all(where[path.stem.removeprefix("copy-") + path.parent.name] == part for path in each)
    assert found.contradictions == ()


def test_a_copy_under_two_labels_is_reported_and_not_used(folder):
    for number in range(5):
        Image.open(folder / "dog" / f"{number}.png").save(folder / "class 2" / f"also-{number}.png")
    found = read(folder)
    assert len(found.contradictions) == 5
    assert any("under two labels: it is not used (and so are 4 more)" in sentence for sentence in found.sentences())
    used = {path for paths in found.paths.values() for path in paths}
    assert len(used) == 42 - 5
    assert not used & {path for pair in found.contradictions for path in pair}


def test_parts_that_the_person_made(folder, tmp_path):
    """Classes are matched by name, a class that the test folder lacks shifts nothing, and copies are not learned."""
    (tmp_path / "own" / "test").mkdir(parents=True)
    folder.rename(tmp_path / "own" / "train")
    rng = np.random.default_rng(9)
    (tmp_path / "own" / "test" / "dog").mkdir()
    for number in range(4):
        photograph(rng).save(tmp_path / "own" / "test" / "dog" / f"{number}.png")
    Image.open(tmp_path / "own" / "train" / "dog" / "0.png").save(tmp_path / "own" / "test" / "dog" / "again.png")
    found = read(tmp_path / "own")
    assert set(found.test["label"]) == {2}
    assert len(found.test) == 5
    assert tmp_path / "own" / "train" / "dog" / "0.png" not in found.paths["train"] + found.paths["validation"]
    assert [{path.parts[-3] for path in copies} for copies in found.across] == [{"train", "test"}]
    (tmp_path / "own" / "test" / "cat").mkdir()
    with pytest.raises(DataProblem, match="a class cat that is not in"):
        read(tmp_path / "own")


def test_three_parts_that_the_person_made(folder, tmp_path):
    """What lies in `validation` is validated on, and a copy of it is not learned from."""
    own = tmp_path / "own"
    for part, numbers in {"train": range(8), "validation": range(8, 11), "test": range(11, 14)}.items():
        for name in ("class 10", "class 2", "dog"):
            (own / part / name).mkdir(parents=True)
            for number in numbers:
                (folder / name / f"{number}.png").rename(own / part / name / f"{number}.png")
    Image.open(own / "validation" / "dog" / "8.png").save(own / "train" / "dog" / "again.png")
    found = read(own)
    for part, paths in found.paths.items():
        assert {path.parent.parent.name for path in paths} == {part}
        assert len(paths) == {"train": 24, "validation": 9, "test": 9}[part]
    assert len(found.across) == 1


def test_a_folder_validation_alone_is_what_is_tested_on(folder, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    folder.rename(own / "train")
    (own / "val" / "dog").mkdir(parents=True)
    photograph(np.random.default_rng(9)).save(own / "val" / "dog" / "a.png")
    found = read(own)
    assert [path.name for path in found.paths["test"]] == ["a.png"]
    assert len(found.validation) == 6


MODES = {
    "16-bit grey": lambda grey: Image.fromarray(257 * grey.astype(np.uint16)),
    "grey": Image.fromarray,
    "colour": lambda grey: Image.fromarray(grey).convert("RGB"),
    "transparency": lambda grey: Image.fromarray(grey).convert("RGBA"),
    "grey and transparency": lambda grey: Image.fromarray(grey).convert("LA"),
    "palette": lambda grey: Image.fromarray(grey).convert("P"),
    "CMYK": lambda grey: Image.fromarray(grey).convert("RGB").convert("CMYK"),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_arrives_as_the_same_picture(folder, mode):
    """16-bit grey is not white, a palette's indices are no brightness, CMYK is not turned around."""
    grey = np.repeat(np.repeat(np.arange(36, dtype=np.uint8).reshape(6, 6) * 7, 8, axis=0), 8, axis=1)
    path = folder / "dog" / ("special.tif" if mode in ("CMYK", "16-bit grey") else "special.png")
    MODES[mode](grey).save(path)
    found = own_pictures(folder, side=48, rng=np.random.default_rng(1))
    (part,) = (part for part, paths in found.paths.items() if path in paths)
    seen = getattr(found, part)["image"][found.paths[part].index(path)]
    assert np.abs(seen.astype(int) - grey[..., np.newaxis]).max() <= 1


def test_a_picture_of_the_right_size_stays_as_it_is(folder):
    found = own_pictures(folder, side=48, rng=np.random.default_rng(1))
    for path, seen in zip(found.paths["train"], found.train["image"], strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), seen)


def test_another_side_is_what_reading_gives(folder):
    large, small = (own_pictures(folder, side=side, rng=np.random.default_rng(1)) for side in (48, 20))
    made = at_side(large.train, 20)
    assert made.features == small.train.features
    assert np.abs(made["image"].astype(int) - small.train["image"]).max() <= 1
    assert at_side(large.train, 48) is large.train


def test_turned_and_transparent_pictures_are_read_as_they_are_seen(folder):
    """EXIF's eight orientations, 16 bits and transparency are the business of image/read: here they arrive."""
    image = Image.open(folder / "dog" / "0.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.rotate(90, expand=True).save(folder / "dog" / "turned.jpg", exif=exif, quality=95)
    found = read(folder)
    assert any({path.name for path in copies} == {"0.png", "turned.jpg"} for copies in found.copies)


def test_sentences(folder, tmp_path):
    with pytest.raises(DataProblem, match="is not a folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "one" / "cat").mkdir(parents=True)
    with pytest.raises(DataProblem, match="at least two; there is only cat"):
        read(tmp_path / "one")
    with pytest.raises(DataProblem, match="there is none"):
        read(tmp_path / "one" / "cat")
    (folder / "empty").mkdir()
    with pytest.raises(DataProblem, match=r"the folder of empty in .* holds no pictures"):
        read(folder)
    (folder / "empty").rmdir()
    for path in list((folder / "dog").glob("*.png"))[3:]:
        path.unlink()
    with pytest.raises(DataProblem, match="dog has 3 that can be read"):
        read(folder)


def test_progress_is_told(folder):
    ticks = []
    read(folder, tick=lambda done, total: ticks.append((done, total)))
    assert ticks == [(number, 42) for number in range(42)]
