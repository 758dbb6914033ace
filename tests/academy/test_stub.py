"""The stub keeps signature, decorators and docstring, brings its imports along, and holds nothing of the body."""

import ast
from pathlib import Path

import pytest

from upslope.academy.hints import comments
from upslope.academy.lessons import exercises
from upslope.academy.reference import Located, locate
from upslope.academy.stub import definition, stub_text

STEPS = exercises()

BARE = '''\
class Doubled:
    """Twice the number it was made with.

    # The example below is prose.
    """

    factor = 2

    def __init__(self, number):
        # Hint: keep it.

        # Hint: nothing else is needed.
        self.number = number

    def result(
        self,
    ):
        # Hint: multiply.
        return self.factor * self.number
        # Hint: that was all.

    @property
    def half(self):
        """A half of it."""
        # Hint: divide.
        return self.number / 2
        # Hint: that was all of this one, too.
'''


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_the_stub_is_python_with_the_reference_signature_and_docstring(step):
    located = locate(step.exercise)
    tree = ast.parse(stub_text(step))
    node = next(n for n in tree.body if getattr(n, "name", "") == located.name)
    assert ast.get_docstring(node) == located.docstring
    if isinstance(node, ast.FunctionDef):
        assert ast.unparse(node.args) == ast.unparse(located.node.args)


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_no_statement_of_the_reference_body_is_in_the_stub(step):
    located = locate(step.exercise)
    functions = [n for n in ast.walk(located.node) if isinstance(n, ast.FunctionDef)]
    kept = {line.strip() for line in stub_text(step).split("\n")}
    for function in functions:
        for statement in function.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # the docstring
            text = ast.get_source_segment(located.text, statement) or ""
            assert not {line.strip() for line in text.split("\n") if len(line.strip()) > 4} & kept, text


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_the_stub_imports_and_defines_the_name(step, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # as in the grading child: TensorFlow need not be there
    namespace: dict[str, object] = {"__name__": "stub"}
    exec(compile(stub_text(step), "stub.py", "exec"), namespace)
    assert locate(step.exercise).name in namespace


@pytest.mark.parametrize("step", STEPS, ids=lambda s: s.name)
def test_no_comment_of_the_second_hint_is_in_the_stub(step):
    stub = stub_text(step)
    for comment in comments(locate(step.exercise)):
        assert comment.split(". ")[0] not in stub


def located(text: str, owner: str = "", name: str = "Doubled") -> Located:
    """A definition of a made-up module."""
    tree = ast.parse(text)
    found = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    around = found.get(owner)
    assert around is None or isinstance(around, ast.ClassDef)
    return Located(f"made:{name}", "made", name, Path("made.py"), text, found[name], around)


def test_comments_of_a_body_without_a_docstring_go_with_it():
    cut = definition(located(BARE))
    assert "Hint" not in cut
    assert "# The example below is prose." in cut
    assert [line.strip() for line in cut.split("\n") if "def" in line or "raise" in line] == [
        "def __init__(self, number):",
        'raise NotImplementedError("__init__ is yours to write")',
        "def result(",
        'raise NotImplementedError("result is yours to write")',
        "def half(self):",
        'raise NotImplementedError("half is yours to write")',
    ]
    assert isinstance(ast.parse(cut).body[0], ast.ClassDef)


def test_comments_of_a_single_method_go_with_its_body():
    cut = definition(located(BARE, "Doubled", "__init__"))
    assert cut == 'def __init__(self, number):\n    raise NotImplementedError("__init__ is yours to write")'
