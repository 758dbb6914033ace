"""The kernel's layers alone, without the guard: a process that was shut in, and what it can still do."""

import json
import os
import socket
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from upslope.academy.checklist import checks_of
from upslope.academy.grading.host.limits import Limits
from upslope.academy.grading.host.readable_paths import readable
from upslope.academy.grading.host.workdir import Workplace
from upslope.academy.grading.sandbox import landlock, seccomp
from upslope.academy.overlay import Submission
from upslope.academy.reference import PACKAGE

SHUT_IN = """
import json, os, sys
sys.path.insert(0, {source!r})
from upslope.academy.grading.sandbox import landlock, seccomp
import ctypes, resource, signal, socket, threading, time
{before}
rules = landlock.Rules(write=({own!r},), read=(sys.base_prefix, "/usr/lib", "/lib", {allowed!r}), names=({listed!r},))
abi = landlock.shut_in(rules) if {with_landlock} else 0
filtered = seccomp.shut_in() if {with_seccomp} else False
def attempt():
{attempt}
try:
    came = attempt()
except OSError as error:
    came = type(error).__name__
print(json.dumps([abi, filtered, came]))
"""


class Place:
    def __init__(self, folder: Path) -> None:
        self.own, self.allowed, self.hidden, self.listed = (folder / n for n in ("own", "allowed", "hidden", "listed"))
        for path in (self.own, self.allowed, self.hidden, self.listed):
            path.mkdir()
            (path / "text").write_text(path.name)
        (self.own / "link").symlink_to(self.hidden / "text")

    def attempt(self, code: str, *, before: str = "", with_landlock: bool = True, with_seccomp: bool = False) -> object:
        text = SHUT_IN.format(
            source=str(PACKAGE.parent),
            own=str(self.own),
            allowed=str(self.allowed),
            listed=str(self.listed),
            with_landlock=with_landlock,
            with_seccomp=with_seccomp,
            before=before,
            attempt=textwrap.indent(code.format(**{k: str(v) for k, v in vars(self).items()}), "    "),
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.own,
        )
        assert done.returncode == 0, done.stderr
        abi, filtered, came = json.loads(done.stdout)
        assert bool(abi) == with_landlock
        assert filtered == with_seccomp
        return came


@pytest.fixture
def place(tmp_path):
    return Place(Path(os.path.realpath(tmp_path)))


@pytest.mark.needs("landlock")
@pytest.mark.parametrize(
    ("code", "came"),
    [
        ('return open("{own}/text").read()', "own"),
        ('return open("{allowed}/text").read()', "allowed"),
        ('return open("{own}/new", "w").write("x")', 1),
        ('os.remove("{own}/text"); return os.path.exists("{own}/text")', False),
        ('return os.listdir("{listed}")', ["text"]),
        # everything else is not there to be read, written, made or removed
        ('return open("{hidden}/text").read()', "PermissionError"),
        ('return open("{own}/link").read()', "PermissionError"),
        ('return open("{listed}/text").read()', "PermissionError"),
        ('return os.listdir("{hidden}")', "PermissionError"),
        ('return open("{allowed}/text", "a").write("x")', "PermissionError"),
        ('return open("{allowed}/new", "w")', "PermissionError"),
        ('return open("{hidden}/new", "w")', "PermissionError"),
        ('return os.truncate("{allowed}/text", 0)', "PermissionError"),
        ('return os.remove("{allowed}/text")', "PermissionError"),
        ('return os.mkdir("{hidden}/new")', "PermissionError"),
        ('return os.rename("{hidden}/text", "{own}/stolen")', "PermissionError"),
        ('return os.link("{hidden}/text", "{own}/stolen")', "OSError"),  # "across devices" is how this is refused
        ('return os.symlink("x", "{hidden}/new")', "PermissionError"),
        ('return os.mkfifo("{hidden}/new")', "PermissionError"),
        ('return open("/proc/self/mem", "r+b")', "PermissionError"),
        ('return os.execv("/bin/true", ["true"])', "PermissionError"),
    ],
)
def test_files(place, code, came):
    assert place.attempt(code) == came
    assert (place.hidden / "text").read_text() == "hidden"
    assert (place.allowed / "text").read_text() == "allowed"


@pytest.mark.needs("landlock")
def test_a_later_thread_is_shut_in_too(place):
    code = """
        came = []
        def work():
            try:
                open("{hidden}/text")
            except OSError as error:
                came.append(type(error).__name__)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return came
    """
    assert place.attempt(textwrap.dedent(code).strip()) == ["PermissionError"]


@pytest.mark.needs("landlock")
@pytest.mark.skipif(landlock.abi() < 4, reason="TCP rules came with Landlock ABI 4")
def test_no_tcp(place):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        code = f'return socket.create_connection(("127.0.0.1", {port}), timeout=5) and 1'
        assert place.attempt(code) == "PermissionError"
        assert place.attempt('return socket.create_server(("127.0.0.1", 0)) and 1') == "PermissionError"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.needs("landlock")
@pytest.mark.skipif(landlock.abi() < 6, reason="signals are scoped since Landlock ABI 6")
def test_no_signal_to_processes_outside(place):
    assert place.attempt("return os.kill(os.getppid(), 0)") == "PermissionError"


@pytest.mark.skipif(not seccomp.available(), reason="no system call filter for this machine or kernel")
@pytest.mark.parametrize(
    ("code", "came"),
    [
        ("return os.fork()", "PermissionError"),
        ('return os.posix_spawn("/bin/true", ["true"], {{}})', "PermissionError"),
        ('return os.execv("/bin/true", ["true"])', "PermissionError"),
        ("return socket.socket(socket.AF_INET, socket.SOCK_DGRAM) and 1", "PermissionError"),
        ("return socket.socket(socket.AF_UNIX) and 1", "PermissionError"),
        ("return os.kill(os.getppid(), 0)", "PermissionError"),
        ("return os.kill(0, 0)", "PermissionError"),
        ("return os.setsid()", "PermissionError"),
        ("return os.setpgid(0, 0)", "PermissionError"),
        ('return os.chmod("{hidden}/text", 0)', "PermissionError"),
        ('return os.utime("{hidden}/text", (0, 0))', "PermissionError"),
        ("return os.pidfd_open(os.getppid()) and 1", "PermissionError"),
        ("return ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0)", -1),
        ("return ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0)", -1),  # io_uring_setup
        # what a computation needs still works
        ("return resource.getrlimit(resource.RLIMIT_CORE) and 1", 1),
        ("return os.kill(os.getpid(), 0)", None),
        ("t = threading.Thread(target=time.sleep, args=(0,)); t.start(); t.join(); return 1", 1),
        ("signal.signal(signal.SIGUSR1, lambda *_: None); signal.raise_signal(signal.SIGUSR1); return 1", 1),
    ],
)
def test_system_calls(place, code, came):
    assert place.attempt(code, with_landlock=False, with_seccomp=True) == came


@pytest.mark.skipif(not seccomp.available(), reason="no system call filter for this machine or kernel")
def test_limits_cannot_be_raised(place):
    code = "try:\n    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\nexcept ValueError:\n    return 'refused'"
    assert place.attempt(code, with_landlock=False, with_seccomp=True) == "refused"


@pytest.mark.needs("landlock")
def test_the_rules_of_a_real_job_hide_the_reference(tmp_path, monkeypatch):
    """The child's own rules and nothing else: the libraries can be used, the answers cannot be read by any path."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    exercise = "upslope.scratch.ops:relu"
    with Workplace() as work:
        overlay = work.package({exercise: Submission(exercise, "def relu(x):\n    return x\n", "/learner/relu.py")})
        job = work.job(overlay, checks_of(exercise), [], seed=0, limits=Limits())
        paths = [str(path) for path in overlay.hidden]
        paths += [path.replace(str(PACKAGE), job.root + "/upslope/lessons/..") for path in paths]
        paths += [str(PACKAGE.parent.parent / "pyproject.toml"), str(Path.home() / ".bashrc"), "/etc/passwd"]
        code = f"""
            import json, os, sys
            sys.path.insert(0, {str(PACKAGE.parent)!r})
            from upslope.academy.grading.sandbox import landlock
            from upslope.academy.grading.child.server import rules
            from upslope.academy.grading.protocol.job import Job
            job = Job.from_json(json.loads({json.dumps(json.dumps(job.to_json()))}))
            landlock.shut_in(rules(job))
            readable = []
            for path in {paths!r}:
                try:
                    readable.append((path, open(path, "rb").read(20).decode(errors="replace")))
                except OSError:
                    pass
            for name in [name for name in sys.modules if name.startswith("upslope")]:
                del sys.modules[name]
            sys.path[:] = [job.root, *sys.path[1:], *{list(readable().libraries)!r}]
            import decimal, sqlite3, numpy, numpy.fft, scipy.special, scipy.optimize
            from upslope.scratch import nn, ops
            from upslope.scratch.tensor import Tensor
            print(json.dumps([readable, ops.relu(7), ops.relu.__code__.co_filename, float(Tensor([2.0]).sum().data)]))
        """
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            check=False,
            env={"OPENBLAS_NUM_THREADS": "1"},
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], 7, "/learner/relu.py", 2.0]


def test_a_kernel_without_landlock_is_told_apart(monkeypatch):
    class Absent:
        def __call__(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(landlock, "_syscall", Absent)
    assert landlock.abi() == 0
    assert landlock.shut_in(landlock.Rules()) == 0


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_says_what_the_table_says(machine):
    """Run the program as the kernel's machine would, for every call in the table and some that are allowed."""
    column, audit = seccomp._MACHINES[machine]
    program = seccomp._program(machine, pid=77)
    refused = {numbers[column] for numbers in seccomp._REFUSED.values() if numbers[column] is not None}
    for number in refused:
        assert _run(program, audit, number) == seccomp._REFUSE
    for number in set(range(500)) - refused - {p[column] for p in _SOMETIMES}:
        assert _run(program, audit, number) == seccomp._ALLOW
    clone, clone3, kill, tgkill, prlimit = (numbers[column] for numbers in _SOMETIMES)
    assert _run(program, audit, clone, 0x00010000) == seccomp._ALLOW
    assert _run(program, audit, clone, 17) == seccomp._REFUSE
    assert _run(program, audit, clone3) == seccomp._UNKNOWN
    for call in (kill, tgkill):
        assert _run(program, audit, call, 77) == seccomp._ALLOW
        assert _run(program, audit, call, 78) == seccomp._REFUSE
        assert _run(program, audit, call, 2**64 - 1) == seccomp._REFUSE
    assert _run(program, audit, prlimit, 0, 7, 0) == seccomp._ALLOW
    assert _run(program, audit, prlimit, 0, 7, 1 << 40) == seccomp._REFUSE
    assert _run(program, audit, prlimit, 0, 7, 1) == seccomp._REFUSE
    assert _run(program, 0x40000003, 1) == seccomp._KILL  # the calls of 32-bit x86 have other numbers


_SOMETIMES = (seccomp._CLONE, seccomp._CLONE3, seccomp._KILL_CALL, seccomp._TGKILL, seccomp._PRLIMIT)


def _run(program: bytes, audit: int, number: int, *arguments: int) -> int:
    given = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=iIQ6Q", number, audit, 0, *given)
    at, held = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return int(value)
        else:
            yes = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += if_true if yes else if_false
