"""Sealed checks: what an answer replaces in the modules it can name is not what the checks run on."""

import builtins
import sys
import types

import numpy as np
import pytest

from upslope.academy.grading.sealed import sealed

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
