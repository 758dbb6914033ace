"""`upslope watch`: a verdict for each save, whatever an editor does to save, and nothing left when it ends."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from upslope.academy.lessons import find
from upslope.academy.mutation_run import standing_alone
from upslope.academy.progress import Progress
from upslope.academy.reference import locate
from upslope.runs.workspace import exercises_folder, progress_file

RELU = standing_alone(locate("upslope.scratch.ops:relu"))
DEAD = "def relu(x):\n    return x.then(x.data * 0, lambda g: g * 0)\n"
LINEAR = standing_alone(locate("upslope.scratch.nn:Linear")).replace(
    "return linear(x, self.weight, self.bias)",
    "y = x @ self.weight.T\n        return y if self.bias is None else y + self.bias",
)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def file_of(name: str) -> Path:
    return exercises_folder() / find(name).file


class Watching:
    """A running `upslope watch --json`."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "upslope", "watch", *words, "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.held = b""

    def line(self, seconds: float | None = None):
        """The next event; None if there is none in that time. Without seconds it is waited for."""
        assert self.process.stdout is not None
        while b"\n" not in self.held:
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                return None
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            assert piece, self.process.stderr and self.process.stderr.read().decode()
            self.held += piece
        line, _, self.held = self.held.partition(b"\n")
        return json.loads(line)

    def verdict(self):
        event = self.line()
        assert event is not None
        assert event["event"] == "verdict", event
        return event

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate()
        assert err == b""
        return self.process.returncode


@pytest.fixture
def watching(upslope):
    """Start a watch over a fresh workspace; it has said what it watches, and graded the stub that stands there."""
    upslope("init")
    begun: list[Watching] = []

    def begin(*words: str, first: str = "") -> Watching:
        begun.append(Watching(*words))
        assert begun[-1].line()["event"] == "watching"
        verdict = begun[-1].verdict()
        assert first in {"", verdict["step"]}
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            assert one.end() == 0


def test_a_session_from_the_stub_to_the_next_step(watching):
    watch = watching("--json", first="scalar-backward")
    file = file_of("relu")
    file.write_text(DEAD)
    wrong = watch.verdict()
    assert (wrong["step"], wrong["passed"], wrong["waits_for"]) == ("relu", False, str(file))
    assert wrong["command"] == "upslope hint relu"
    assert wrong["checks"][-1]["message"] == "not run", "the first failure only"
    file.write_text(RELU)
    right = watch.verdict()
    assert (right["step"], right["passed"]) == ("relu", True)
    assert right["waits_for"] == str(file_of("sigmoid")), "it goes on to the next exercise"
    assert set(Progress(progress_file()).accepted()) == {"upslope.scratch.ops:relu"}


def test_ways_of_saving(watching):
    watch, file = watching("relu"), file_of("relu")

    def expect(passed: bool) -> None:
        assert watch.verdict()["passed"] is passed
        assert watch.line(1.0) is None, "one save is one verdict"
        time.sleep(0.1)

    file.write_text(DEAD)
    expect(False)
    # As vim does: the old file goes aside, a new one is written, the old one goes.
    file.rename(file.with_name(file.name + "~"))
    file.write_text(RELU)
    file.with_name(file.name + "~").unlink()
    expect(True)
    # As many others do: a new file takes the place of the old one.
    other = file.with_name(".relu.tmp")
    other.write_text(DEAD)
    other.replace(file)
    expect(False)
    # In pieces, the first of which ends in the middle of a statement.
    with open(file, "w") as half:
        half.write(RELU[: len(RELU) // 2 + 3] + "(")
        half.flush()
        time.sleep(0.12)
        half.seek(0)
        half.write(RELU)
        half.truncate()
    expect(True)
    # Many times in a row.
    for k in range(20):
        file.write_text(f"{DEAD}\n# {k}\n")
        time.sleep(0.005)
    verdicts = [watch.verdict()]
    while (more := watch.line(1.0)) is not None:
        verdicts.append(more)
    assert len(verdicts) < 20, "a burst is not twenty verdicts"
    assert not verdicts[-1]["passed"]
    # Other files in the folder are nobody's answer.
    file.with_name("notes.txt").write_text("x")
    file.with_name("softmax.py.swp").write_text("x")
    assert watch.line(0.6) is None


def test_a_file_that_goes_and_comes_back(watching):
    watch, file = watching("relu"), file_of("relu")
    file.unlink()
    gone = watch.line()
    assert gone["event"] == "gone"
    assert "is gone" in gone["sentence"]
    file.mkdir()
    assert "not a plain file" in watch.line()["sentence"]
    file.rmdir()
    assert watch.line()["event"] == "gone"
    file.write_text(RELU)
    assert watch.verdict()["passed"] is True


def test_one_exercise_alone(watching):
    watch = watching("relu", first="relu")
    file_of("sigmoid").write_text("def sigmoid(x): return x\n")
    assert watch.line(0.8) is None
    file_of("relu").write_text(RELU)
    verdict = watch.verdict()
    assert (verdict["passed"], verdict["waits_for"]) == (True, str(file_of("relu")))


def test_answers_accepted_meanwhile_stand_beside_the_next_one(watching):
    watch, file = watching("linear"), file_of("linear")
    file.write_text(LINEAR)
    assert watch.verdict()["passed"] is True
    store = Progress(progress_file())
    store.add_check("upslope.scratch.ops:matmul", "def matmul(x, y):\n    return x * 0\n", "m.py", passed=True)
    file.write_text(LINEAR + "\n")
    verdict = watch.verdict()
    assert (verdict["passed"], verdict["broken_by"]) == (False, ["upslope.scratch.ops:matmul"])


def test_hopeless_answers_do_not_end_it(watching):
    watch, file = watching("relu"), file_of("relu")
    for text, said in (
        ("import os\n\n\ndef relu(x):\n    os._exit(3)\n", "line 1 imports os"),
        ("def relu(x)\n    return x\n", "line 1 is not Python"),
        ("def relu(x):\n    raise KeyboardInterrupt\n", "KeyboardInterrupt: the answer interrupted itself"),
    ):
        file.write_text(text)
        verdict = watch.verdict()
        assert verdict["passed"] is False
        assert said in json.dumps(verdict)
    file.write_text(RELU)
    assert watch.verdict()["passed"] is True


@LINUX
def test_ctrl_c_ends_it_with_nothing_left(watching):
    watch = watching("relu")
    children = watch.children()
    assert len(children) == 1
    file_of("relu").write_text("def relu(x):\n    while True:\n        pass\n")
    time.sleep(0.8)  # in the middle of a grading
    assert watch.end() == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@LINUX
@pytest.mark.deep
def test_memory_does_not_grow_with_the_gradings(watching):
    watch, file = watching("relu"), file_of("relu")

    def used() -> list[int]:
        pids = [watch.process.pid, *watch.children()]
        return [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 for pid in pids]

    for k in range(14):
        file.write_text(f"{DEAD if k % 2 else RELU}\n# {k}\n")
        watch.verdict()
        if k == 3:
            before = used()
    after = used()
    assert all(b - a < 2048 for a, b in zip(before, after, strict=True)), f"{before} kB, then {after} kB"


@pytest.mark.needs("torch")
def test_an_exercise_in_torch(watching):
    watch, file = watching("residual-block", first="residual-block"), file_of("residual-block")
    text = standing_alone(locate("upslope.blocks.residual:BasicBlock"))
    file.write_text(text.replace("added + self.shortcut(x)", "added"))
    assert watch.verdict()["passed"] is False
    file.write_text(text)
    verdict = watch.verdict()
    assert verdict["passed"] is True, verdict
    assert "fashion" in verdict["in_place_in"]


def test_on_a_terminal_every_verdict_has_the_screen_to_itself(upslope, tmp_path):
    upslope("init")
    file_of("relu").write_text(DEAD)
    terminal, inner = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    environment.pop("NO_COLOR")
    command = [sys.executable, "-m", "upslope", "watch", "relu"]
    process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
    os.close(inner)

    def until(words: str) -> str:
        text = ""
        while words not in text:
            text += os.read(terminal, 1 << 16).decode()
        return text

    began = until("Waiting for foundations/relu.py")
    assert "Ctrl-C ends it" in began
    assert began.count("\x1b[2J") == 1
    assert "checks passed" in began
    assert "Traceback" not in began
    file_of("relu").write_text(RELU)
    passed = until("Waiting for")
    assert passed.index("\x1b[2J") < passed.index("9 of 9 checks passed")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0
    os.close(terminal)


def test_without_a_workspace_it_says_what_to_do(upslope):
    said = upslope("watch")
    assert said.code == 3
    assert "upslope init makes it" in said.err
    upslope("init")
    said = upslope("watch", "digits-pure")
    assert said.code == 2
    assert "asks for no code" in said.err


def test_where_torch_is_missing_one_sentence_says_how_to_get_it(tmp_path):
    """In a process in which torch cannot be found: the verdict on an exercise, and the watch, which goes on."""
    script = textwrap.dedent("""
        import importlib.util, sys
        true = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *more: None if name == "torch" else true(name, *more)
        from upslope.cli.main import main
        main(["init"])
        sys.exit(main(["check", "attention"]))
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "  this needs torch, which is not installed: pip install 'upslope[torch]'\n"
