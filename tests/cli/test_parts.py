"""What a lesson says about labs is true: every part of a lab is really called when the lab runs."""

import pytest

from upslope.academy import lab_parts, stub
from upslope.academy.overlay import Submission
from upslope.academy.progress import Progress
from upslope.academy.reference import locate
from upslope.cards import discover
from upslope.runs.workspace import progress_file


def marking(exercise, marks):
    """The library's own definition as an answer that leaves a mark when it is called."""
    located = locate(exercise)
    name = located.name
    mark = f"open({str(marks / exercise.replace(':', '-'))!r}, 'w').close()"
    if located.node.__class__.__name__ == "ClassDef":
        # Defined under its own name in a class below, so that super() and pickling work as before.
        tail = [
            f"_step = {name}.{_method(located)}",
            f"def _marked(self, *args, **kwargs):\n    {mark}\n    return _step(self, *args, **kwargs)",
            f"{name}.{_method(located)} = _marked",
        ]
    else:
        tail = [f"_right = {name}", f"def {name}(*args, **kwargs):\n    {mark}\n    return _right(*args, **kwargs)"]
    import textwrap

    return "\n".join([*stub.imports(located), "", textwrap.dedent(located.source), "", *tail, ""])


def _method(located):
    return next(m.name for m in located.node.body if getattr(m, "name", "") in ("forward", "step"))


# Every lab as it is, and one whose parts are others with another setting; at first, one in NumPy and one in PyTorch.
FIRST = ("digits", "fashion")
CASES = [(lab, ()) if lab in FIRST else pytest.param(lab, (), marks=pytest.mark.deep) for lab in discover("labs")]
CASES.append(pytest.param("fashion", ("model=vit",), marks=pytest.mark.deep))


@pytest.mark.parametrize(
    ("lab", "words"), CASES, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_every_part_of_a_lab_is_called(program, tmp_path, lab, words):
    found = discover("labs")[lab]
    if "import torch" in found.path.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    settings = lab_parts.settings_said(found, words, "smoke")
    parts = lab_parts.parts_of(lab, settings)
    assert parts, f"no lesson says that it returns in {lab}"
    marks = tmp_path / "marks"
    marks.mkdir()
    store = Progress(progress_file())
    for exercise in parts:
        answer = Submission(exercise, marking(exercise, marks), f"/exercises/{exercise.replace(':', '-')}.py")
        store.add_check(exercise, answer.text, answer.path, passed=True)
    # A few steps call what all of them call.
    shorter = [f"{name}={few}" for name, few in {"epochs": 1, "steps": 10}.items() if settings.get(name, 0) > few]
    said = program("lab", lab, *words, *shorter, "--mine", "--preset", "smoke", "--json")
    assert said.code == 0, said.err
    assert said.json["parts"] == dict.fromkeys(parts, "yours")
    called = {path.name.replace("-", ":") for path in marks.iterdir()}
    assert sorted(set(parts) - called) == [], f"lessons say that these run in lab {lab}, and they do not"
