"""--mine: the learner's accepted code is what runs in the lab, and what runs again when a run is resumed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from upslope.academy import lab_parts
from upslope.academy.overlay import Submission
from upslope.academy.progress import Progress
from upslope.runs.workspace import progress_file

SOFTMAX, RELU = "upslope.scratch.ops:softmax", "upslope.scratch.ops:relu"
GOOD = {
    SOFTMAX: "import numpy as np\n\n\ndef softmax(x, dim=-1):\n"
    "    e = np.exp(x.data - x.data.max(axis=dim, keepdims=True))\n"
    "    return x.then(e / e.sum(axis=dim, keepdims=True), None)\n",
    RELU: "import numpy as np\n\n\ndef relu(x):\n"
    "    y = np.maximum(x.data, 0)\n    return x.then(y, lambda g: g * (y > 0))\n",
}
DEAD = "def relu(x):\n    return x.then(x.data * 0, lambda g: g * 0)\n"
RAISES = "def relu(x):\n    if x.ndim == 2:\n        raise ValueError('not today')\n    return x\n"


def accept(**answers):
    """Put answers into the store as if they had been graded."""
    store = Progress(progress_file())
    for name, text in answers.items():
        exercise = {"softmax": SOFTMAX, "relu": RELU}[name]
        store.add_check(exercise, text, f"/exercises/{name}.py", passed=True)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files of this test alone, so that what is left in it can be seen."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_two_answers_are_composed_and_named(program, home, temporary):
    accept(softmax=GOOD[SOFTMAX], relu=GOOD[RELU])
    said = program("lab", "digits", "--mine", "--preset", "smoke", "seed=5")
    assert said.code == 0, said.err
    parts = lab_parts.parts_of("digits")
    mine = [lab_parts.part_name(part) for part in parts if part in (SOFTMAX, RELU)]
    assert f"  Yours: {', '.join(mine)}   {len(mine)} of {len(parts)}\n" in said.out
    assert "  Ours:  " in said.out
    assert said.out.splitlines()[-1].endswith("upslope lab digits --preset smoke --mine seed=6")
    folder = home / "runs" / "digits-0001"
    result = json.loads((folder / "result.json").read_text())
    assert {part for part, whose in result["parts"].items() if whose == "yours"} == {SOFTMAX, RELU} & set(parts)
    assert {a.exercise: a.text for a in lab_parts.load(folder / lab_parts.FILE).values()} == GOOD
    assert list(temporary.glob("upslope-mine-*")) == [], "the overlay goes when the process ends"


def test_what_runs_is_the_learners_code(program, temporary):
    """The same seed with and without: equal for a right answer, ruined by a relu that lets nothing through."""
    ours = program("lab", "digits", "--preset", "smoke", "--json").json
    accept(relu=GOOD[RELU])
    right = program("lab", "digits", "--preset", "smoke", "--mine", "--json").json
    accept(relu=DEAD)
    dead = program("lab", "digits", "--preset", "smoke", "--mine", "--json").json
    assert right["metrics"] == ours["metrics"]
    assert right["code"] != ours["code"]
    assert ours["metrics"]["test_accuracy"] > 0.5
    assert dead["metrics"]["test_accuracy"] < 0.2


def test_an_answer_that_fails_in_the_lab_is_blamed_by_file_and_line(program, temporary):
    accept(relu=RAISES)
    said = program("lab", "digits", "--preset", "smoke", "--mine")
    assert said.code == 1
    assert (
        "your relu failed in the lab: ValueError: not today (relu.py, line 3: raise ValueError('not today'))"
        in said.err
    )
    assert "Traceback" not in said.err
    assert "Traceback" in program("lab", "digits", "--preset", "smoke", "--mine", "--debug").err
    assert list(temporary.glob("upslope-mine-*")) == []


def test_a_resumed_run_uses_the_code_that_it_began_with(program, home, tmp_path, temporary, wait_for):
    accept(relu=GOOD[RELU])
    words = ["lab", "digits", "--preset", "smoke", "epochs=400", "--mine"]
    child = subprocess.Popen(
        [sys.executable, "-m", "upslope", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    )
    wait_for(home / "runs" / "digits-0001" / "metrics.jsonl", child)
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate()
    assert child.returncode == 130, "signals reach the process that trains, and its status comes back"
    assert b"--resume digits-0001" in err
    accept(relu=DEAD)  # accepted since: not what the run began with
    said = program("lab", "--resume", "digits-0001", "--json")
    assert said.code == 0, said.err
    result = said.json
    began = json.loads((home / "runs" / "digits-0001" / "config.json").read_text())
    assert result["code"] == began["code"]
    assert result["parts"][RELU] == "yours"
    assert result["metrics"]["test_accuracy"] > 0.5
    assert list(temporary.glob("upslope-mine-*")) == []


def test_the_folder_it_is_typed_in_does_not_come_before_the_overlay(program, tmp_path, temporary):
    """A file named as a module of ours, or a folder named upslope, in the current folder changes nothing."""
    accept(relu=GOOD[RELU])
    (tmp_path / "upslope").mkdir()
    (tmp_path / "upslope" / "__init__.py").write_text("raise RuntimeError('the wrong upslope')\n")
    (tmp_path / "numpy.py").write_text("raise RuntimeError('the wrong numpy')\n")
    said = program("lab", "digits", "--preset", "smoke", "--mine", PYTHONSAFEPATH="1")
    assert said.code == 0, said.err


def test_worker_processes_see_the_answers_too(tmp_path):
    """What --mine sets for the lab's process, its children inherit."""
    from upslope.academy.overlay import build

    root = tmp_path / "overlay"
    root.mkdir()
    build(root, {RELU: Submission(RELU, DEAD, "relu.py")})
    code = (
        "import multiprocessing as m\n"
        "def work(_):\n"
        "    from upslope.scratch import ops; from upslope.scratch.tensor import Tensor\n"
        "    return ops.relu(Tensor([3.0])).data.tolist()\n"
        "if __name__ == '__main__':\n"
        "    print(m.get_context('spawn').Pool(1).map(work, [0]))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[[0.0]]"


def test_answers_of_exercises_that_are_gone_are_left_out(program, temporary):
    accept(relu=GOOD[RELU])
    Progress(progress_file()).add_check("upslope.scratch.ops:gone", "x = 1\n", "gone.py", passed=True)
    assert program("lab", "digits", "--preset", "smoke", "--mine").code == 0


def test_parts_and_their_owners():
    parts = lab_parts.parts_of("lenet")
    assert "upslope.scratch.ops:conv2d" in parts
    whose = lab_parts.whose("lenet", {RELU: Submission(RELU, "", "")})
    assert list(whose) == parts
    assert whose[RELU] == "yours"
    assert set(whose.values()) == {"yours", "ours"}
    assert lab_parts.part_name("upslope.scratch.scalar:Value.backward") == "Value.backward"
    assert lab_parts.parts_of("no-such-lab") == []


def test_stored_answers_make_a_round_trip(tmp_path):
    answers = {RELU: Submission(RELU, 'text "quoted"\n\tänd\n', "/some/file.py")}
    file = tmp_path / lab_parts.FILE
    file.write_text(lab_parts.dump(answers), encoding="utf-8")
    assert lab_parts.load(file) == answers
    for damaged in ("", "{}", '[{"exercise": "x"}]', "[1]"):
        file.write_text(damaged)
        if damaged != "{}":
            with pytest.raises(lab_parts.BadAnswers, match=r"answers\.json"):
                lab_parts.load(file)


def test_a_run_with_damaged_answers_does_not_go_on_with_others(program, upslope, home, temporary):
    upslope("lab", "digits", "--preset", "smoke")
    folder = home / "runs" / "digits-0001"
    (folder / "result.json").unlink()
    (folder / lab_parts.FILE).write_text("[")
    said = program("lab", "--resume", "digits-0001")
    assert said.code == 3
    assert "does not hold the answers of a run" in said.err
