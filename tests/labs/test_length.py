"""A lab on a task stays short: what it shares with others stands in the frame."""

import ast

import pytest

from upslope.cards import discover

# Before tasks: they are written on the NumPy engine, or train two libraries in turns.
OTHERS = {"digits", "digits-pure", "lenet", "twins"}
LABS = {name: found.path.read_text(encoding="utf-8") for name, found in discover("labs").items() if name not in OTHERS}


@pytest.mark.parametrize("name", LABS)
def test_a_lab_on_a_task_is_short(name):
    text = LABS[name]
    assert text.count("\n") <= 130
    modules = {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    assert len({module for module in modules if module and module.startswith("upslope.")}) <= 10
