"""Files of an older workspace: every byte is kept, whatever stands at the new place and whenever the move is killed."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from upslope.academy import migration
from upslope.academy.lessons import find, steps
from upslope.academy.migration import digest, file_of, migrate
from upslope.academy.progress import Progress
from upslope.academy.stub import stub_text

RELU, SOFTMAX, LINEAR = find("relu"), find("softmax"), find("linear")
OLD = {
    "relu": Path("1-foundations/03-relu.py"),
    "linear": Path("1-foundations/06-linear.py"),
    "softmax": Path("1-foundations/08-softmax.py"),
    "conv2d": Path("2-vision/01-conv2d.py"),
}


@pytest.fixture
def folder(tmp_path):
    """An exercises folder in the layout of before, with work in each file."""
    folder = tmp_path / "home" / "exercises"
    for name, path in OLD.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(f"# my {name}\r\n\xff".encode("latin-1"))
    return folder


@pytest.fixture
def store(folder):
    return folder.parent / "progress.sqlite"


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def at_new_places():
    return {find(name).file.as_posix(): f"# my {name}\r\n\xff".encode("latin-1") for name in OLD}


def test_files_move_once_and_keep_their_bytes(folder, store, monkeypatch):
    before = {find(name).file: (folder / path).stat().st_mtime_ns for name, path in OLD.items()}
    done = migrate(folder, store)
    assert set(done.moved) == {(path, find(name).file) for name, path in OLD.items()}
    assert content(folder) == at_new_places()
    assert {path: (folder / path).stat().st_mtime_ns for path in before} == before
    assert not (folder / "1-foundations").exists(), "an empty folder goes"
    monkeypatch.setattr(migration, "Progress", None)  # everything is in place: the store is not even opened
    assert migrate(folder, store) == migration.Migration()


def test_no_workspace_is_made(tmp_path):
    assert migrate(tmp_path / "exercises", tmp_path / "progress.sqlite") == migration.Migration()
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", range(len(OLD)))
def test_a_kill_before_or_after_any_rename_loses_nothing(folder, store, monkeypatch, nth, after):
    rename, count = os.replace, []

    def killed(source, target):
        count.append(source)
        if len(count) == nth + 1 and not after:
            raise Killed
        rename(source, target)
        if len(count) == nth + 1:
            raise Killed

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(Killed):
        migrate(folder, store)
    monkeypatch.undo()
    assert sorted(content(folder).values()) == sorted(at_new_places().values())
    migrate(folder, store)
    assert content(folder) == at_new_places()


def test_kill_9_in_the_middle(folder, store):
    code = (
        "import os, signal, sys; from pathlib import Path; from upslope.academy.migration import migrate\n"
        "rename, count = os.replace, []\n"
        "def killed(a, b):\n"
        "    rename(a, b); count.append(a)\n"
        "    if len(count) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = killed\n"
        "migrate(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder), str(store)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(migrate(folder, store).moved) == len(OLD) - 2
    assert content(folder) == at_new_places()


def test_two_at_once_move_each_file_once(folder, store):
    code = (
        "import sys; from pathlib import Path; from upslope.academy.migration import migrate\n"
        "print(len(migrate(Path(sys.argv[1]), Path(sys.argv[2])).moved))"
    )
    command = [sys.executable, "-c", code, str(folder), str(store)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(child.communicate()[0]) for child in both) == len(OLD)
    assert content(folder) == at_new_places()


def test_an_untouched_stub_gives_way_and_work_never_does(folder, store):
    progress = Progress(store)
    new = {name: folder / find(name).file for name in OLD}
    for path in new.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    stub = stub_text(RELU).encode()
    progress.add("stub", RELU.exercise, sha256=digest(stub))
    new["relu"].write_bytes(stub)  # init ran before the files moved
    new["linear"].write_text("# other work\n")
    new["softmax"].write_bytes((folder / OLD["softmax"]).read_bytes())  # a copy
    (folder / OLD["conv2d"]).write_bytes(stub)  # nothing of the learner's
    new["conv2d"].write_text("# my conv2d\n")
    mine = (folder / OLD["relu"]).read_bytes(), (folder / OLD["linear"]).read_bytes()
    done = migrate(folder, store)
    assert done.moved == ((OLD["relu"], RELU.file),)
    assert done.doubles == (migration.Double(OLD["linear"], LINEAR.file, told=False),)
    assert new["relu"].read_bytes() == mine[0]
    assert (folder / OLD["linear"]).read_bytes() == mine[1]
    assert new["linear"].read_text() == "# other work\n"
    assert new["conv2d"].read_text() == "# my conv2d\n"
    assert content(folder).keys() == {*(find(n).file.as_posix() for n in OLD), OLD["linear"].as_posix()}
    again = migrate(folder, store)
    assert (again.moved, [double.told for double in again.doubles]) == ((), [True])
    (folder / OLD["linear"]).write_text("# changed since\n")
    assert [double.told for double in migrate(folder, store).doubles] == [False]


def test_other_files_of_the_learners_stay_and_are_named(folder, store):
    for name in ("notes.md", "helpers.py"):
        (folder / "1-foundations" / name).write_text("mine")
    (folder / "1-foundations" / "__pycache__").mkdir()
    done = migrate(folder, store)
    assert done.left == (Path("1-foundations/helpers.py"), Path("1-foundations/notes.md"))
    assert (folder / "1-foundations" / "notes.md").read_text() == "mine"
    assert migrate(folder, store).left == (), "said once"


def test_what_cannot_be_written_stays_where_it_is_and_is_used_there(folder, store, monkeypatch):
    def refused(source, target):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))

    before = content(folder)
    monkeypatch.setattr(os, "replace", refused)
    done = migrate(folder, store)
    assert done.moved == done.left == ()
    assert "cannot be written: Read-only file system" in done.refused
    assert content(folder) == before
    assert file_of(SOFTMAX, folder, store) == folder / OLD["softmax"]
    monkeypatch.undo()
    assert len(migrate(folder, store).moved) == len(OLD)
    assert file_of(SOFTMAX, folder, store) == folder / SOFTMAX.file


def changed(**by_name):
    """The roadmap with some steps changed."""
    return [replace(step, **by_name.get(step.name.replace("-", "_"), {})) for step in steps()]


def test_a_renamed_lesson_takes_its_file_along(folder, store):
    migrate(folder, store)
    roadmap = changed(softmax={"name": "scores", "was": ("softmax",)})
    done = migrate(folder, store, roadmap)
    assert done.moved == ((SOFTMAX.file, Path("foundations/scores.py")),)
    assert (folder / "foundations/scores.py").read_bytes() == at_new_places()["foundations/softmax.py"]


def test_straight_from_the_numbers_to_another_name_and_topic(folder, store):
    """By the exercise that was graded there: neither the name nor the topic is the same, and nothing says `was`."""
    Progress(store).add_check(SOFTMAX.exercise, "x", str(folder / OLD["softmax"]), passed=True)
    done = migrate(folder, store, changed(softmax={"name": "scores", "topic": "probability"}))
    assert (OLD["softmax"], Path("probability/scores.py")) in done.moved


def test_another_topic_is_found_by_where_the_file_was_put(folder, store):
    migrate(folder, store)
    done = migrate(folder, store, changed(softmax={"topic": "probability"}))
    assert done.moved == ((SOFTMAX.file, Path("probability/softmax.py")),)
    assert migrate(folder, store, steps()).moved == ((Path("probability/softmax.py"), SOFTMAX.file),), "and back"


def test_a_workspace_that_was_moved_or_lost_its_store(folder, store, tmp_path):
    Progress(store).add_check(SOFTMAX.exercise, "x", str(folder / OLD["softmax"]), passed=True)
    shutil.move(folder.parent, tmp_path / "elsewhere")
    place = tmp_path / "elsewhere" / "exercises"
    renamed = changed(softmax={"name": "scores"})
    assert (OLD["softmax"], Path("foundations/scores.py")) in migrate(
        place, place.parent / "progress.sqlite", renamed
    ).moved
    shutil.copytree(place, folder)
    assert migrate(folder, store).moved == ()
    assert (folder / "foundations/scores.py").exists(), "without a store nothing says whose file this is: it stays"


def test_a_copy_elsewhere_is_the_learners_own_business(folder, store):
    migrate(folder, store)
    backup = folder / "backup" / "softmax.py"
    backup.parent.mkdir()
    backup.write_text("# an earlier try\n")
    Progress(store).add_check(SOFTMAX.exercise, "x", str(backup), passed=False)
    (folder / SOFTMAX.file).unlink()
    assert migrate(folder, store) == migration.Migration()
    assert backup.exists()


def test_an_answer_that_is_a_link_moves_as_one(folder, store, tmp_path):
    kept = tmp_path / "repository" / "softmax.py"
    kept.parent.mkdir()
    (folder / OLD["softmax"]).rename(kept)
    (folder / OLD["softmax"]).symlink_to(kept)
    (folder / RELU.file).parent.mkdir()
    (folder / RELU.file).symlink_to(folder / OLD["relu"])  # a learner who moved ahead with links
    migrate(folder, store)
    assert (folder / SOFTMAX.file).is_symlink()
    assert not (folder / RELU.file).is_symlink()
    assert content(folder) == at_new_places()
