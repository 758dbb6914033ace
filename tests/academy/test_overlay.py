"""In the overlay every way to reach a function leads to the learner's text, and the reference's body is nowhere."""

import os
import subprocess
import sys
import textwrap

import pytest

from upslope.academy.overlay import Submission, build
from upslope.academy.reference import locate

RELU = """\
import numpy as np

from upslope.scratch.tensor import Tensor


def helper(a):
    return a * 0 + 7.0


def relu(x: Tensor) -> Tensor:
    return Tensor(helper(x.data))
"""


def see(root, code):
    """What a child process with the overlay first on its path prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def overlay(tmp_path):
    root = tmp_path / "overlay"
    root.mkdir()
    return build(root, {"upslope.scratch.ops:relu": Submission("upslope.scratch.ops:relu", RELU, "/learner/relu.py")})


def test_every_path_to_the_function_is_the_learners(overlay):
    said = see(
        overlay.root,
        """
        import pickle, upslope
        from upslope.scratch import ops, nn
        from upslope.scratch.ops import relu
        from upslope.scratch.tensor import Tensor
        x = Tensor([-1.0])
        for f in (ops.relu, relu, Tensor.relu, nn.ReLU(), pickle.loads(pickle.dumps(relu))):
            print(float(f(x).data[0]))
        print(upslope.__file__.startswith(__import__("os").environ["PYTHONPATH"]))
        """,
    )
    assert said == ["7.0"] * 5 + ["True"]


def test_worker_processes_see_it_too(overlay):
    said = see(
        overlay.root,
        """
        import multiprocessing as mp
        from upslope.scratch import ops
        from upslope.scratch.tensor import Tensor
        if __name__ == "__main__":
            with mp.get_context("spawn").Pool(1) as pool:
                print(float(pool.apply(ops.relu, (Tensor([-1.0]),)).data[0]))
        """,
    )
    assert said == ["7.0"]


def test_the_learners_line_is_in_the_traceback(tmp_path):
    text = "from upslope.scratch.tensor import Tensor\n\n\ndef relu(x: Tensor) -> Tensor:\n    return x.nothing\n"
    build(tmp_path, {"upslope.scratch.ops:relu": Submission("upslope.scratch.ops:relu", text, "/learner/relu.py")})
    said = see(
        tmp_path,
        """
        import traceback
        from upslope.scratch import ops
        from upslope.scratch.tensor import Tensor
        try:
            ops.relu(Tensor([1.0]))
        except AttributeError as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            print(frame.filename, frame.lineno, frame.line.replace(" ", "_"))
        """,
    )
    assert said == ["/learner/relu.py", "5", "return_x.nothing"]


def test_helpers_of_two_answers_do_not_collide(tmp_path):
    exercises = {"upslope.scratch.ops:relu": "relu", "upslope.scratch.ops:sigmoid": "sigmoid"}
    answers = {}
    for n, (exercise, name) in enumerate(exercises.items(), 1):
        text = RELU.replace("def relu", f"def {name}").replace("7.0", f"{n}.0")
        answers[exercise] = Submission(exercise, text, f"/learner/{name}.py")
    build(tmp_path, answers)
    said = see(
        tmp_path,
        """
        from upslope.scratch import ops
        from upslope.scratch.tensor import Tensor
        print(float(ops.relu(Tensor([5.0])).data[0]), float(ops.sigmoid(Tensor([5.0])).data[0]))
        """,
    )
    assert said == ["1.0", "2.0"]


def test_the_reference_body_is_in_no_readable_place(overlay):
    located = locate("upslope.scratch.ops:relu")
    distinctive = max((line.strip() for line in located.source.split('"""')[-1].split("\n")), key=len)
    for folder, _, files in os.walk(overlay.root):
        for name in files:
            path = os.path.join(folder, name)
            if not os.path.islink(path) and name.endswith(".py"):
                with open(path, encoding="utf-8") as file:
                    assert distinctive not in file.read(), path
    assert located.path in overlay.hidden
    for path in overlay.readable:
        assert path != located.path
        assert path not in located.path.parents, f"{path} is readable and holds the reference"


def test_a_method_is_replaced_inside_its_class(tmp_path):
    text = "def backward(self) -> None:\n    self.grad = 42.0\n"
    exercise = "upslope.scratch.scalar:Value.backward"
    build(tmp_path, {exercise: Submission(exercise, text, "/learner/b.py")})
    said = see(
        tmp_path,
        """
        from upslope.scratch.scalar import Value
        v = Value(1.0)
        v.backward()
        print(v.grad, Value.backward.__qualname__)
        """,
    )
    assert said == ["42.0", "Value.backward"]
