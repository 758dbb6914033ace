"""The stub keeps signature, decorators and docstring, brings its imports along, and holds nothing of the body."""

import ast

import pytest

from upslope.academy.lessons import exercises
from upslope.academy.source import locate
from upslope.academy.stub import stub_text

STEPS = exercises()


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
def test_the_stub_imports_and_defines_the_name(step):
    namespace: dict[str, object] = {"__name__": "stub"}
    exec(compile(stub_text(step), "stub.py", "exec"), namespace)
    assert locate(step.exercise).name in namespace
