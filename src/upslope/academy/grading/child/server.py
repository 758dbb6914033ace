"""The grading child: a process that imports the heavy libraries once and forks for every job.

Two roles. The *server* never runs learner code: it reads a job from its control socket, forks, waits, and reports how
the fork ended. What is the same for every job is done once, in advance: importing the libraries, taking the snapshot of
what they hold, making the copies that the checks run on. No thread is started there (importing PyTorch starts none), so
that a fork is safe. The fork, the *examinee*, sandboxes itself and runs one job. Where forking after NumPy was imported
is not safe (macOS), the server turns into the examinee itself and its parent starts another one for the next job.

In the examinee the order matters. First come a session and a folder of its own, the ends of the pipe, limits, the
package from the overlay and nowhere else, the kernel's sandbox, and the audit hook. Then the learner's code is loaded,
in a second thread. The main thread keeps the secret, already part of a hash, and after every check compares the rest of
the program with the snapshot. It exits by os._exit, so a thread that never ends cannot delay it.
"""

import contextlib
import faulthandler
import fcntl
import gc
import importlib
import io
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from _thread import _count as count_threads  # started and not yet ended, the main thread left out
from _thread import allocate_lock
from _thread import start_new_thread as start_thread
from typing import Any

from upslope.academy.grading.child.check_runner import examine
from upslope.academy.grading.child.torch_state import Settings, settle
from upslope.academy.grading.host.limits import resident, restrict
from upslope.academy.grading.integrity.impostor_types import Poses
from upslope.academy.grading.integrity.isolated_copies import GRADER, Copies, copies_of_libraries
from upslope.academy.grading.integrity.module_snapshot import Snapshot
from upslope.academy.grading.protocol.job import CUT_OFF, DONE, Job, receive, send
from upslope.academy.grading.protocol.signed_pipe import Writer, encoded
from upslope.academy.grading.sandbox import landlock, seccomp
from upslope.academy.grading.sandbox.audit_hook import Policy, install

REPORT, TRACE = 3, 4  # the descriptors that an examinee keeps beside its output
_STACK = 16 << 20  # bytes for the thread that runs the checks; some systems give a thread half a megabyte
KEPT = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "LD_LIBRARY_PATH")


def main() -> None:
    """The server. Its argument is the descriptor of the control socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    setup, _ = receive(control)
    if setup is None:
        return
    sys.path[1:1] = [path for path in setup["path"] if path not in sys.path]
    # Looking for garbage would touch every object of the libraries, and a fork copies the memory that it touches.
    gc.disable()
    ground = None
    while True:
        order, descriptors = receive(control)
        if order is None:
            os._exit(0)
        if "preload" in order:
            for name in order["preload"]:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
            waiting, _, _ = select.select([control], [], [], 0)
            ground = None if waiting else _prepare()
            with contextlib.suppress(OSError):
                send(control, {"loaded": resident(os.getpid())})
            continue
        ground = ground or _prepare()
        secret = [bytes.fromhex(order.pop("secret"))]  # in a list, so that whoever takes it leaves nothing behind
        job = Job.from_json(order)
        if setup["fork"]:
            _serve(control, job, secret, descriptors, ground)
        else:
            send(control, {"pid": os.getpid()})
            control.close()
            _become_examinee(job, secret, descriptors, ground)


Ground = tuple[Snapshot, Copies, Poses]  # what all jobs begin with


def _prepare() -> Ground:
    """What is the same for every job, the library itself left out: that comes from the job's overlay."""
    settle()
    snapshot = Snapshot()
    snapshot.extend(without=("upslope",))
    copies = copies_of_libraries()
    poses = Poses().learn()
    gc.freeze()
    return snapshot, copies, poses


def _serve(control: socket.socket, job: Job, secret: list[bytes], descriptors: list[int], ground: Ground) -> None:
    """Fork an examinee; tell the parent its number, then how it ended. It is reaped when the parent has seen to it."""
    pid = os.fork()
    if pid == 0:
        control.close()
        _become_examinee(job, secret, descriptors, ground)
    for descriptor in descriptors:
        os.close(descriptor)
    send(control, {"pid": pid})
    ending: list[int] = []
    with contextlib.suppress(AttributeError, OSError):
        ending.append(os.pidfd_open(pid))
    while (ended := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)) is None:
        ready, _, _ = select.select([control.fileno(), *ending], [], [], None if ending else 0.01)
        if (
            control.fileno() in ready
        ):  # the parent says nothing now, so it is gone and cannot end the examinee: do it here
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            os._exit(1)
    for descriptor in ending:
        os.close(descriptor)
    by_signal = ended.si_code != os.CLD_EXITED
    send(control, {"status": -ended.si_status if by_signal else ended.si_status})
    control.recv(1, socket.MSG_PEEK)  # the next job, or the end: only then may the number mean another process
    os.waitpid(pid, 0)


def _become_examinee(job: Job, secret: list[bytes], descriptors: list[int], ground: Ground) -> None:
    try:
        gc.enable()
        _settle(job, descriptors)
        copies = Copies(of=GRADER)
        run: Any = _run
        copies.function(run)(copies.twin(job), copies.twin(Writer(REPORT, secret.pop())), ground, copies)
    except BaseException as error:
        # Before the learner's code is loaded an error here is ours: say it where the parent looks.
        with contextlib.suppress(BaseException):
            os.write(TRACE, f"grader: {type(error).__name__}: {error}\n".encode())
        os._exit(CUT_OFF)
    os._exit(DONE)


def _settle(job: Job, descriptors: list[int]) -> None:
    """A session, a folder, descriptors and an environment of its own."""
    with contextlib.suppress(PermissionError):  # a server that turns into the examinee leads its session already
        os.setsid()
    report, output, trace = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 20) for descriptor in descriptors]
    nothing = fcntl.fcntl(os.open(os.devnull, os.O_RDONLY), fcntl.F_DUPFD, 20)
    for source, target in ((nothing, 0), (output, 1), (output, 2), (report, REPORT), (trace, TRACE)):
        os.dup2(source, target, inheritable=False)
    os.closerange(TRACE + 1, 256)
    os.chdir(job.work)
    os.umask(0o077)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, HOME=job.work, TMPDIR=job.work, LANG="C.UTF-8", PATH="/usr/bin:/bin")
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    # The parent ends this process in time; should the parent be gone, the alarm does.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(job.limits.total_seconds) + 20)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "replace", line_buffering=True)
    sys.stderr = sys.stdout
    faulthandler.enable(TRACE, all_threads=True)


def _package_from(root: str) -> None:
    """Make `upslope` mean the overlay, and be sure of it."""
    for name in [name for name in sys.modules if name == "upslope" or name.startswith("upslope.")]:
        del sys.modules[name]
    for path in [path for path in sys.path_importer_cache if path.startswith(sys.path[0])]:
        del sys.path_importer_cache[path]
    sys.path[0] = root
    origin = importlib.import_module("upslope").__file__ or ""
    if not origin.startswith(root + "/"):
        raise RuntimeError(f"upslope was loaded from {origin}, not from the overlay {root}")


def _run(job: Job, writer: Writer, ground: Ground, copies: Copies) -> None:
    """Everything of ours that runs beside the learner's code is made here, by copies that nothing leads to."""
    output = sys.stdout
    _package_from(job.root)
    tried: list[str] = []
    before, libraries, known = ground
    poses = copies.twin(Poses(known))
    snapshot = copies.twin(Snapshot(job.learner, job.asked, job.made, base=before))
    seal, settings = copies.twin(Copies(libraries)), copies.twin(Settings())
    layers = {} if job.trusted else _shut_in(job, tried, snapshot, copies)
    importlib.import_module("upslope.checks.expect")
    writer.send({"kind": "ready", **layers})

    inbox: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
    go_on = allocate_lock()
    go_on.acquire()

    def say(message: dict[str, Any]) -> None:
        inbox.put((message["kind"], encoded(message)))
        go_on.acquire()

    def work() -> None:
        try:
            examine(job, say, seal, settings)
        finally:
            inbox.put(None)

    usual = threading.stack_size(_STACK)
    start_thread(work, ())  # not a Thread, which would tell everybody what it runs
    threading.stack_size(usual)
    left = len(job.checks)
    while (said := inbox.get()) is not None:
        kind, content = said
        writer.send_bytes(content)
        if kind in {"loaded", "result"} and not job.trusted and not job.gather:
            left -= kind == "result"
            found = {
                "changed": snapshot.difference(everywhere=kind == "loaded" or left <= 0),
                "poses": poses.found(job.learner),
                "threads": _threads_left(),
            }
            writer.send({"kind": "verified", "tried": tried, **found})
            if kind == "loaded":
                snapshot.extend()
        go_on.release()
    with contextlib.suppress(OSError, ValueError):  # the answer may have closed it
        output.flush()
    writer.send({"kind": "end"})


def _shut_in(job: Job, tried: list[str], snapshot: Snapshot, copies: Copies) -> dict[str, Any]:
    """Limits, the kernel's layers, the guard; returns what is in force."""
    restrict(job.limits, alone=not (job.landlock and seccomp.available()))
    found: dict[str, Any] = {"landlock": 0, "seccomp": False}
    if job.landlock:
        try:
            found["landlock"] = landlock.shut_in(rules(job))
        except OSError as error:
            found["lacks"] = str(error)
        found["seccomp"] = seccomp.shut_in()
    policy = Policy(
        own=job.work,
        readable=job.readable,
        names=job.names,
        closed=job.closed,
        opened=(job.root, *job.opened),
        private=job.private,
        overlay=job.root,
        learner=job.learner,
    )
    snapshot.renew(install(policy, tried, snapshot.extend, copies))
    return found


def rules(job: Job) -> landlock.Rules:
    """What the kernel shall leave of the file system."""
    return landlock.Rules(write=(job.work, os.devnull), read=(job.root, *job.readable, *job.opened), names=job.names)


def _threads_left() -> int:
    """Threads beside this one and the examining one, after a moment in which they may come to their end."""
    for _ in range(100):
        if count_threads() <= 1:
            return 0
        time.sleep(0.01)
    return count_threads() - 1
