"""Sealed checks: what an answer replaces in the modules it can name is not what the checks run on."""

import builtins
import os
import sys
import types

import numpy as np
import pytest

from upslope.academy.grading.integrity.isolated_copies import GRADER, Copies, copies_of_libraries, sealed
from upslope.academy.grading.protocol.signed_pipe import Reader, Writer
from upslope.checks.expect import Mismatch

TOOLS = """
import math

import numpy as np


def close(got, expected, *, atol=1e-6):
    for a, b in zip(np.asarray(got).tolist(), np.asarray(expected).tolist(), strict=True):
        if not near(a, b, atol):
            raise AssertionError(f"{a} is not {b}")


def near(a, b, atol):
    return math.isfinite(a) and abs(a - b) <= atol
"""
CHECKS = """
import numpy.linalg
import numpy as np

from upslope.checks import of_a_test
from upslope.checks.of_a_test import close


def given(factor):
    def check(rng):
        close(np.linalg.norm([3.0, 4.0]) * np.ones(1), [5.0 * factor])

    return check


def test_wrong(rng):
    "two is not one"
    close(np.array([2.0]), [1.0])


def test_by_the_module(rng):
    of_a_test.close([2.0], [1.0])


test_made = given(2)
"""


@pytest.fixture
def modules():
    made = []
    for name, text in (("upslope.checks.of_a_test", TOOLS), ("upslope.checks.test_of_a_test", CHECKS)):
        module = types.ModuleType(name)
        sys.modules[name] = module
        made.append(module)
        if name == "upslope.checks.of_a_test":
            import upslope.checks

            upslope.checks.of_a_test = module
        exec(text, vars(module))
    yield made
    for module in made:
        del sys.modules[module.__name__]
    del upslope.checks.of_a_test


def never(*_, **__):
    return None


@pytest.mark.parametrize("check", ["test_wrong", "test_by_the_module", "test_made"])
@pytest.mark.parametrize(
    "what", ["nothing", "tools", "a part", "tolerance", "numpy", "numpy below", "math", "builtins"]
)
def test_what_is_replaced_later_does_not_reach_the_check(modules, monkeypatch, check, what):
    tools, checks = modules
    space = sealed(checks)
    if what == "tools":
        monkeypatch.setattr(tools, "close", never)
        monkeypatch.setattr(checks, "close", never)
    elif what == "a part":
        monkeypatch.setattr(tools, "near", lambda *_: True)
    elif what == "tolerance":
        tools.close.__kwdefaults__["atol"] = 1e9
    elif what == "numpy":
        monkeypatch.setattr(np, "asarray", lambda value: np.zeros(1))
    elif what == "numpy below":
        monkeypatch.setattr(np.linalg, "norm", lambda value: 10.0)
    elif what == "math":
        monkeypatch.setattr("math.isfinite", lambda value: True)
    if what == "builtins":
        true = builtins.zip
        builtins.zip = lambda *_, **__: ()
        try:
            with pytest.raises(AssertionError):
                space[check](None)
        finally:
            builtins.zip = true
    else:
        with pytest.raises(AssertionError):
            space[check](None)


def test_the_library_under_test_stays_what_it_is(modules):
    _, checks = modules
    from upslope.scratch import ops

    checks.ops = ops
    checks.Tensor = ops.relu
    space = sealed(checks)
    assert space["ops"] is ops
    assert space["Tensor"] is ops.relu
    assert space["np"].ndarray is np.ndarray
    assert space["np"].pi == np.pi


TABLES = """
from functools import partial

import numpy as np

from upslope.checks.of_a_test import close

CASES = [([2.0], [1.0])]
TRUTH = np.array([1.0])
MANY = {"first": [(close, 1)], "second": {1, 2}}


def kept(truth):
    def check(rng):
        close([2.0], truth)

    return check


def test_cases(rng):
    for got, expected in CASES:
        close(got, expected)


def test_truth(rng):
    close([2.0], TRUTH)


test_cell = kept([1.0])
test_partial = partial(close, [2.0], [1.0])


def test_caught(rng):
    try:
        raise Mismatch("two is not one")
    except Exception:
        pass


class Mismatch(AssertionError):
    pass
"""


@pytest.fixture
def tables(modules):
    _, checks = modules
    exec(TABLES, vars(checks))
    return checks


@pytest.mark.parametrize("check", ["test_cases", "test_truth", "test_cell"])
def test_tables_and_what_functions_know_are_copies_too(tables, check):
    space = sealed(tables)
    tables.CASES.clear()
    tables.TRUTH[:] = 2.0
    tables.MANY["first"].clear()
    tables.test_cell.__closure__[0].cell_contents = [2.0]
    assert space["MANY"]["first"][0][0] is space["close"], "functions in tables are the copies"
    with pytest.raises(AssertionError):
        space[check](None)


def test_a_function_with_arguments_is_a_copy_of_both(tables):
    space = sealed(tables)
    assert space["test_partial"].func is space["close"]
    assert space["test_partial"].args == ([2.0], [1.0])
    assert space["test_partial"].args[0] is not tables.test_partial.args[0]


def test_a_demand_that_failed_is_noted_although_the_error_was_caught(tables):
    copies = Copies()
    space = copies.namespace(vars(tables))
    space["test_caught"](None)
    assert [str(error) for error in copies.noted] == ["two is not one"]


def test_copies_of_libraries_are_made_once_and_used(modules):
    _, checks = modules
    ready = copies_of_libraries()
    space = sealed(checks, ready)
    assert space["np"] is ready.made[id(np)]
    assert space["np"] is not np
    assert "upslope" not in {getattr(value, "__name__", "") for value in ready.made.values()}


def test_a_twin_does_what_the_object_does_whatever_becomes_of_its_class(monkeypatch):
    """Every class can be found from `object`; what runs beside an answer must not care."""
    reading, writing = os.pipe()
    secret = b"s" * 32
    twin = Copies(of=GRADER).twin(Writer(writing, secret))
    monkeypatch.setattr(Writer, "send_bytes", lambda self, content: None)
    monkeypatch.setattr("upslope.academy.grading.protocol.signed_pipe.encoded", lambda message: b"{}")
    twin.send({"kind": "result", "passed": False, "seconds": 0.5, "of": [1, None, "ä"]})
    twin.send({"kind": "end"})
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = Reader(secret).feed(pipe.read())
    assert told == [{"kind": "result", "passed": False, "seconds": 0.5, "of": [1, None, "ä"]}, {"kind": "end"}]


def test_a_check_whose_failure_was_caught_has_not_passed(tables):
    """Whatever an answer puts in the way of an error: it was made, and that counts."""
    from upslope.academy.grading.child.check_runner import examine
    from upslope.academy.grading.child.torch_state import Settings
    from upslope.academy.grading.protocol.job import Job

    said = []
    job = Job(root="", work="", module=tables.__name__, checks=("test_caught", "test_two"), seed=1)
    tables.test_two = lambda: None
    tables.Mismatch = Mismatch
    examine(job, said.append, Copies(), Settings())
    outcomes = {message["check"]: message for message in said if message["kind"] == "result"}
    assert outcomes["test_caught"]["passed"] is False
    assert outcomes["test_caught"]["message"] == "two is not one"
    assert outcomes["test_two"]["passed"] is True
