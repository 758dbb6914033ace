"""Syntax trees are built by one thread at a time, whoever asks."""

import ast
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from upslope.syntax import parsed


def test_two_threads_are_never_inside_at_once(monkeypatch):
    inside, most, third = [], [], threading.Barrier(3)
    real = ast.parse

    def slow(text):
        inside.append(text)
        most.append(len(inside))
        threading.Event().wait(0.01)  # lets every other thread come, as CPython does in the middle of a tree
        inside.remove(text)
        return real(text)

    def ask(n):
        third.wait()
        return ast.unparse(parsed(f"x = {n}"))

    monkeypatch.setattr(ast, "parse", slow)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, range(3))) == ["x = 0", "x = 1", "x = 2"]
    assert most == [1, 1, 1]


def test_a_finalizer_may_read_a_file_while_a_tree_is_built(monkeypatch):
    real = ast.parse
    monkeypatch.setattr(ast, "parse", lambda text: real(text) if text == "inner" else (parsed("inner"), real(text))[1])
    assert ast.unparse(parsed("outer")) == "outer"


@pytest.mark.parametrize("text", ["x = ", "a\0b"])
def test_what_is_not_python_ends_as_it_does_in_ast(text):
    with pytest.raises((SyntaxError, ValueError)) as ours:
        parsed(text)
    with pytest.raises(type(ours.value)):
        ast.parse(text)
    assert ast.unparse(parsed(b"x = 1")) == "x = 1"  # nothing is left held
