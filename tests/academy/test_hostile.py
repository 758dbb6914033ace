"""Hostile answers: every one gets the right verdict in a sentence, leaves nothing behind and ends in time.

Each text in hostile/ is graded three times: with the gate, which reads the text first; without it, shut in by the
kernel, the guard and the limits; and without it and without the kernel's layers, as on macOS or on an old kernel.
`make test` grades each in one of these ways, in turns.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from upslope.academy.grading.host.child_process import Bench
from upslope.academy.grading.host.grade import grade
from upslope.academy.grading.host.limits import Limits

FOLDER = Path(__file__).parent / "hostile"
RELU = "upslope.scratch.ops:relu"
LEARNERS_FILE = "/learner/relu.py"
LIMITS = Limits(check_seconds=60.0, total_seconds=120.0, memory_mb=96, files_mb=8, file_mb=4)

PASSES, WRONG = "", "wrong"  # WRONG: simply a wrong answer; the trick did nothing and is not worth a word
LOOK, TEXT, REPLACES = "tried to look at the program that grades it", "tried to run code from a string", "replaces "
NETWORK, PROGRAM, PROCESS = (
    "tried to open a network",
    "tried to start another program",
    "tried to start another process",
)
TIME = "did not return"

# What is said about each, gate off: a part of the sentence, or several of which one must be there.
SAYS: dict[str, str | tuple[str, ...]] = {
    "endless_loop": TIME,
    "endless_loop_at_load": TIME,
    "sleeps_for_ever": TIME,
    "endless_sum_in_c": TIME,
    "stops_itself": TIME,
    "slow_and_in_time": PASSES,
    "slow_and_too_late": TIME,
    "memory_bomb": ("MemoryError", "MB of memory", TIME),
    "memory_in_one_array": "MemoryError: the answer needs more than 96 MB of memory",
    "endless_output": "printed more than 1024 KB",
    "endless_output_below_python": "printed more than 1024 KB",
    "large_file": ("File too large", "wrote a file larger than its limit", "MB of files"),
    "many_files": "wrote more than 8 MB of files",
    "infinite_recursion": "calls itself endlessly",
    "infinite_recursion_unlimited": (TIME, "MemoryError", "MB of memory", "crashed", "RecursionError"),
    "calls_the_method": "calls itself endlessly",
    "imports_itself": "calls itself endlessly",
    "thread_that_never_ends": ("left a thread running", "can't start new thread"),
    "daemon_thread_at_load": "left a thread running",
    "sys_exit": "SystemExit: the answer tried to end the program",
    "sys_exit_at_load": "SystemExit: the answer tried to end the program",
    "raise_system_exit": "SystemExit: the answer tried to end the program",
    "raise_keyboard_interrupt": "KeyboardInterrupt: the answer interrupted itself",
    "os_exit": "ended the whole program",
    "os_exit_at_load": "ended the whole program",
    "abort": "crashed (abort)",
    "ends_itself_by_signal": "was ended by signal 9",
    "segmentation_fault": "tried to run machine code with ctypes",
    "segmentation_fault_by_memset": "crashed (segmentation fault)",
    "interrupts_the_grader": WRONG,
    "fork_bomb": PROCESS,
    "fork_and_hide": PROCESS,
    "multiprocessing": PROCESS,
    "subprocess": PROGRAM,
    "os_system": PROGRAM,
    "posix_spawn": PROGRAM,
    "fork_below_the_hook": "tried to load _posixsubprocess anew",
    "kills_its_parent": "tried to send a signal to a process",
    "kills_its_parent_by_descriptor": ("tried to reach another process", "tried to send a signal to a process"),
    "leaves_its_session": "tried to leave its process group",
    "raises_its_limits": "tried to change its limits",
    "connects": NETWORK,
    "connects_by_datagram": NETWORK,
    "connects_by_url": NETWORK,
    "connects_by_private_module": NETWORK,
    "overwrites_a_file": "tried to write {CANARY}",
    "writes_by_dotdot": "tried to write {CANARY}",
    "deletes_a_file": "tried to remove {CANARY}",
    "deletes_the_home": ("tried to read {HOME}", "tried to remove {HOME}"),
    "truncates_a_file": "tried to change {CANARY}",
    "renames_a_file": "tried to rename {CANARY}",
    "changes_a_mode": "tried to change {CANARY}",
    "changes_a_time": "tried to change {CANARY}",
    "makes_a_folder": "tried to make {HOME}/new",
    "makes_a_pipe": "tried to make a pipe",
    "writes_through_a_link": "tried to link to {CANARY}",
    "writes_by_numpy": "tried to write {HOME}/new.npy",
    "writes_by_sqlite": "tried to write {HOME}/new.db",
    "writes_with_a_path_of_its_own": "a path that is not plain text",
    "changes_folder_and_writes": "tried to change the current folder",
    "writes_into_the_overlay": "tried to write {PACKAGE}/__init__.py",
    "reads_the_home": "tried to read {CANARY}",
    "reads_the_home_below_python": "tried to read {CANARY}",
    "opens_the_reference": "tried to read {PACKAGE}/scratch/ops/activations.py",
    "follows_the_link": "tried to read {PACKAGE}/scratch/ops/activations.py",
    "follows_a_folder_link_up": "tried to read {PACKAGE}/scratch/ops/activations.py",
    "opens_its_own_module": TEXT,
    "opens_by_folder_descriptor": "tried to read {PACKAGE}",
    "opens_by_parent_descriptor": ("tried to read", WRONG),
    "imports_the_reference": ("tried to read {PACKAGE}", WRONG),
    "reads_the_compiled_reference": "tried to read {PACKAGE}",
    "asks_inspect": TEXT,
    "reads_the_wrong_answers": "tried to read {PACKAGE}/checks/scratch/ops/test_activations.py",
    "walks_the_repository": WRONG,
    "patches_allclose": REPLACES + "numpy.allclose",
    "patches_asarray": REPLACES + "numpy.asarray",
    "patches_builtins": REPLACES + "builtins.",
    "patches_math": REPLACES + "math.isfinite",
    "lets_the_checks_go_on": REPLACES + "upslope.checks.expect.NOTES",
    "patches_the_comparison": REPLACES + "upslope.checks.expect.",
    "patches_a_part_of_the_comparison": REPLACES + "upslope.checks.expect._near",
    "patches_the_code_of_the_comparison": "tried to change __code__ of a function",
    "widens_the_tolerance": REPLACES + "upslope.checks.expect.close",
    "shadows_a_builtin_in_the_comparison": REPLACES + "upslope.checks.expect.",
    "patches_for_one_check_only": REPLACES,
    "patches_and_restores": (REPLACES, WRONG),
    "patches_a_builtin_and_restores": (REPLACES, WRONG),
    "patches_numpy_and_restores": (REPLACES, WRONG),
    "patches_the_mismatch": REPLACES + "upslope.checks.expect.Mismatch",
    "patches_tensor_eq": REPLACES + "upslope.scratch.tensor.Tensor.",
    "patches_the_generator": REPLACES + "numpy.random",
    "patches_pytest": WRONG,
    "replaces_the_checks": REPLACES + "upslope.checks.scratch.ops.test_activations.test_relu",
    "finds_modules_its_own_way": REPLACES + "sys.meta_path",
    "silences_the_errors": WRONG,
    "an_array_that_lies": "makes its own kind of number or array (class Liar)",
    "a_tensor_that_lies": "makes its own kind of number or array (class Liar)",
    "writes_a_forged_verdict": "wrote to the pipe that the grader reports on",
    "takes_the_report_over": "closed the pipe that the grader reports on",
    "closes_everything": "closed the pipe that the grader reports on",
    "prints_a_verdict": WRONG,
    "looks_at_frames": LOOK,
    "looks_at_frames_by_inspect": LOOK,
    "looks_at_frames_by_traceback": LOOK,
    "looks_at_frames_by_generator": LOOK,
    "looks_at_frames_by_vectorize": LOOK,
    "looks_at_frames_by_a_callback": LOOK,
    "disarms_the_guard": WRONG,
    "rewrites_the_report": WRONG,
    "blinds_the_snapshot": (REPLACES + "numpy.asarray", REPLACES + "the comparisons of the checks"),
    "blinds_the_guard": "tried to write {CANARY}",
    "blinds_the_seal": "closed the pipe that the grader reports on",
    "reaches_the_grader_by_its_functions": WRONG,
    "forges_by_the_thread": WRONG,
    "looks_at_all_threads": LOOK,
    "looks_at_all_objects": LOOK,
    "looks_by_signal": WRONG,
    "traces": "tried to trace the program that grades it",
    "adds_its_own_hook": "tried to watch the grader",
    "runs_text": TEXT,
    "asks_at_the_keyboard": "tried to read from the keyboard",
    "stops_in_the_debugger": "tried to stop in the debugger",
}
# What the gate says where an import does not already tell: otherwise "imports os", say.
GATE_SAYS = {
    "calls_the_method": "uses x.relu, which is the answer itself",
    "patches_allclose": "changes numpy.allclose",
    "patches_asarray": "changes numpy.asarray",
    "patches_math": "changes math.isfinite",
    "patches_numpy_and_restores": "changes numpy.asarray",
    "patches_the_generator": "changes numpy.random.",
    "patches_tensor_eq": "changes upslope.scratch.tensor.Tensor.",
    "looks_at_frames_by_traceback": "uses __traceback__",
    "looks_at_frames_by_generator": "uses f_back",
    "runs_text": "uses exec",
    "rewrites_the_report": "uses __subclasses__",
    "blinds_the_snapshot": "uses __subclasses__",
    "blinds_the_guard": "uses __subclasses__",
    "blinds_the_seal": "uses __subclasses__",
    "reaches_the_grader_by_its_functions": "uses __subclasses__",
    "asks_at_the_keyboard": "uses input",
    "stops_in_the_debugger": "uses breakpoint",
    "opens_the_reference": "uses open",
    "reads_the_wrong_answers": "uses open",
    "overwrites_a_file": "uses open",
    "reads_the_home": "uses open",
    "large_file": "uses open",
    "many_files": "uses open",
    "writes_with_a_path_of_its_own": "uses open",
}
# Nothing in these texts is forbidden to write; what they do when they run is.
GATE_LETS_PASS = {
    "endless_loop",
    "endless_sum_in_c",
    "memory_bomb",
    "memory_in_one_array",
    "endless_output",
    "infinite_recursion",
    "raise_system_exit",
    "raise_keyboard_interrupt",
    "prints_a_verdict",
    "an_array_that_lies",
    "a_tensor_that_lies",
    "writes_by_numpy",
    "reads_the_home_below_python",
    "silences_the_errors",
    "endless_loop_at_load",
}
TEXTS = {path.name.removesuffix(".py.txt"): path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py.txt")}


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


def judge(world, bench: Bench, name: str, *, gate: bool, landlock: bool) -> str:
    text = world.fill(TEXTS[name])
    # Only where the time is what it is about, it is short: a busy machine must not make other sentences of these.
    limits = replace(LIMITS, check_seconds=1.0) if TIME in SAYS[name] else LIMITS
    verdict = grade(RELU, text, LEARNERS_FILE, limits=limits, gate=gate, landlock=landlock, seed=7, bench=bench)
    world.untouched()
    world.nothing_lives(bench)
    said = world.sentence(verdict)
    assert verdict.passed == (SAYS[name] == PASSES and (not gate or name in GATE_LETS_PASS)), said
    return said


def speaks_of(said: str, world, name: str) -> None:
    wanted = SAYS[name] if isinstance(SAYS[name], tuple) else (SAYS[name],)
    if WRONG in wanted and not said.startswith("the answer"):
        return
    assert any(world.fill(str(part)) in said for part in wanted), said


def test_every_text_is_in_the_table():
    assert set(TEXTS) == set(SAYS)


def texts(way: int) -> pytest.MarkDecorator:
    """All texts, two of every three left to `make test-all`; `way` says which one stays."""
    names = enumerate(sorted(SAYS))
    return pytest.mark.parametrize(
        "name", [name if number % 3 == way else pytest.param(name, marks=pytest.mark.deep) for number, name in names]
    )


@pytest.mark.needs("landlock")
@texts(0)
def test_shut_in_without_the_gate(world, bench, name):
    speaks_of(judge(world, bench, name, gate=False, landlock=True), world, name)


@texts(1)
def test_without_the_gate_and_without_the_kernels_help(world, bench, name):
    speaks_of(judge(world, bench, name, gate=False, landlock=False), world, name)


@texts(2)
def test_with_the_gate(world, bench, name):
    said = judge(world, bench, name, gate=True, landlock=True)
    if name in GATE_LETS_PASS:
        speaks_of(said, world, name)
    else:
        assert GATE_SAYS.get(name, " imports ") in said
        assert said.startswith("line ")


# Where a fork is not safe the server itself becomes the examinee, a new one for every job.
@pytest.mark.parametrize(
    "name",
    ["endless_loop", "os_exit", "fork_bomb", "closes_everything", "writes_a_forged_verdict", "kills_its_parent"],
)
def test_without_a_fork(world, name):
    with Bench(fork=False) as bench:
        speaks_of(judge(world, bench, name, gate=False, landlock=False), world, name)
