"""A workspace of before the roadmap had a list, taken through the change and through lessons that come, move, rename.

Everything in it was really made: answers and ticks, hints, a finished run, and one that was interrupted with the
learner's code in it. The later roadmap is a copy of the package, and its commands run as programs of their own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from upslope.academy import lab_parts
from upslope.academy.lessons import exercises, find
from upslope.academy.migration import digest
from upslope.academy.mutation_run import standing_alone
from upslope.academy.progress import Progress
from upslope.academy.reference import PACKAGE, locate
from upslope.academy.stub import stub_text
from upslope.runs.workspace import progress_file

# Where a learner's files lay, as it was released.
RELEASED = """
    1-foundations/01-scalar-backward 1-foundations/03-relu 1-foundations/04-sigmoid 1-foundations/05-matmul
    1-foundations/06-linear 1-foundations/07-logsumexp 1-foundations/08-softmax 1-foundations/09-cross-entropy
    1-foundations/10-sgd 1-foundations/11-adam 2-vision/01-conv2d 2-vision/02-max-pool2d 2-vision/04-training-step
    2-vision/05-warmup-cosine 2-vision/06-label-smoothing 2-vision/07-global-average-pool 2-vision/09-residual-block
    2-vision/10-bottleneck 2-vision/11-stochastic-depth 2-vision/12-layer-norm 2-vision/13-attention
    2-vision/14-multi-head-attention 2-vision/15-patch-embedding 2-vision/16-class-token 2-vision/17-encoder-block
"""
NAMES = {name.split("/")[1][3:]: f"{name}.py" for name in RELEASED.split()}
RIGHT = {name: standing_alone(locate(str(find(name).exercise))) for name in ("relu", "softmax")}
HALF = "def sigmoid(x):\n    # not yet\r\n    return x\n"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def old(home, program, wait_for, tmp_path):
    """The workspace; what its exercises folder holds."""
    folder = home / "exercises"
    store = Progress(progress_file())
    for name, path in NAMES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = f'"""An old header: {path}"""\n{stub_text(find(name))}'
        file.write_text(text)
        store.add("stub", str(find(name).exercise), sha256=digest(text.encode()))
    for name, text in RIGHT.items():
        (folder / NAMES[name]).write_text(text)
        store.add_check(str(find(name).exercise), text, str(folder / NAMES[name]), passed=True, checks=8)
    (folder / NAMES["sigmoid"]).write_bytes(HALF.encode())
    (folder / "1-foundations" / "notes.md").write_text("exp, then divide\n")
    for stage in (1, 2):
        store.add("hint", "upslope.scratch.ops:sigmoid", stage=stage)
    store.add("solution", "upslope.scratch.ops:matmul")
    store.add(
        "run", "digits", run="digits-0001", reached=True, parts=dict.fromkeys(lab_parts.parts_of("digits"), "yours")
    )
    assert program("lab", "digits", "--preset", "smoke").code == 0
    words = ["lab", "digits", "--preset", "smoke", "epochs=400", "--mine"]
    child = subprocess.Popen([sys.executable, "-m", "upslope", *words], cwd=tmp_path, stderr=subprocess.PIPE)
    wait_for(home / "runs" / "digits-0002" / "metrics.jsonl", child)
    child.send_signal(signal.SIGINT)
    child.communicate()
    assert (home / "runs" / "digits-0002" / lab_parts.FILE).is_file()
    return snapshot(folder)


@pytest.fixture
def later(tmp_path, program):
    """The commands of a later version: a lesson inserted before relu, sigmoid moved to the end, softmax renamed."""
    package = tmp_path / "later" / "upslope"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    lessons = package / "lessons"
    new = (lessons / "foundations/sigmoid.md").read_text().replace("ops:sigmoid", "ops:exp")
    (lessons / "foundations/exponential.md").write_text(new)
    softmax = (lessons / "foundations/softmax.md").read_text().replace("minutes: ", "was: [softmax]\nminutes: ", 1)
    (lessons / "foundations/softmax.md").unlink()
    (lessons / "foundations/normalised-exponential.md").write_text(softmax)
    for path in lessons.rglob("*.md"):
        front, body = path.read_text().split("\n---\n", 1)
        lines = [
            line.replace("softmax", "normalised-exponential") if line.startswith(("needs", "returns")) else line
            for line in front.split("\n")
        ]
        path.write_text("\n".join(lines) + "\n---\n" + body)
    text = (lessons / "roadmap.toml").read_text()
    text = text.replace('    "foundations/sigmoid",\n', "").replace(
        "foundations/softmax", "foundations/normalised-exponential"
    )
    text = text.replace('"foundations/relu"', '"foundations/exponential",\n    "foundations/relu"')
    end = "]\n\n[[level]]\nnumber = 3"
    text = text.replace(end, '    "foundations/sigmoid",\n' + end)
    (lessons / "roadmap.toml").write_text(text)
    return lambda *words: program(*words, PYTHONPATH=str(package.parent), PYTHONSAFEPATH="1")


def states(said) -> dict[str, tuple[str, bool]]:
    """How the learner stands, by exercise or lab."""
    return {step["exercise"] or step["lab"]: (step["state"], step["solution_seen"]) for step in said.json["steps"]}


PROVEN = {"upslope.scratch.ops:relu", "upslope.scratch.ops:softmax", "digits"}


def test_no_answer_tick_hint_or_run_is_lost(old, later, program, upslope, home):
    folder = home / "exercises"

    # The change of layout, made by the first verb that comes along.
    said = upslope("learn", "--json")
    assert said.code == 0
    assert said.err.splitlines() == [
        "  Moved to where the lessons stand now: 25 files, 1-foundations/01-scalar-backward.py to"
        " foundations/scalar-backward.py among them.",
        "  Other files of yours stay where they are: 1-foundations/notes.md.",
    ]
    wanted = {find(name).file.as_posix(): old[path] for name, path in NAMES.items()}
    wanted["1-foundations/notes.md"] = old["1-foundations/notes.md"]
    assert snapshot(folder) == wanted
    assert {what for what, (state, _) in states(said).items() if state == "proven"} == PROVEN
    assert upslope("learn", "--json").err == "", "said once"
    assert upslope("init", "--json").json["moved"] == {}
    assert (folder / "foundations/sigmoid.py").read_bytes() == HALF.encode()
    assert upslope("check", "relu").code == 0
    assert upslope("check", str(folder / NAMES["softmax"])).code == 0, "a path of before, from the shell's history"
    before, stands = snapshot(folder), states(upslope("learn", "--json"))

    # A lesson is inserted, one is moved, one is renamed.
    said = later("learn", "--json")
    assert said.code == 0, said.err
    assert said.err == (
        "  Moved to where the lessons stand now: foundations/softmax.py is now foundations/normalised-exponential.py.\n"
    )
    after = snapshot(folder)
    renamed = {"foundations/softmax.py": "foundations/normalised-exponential.py"}
    assert after == {renamed.get(path, path): content for path, content in before.items()}
    stands["upslope.scratch.ops:sigmoid"] = ("open", False)  # nothing it needs is missing any more
    assert {what: state for what, state in states(said).items() if what in stands} == stands
    numbers = {step["name"]: step["number"] for step in said.json["steps"]}
    assert numbers["relu"] == "1.04"
    assert numbers["sigmoid"] == max(number for number in numbers.values() if number.startswith("2."))

    # What was left there goes on.
    assert later("hint", "sigmoid", "--json").json["stage"] == 3
    for word in ("relu", "normalised-exponential", "softmax"):
        said = later("check", word, "--json")
        assert said.code == 0, said.out + said.err
    assert said.json["file"] == str(folder / "foundations/normalised-exponential.py")
    said = later("init", "--json")
    made = [Path(path).name for path, what in said.json["files"].items() if what == "made"]
    assert made == ["exponential.py"]
    assert {path: content for path, content in snapshot(folder).items() if path in after} == after

    # The finished run is there, and the interrupted one ends with the code that it began with.
    listed = {run["run"]: run["state"] for run in later("runs", "--json").json["runs"]}
    assert listed == {"digits-0001": "finished", "digits-0002": "unfinished"}
    said = later("lab", "--resume", "digits-0002", "--json")
    assert said.code == 0, said.err
    assert {part for part, whose in said.json["parts"].items() if whose == "yours"} == PROVEN - {"digits"}
    answers = json.loads((home / "runs" / "digits-0002" / lab_parts.FILE).read_text())
    assert {answer["text"] for answer in answers} == set(RIGHT.values())


@pytest.mark.deep
def test_the_step_from_the_old_layout_to_a_later_roadmap_needs_no_stop(old, later, home):
    """A learner who skips a version: numbers go and names change at once."""
    said = later("init")
    assert said.code == 0, said.err
    assert "Moved to where the lessons stand now: 25 files" in " ".join(said.out.split())
    folder = home / "exercises"
    assert (folder / "foundations/normalised-exponential.py").read_text() == RIGHT["softmax"]
    assert (folder / "foundations/sigmoid.py").read_bytes() == HALF.encode()
    assert "raise NotImplementedError" in (folder / "foundations/exponential.py").read_text()
    assert len(snapshot(folder)) == len(exercises()) + 2, "what was there, a stub of each other exercise, and two more"


@pytest.mark.deep
def test_two_files_of_one_exercise_are_said_once(old, upslope, home):
    folder = home / "exercises"
    (folder / "foundations").mkdir()
    (folder / "foundations/sigmoid.py").write_text("# another try\n")
    sentence = "Both foundations/sigmoid.py and 1-foundations/04-sigmoid.py hold work of yours"
    assert sentence in upslope("learn").err
    assert upslope("learn").err == ""
    assert sentence in " ".join(upslope("init").out.split())
    assert (folder / NAMES["sigmoid"]).read_bytes() == HALF.encode()
    assert (folder / "foundations/sigmoid.py").read_text() == "# another try\n"


def test_a_workspace_that_cannot_be_written(old, upslope, home, monkeypatch):
    """Its answers are read where they are; init makes nothing beside them."""

    def refused(source, target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "replace", refused)
    said = upslope("learn")
    assert said.code == 0
    assert said.err.startswith("  Your answers stay where an older version put them: ")
    assert upslope("check", "relu", "--json").json["file"] == str(home / "exercises" / NAMES["relu"])
    said = upslope("init")
    assert said.code == 3
    assert len(said.err.strip().splitlines()) == 1
    assert snapshot(home / "exercises") == old
