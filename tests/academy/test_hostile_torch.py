"""Hostile answers in PyTorch: none passes as right, each gets its sentence, and no switch stays turned.

Each text in hostile/torch/ is read by the gate, and graded twice without it: shut in by the kernel, and without the
kernel's layers. `make test` grades every second text in one way, the others in the other.
"""

from pathlib import Path

import pytest

from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade, needed_by
from upslope.academy.grading.host.limits import Limits
from upslope.academy.grading.static import source_check
from upslope.academy.lessons import of_exercise
from upslope.academy.reference import locate

pytestmark = pytest.mark.needs("torch")

FOLDER = Path(__file__).parent / "hostile" / "torch"
TEXTS = {path.name.removesuffix(".py.txt"): path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py.txt")}
ATTENTION = "upslope.blocks.attention:scaled_dot_product_attention"
LIMITS = Limits(check_seconds=60.0, total_seconds=120.0, memory_mb=256, files_mb=8, file_mb=4)

REPLACES, LEAVES, COMPUTES = "the answer replaces ", "the answer leaves ", "tried to change how PyTorch computes"
OWN_KIND, OWN_WAY = (
    "makes its own kind of number or array (class Liar)",
    "makes its own way for PyTorch to compute (class ",
)
COMPILES, PROCESS = "tried to compile code with PyTorch", "tried to start another process"
# What is said with the gate off. A pair: either will do.
SAYS: dict[str, str | tuple[str, str]] = {
    "patches_allclose": REPLACES + "torch.allclose",
    "patches_equal": REPLACES + "torch.equal",
    "patches_eq": REPLACES + "torch.Tensor.__eq__",
    "patches_numpy": REPLACES + "torch.Tensor.numpy",
    "patches_detach": REPLACES + "torch.Tensor.detach",
    "patches_item": REPLACES + "torch.Tensor.item",
    "patches_backward": REPLACES + "torch.Tensor.backward",
    "patches_a_layer": REPLACES + "torch.nn.modules.module.Module.__call__",
    "patches_linear": REPLACES + "torch.nn.modules.linear.Linear.forward",
    "patches_the_oracle_and_restores": REPLACES + "torch.nn.functional.scaled_dot_product_attention",
    "poisons_the_numbers": REPLACES + "upslope.checks.numbers._torch",
    "hooks_every_module": LEAVES + "a hook on every module",
    "a_tensor_that_agrees": OWN_KIND,
    "a_parameter_that_agrees": OWN_KIND,
    "something_like_a_tensor": OWN_KIND,
    "a_mode_left_on": OWN_WAY,
    "a_mode_below": OWN_WAY,
    "a_mode_for_a_moment": COMPUTES,
    "watches_frames": COMPUTES,
    "replaces_an_operation": "tried to replace an operation of PyTorch",
    "forged_backward": "",  # simply a wrong gradient
    "leaves_the_graph": "does not know what it was made from",
    "leaves_gradients_off": LEAVES + "gradients switched off",
    "leaves_a_dtype": LEAVES + "another default dtype (torch.float64)",
    "leaves_a_device": LEAVES + "a default device",
    "leaves_threads": LEAVES + "another number of threads (8)",
    "leaves_anomaly_detection": LEAVES + "anomaly detection on",
    "leaves_a_switch_in_the_backward": LEAVES + "deterministic algorithms",
    "seeds_the_generator": LEAVES + "another random seed",
    "seeds_at_load": LEAVES + "another random seed",
    "loads_a_pickle": "tried to open a pickle",
    "saves_a_file": "tried to write a file with PyTorch",
    "maps_a_file": "tried to open a file with PyTorch",
    "loads_machine_code": "tried to run machine code with ctypes",
    "builds_machine_code": "tried to start another program",
    "compiles": COMPILES,
    "scripts": COMPILES,
    "fetches_code": "tried to fetch code with torch.hub",
    "starts_processes": PROCESS,
    "starts_workers": (PROCESS, "PermissionError"),
    "reads_memory": "tried to read memory by its address",
    "reads_the_reference": "tried to run code from a string",
    "opens_the_reference": "tried to read {PACKAGE}/blocks/attention.py",
    "memory_in_one_tensor": "MemoryError: the answer needs more than 256 MB of memory",
}
# Nothing in these texts is forbidden to write; what they do when they run is.
GATE_LETS_PASS = {
    "a_tensor_that_agrees",
    "a_parameter_that_agrees",
    "something_like_a_tensor",
    "leaves_the_graph",
    "leaves_gradients_off",
    "starts_workers",
    "memory_in_one_tensor",
}


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        bench.preload(needed_by(ATTENTION))
        yield bench


def test_every_text_is_in_the_table():
    assert set(TEXTS) == set(SAYS)


LANDLOCK, DEEP = pytest.mark.needs("landlock"), pytest.mark.deep
WAYS = [
    pytest.param(name, landlock, marks=[*([LANDLOCK] if landlock else []), *([DEEP] if number % 2 == landlock else [])])
    for number, name in enumerate(sorted(SAYS))
    for landlock in (True, False)
]


@pytest.mark.parametrize(("name", "landlock"), WAYS)
def test_it_does_not_pass_without_the_gate(world, bench, name, landlock):
    text = world.fill(TEXTS[name])
    verdict = grade(
        ATTENTION, text, "/learner/attention.py", limits=LIMITS, gate=False, landlock=landlock, seed=7, bench=bench
    )
    assert not verdict.passed
    world.untouched()
    world.nothing_lives(bench)
    said = world.sentence(verdict)
    wanted = SAYS[name] if isinstance(SAYS[name], tuple) else (SAYS[name],)
    assert any(world.fill(part) in said for part in wanted), said


@pytest.mark.parametrize("name", sorted(SAYS))
def test_the_gate_says_so_where_it_can(world, name):
    refused = source_check.refusal(world.fill(TEXTS[name]), locate(ATTENTION), of_exercise(ATTENTION))
    if name in GATE_LETS_PASS:
        assert refused is None
    else:
        assert refused is not None
        assert refused.sentence.startswith("line ")


def test_the_next_answer_finds_everything_as_it_should_be(bench):
    """All of that happened in forks: the server of the same bench still passes a right answer."""
    verdict = grade(ATTENTION, RIGHT, "/learner/attention.py", bench=bench)
    assert verdict.passed, verdict


RIGHT = """
import torch


def scaled_dot_product_attention(q, k, v, *, mask=None):
    with torch.no_grad():
        dtype = q.dtype
    with torch.device("cpu"), torch.set_grad_enabled(torch.is_grad_enabled()):
        zero = torch.zeros((), dtype=dtype)
    scores = q @ k.mT / q.shape[-1] ** 0.5 + zero
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    return torch.softmax(scores, -1) @ v
"""
