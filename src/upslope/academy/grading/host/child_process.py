"""The parent's side of a grading: start the child, send it jobs, read its reports, enforce its limits.

The parent never runs the learner's code and never imports NumPy or PyTorch. It trusts only signed messages, keeps its
own clock, and when a job is over it ends every process that the job started.
"""

import contextlib
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from types import TracebackType

from upslope.academy.grading.host.job_monitor import Referee, Told
from upslope.academy.grading.host.limits import LOOK_EVERY, end_group, patience, usage, written
from upslope.academy.grading.host.readable_paths import readable
from upslope.academy.grading.protocol.job import Job, receive, send
from upslope.academy.grading.protocol.signed_pipe import Reader
from upslope.academy.grading.static.required_modules import AT_LEISURE
from upslope.academy.reference import PACKAGE

# Nothing of it is left as a name in __main__.
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv.pop()); "
    "__import__('upslope.academy.grading.child.server', None, None, '*').main()"
)
_LOADING = 120.0  # seconds in which the child must have loaded what it was told to; a cold disk is slow
_ROOM = 192  # MB beside the server's own, for what a library only loads in the middle of its work
# Keras asks at its import what to run on, and for settings in a person's home: on PyTorch, as the exercises say, in
# memory that a processor sees, and with no settings but its own.
_KERAS = {"KERAS_BACKEND": "torch", "KERAS_TORCH_DEVICE": "cpu", "KERAS_HOME": os.devnull}
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class GradingFailed(RuntimeError):
    """The grader itself could not do its work; nothing is said about the answer."""


class Bench:
    """A child that serves grading jobs, one after the other. Use it as a context."""

    def __init__(self, *, fork: bool | None = None) -> None:
        # After NumPy was imported, a fork is safe with OpenBLAS on one thread, not with macOS' Accelerate.
        self._fork = sys.platform == "linux" if fork is None else fork
        self._preload = ["numpy", "numpy.random"]
        self.mark = f"UPSLOPE_GRADING={secrets.token_hex(12)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._used = False
        self._awaited = 0  # answers to preload that have not come yet
        self._own = 0  # bytes of RAM that the libraries take
        self._start()

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and all that came of it."""
        if self._process is not None:
            # The child sees its socket close, ends the job that may be running, and itself.
            self._control.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=0.5)
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._process = None

    @property
    def pid(self) -> int:
        """The number of the server's process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def preload(self, names: Iterable[str]) -> None:
        """Let the child import these while nobody waits; what is not installed is left out."""
        fresh = [name for name in dict.fromkeys(names) if name not in self._preload]
        self._preload += fresh
        if fresh and self._process is not None and not (self._used and not self._fork):
            self._ask(fresh)

    def at_leisure(self) -> None:
        """Let the child also import what the libraries load by themselves sooner or later: for who keeps a bench."""
        roots = {name.partition(".")[0] for name in self._preload}
        self.preload(name for root, later in AT_LEISURE.items() if root in roots for name in later)

    def run(self, job: Job, *, rest: float | None = None, until: float | None = None) -> Told:
        """Do one job. `rest`: seconds for the checks after the first that fails; None for as long as all others.

        `until`: when all has to be over at the latest, by time.monotonic().
        """
        if self._process is None or self._process.poll() is not None or (self._used and not self._fork):
            self.close()
            self._start()
        self._wait_until_loaded()
        self._used = True
        with contextlib.ExitStack() as held:
            pipes = [os.pipe() for _ in range(3)]
            for reading, _ in pipes:
                held.callback(os.close, reading)
            secret = secrets.token_bytes(32)
            try:
                send(self._control, {**job.to_json(), "secret": secret.hex()}, [writing for _, writing in pipes])
            except OSError:
                raise self._broken("exited before it received its job") from None
            finally:
                for _, writing in pipes:
                    os.close(writing)
            referee = Referee(job, Reader(secret), rest, until)
            with selectors.DefaultSelector() as events:
                for (reading, _), name in zip(pipes, ("report", "output", "trace"), strict=True):
                    os.set_blocking(reading, False)
                    events.register(reading, selectors.EVENT_READ, name)
                events.register(self._control, selectors.EVENT_READ, "control")
                try:
                    self._watch(job, referee, events)
                except BaseException:  # Ctrl-C, say: nothing may go on running
                    self.close()
                    raise
            return referee.told

    def _start(self) -> None:
        here, there = socket.socketpair()
        name, _, value = self.mark.partition("=")
        fixed = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", **_KERAS}
        environment = {**dict.fromkeys(_THREADS, "1"), name: value, **fixed}
        for kept in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            if kept in os.environ:
                environment[kept] = os.environ[kept]
        command = [sys.executable, "-I", "-S", "-B", "-c", _BOOT, str(there.fileno()), str(PACKAGE.parent)]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[there.fileno()],
            start_new_session=True,
        )
        there.close()
        self._control = here
        self._used = False
        self._awaited = 0
        with contextlib.suppress(OSError):  # a child that is gone is noticed when it gets its job
            send(here, {"path": readable().libraries, "fork": self._fork})
        self._ask(self._preload)

    def _ask(self, names: list[str]) -> None:
        with contextlib.suppress(OSError):
            send(self._control, {"preload": names})
            self._awaited += 1

    def _wait_until_loaded(self) -> None:
        """Take the answers to preload: from then on the child is quick, and what it takes now is not the answer's."""
        seconds = _LOADING * patience()
        until = time.monotonic() + seconds
        while self._awaited:
            self._control.settimeout(max(until - time.monotonic(), 0.001))
            try:
                said, _ = receive(self._control)
            except TimeoutError:
                raise self._broken(f"has not loaded {', '.join(self._preload[:9])} in {seconds:.0f} s") from None
            finally:
                if self._process is not None:
                    self._control.settimeout(None)
            if said is None:
                raise self._broken("exited before it received its job")
            self._own = int(said["loaded"])
            self._awaited -= 1

    def _watch(self, job: Job, referee: Referee, events: selectors.BaseSelector) -> None:
        """Until the job is over: take in what comes, look at the clock and at what the processes use."""
        told, pid, began, looked = referee.told, 0, time.monotonic(), 0.0
        while True:
            now = time.monotonic()
            verdict = referee.clock(now)
            if verdict is None and pid and not job.trusted and now - looked >= LOOK_EVERY:
                looked = now
                verdict = _too_much(pid, job, self._own)
            if verdict is not None:
                break
            wait = min(LOOK_EVERY, max(referee.deadline - now, 0.0))
            for key, _ in events.select(wait):
                if key.data == "control":
                    said, _ = receive(self._control)
                    if said is None:
                        events.unregister(self._control)
                        if self._fork or not pid:
                            told.status = None if pid else 1
                            verdict = "died"
                    elif "pid" in said:
                        pid = said["pid"]
                    else:
                        told.status, verdict = said["status"], referee.over()
                elif not self._take(key, referee, events):
                    verdict = verdict or (None if self._fork else referee.over())
                verdict = verdict or referee.stop
            if verdict is not None:
                break
        if not pid:
            raise self._broken("did not start")
        self._finish(job, referee, events, pid, verdict)
        told.seconds = time.monotonic() - began

    def _take(self, key: selectors.SelectorKey, referee: Referee, events: selectors.BaseSelector) -> bool:
        """Read what is there on one pipe; False when the report has ended."""
        try:
            piece = os.read(key.fd, 1 << 16)
        except BlockingIOError:
            return True
        if not piece:
            events.unregister(key.fileobj)
            return bool(key.data != "report")
        referee.take(key.data, piece)
        return True

    def _finish(self, job: Job, referee: Referee, events: selectors.BaseSelector, pid: int, verdict: str) -> None:
        """Stop what still runs, ask it first where it stands, collect the last words, end all strays."""
        told = referee.told
        told.ended = verdict
        if verdict in {"time", "total"}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGABRT)  # faulthandler answers with the line of every thread
                os.kill(pid, signal.SIGCONT)  # also if the answer has put its process to sleep
            self._drain(referee, events, 0.3, until_status=True)
        elif verdict in {"end", "died"}:
            self._await_end(0.5)
            self._drain(referee, events, 0.2, until_status=True)
        spare = () if self._process is None or not self._fork else (self._process.pid,)
        strays = 0 if told.ended == "end" and referee.filtered else end_group(pid, self.mark, spare)
        self._drain(referee, events, 0.2, until_status=self._fork)
        if strays and told.ended in {"end", "died"}:
            told.ended = "processes"
        if not self._fork and self._process is not None:
            told.status = self._process.wait()

    def _await_end(self, seconds: float) -> None:
        """Let a child that is its own examinee end by itself, without reaping it: until then its number is its own."""
        if self._fork or self._process is None:
            return
        until = time.monotonic() + seconds * patience()
        while time.monotonic() < until:
            if hasattr(os, "waitid"):
                if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                    return
            elif self._process.poll() is not None:
                return
            time.sleep(0.005)

    def _drain(self, referee: Referee, events: selectors.BaseSelector, seconds: float, *, until_status: bool) -> None:
        """Take in what is still on the way."""
        until = time.monotonic() + seconds * patience()
        while events.get_map() and (left := until - time.monotonic()) > 0:
            if until_status and referee.told.status is not None:
                left = 0.0
            found = events.select(left)
            for key, _ in found:
                if key.data != "control":
                    self._take(key, referee, events)
                    continue
                said, _ = receive(self._control)
                if said is None:
                    events.unregister(self._control)
                else:
                    referee.told.status = said.get("status", referee.told.status)
            if not found and left == 0.0:
                break

    def _broken(self, what: str) -> GradingFailed:
        process = self._process
        said = b""
        if process is not None and process.stderr is not None:
            process.kill()
            said = process.stderr.read()[-2000:]
        self.close()
        return GradingFailed(f"the grading child {what}: {said.decode(errors='replace').strip() or 'no output'}")


def _too_much(pid: int, job: Job, own: int) -> str | None:
    used = usage(pid)
    if len(used.processes) > 1:
        return "processes"
    if used.memory > own + ((job.limits.memory_mb + _ROOM) << 20):
        return "memory"
    return "files" if written(job.work) > job.limits.files_mb << 20 else None
