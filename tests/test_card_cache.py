"""Cards that were read before: never a stale one, whatever happens to a file, and no harm where nothing can be kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from upslope import cards
from upslope.card_cache import CardCache, identity
from upslope.cards import Expect, discover

CARD = """\"\"\"A lab.\"\"\"
from upslope.cards import Expect, LabCard

CARD = LabCard(
    name="new", title="t", paper="p", claim="c", domain="foundations", seconds={"smoke": 1}, data=("digits",),
    expect=(Expect(metric="accuracy", at_least=0.9, when={"data": "digits"}),), presets={"smoke": {"sizes": (1, 2)}},
)
"""
LONG_AGO = 1_000_000_000_000_000_000


def cache_of(*readers: Path) -> CardCache:
    return CardCache(readers or cards._known.readers, cards._CLASSES)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """How often the source of a card was parsed."""
    counted = []
    really = cards._read_card
    monkeypatch.setattr(cards, "_read_card", lambda text, path: counted.append(path) or really(text, path))
    monkeypatch.setattr(cards, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(cards, "_known", cache_of())
    monkeypatch.setattr("upslope.card_cache.LATELY", -(10**18))  # files of this test may be kept at once
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path / "kept"))
    (tmp_path / "kept").mkdir()
    (tmp_path / "package" / "labs").mkdir(parents=True)
    return counted


@pytest.fixture
def file(read, tmp_path):
    path = tmp_path / "package" / "labs" / "new.py"
    path.write_text(CARD)
    return path


def bound() -> float:
    (expect,) = discover("labs")["new"].card.expect
    return expect.at_least


def test_a_file_is_read_once_and_again_by_another_process_never(read, file, monkeypatch):
    first = discover("labs")["new"]
    assert discover("labs")["new"] == first
    monkeypatch.setattr(cards, "_known", cache_of())
    again = discover("labs")["new"]
    assert again == first
    assert again.card.presets == {"smoke": {"sizes": (1, 2)}}
    assert again.card.expect == (Expect(metric="accuracy", at_least=0.9, when={"data": "digits"}),)
    assert len(read) == 1


def test_nobody_changes_the_card_of_another(read, file):
    assert bound() == 0.9
    discover("labs")["new"].card.presets["smoke"] = {}
    assert discover("labs")["new"].card.presets == {"smoke": {"sizes": (1, 2)}}
    assert len(read) == 1


def test_a_changed_file_is_read_again_even_where_size_and_time_are_the_same(read, file):
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    assert bound() == 0.9
    file.write_text(CARD.replace("0.9", "0.8"))
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    assert bound() == 0.8


def test_a_file_put_in_the_place_of_another_is_read(read, file):
    assert bound() == 0.9
    other = file.with_suffix(".txt")
    other.write_text(CARD.replace("0.9", "0.7"))
    other.replace(file)
    assert bound() == 0.7
    file.unlink()
    assert discover("labs") == {}


def test_a_card_that_breaks_is_refused_every_time(read, file):
    assert bound() == 0.9
    file.write_text(CARD.replace("0.9", "1 - 0.1"))
    for _ in range(2):
        with pytest.raises(ValueError, match="a card holds literals only"):
            discover("labs")


def test_what_was_written_just_now_is_not_kept(read, file, monkeypatch):
    monkeypatch.setattr("upslope.card_cache.LATELY", 10**18)  # everything was written just now
    for _ in range(2):
        assert bound() == 0.9
    assert len(read) == 2


def test_all_is_forgotten_when_the_reading_code_changes(read, file, tmp_path, monkeypatch):
    reader = tmp_path / "cards.py"
    reader.write_text("one")
    monkeypatch.setattr(cards, "_known", cache_of(reader))
    assert bound() == 0.9
    for text, times in (("one", 1), ("two", 2)):
        if text != reader.read_text():
            reader.write_text(text)
        monkeypatch.setattr(cards, "_known", cache_of(reader))
        assert bound() == 0.9
        assert len(read) == times


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"readers": 1}', '{"readers": null, "cards": null}', "\x00"])
def test_a_broken_cache_file_is_ignored(text, read, file, tmp_path):
    (tmp_path / "kept" / "cards.json").write_text(text)
    assert bound() == 0.9


def test_an_entry_that_nobody_understands_is_read_from_the_source(read, file, tmp_path):
    assert bound() == 0.9
    path = tmp_path / "kept" / "cards.json"
    told = json.loads(path.read_text())
    told["cards"] = {key: ["NoSuchCard", 1] for key in told["cards"]}
    path.write_text(json.dumps(told))
    cards._known = cache_of()
    assert bound() == 0.9
    assert len(read) == 2


def test_a_folder_that_cannot_be_written_is_no_trouble(read, file, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path / "file"))
    assert bound() == 0.9
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path / "kept"))

    def refused(*args: object, **kwargs: object) -> None:
        raise PermissionError

    monkeypatch.setattr("upslope.card_cache.tempfile.mkstemp", refused)
    monkeypatch.setattr(cards, "_known", cache_of())
    assert bound() == 0.9
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_named_data_folder_is_not_made(read, file, tmp_path, monkeypatch):
    monkeypatch.setenv("UPSLOPE_DATA", str(tmp_path / "not there"))
    assert bound() == 0.9
    assert not (tmp_path / "not there").exists()


def test_all_cards_of_the_library_survive(tmp_path):
    """Two processes: the second reads from the cache what the first read from the sources."""
    code = (
        "import sys; from upslope import card_cache, cards; card_cache.LATELY = -10**18\n"
        "if sys.argv[1] == 'kept': cards._read_card = None\n"
        "print([repr(sorted(cards.discover(room).items())) for room in ('labs', 'models', 'data')])"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, word],
            env={**os.environ, "UPSLOPE_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for word in ("read", "kept")
    ]
    assert said[0] == said[1]
    assert "LabCard" in said[0]


def test_the_identity_of_a_file_says_when_it_changed(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x")
    before = identity(path)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert identity(path) != before
