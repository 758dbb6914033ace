"""Exercises are found by name in the library's text, through the public faces that re-export them."""

import ast

import pytest

from upslope.academy.reference import UnknownExercise, body_lines, locate


def test_an_id_goes_through_the_face_to_the_file_that_defines_it():
    found = locate("upslope.scratch.ops:softmax")
    assert found.module.startswith("upslope.scratch.ops.")
    assert found.source.startswith("def softmax(")
    assert ast.parse(found.source).body[0].end_lineno == found.last_line - found.first_line + 1


def test_a_method_is_found_in_its_class():
    found = locate("upslope.scratch.scalar:Value.backward")
    assert (found.qualname, found.name) == ("Value.backward", "backward")
    assert found.owner is not None
    assert found.owner.name == "Value"


def test_the_body_starts_after_the_docstring_with_its_comments():
    found = locate("upslope.scratch.ops:softmax")
    first, last = body_lines(found.node)
    lines = found.text.split("\n")
    assert '"""' in lines[first - 2]
    assert last == found.last_line


@pytest.mark.parametrize(
    ("exercise", "says"),
    [
        ("softmax", "ids look like"),
        ("upslope.scratch.ops:softmacs", "defines no softmacs"),
        ("upslope.nowhere:softmax", "no module upslope.nowhere"),
        ("upslope.scratch.scalar:Value.forwards", "no method forwards"),
        ("numpy:exp", "no module numpy"),
    ],
)
def test_an_unknown_id_says_what_is_missing(exercise, says):
    with pytest.raises(UnknownExercise, match=says):
        locate(exercise)
