"""Grading what is written in PyTorch: what is loaded for it, that ordinary answers pass, and what a fork finds."""

import sys
from pathlib import Path

import pytest

from upslope.academy.checklist import apply, checks_of
from upslope.academy.grading.host import child_process as benches
from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade, needed_by
from upslope.academy.grading.host.limits import ResourceUsage
from upslope.academy.grading.static import required_modules
from upslope.academy.lessons import exercises, find
from upslope.academy.mutation_run import standing_alone
from upslope.academy.reference import locate

ATTENTION, BLOCK = "upslope.blocks.attention:scaled_dot_product_attention", "upslope.blocks.residual:BasicBlock"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
TORCH = pytest.mark.needs("torch")


def roots(exercise: str) -> set[str]:
    located = locate(exercise)
    return {name.partition(".")[0] for name in required_modules.loads(checks_of(exercise).path, located.path)}


@pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)
def test_what_is_loaded_is_found_from_the_text(step):
    """Level 0 and 1, and all that is written in NumPy, are graded without PyTorch."""
    found = roots(step.exercise)
    assert "numpy" in found
    text = locate(step.exercise).text
    assert ("torch" in found) == ("from torch" in text or "keras" in found), "Keras runs on PyTorch here"


def test_what_the_module_imports_by_way_of_others_is_found():
    encoder = "upslope.blocks.transformer:EncoderBlock"  # its attention imports einops
    assert {"torch", "einops", "jaxtyping"} <= roots(encoder)
    assert "einops" not in roots(BLOCK)


def test_who_speaks_of_an_optimizer_gets_what_its_first_step_loads(tmp_path):
    plain, steps = tmp_path / "plain.py", tmp_path / "steps.py"
    plain.write_text("import torch\n\nx = torch.ones(3)\n")
    steps.write_text("import torch\n\no = torch.optim.SGD([], lr=1)\n")
    assert required_modules.loads(plain) == ["torch"]
    assert required_modules.loads(steps) == ["torch", "torch._dynamo"]


def test_a_library_that_is_absent_is_named(monkeypatch):
    true = required_modules.importlib.util.find_spec
    gone = {"einops", "torch"}
    monkeypatch.setattr(required_modules.importlib.util, "find_spec", lambda name: None if name in gone else true(name))
    assert required_modules.absent(["numpy", "einops.layers", "torch.nn"]) == "torch"
    assert required_modules.absent(["numpy", "einops"]) == "einops"
    assert required_modules.absent(["numpy", "math"]) is None
    with pytest.raises(ModuleNotFoundError) as caught:
        grade(ATTENTION, "def scaled_dot_product_attention(q, k, v, *, mask=None): ...", "x.py")
    assert caught.value.name == "torch"
    assert roots("upslope.scratch.ops:softmax").isdisjoint(gone), "softmax is graded all the same"


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


@TORCH
@LINUX
def test_the_server_has_one_thread_however_much_it_has_loaded(bench):
    """A fork keeps the thread that forks; others, of OpenMP or autograd, would leave their locks behind."""
    bench.preload(needed_by(ATTENTION))
    bench.at_leisure()
    assert grade(ATTENTION, standing_alone(locate(ATTENTION)), "x.py", bench=bench).passed
    assert len(list(Path(f"/proc/{bench.pid}/task").iterdir())) == 1
    maps = Path(f"/proc/{bench.pid}/maps").read_text()
    assert "libtorch" in maps


@TORCH
def test_the_libraries_own_memory_is_not_the_answers(bench, monkeypatch):
    """What the server takes with PyTorch in it is the base of the limit."""
    bench.preload(needed_by(ATTENTION))
    text = "import torch\n\n\ndef scaled_dot_product_attention(q, k, v, *, mask=None):\n    while True:\n        pass\n"

    def stopped(megabytes: int) -> str:
        monkeypatch.setattr(benches, "usage", lambda pid: ResourceUsage(bench._own + (megabytes << 20), (pid,)))
        limits = benches_limits(check_seconds=1.0, memory_mb=100)
        return str(grade(ATTENTION, text, "x.py", bench=bench, gate=False, limits=limits).stopped)

    assert "did not return" in stopped(250)
    assert bench._own > 100 << 20
    assert stopped(310) == "stopped: the answer took more than 100 MB of memory"


def benches_limits(**more):
    from upslope.academy.grading.host.limits import Limits

    return Limits(**more)


# Ordinary PyTorch, as people write it; the gate reads all of it.
ORDINARY = {
    "another way to write a class": """
from torch import nn
from torch.nn import functional as F

from upslope.blocks.residual import shortcut_for


class BasicBlock(nn.Module):
    kernel = 3

    def __init__(self, in_channels, channels, *, stride=1, padded=False):
        super(BasicBlock, self).__init__()
        self.conv1 = self.three_by_three(in_channels, channels, stride)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = self.three_by_three(channels, channels, 1)
        self.add_module("norm2", nn.BatchNorm2d(channels))
        self.shortcut = shortcut_for(in_channels, channels, stride=stride, padded=padded)
        for module in self.modules():
            module.train(self.training)

    def three_by_three(self, a, b, stride):
        return nn.Conv2d(a, b, self.kernel, stride=stride, padding=1, bias=False)

    def forward(self, x):
        def norm_of(conv, norm, value):
            return norm(conv(value))

        y = F.relu(norm_of(self.conv1, self.norm1, x))
        return (norm_of(self.conv2, self.norm2, y) + self.shortcut(x)).relu()
""",
    "helpers, a mixin and hooks of its own": """
import torch
from torch import nn

from upslope.blocks.residual import shortcut_for


class Counting:
    calls = 0

    def count(self, *_):
        self.calls += 1


class Pair(nn.Sequential, Counting):
    def __init__(self, a, b, stride):
        super().__init__(nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b))


class BasicBlock(nn.Module):
    def __init__(self, in_channels, channels, *, stride=1, padded=False):
        super().__init__()
        pairs = [Pair(in_channels, channels, stride), Pair(channels, channels, 1)]
        (self.conv1, self.norm1), (self.conv2, self.norm2) = pairs
        self.shortcut = shortcut_for(in_channels, channels, stride=stride, padded=padded)
        self.relu = nn.ReLU()

    def forward(self, x):
        with torch.set_grad_enabled(torch.is_grad_enabled()), torch.device("cpu"):
            y = self.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        if y.requires_grad:
            y.register_hook(lambda g: None)
        with torch.no_grad():
            torch.rand(2, generator=torch.Generator().manual_seed(1))
        return torch.nn.functional.relu(y)
""",
}


@TORCH
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_classes_pass(bench, name):
    verdict = grade(BLOCK, ORDINARY[name], "/learner/block.py", bench=bench)
    assert verdict.passed, [verdict.refused, verdict.stopped, *(c for c in verdict.checks if not c.passed)]


@TORCH
def test_what_pytorch_loads_late_works_in_the_sandbox(bench):
    """An optimizer's first step, a backward with a gradient of its own, vmap: a thousand modules more."""
    verdict = grade(BLOCK, ORDINARY["another way to write a class"].replace("return (norm", LATE), "x.py", bench=bench)
    assert verdict.passed, [verdict.refused, verdict.stopped, *(c for c in verdict.checks if not c.passed)]


LATE = """if not hasattr(BasicBlock, "tried"):
            import torch

            BasicBlock.tried = True
            with torch.enable_grad():
                p = nn.Parameter(torch.ones(2))
                for kind in (torch.optim.SGD, torch.optim.AdamW):
                    optimizer = kind([p], lr=0.1)
                    (p * 2).backward(torch.ones(2))
                    optimizer.step()
                    optimizer.zero_grad()
                torch.autograd.grad((p**2).sum(), p, create_graph=True)
                torch.func.vmap(lambda a: a * 2)(p.detach())
                str(p), repr(nn.Linear(2, 2)), nn.init.kaiming_normal_(torch.ones(2, 2))
        return (norm"""


@TORCH
def test_a_mistake_in_a_class_is_named(bench):
    wrong = checks_of(BLOCK).wrongs[0]
    text = standing_alone(locate(BLOCK), apply(wrong, locate(BLOCK)))
    verdict = grade(BLOCK, text, "/learner/residual-block.py", bench=bench)
    assert not verdict.passed
    assert verdict.mistake == wrong.name


@TORCH
def test_a_check_draws_the_same_numbers_from_pytorch_each_time(bench, monkeypatch):
    """What PyTorch draws begins with the check's seed, so a verdict's counterexample can be had again."""
    text = (
        "import torch\n\n\ndef scaled_dot_product_attention(q, k, v, *, mask=None):\n"
        "    raise ValueError(str(torch.rand(()).item()))\n"
    )
    said = [grade(ATTENTION, text, "x.py", seed=seed, bench=bench).checks[0].message for seed in (5, 5, 6)]
    assert said[0] == said[1]
    assert said[0] != said[2]
    assert said[0].startswith("ValueError: 0.")


@TORCH
@pytest.mark.parametrize(
    "step",
    [step for step in exercises() if str(step.exercise).startswith("upslope.blocks")],
    ids=lambda step: step.name,
)
def test_the_numpy_of_a_stub_is_not_asked_for(bench, step):
    """The stub of every block gets as far as its own NotImplementedError."""
    from upslope.academy.stub import stub_text

    verdict = grade(str(step.exercise), stub_text(find(step.name)), "x.py", bench=bench)
    assert "NotImplementedError" in verdict.checks[0].message
