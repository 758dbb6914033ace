"""The checks: mistakes are quoted rightly, right answers of another making pass, and the truths are true."""

import ast
import importlib
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from upslope.academy.checklist import apply, checks_of, checks_path
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade, needed_by
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.grading.static import source_check
from upslope.academy.lessons import Step, exercises
from upslope.academy.mutation_run import run_seeds
from upslope.academy.reference import PACKAGE, locate

ALTERNATIVES = Path(__file__).parent / "alternatives"
FILES = sorted((PACKAGE / "checks").rglob("test_*.py"))
EXERCISES = pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def check_names(path: Path) -> list[str]:
    """Of all that pytest would run: functions, and what an OpInfo makes."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names += [node.name] if isinstance(node, ast.FunctionDef) else []
        names += [ast.unparse(node.targets[0])] if isinstance(node, ast.Assign) else []
    return [name for name in names if name.startswith("test_")]


def needs_of(step: Step) -> None:
    """Skip where a library is missing that the exercise is written in."""
    try:
        needed_by(str(step.exercise))
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}")


def fresh(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@EXERCISES
def test_every_quote_stands_in_the_reference_once(step: Step):
    located = locate(step.exercise)
    for wrong in checks_of(step.exercise).wrongs:
        ast.parse(apply(wrong, located).lstrip())


@EXERCISES
def test_there_are_enough_checks_in_the_usual_order(step: Step):
    graders = checks_of(step.exercise)
    assert 5 <= len(graders.checks) <= 12
    assert len(graders.wrongs) >= 6
    for check in graders.checks:
        assert check.title != check.name
        assert len(check.title) <= 100
        assert check.title[0].islower() or not check.title[0].isalpha() or check.title.startswith("SGD")


@EXERCISES
def test_wrong_answers_complete_the_sentence(step: Step):
    for wrong in checks_of(step.exercise).wrongs:
        assert not wrong.name.endswith("."), wrong.name
        assert wrong.name[0].islower() or wrong.name[0] in ".1", f"This looks like a known mistake: {wrong.name}"
        assert 20 <= len(wrong.name) <= 120, wrong.name


@EACH_FILE
def test_every_check_grades_something(path: Path):
    """TinyTorch had 39 tests that never ran: a check that belongs to no exercise would be one."""
    owned = {
        check.name
        for step in exercises()
        if checks_path(locate(step.exercise)) == path
        for check in checks_of(step.exercise).checks
    }
    names = check_names(path)
    assert len(names) == len(set(names)), "a later check of the same name hides the earlier one"
    assert set(names) == owned


@EACH_FILE
def test_checks_mirror_the_library(path: Path):
    folder = PACKAGE / path.parent.relative_to(PACKAGE / "checks")
    module = folder / path.name.removeprefix("test_")
    assert module.is_file() or folder.with_suffix(".py").is_file(), "a file mirrors a module, or its folder does"


@EACH_FILE
def test_checks_share_no_generator_and_need_torch_for_torch_alone(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and "scratch" in path.parts:
            assert "torch" not in ast.unparse(node)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.manual_seed":
            pytest.fail(f"line {node.lineno} seeds PyTorch for everybody; samples.seeded puts it back")
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"np.random", "numpy.random"}:
            assert node.attr in {"default_rng", "Generator"}, f"line {node.lineno} uses a generator that others share"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.random.default_rng":
            assert node.args, f"line {node.lineno}: numbers that no seed brings back"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert [arg.arg for arg in node.args.args] == ["rng"], node.name


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


@EXERCISES
def test_a_right_answer_of_another_making_passes(step: Step, bench, seeds):
    needs_of(step)
    text = (ALTERNATIVES / f"{step.name}.py").read_text(encoding="utf-8")
    located, graders = locate(step.exercise), checks_of(step.exercise)
    assert source_check.refusal(text, located, step) is None
    bench.preload(needed_by(str(step.exercise)))
    with Workplace() as place:
        done = run_seeds(located, text, graders, seeds, place=place, bench=bench)
        assert not done.failed, done.said
        verdict = grade(step.exercise, text, str(step.file), seed=0, bench=bench)
    assert verdict.passed, [verdict.refused, verdict.stopped, *(c for c in verdict.checks if not c.passed)]


QUICK = 20  # times what 100,000 squares take in Python: a tenth of a second where those take five milliseconds


def squares() -> int:
    return sum(n * n for n in range(100_000))


def processor_time(call: Callable[..., object], *given: object) -> float:
    began = time.process_time()
    call(*given)
    return time.process_time() - began


@EXERCISES
def test_a_check_is_quick(step: Step):
    needs_of(step)
    if str(step.exercise).startswith("upslope.twins."):
        pytest.skip("Keras keeps the backend of a process: tests/twins/test_checks.py takes the time in one of its own")
    graders = checks_of(step.exercise)
    module = importlib.import_module(graders.module)
    for check in graders.checks:
        took = []
        for seed in range(10):
            pace = processor_time(squares)  # of this machine, as busy as it is now
            took.append(processor_time(getattr(module, check.name), fresh(seed, check.name)) / pace)
            if min(took) < QUICK:
                break
        assert min(took) < QUICK, f"{check.name} takes {min(took):.0f} times as long as 100,000 squares"


# Naming compares counterexamples of all planted mistakes; every sixth exercise shows the way, and all are seen deep.
SOME = [pytest.param(s, id=s.name, marks=[pytest.mark.deep] if n % 6 else []) for n, s in enumerate(exercises())]


@pytest.mark.parametrize("step", SOME)
def test_the_mistake_is_named_to_a_learner(step: Step, bench):
    """The first wrong answer, graded as a learner's own text would be, comes back with its name."""
    needs_of(step)
    from upslope.academy.mutation_run import standing_alone

    located, graders = locate(step.exercise), checks_of(step.exercise)
    wrong = graders.wrongs[0]
    verdict = grade(
        step.exercise, standing_alone(located, apply(wrong, located)), "/home/learner/answer.py", bench=bench
    )
    assert not verdict.passed
    assert verdict.mistake == wrong.name


# The truths that checks compare with, beside SciPy and PyTorch, which graders of these levels do without.


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def test_the_truths_of_the_probabilities(rng):
    from scipy import special

    from upslope.checks.scratch.ops import test_probabilities as truths

    for row in (rng.normal(0, 5, 7), np.array([1000.0, 1001.0]), np.array([-1000.0, -1000.0, 3.0])):
        assert np.allclose(truths.log_of_sum(row), special.logsumexp(row), rtol=1e-14)
        assert np.allclose(truths.shares(row), special.softmax(row), rtol=1e-11)
    x = rng.normal(0, 5, 50)
    assert np.allclose((1 + np.tanh(x / 2)) / 2, special.expit(x), atol=1e-15)


def test_the_truths_of_products_and_convolution(rng):
    from scipy.signal import correlate

    from upslope.checks.scratch.ops import test_convolution, test_products

    for a, b in (*test_products.MATRICES, *test_products.VECTORS, *test_products.BATCHES):
        x, y = rng.normal(size=a), rng.normal(size=b)
        assert np.allclose(test_products.product(x, y), x @ y)
    for a, w, stride, padding in (*test_convolution.PLAIN, *test_convolution.STRIDED, *test_convolution.PADDED):
        x, weight, bias = rng.normal(size=a), rng.normal(size=w), rng.normal(size=w[0])
        wide = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        whole = [[correlate(image, one, mode="valid")[0] for one in weight] for image in wide]
        expected = np.array(whole)[:, :, ::stride, ::stride] + bias[:, None, None]
        assert np.allclose(test_convolution.slide(x, weight, bias, stride, padding), expected)


@pytest.mark.needs("torch")
def test_the_truths_of_losses_and_pooling(rng):
    import torch
    from torch.nn import functional as F

    from upslope.checks.scratch.ops import test_losses, test_pooling

    for smoothing in (0.0, 0.3):
        z, y = rng.normal(0, 3, (6, 4)), rng.integers(0, 4, 6)
        expected = F.cross_entropy(torch.tensor(z), torch.tensor(y), label_smoothing=smoothing)
        assert np.isclose(test_losses.surprise(z, y, smoothing), float(expected))
    for shape, size, stride in (*test_pooling.SIDE_BY_SIDE, *test_pooling.LEFT_OVER, *test_pooling.OVERLAPPING):
        x = rng.normal(size=shape)
        expected = F.max_pool2d(torch.tensor(x), size, stride)
        assert np.allclose(test_pooling.windows(x, size, stride), expected.numpy())


@pytest.mark.needs("torch")
def test_the_truths_of_the_optimizers(rng):
    import torch

    from upslope.checks.scratch.optim import test_adam, test_sgd

    sgd = {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.2, "nesterov": True}
    adam = {"lr": 0.1, "betas": (0.6, 0.9), "eps": 1e-3, "weight_decay": 0.2}
    for kind, truth, settings in (
        (torch.optim.SGD, test_sgd.sgd_by_sums, sgd),
        (torch.optim.SGD, test_sgd.sgd_by_sums, {"lr": 0.1, "momentum": 0.8}),
        (torch.optim.Adam, test_adam.adam_by_sums, adam),
    ):
        start, seen = rng.normal(size=3), list(rng.normal(size=(300, 3)))
        p = torch.tensor(start, requires_grad=True)
        optimizer = kind([p], **settings)
        for g, expected in zip(seen, truth(start, seen, **settings), strict=True):
            p.grad = torch.tensor(g)
            optimizer.step()
            assert np.allclose(p.detach().numpy(), expected)
