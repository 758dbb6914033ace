"""The workspace: stubs are made, a learner's work is never overwritten, and what is half there is completed."""

import pytest

from upslope.academy import learner_files
from upslope.academy.lessons import exercises, find
from upslope.academy.stub import stub_text


def test_init_makes_one_stub_per_exercise(upslope, home):
    said = upslope("init")
    assert said.code == 0
    assert f"{len(exercises())} files made" in said.out
    assert "upslope learn" in said.out
    for step in exercises():
        assert (home / "exercises" / step.file).read_text() == stub_text(step)


def test_a_file_that_the_learner_changed_is_kept(upslope, home):
    upslope("init")
    mine = home / "exercises" / find("softmax").file
    mine.write_text("# my own work\n")
    before = mine.stat().st_mtime_ns
    said = upslope("init")
    assert mine.read_text() == "# my own work\n"
    assert mine.stat().st_mtime_ns == before
    assert "1 file kept as you left it" in said.out
    assert f"{len(exercises()) - 1} files already there" in said.out


def test_a_half_written_workspace_is_completed(upslope, home):
    upslope("init")
    missing, emptied = (home / "exercises" / find(name).file for name in ("softmax", "relu"))
    missing.unlink()
    emptied.write_text("\n")
    said = upslope("init", "--json")
    files = said.json["files"]
    assert files[str(missing)] == "made"
    assert files[str(emptied)] == "renewed"
    assert sorted(set(files.values())) == ["made", "renewed", "there"]
    assert missing.read_text() == stub_text(find("softmax"))
    assert emptied.read_text() == stub_text(find("relu"))


def test_an_untouched_stub_of_an_older_version_is_renewed(upslope, home, monkeypatch):
    """A stub that Upslope wrote and nobody changed follows the library; one that was changed since does not."""
    monkeypatch.setattr("upslope.academy.learner_files.stub_text", lambda step: f"# an old stub of {step.name}\n")
    upslope("init")
    monkeypatch.undo()
    monkeypatch.setenv("UPSLOPE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "80")
    untouched, touched = (home / "exercises" / find(name).file for name in ("softmax", "relu"))
    touched.write_text(touched.read_text() + "def relu(x): ...\n")
    said = upslope("init")
    assert untouched.read_text() == stub_text(find("softmax"))
    assert touched.read_text().startswith("# an old stub of relu\ndef relu")
    assert "renewed" in said.out


def test_a_path_elsewhere_says_how_to_use_it(upslope, tmp_path):
    said = upslope("init", "--path", str(tmp_path / "course"))
    assert said.code == 0
    assert f"export UPSLOPE_HOME={tmp_path / 'course'}" in said.out
    assert (tmp_path / "course" / "exercises" / find("softmax").file).is_file()
    assert not (tmp_path / "upslope-home").exists()


def test_a_folder_in_the_place_of_a_file_is_named(upslope, home):
    (home / "exercises" / find("softmax").file).mkdir(parents=True)
    said = upslope("init")
    assert said.code == 3
    assert "is a folder where a learner's file belongs" in said.err


@pytest.mark.parametrize("text", ["x = 1\n", "", "\n \n"])
def test_what_counts_as_work(tmp_path, text):
    """Any text that is not a stub of ours is work; nothing but white space is not."""
    file = tmp_path / "exercises" / find("softmax").file
    file.parent.mkdir(parents=True)
    file.write_text(text)
    outcome = learner_files.make_files(tmp_path)[file]
    assert (outcome == learner_files.KEPT) == bool(text.strip())
