"""The gate: what is refused from the text alone, in which words, and that nothing right is refused."""

import textwrap

import pytest

from upslope.academy import stub
from upslope.academy.grading.static import source_check
from upslope.academy.lessons import exercises, find
from upslope.academy.mutation_run import standing_alone
from upslope.academy.reference import locate

HEAD = "import numpy as np\n\nfrom upslope.scratch.tensor import Tensor\n\n\n"
EACH = pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)


def said(text, name="softmax"):
    step = find(name)
    found = source_check.refusal(text, locate(step.exercise), step)
    return found and found.sentence


def softmax(body, head=HEAD):
    return f"{head}def softmax(x: Tensor, dim: int = -1) -> Tensor:\n{textwrap.indent(body, '    ')}\n"


@EACH
def test_the_reference_and_the_stub_pass(step):
    located = locate(step.exercise)
    assert source_check.refusal(standing_alone(located), located, step) is None
    assert source_check.refusal(stub.stub_text(step), located, step) is None
    assert source_check.refusal(stub.stub_text(step).encode(), located, step) is None


@pytest.mark.parametrize(
    "body",
    [
        "return x.then(np.exp(x.data), lambda g: g)",
        "return softmax(x, dim)",  # recursion is the learner's own business
        "import math\nfrom functools import reduce\nimport numpy.linalg as la\nreturn math.pi",
        "from dataclasses import dataclass\nx.softness = 1\nself = x\nself.softmax = 3\nreturn x",
        "getattr(x, 'data')\nsetattr(x, 'name', 1)\nreturn np.random.default_rng(0)",
    ],
)
def test_what_an_answer_may_write(body):
    assert said(softmax(body)) is None


def test_a_windows_file_and_a_byte_order_mark_are_fine():
    text = softmax("return x").replace("\n", "\r\n")
    assert said(b"\xef\xbb\xbf" + text.encode()) is None
    assert said("\ufeff" + text) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "the file has no def softmax"),
        ("class softmax: ...", "the file has no def softmax"),
        (HEAD, "the file has no def softmax"),
        ("def softmax(x, axis=-1): ...", "line 1: softmax takes (x, dim=-1), yours takes (x, axis=-1)"),
        ("def softmax(x, dim): ...", "line 1: softmax takes (x, dim=-1), yours takes (x, dim)"),
        ("def softmax(x, dim=0): ...", "line 1: softmax takes (x, dim=-1), yours takes (x, dim=0)"),
        ("def softmax(x, *, dim=-1): ...", "line 1: softmax takes (x, dim=-1), yours takes (x, *, dim=-1)"),
        ("def softmax(*a, **k): ...", "line 1: softmax takes (x, dim=-1), yours takes (*a, **k)"),
        ("import torch\n" + softmax("return torch.softmax(x)"), "line 1 imports torch; this answer may import numpy"),
        ("from . import ops\n" + softmax("..."), "line 1 imports from a package around it"),
        ("from numpy import *\n" + softmax("..."), "line 1 imports everything from numpy; name what you need"),
        ("from upslope.scratch.ops import relu\n" + softmax("..."), "line 1 imports upslope.scratch.ops.relu; this"),
        ("from upslope import scratch\n" + softmax("..."), "line 1 imports upslope.scratch; this"),
        (
            "from scipy.special import softmax as s\n" + softmax("..."),
            "uses scipy.special.softmax, which is the",
        ),
        (softmax("return x.softmax(dim)"), "line 7 uses x.softmax, which is the answer itself; write out what it does"),
        (softmax("return getattr(x, 'softmax')(dim)"), 'line 7 uses "softmax", which is the answer itself'),
        (softmax("return getattr(np, 'sys')"), "line 7 uses sys, which reaches outside of the answer"),
        (softmax("return log_softmax(x)"), "line 7 uses log_softmax, which is the answer itself"),
        (softmax("...") + "softmax = np.exp\n", "line 8 sets softmax anew"),
        (softmax("return eval('1')"), "line 7 uses eval, which reaches outside of the answer"),
        (softmax("return __import__('scipy')"), "line 7 uses __import__"),
        (softmax("return __builtins__"), "line 7 uses __builtins__"),
        (softmax("return np.sys.modules"), "line 7 uses "),
        (softmax("return np.ctypeslib"), "line 7 uses ctypeslib"),
        (softmax("return softmax.__globals__"), "line 7 uses __globals__"),
        (softmax("return ().__class__.__base__.__subclasses__()"), "line 7 uses __"),
        (softmax("np.allclose = 3"), "line 7 changes numpy.allclose; an answer only defines softmax"),
        (softmax("setattr(np, 'allclose', 3)"), "line 7 changes numpy; an answer only defines softmax"),
        (softmax("del Tensor.then"), "line 7 changes upslope.scratch.tensor.Tensor.then"),
        (softmax("np.linalg.norm = 3"), "line 7 changes numpy.linalg.norm"),
    ],
)
def test_what_is_refused(text, sentence):
    assert sentence in str(said(text))


def test_the_first_line_that_is_wrong_is_named():
    assert str(said(softmax("return eval('1')\nimport os"))).startswith("line 7 ")
    assert str(said(softmax("import os\nreturn eval('1')"))).startswith("line 7 ")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("class SGD(Optimizer)", "class SGD"), "the class should begin with class SGD(Optimizer)"),
        (("def step(self", "def stride(self"), "class SGD has no method step"),
        (("lr", "rate"), "SGD.__init__ takes (self, params, *, lr"),
        (("class SGD(", "class Sgd("), "the file has no class SGD"),
    ],
)
def test_classes_keep_their_face(change, sentence):
    text = stub.stub_text(find("sgd")).replace(*change)
    assert sentence in str(said(text, "sgd"))


def test_a_method_may_use_its_own_name():
    text = "def backward(self) -> None:\n    for parent in self.parents:\n        parent.backward()\n"
    assert said(text, "scalar-backward") is None


@pytest.mark.parametrize("text", ["(" * 100_000, "-" * 100_000 + "1", "x = [" * 300, "lambda: " * 5000 + "1"])
def test_nothing_makes_the_gate_itself_fall(text):
    assert said(text) is not None


DEEP = {
    "a sum": lambda n: "return (" + " + ".join(["x"] * n) + ").softmax()",
    "a chain of attributes": lambda n: "return x.softmax" + ".data" * n,
    "a chain of calls": lambda n: "return x" + ".f()" * n + ".softmax()",
    "a chain of brackets": lambda n: "return x" + "[0]" * n + ".softmax",
    "a row of signs": lambda n: "return (" + "-" * n + "1).softmax",
    "a row of branches": lambda n: "if x:\n    pass\n" + "elif x:\n    pass\n" * n + "return x.softmax",
    "a text put together": lambda n: "return getattr(x, " + "+".join(["'softmax'"] * n) + ")",
}


@pytest.mark.parametrize("n", [330, 700, 1500, 10_000])
@pytest.mark.parametrize("kind", DEEP)
def test_what_nests_deeper_than_any_answer_is_told_so(kind, n):
    sentence = str(said(softmax(DEEP[kind](n))))
    assert "deep" in sentence
    assert sentence.endswith("write it as a loop, or in several statements")


def test_a_default_that_nests_too_deeply_is_told_so():
    assert "levels deep" in str(said(f"def softmax(x, dim={'1+' * 500}1): ..."))


@pytest.mark.parametrize("kind", DEEP)
def test_a_long_expression_is_read(kind):
    sentence = said(softmax(DEEP[kind](90)))
    if kind == "a text put together":
        assert sentence is None  # it is no name of the answer
    else:
        assert "softmax, which is the answer itself" in str(sentence)
