"""The checks that follow from a description of an operation: each passes a right one and refuses its violators."""

import numpy as np
import pytest
import torch

from upslope.academy import checklist
from upslope.academy.checklist import BadChecks
from upslope.checks.blocks.tensors import TorchOp
from upslope.checks.expect import Mismatch
from upslope.checks.op_info import OpInfo
from upslope.scratch.tensor import Tensor


def samples(rng):
    return [{"x": rng.normal(size=shape), "power": 2} for shape in ((2, 3), (4,), (0, 2))]


def raised(x, power):
    if power < 0:
        raise ValueError(f"power={power} must not be negative")
    return x**power


def described(f):
    return TorchOp(f, samples=samples, truth=lambda x, power: x**power)


KINDS = {
    "shape": lambda f: described(f).shape("title"),
    "by_hand": lambda f: described(f).by_hand("title", ({"x": [1.0, 3.0], "power": 2}, [1, 9])),
    "backward by_hand": lambda f: described(f).by_hand(
        "title", ({"x": [1.0, 3.0], "power": 2}, [1, 9], [1.0, -1.0], {"x": [2.0, -6.0]})
    ),
    "stable": lambda f: described(f).stable(
        "title", ({"x": [1e3, 2.0], "power": 2}, ..., [1.0, -1.0], {"x": [2e3, -4.0]})
    ),
    "random": lambda f: described(f).random("title"),
    "large": lambda f: described(f).large("title", lambda rng: [{"x": rng.normal(size=(50, 50)), "power": 2}]),
    "gradient": lambda f: described(f).gradient("title"),
    "laws": lambda f: described(f).laws("title"),
    "refuses": lambda f: described(f).refuses("title", ({"x": [1.0], "power": -1}, ["power=-1"])),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_operation_passes(kind):
    KINDS[kind](raised)(np.random.default_rng(0))


VIOLATORS = [
    ("shape", lambda x, power: (x**power).flatten()),
    ("shape", lambda x, power: (x**power).double()),
    ("by_hand", lambda x, power: x),
    ("backward by_hand", lambda x, power: x.detach() * x),
    ("stable", lambda x, power: (power * x.log()).exp() if x[0] < 100 else x.exp().log() ** power),
    ("stable", lambda x, power: x.detach() * x),
    ("random", lambda x, power: abs(x)),
    ("random", lambda x, power: x.float() ** power if x.dtype == torch.float64 else x),
    ("large", lambda x, power: x**power * (1 if x.numel() < 100 else 2)),
    ("gradient", lambda x, power: x * x.detach()),
    ("laws", lambda x, power: (x.mul_(1.5) if not x.requires_grad else x) ** power),
    ("refuses", lambda x, power: x),
]


@pytest.mark.parametrize(("kind", "f"), VIOLATORS)
def test_a_violator_is_refused(kind, f):
    with pytest.raises(Mismatch):
        KINDS[kind](f)(np.random.default_rng(0))


def test_a_refusal_must_say_the_value():
    def terse(x, power):
        raise ValueError("bad power")

    with pytest.raises(Mismatch, match="does not say enough"):
        KINDS["refuses"](terse)(np.random.default_rng(0))


def test_only_the_gradients_that_are_wanted():
    def one_sided(x, power):
        return x * power.detach()

    given = TorchOp(one_sided, samples=lambda rng: [{"x": np.ones(2), "power": np.ones(2)}], truth=None)
    given.gradient("title", wanted=["x"])(np.random.default_rng(0))
    with pytest.raises(Mismatch, match="no gradient reached power"):
        given.gradient("title")(np.random.default_rng(0))


def test_the_engine_s_tensors_and_whole_numbers():
    def taken(x, places):
        return x[places]

    given = OpInfo(
        taken,
        samples=lambda rng: [{"x": rng.normal(size=5), "places": np.array([1, 1, 4])}],
        truth=lambda x, places: x[places],
    )
    for check in (given.shape("title"), given.random("title"), given.gradient("title")):
        check(np.random.default_rng(0))
    assert isinstance(taken(Tensor([1.0, 2.0]), np.array([1])), Tensor)


def test_arrays_in_numpy_and_a_dtype_that_is_given():
    def halved(x):
        return x.astype(np.float64) / 2

    given = OpInfo(halved, samples=lambda rng: [{"x": np.ones(3)}], truth=lambda x: x / 2, tensor=np.asarray)
    given.shape("title", gives="float64")(np.random.default_rng(0))
    with pytest.raises(Mismatch, match="the dtype is wrong"):
        given.shape("title")(np.random.default_rng(0))
    listed = OpInfo(lambda x: x.tolist(), samples=given.samples, truth=given.truth, tensor=np.asarray)
    with pytest.raises(Mismatch, match="what came back is not an array"):
        listed.shape("title")(np.random.default_rng(0))


def test_a_class_is_called_by_a_function_of_a_sample():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

    given = TorchOp(
        Scale,
        call=lambda x, factor: x * Scale(factor).factor,
        samples=lambda rng: [{"x": np.ones(2), "factor": 3}],
        truth=lambda x, factor: x * factor,
    )
    given.random("title")(np.random.default_rng(0))


def test_samples_that_are_all_too_large_for_differences():
    large = TorchOp(torch.sin, samples=lambda rng: [{"input": np.ones(100)}], truth=lambda input: np.sin(input))
    with pytest.raises(TypeError, match="no sample of sin has at most"):
        large.gradient("title")(np.random.default_rng(0))


def test_the_list_reads_titles_from_the_text(tmp_path):
    text = """from upslope.scratch import ops
RELU = OpInfo(ops.relu, samples=None, truth=None)
test_shape = RELU.shape("the shape stays")
other = 3
"""
    path = tmp_path / "test_x.py"
    module = checklist.parse(text)
    bound = checklist._imports(module)
    named = checklist._described(module, bound, path)
    assert named == {"RELU": "upslope.scratch.ops:relu"}
    assert checklist._derived(module.body[2], named, path) == (
        "upslope.scratch.ops:relu",
        checklist.Check("test_shape", "the shape stays"),
    )
    assert checklist._derived(module.body[3], named, path) is None
    with pytest.raises(BadChecks, match="takes the title of the check first"):
        checklist._derived(checklist.parse("test_shape = RELU.shape(words)").body[0], named, path)
